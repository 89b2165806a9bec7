"""What in a text looks like a person: one table of patterns (screening.json) for the server and for the form. Pure.

The register keeps places and things. An address of e-mail, a phone number and a number plate are certain and refused;
what may be a name, somebody's home or looks is uncertain: the form points it out, the coordination looks at it (0029).
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, cast

Kind = Literal["email", "phone", "plate", "name", "address", "look"]

# Nearly every text has none of these, and then nothing certain either.
_MAY_BE_CERTAIN = re.compile(r"[@0-9]|arobase|\[at\]|\(at\)|z[ée]ro", re.IGNORECASE)
# The phone takes it along as it is.
_TABLE = Path(__file__).parents[1] / "web" / "static" / "screening.json"
_PART = re.compile(r"\{\{(\w+)\}\}")


@dataclass(frozen=True)
class Find:
    """A piece of a text (its NFC form, end excluded) that looks like a person."""

    kind: Kind
    certain: bool
    start: int
    end: int
    found: str


@dataclass(frozen=True)
class _Rule:
    kind: Kind
    certain: bool
    pattern: re.Pattern[str]


def _rules() -> dict[str, Any]:
    """The table with its parts put in: `allowed`, `certain` and `uncertain`."""
    table = json.loads(_TABLE.read_text(encoding="utf-8"))
    parts: dict[str, str] = {}
    for name, pattern in table["parts"].items():
        parts[name] = _expand(pattern, parts)
    return {
        "allowed": [_expand(pattern, parts) for pattern in table["allowed"]],
        "certain": [rule | {"pattern": _expand(rule["pattern"], parts)} for rule in table["certain"]],
        "uncertain": [rule | {"pattern": _expand(rule["pattern"], parts)} for rule in table["uncertain"]],
    }


def _expand(pattern: str, parts: dict[str, str]) -> str:
    return _PART.sub(lambda part: parts[part[1]], pattern)


@cache
def _compiled() -> tuple[tuple[_Rule, ...], tuple[_Rule, ...], tuple[re.Pattern[str], ...]]:
    table = _rules()
    certain = tuple(_rule(rule, certain=True) for rule in table["certain"])
    uncertain = tuple(_rule(rule, certain=False) for rule in table["uncertain"])
    return certain, uncertain, tuple(re.compile(pattern) for pattern in table["allowed"])


def _rule(rule: dict[str, Any], *, certain: bool) -> _Rule:
    flags = re.IGNORECASE if rule.get("fold") else re.NOFLAG
    return _Rule(cast("Kind", rule["kind"]), certain, re.compile(rule["pattern"], flags))


def certain_finds(text: str) -> tuple[Find, ...]:
    """E-mail addresses, phone numbers and number plates, in the order of the text."""
    if _MAY_BE_CERTAIN.search(text) is None:
        return ()
    whole = unicodedata.normalize("NFC", text)
    return _apart(find for rule in _compiled()[0] for find in _matches(rule, whole))


def screen(text: str) -> tuple[Find, ...]:
    """Everything that looks like a person, in the order of the text; no two finds overlap, the certain ones win."""
    certain = certain_finds(text)
    whole = _without(unicodedata.normalize("NFC", text), certain)
    _certain, uncertain, allowed = _compiled()
    spans = [match.span() for pattern in allowed for match in pattern.finditer(whole)]
    doubts = (
        find for rule in uncertain for find in _matches(rule, whole) if find.kind != "name" or not _in(find, spans)
    )
    return _apart((*certain, *doubts))


def _matches(rule: _Rule, text: str) -> Iterable[Find]:
    for match in rule.pattern.finditer(text):
        yield Find(rule.kind, rule.certain, match.start(), match.end(), match[0])


def _without(text: str, finds: Iterable[Find]) -> str:
    """The text with these pieces covered, each place kept: a plate is no surname of the word before it."""
    for find in finds:
        text = text[: find.start] + "#" * (find.end - find.start) + text[find.end :]
    return text


def _in(find: Find, spans: Iterable[tuple[int, int]]) -> bool:
    return any(start < find.end and find.start < end for start, end in spans)


def _apart(finds: Iterable[Find]) -> tuple[Find, ...]:
    """Without overlaps: certain before uncertain, then the longer one, then the earlier one, then the table's order."""
    kept: list[Find] = []
    for find in sorted(finds, key=lambda one: (not one.certain, one.start - one.end, one.start)):
        if not _in(find, [(other.start, other.end) for other in kept]):
            kept.append(find)
    return tuple(sorted(kept, key=lambda one: one.start))
