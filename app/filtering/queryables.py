"""What can be asked for: the whitelist of names, each with its SQL, and its description for clients (Part 3). Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from flask_babel import LazyString

Type = Literal["string", "uuid", "integer", "number", "boolean", "date", "timestamp", "geometry", "array"]
BoundsLonLat = tuple[float, float, float, float]


@dataclass(frozen=True)
class Cells:
    """How an index finds a geometry under row-level security, where `geom && box` loses its own.

    column: SQL of an integer; ranges: of a box (west, south, east, north in degrees), inclusive, a superset.
    """

    column: str
    ranges: Callable[[BoundsLonLat], Sequence[tuple[int, int]]]


@dataclass(frozen=True)
class Queryable:
    """One name of the filter language.

    sql: an expression without side effects whose type fits `type` (array: of texts; geometry: in EPSG:4326). It is
    written into statements as it is: never from outside. enum: every value that the column can hold, when they are few.
    """

    name: str
    sql: str
    type: Type
    enum: tuple[str, ...] = ()
    title: str | LazyString = ""
    cells: Cells | None = None
    role: str = ""


SCHEMA_OF_TYPE: dict[Type, dict[str, Any]] = {
    "string": {"type": "string"},
    "uuid": {"type": "string", "format": "uuid"},
    "integer": {"type": "integer"},
    "number": {"type": "number"},
    "boolean": {"type": "boolean"},
    "date": {"type": "string", "format": "date"},
    "timestamp": {"type": "string", "format": "date-time"},
    "geometry": {"format": "geometry-any"},
    "array": {"type": "array", "items": {"type": "string"}},
}


def queryables_schema(queryables: Mapping[str, Queryable], id_url: str, title: str) -> dict[str, Any]:
    """The JSON Schema of a collection's /queryables (OGC 19-079r2, Queryables): names beyond it are refused."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": id_url,
        "type": "object",
        "title": title,
        "properties": {name: _described(one) for name, one in queryables.items()},
        "additionalProperties": False,
    }


def _described(one: Queryable) -> dict[str, Any]:
    described: dict[str, Any] = {"title": str(one.title)} if str(one.title) else {}
    described |= SCHEMA_OF_TYPE[one.type]
    if one.enum:
        described["enum"] = list(one.enum)
    if one.role:
        described["x-ogc-role"] = one.role
    return described
