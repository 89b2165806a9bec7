"""What the page `/api/` shows, from the same declarations as the document."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from app.api import examples, texts
from app.api.document import Operation, errors_of
from app.web.described import Parameter


@dataclass(frozen=True)
class Shown:
    """One operation as the page shows it."""

    operation: Operation
    anchor: str
    parameters: tuple[tuple[Parameter, str], ...]
    errors: tuple[tuple[int, Any], ...]
    curl: str
    python: str


@dataclass(frozen=True)
class Group:
    """The operations of one domain."""

    tag: str
    text: Any
    operations: tuple[Shown, ...]


def groups(known: Iterable[Operation], server: str) -> list[Group]:
    """Every operation, by domain."""
    by_tag: dict[str, list[Shown]] = {tag: [] for tag in texts.TAGS}
    for one in known:
        by_tag[one.endpoint.tag].append(_shown(one, server))
    return [Group(tag, texts.TAGS[tag], tuple(shown)) for tag, shown in by_tag.items() if shown]


def _shown(one: Operation, server: str) -> Shown:
    paths = [
        (Parameter(name, one.endpoint.path_texts.get(name, ""), schema, required=True), _kind(schema))
        for name, schema in one.path.schemas.items()
    ]
    query = [(parameter, _kind(parameter.schema)) for parameter in one.endpoint.query]
    if one.endpoint.is_change:
        query.append((texts.IF_MATCH, _kind(texts.IF_MATCH.schema)))
    return Shown(
        one,
        f"{one.method.lower()}-{one.name.replace('.', '-')}",
        tuple(paths + query),
        tuple((status, texts.PROBLEMS[status]) for status in errors_of(one) if status not in {429, 500, 503}),
        examples.curl(one, server),
        examples.python(one, server),
    )


def _kind(schema: Any) -> str:
    """A schema in one word or a few: its type, its words, its bounds."""
    if schema.get("type") == "array":
        return _kind(schema.get("items", {})) + ", …"
    if words := schema.get("enum"):
        return " | ".join(map(str, words))
    kind = str(schema.get("format") or schema.get("type", ""))
    if "minimum" in schema and "maximum" in schema:
        return f"{kind} {schema['minimum']:g}–{schema['maximum']:g}"
    return kind
