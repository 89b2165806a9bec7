"""Ready-made texts of features, as the database writes them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Features:
    """UTF-8, joined as a JSON array wants it, a feature a line: a raw line feed is never inside JSON."""

    joined: bytes
    count: int

    @property
    def lines(self) -> list[str]:
        """One feature each."""
        return [line.removeprefix(",") for line in self.joined.decode().split("\n")] if self.count else []


NONE = Features(b"", 0)
