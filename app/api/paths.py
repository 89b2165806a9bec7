"""The rules of the URL map as paths of OpenAPI."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any

from werkzeug.routing import AnyConverter, IntegerConverter, Rule, UUIDConverter

# What may stand between two characters of a path: a converter and its name.
_VARIABLE = re.compile(r"<(?:[^:<>]+(?:\([^)]*\))?:)?([a-z_]+)>")


@dataclass(frozen=True)
class Path:
    """One path of the document: its template, the values that are fixed in it, and the schemas of the others."""

    template: str
    fixed: dict[str, str]
    schemas: dict[str, dict[str, Any]]


def paths_of(rule: Rule) -> Iterator[Path]:
    """A rule's paths: a segment that is one of a few words becomes a path for each, everything else a parameter."""
    converters = dict(rule._converters)  # noqa: SLF001  (there is no public way to a rule's converters)
    spread = {
        name: sorted(one.items)
        for name, one in converters.items()
        if isinstance(one, AnyConverter) and _is_segment(rule, name)
    }
    for words in product(*spread.values()):
        fixed = dict(zip(spread, words, strict=True))
        shown = {name: fixed.get(name, f"{{{name}}}") for name in converters}
        template = _VARIABLE.sub(partial(_shown, shown), rule.rule)
        schemas = {name: _schema(one) for name, one in converters.items() if name not in fixed}
        yield Path(template, fixed, schemas)


def _shown(shown: dict[str, str], found: re.Match[str]) -> str:
    return shown[found[1]]


def _is_segment(rule: Rule, name: str) -> bool:
    return re.search(rf"/<[^<>/]*:{name}>(/|$)", rule.rule) is not None


def _schema(converter: object) -> dict[str, Any]:
    if isinstance(converter, UUIDConverter):
        return {"type": "string", "format": "uuid"}
    if isinstance(converter, IntegerConverter):
        return {"type": "integer", "minimum": 0}
    if isinstance(converter, AnyConverter):
        return {"type": "string", "enum": sorted(converter.items)}
    return {"type": "string", "pattern": "^[^/]+$", "minLength": 1}
