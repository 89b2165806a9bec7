"""Which column of the file is which, by header name: the editions spell them differently."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from geodata.records import SourceError

Spellings = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Columns:
    """The columns a reader asks for: role → the spellings it knows, best first, in lower case."""

    required: Spellings
    optional: Spellings = field(default_factory=dict)

    def fits(self, header: Iterable[str]) -> bool:
        """Whether every required column is there."""
        names = _index(header)
        return all(_first(names, spellings) is not None for spellings in self.required.values())

    def find(self, header: Iterable[str], file_name: str) -> dict[str, int]:
        """Role → position in the header (the first, where truncation made two columns the same).

        Raises:
            SourceError: a required column is missing; the text names it and what the file has.

        """
        listed = list(header)
        names = _index(listed)
        found: dict[str, int] = {}
        for role, spellings in {**self.required, **self.optional}.items():
            position = _first(names, spellings)
            if position is not None:
                found[role] = position
            elif role in self.required:
                has = ", ".join(listed[:30]) or "no columns at all"
                raise SourceError(f"{file_name}: no column {' or '.join(spellings)}; the file has {has}"[:600])
        return found


def _index(header: Iterable[str]) -> dict[str, int]:
    names: dict[str, int] = {}
    for position, name in enumerate(header):
        names.setdefault(name.strip().lower(), position)
    return names


def _first(names: Mapping[str, int], spellings: Iterable[str]) -> int | None:
    return next((names[spelling] for spelling in spellings if spelling in names), None)
