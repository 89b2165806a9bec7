"""Rows of every type of the filter language, nulls among them; asked as the application role."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Engine, text

from app.db.session import unit_of_work
from app.filtering import Language, Queryable, compile_filter, parse_filter
from app.people.actor import PUBLIC

QUERYABLES = {
    one.name: one
    for one in (
        Queryable("number", "thing.number", "integer"),
        Queryable("size", "thing.size", "number"),
        Queryable("name", "thing.name", "string"),
        Queryable("colour", "thing.colour", "string", ("blue", "red")),
        Queryable("flag", "thing.flag", "boolean"),
        Queryable("at", "thing.at", "timestamp"),
        Queryable("day", "thing.day", "date"),
        Queryable("id", "thing.id", "uuid"),
        Queryable("tags", "thing.tags", "array"),
        Queryable("geometry", "thing.geom", "geometry"),
    )
}
ID = "4c3c1e0e-0c0c-4a4a-8a8a-00000000000{}"
FIELDS = ("number", "size", "name", "colour", "flag", "at", "day", "tags", "geometry")
_AT = datetime(2026, 5, 4, 18, 30, tzinfo=UTC)
THINGS: list[dict[str, Any]] = [
    dict(zip(FIELDS, values, strict=True))
    for values in (
        (1, 2.5, "Rue de l'Église", "red", True, _AT, date(2026, 5, 4), ["a", "b"], "POINT(2.3 49.9)"),
        (2, -1.0, "rue de l'eglise", "blue", False, _AT.replace(hour=0, minute=0), date(2026, 5, 5), [], "POINT(2 50)"),
        (3, 0.0, "100 %", "red", None, _AT.replace(day=3, hour=23, minute=59), None, ["b"], "LINESTRING(2 49, 3 50)"),
        (0, None, "a_b\\c", None, True, None, date(2025, 12, 31), None, "POLYGON((2 49, 3 49, 3 50, 2 50, 2 49))"),
        (None, 7.25, None, "blue", False, _AT.replace(year=2025), date(2026, 5, 4), ["a"], "POINT(179.9 -17)"),
        (-4, 1e6, "", "red", True, _AT, date(2026, 1, 1), ["a", "b", "c"], None),
    )
]
_ROW = (
    "(CAST(:id_{0} AS uuid), CAST(:number_{0} AS integer), CAST(:size_{0} AS double precision),"
    " CAST(:name_{0} AS text),"
    " CAST(:colour_{0} AS text), CAST(:flag_{0} AS boolean), CAST(:at_{0} AS timestamptz), CAST(:day_{0} AS date),"
    " CAST(:tags_{0} AS text[]), ST_GeomFromText(:geometry_{0}, 4326))"
)
_FROM = (
    f"(VALUES {', '.join(_ROW.format(row) for row in range(len(THINGS)))})"
    " AS thing (id, number, size, name, colour, flag, at, day, tags, geom)"
)
_ROWS = {f"{name}_{row}": value for row, thing in enumerate(THINGS) for name, value in thing.items()}
_IDS = {f"id_{row}": ID.format(row) for row in range(len(THINGS))}


def compiled(filter_: str, lang: Language = "cql2-text", **crs: Any) -> tuple[str, dict[str, object]]:
    return compile_filter(parse_filter(filter_, lang), QUERYABLES, **crs)


def found(engine: Engine, filter_: str, lang: Language = "cql2-text", **crs: Any) -> list[int]:
    """Which rows of THINGS the filter chooses."""
    condition, binds = compiled(filter_, lang, **crs)
    query = text(f"SELECT thing.id FROM {_FROM} WHERE {condition} ORDER BY thing.id")
    with unit_of_work(engine, PUBLIC) as uow:
        return [int(str(one)[-1]) for one in uow.connection.scalars(query, binds | _ROWS | _IDS)]
