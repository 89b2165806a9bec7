"""The collections' only SQL: a page of features as ready-made texts, how many there are, where they are."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from typing import cast

from psycopg2.errors import QueryCanceled
from psycopg2.extensions import BYTES, AsIs, register_type
from psycopg2.extensions import cursor as Cursor  # noqa: N812  (the driver names its class so)
from sqlalchemy import text
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import OperationalError

from app.db.session import UnitOfWork
from app.db.sql import statement
from app.ogc.collections import Collection
from app.ogc.conditions import Binds, where
from app.ogc.features import NONE, Features
from app.ogc.query import Query

# How long an end of a collection's time may take: with an index it takes a few milliseconds.
PATIENCE = "250ms"
_TIMEOUT = text("SELECT set_config('statement_timeout', :value, true)")
Span = tuple[datetime | None, datetime | None]


def page(uow: UnitOfWork, collection: Collection, query: Query, more: Binds) -> tuple[Features, bool]:
    """The features in the order of their ids, and whether there are others. more: binds of the collection's rows."""
    parts, binds = where(collection, query)
    # Everything, a page at a time: the statements of these are few, and worth keeping.
    is_walk = not (query.parts or query.box or query.times or more)
    binds |= more | {"ogc_most": query.limit + 1}
    found = _features(uow, collection, parts, binds, _execute_prepared if is_walk else _execute)
    return _joined(found[: query.limit]), len(found) > query.limit


def one(uow: UnitOfWork, collection: Collection, feature: str | int, more: Binds) -> Features:
    """The feature of that id, if there is one that the actor may see."""
    parts, binds = where(collection, Query())
    parts.append(f"{collection.key} = CAST(:ogc_id AS {collection.key_type})")
    return _joined(_features(uow, collection, parts, binds | more | {"ogc_id": feature, "ogc_most": 1}, _execute))


def count(uow: UnitOfWork, collection: Collection, query: Query, more: Binds) -> int:
    """How many features of the query the actor may see."""
    parts, binds = where(collection, query, paged=False)
    chosen = f"SELECT count(*) FROM {_from(collection, parts)}{_where(parts)}"  # noqa: S608  (texts of ours)
    return int(uow.connection.execute(text(chosen), binds | more).scalar_one())


def bounds(uow: UnitOfWork) -> dict[str, tuple[float, float, float, float]]:
    """West, south, east, north of every kind of place; that of interventions goes by the table's name."""
    rows = uow.connection.execute(_BOUNDS).all()
    return {row.what: (row.west, row.south, row.east, row.north) for row in rows if row.west is not None}


def span(uow: UnitOfWork, collection: Collection) -> Span:
    """When the first of a collection with times begins that the actor may see, and when the last ends.

    None: there is none, or it was not found at once. An index has what everybody sees at its ends; whoever sees little
    of an old register (an agent of an organisation that is new in it) would wait for a scan of most of it.
    """
    return _at_once(uow, collection, f"min({collection.start})"), _at_once(uow, collection, f"max({collection.end})")


def _at_once(uow: UnitOfWork, collection: Collection, end: str) -> datetime | None:
    attempt = uow.connection.begin_nested()
    try:
        uow.connection.execute(_TIMEOUT, {"value": PATIENCE})
        found = uow.connection.scalar(text(f"SELECT {end} FROM {_from(collection, [])}"))  # noqa: S608  (texts of ours)
        return cast("datetime | None", found)
    except OperationalError as error:
        if not isinstance(error.orig, QueryCanceled):
            raise
        return None
    finally:
        attempt.rollback()  # the patience goes with it


def place_codes(uow: UnitOfWork, kind: str) -> dict[int, str]:
    """The codes of a kind's open places by their number."""
    rows = uow.connection.execute(_CODES, {"kind": kind})
    return {int(row.id): str(row.code) for row in rows}


_CODES = text("SELECT id, code FROM place WHERE kind = :kind AND closed_at IS NULL")
_BOUNDS = text("""
    SELECT what, ST_XMin(extent) AS west, ST_YMin(extent) AS south, ST_XMax(extent) AS east, ST_YMax(extent) AS north
    FROM (
        SELECT kind AS what, ST_Extent(geom_4326) AS extent FROM place WHERE closed_at IS NULL GROUP BY kind
        UNION ALL SELECT 'intervention', ST_Extent(geom_4326) FROM intervention
    ) AS found
""")


Execute = Callable[[UnitOfWork, Cursor, str, Binds], None]


def _features(uow: UnitOfWork, collection: Collection, parts: list[str], binds: Binds, execute: Execute) -> list[bytes]:
    """The statement that writes features, with the page where its table stands: only its rows become texts."""
    chosen = (
        f"SELECT {collection.table}.* FROM {_from(collection, parts)}{_where(parts)}"  # noqa: S608
        f" ORDER BY {collection.key} LIMIT :ogc_most"
    )
    domain, name = collection.statement
    before, here, after = statement(domain, name).partition(f"\nFROM {collection.table}\n")
    assert here, f"{name}.sql has no line FROM {collection.table}"
    whole = _driver_text(f"{before}\nFROM ({chosen}) AS {collection.table}\n{after}\nORDER BY {collection.key}")
    with uow.raw.cursor() as cursor:
        # A row each: the driver takes longer than with one value of them all, PostgreSQL saves twice that.
        register_type(BYTES, cursor)
        execute(uow, cursor, whole, binds)
        return [line for (line,) in cursor]


def _execute(_uow: UnitOfWork, cursor: Cursor, whole: str, binds: Binds) -> None:
    cursor.execute(whole, binds)


def _execute_prepared(uow: UnitOfWork, cursor: Cursor, whole: str, binds: Binds) -> None:
    """Planned once a connection, for whatever values come: planning costs a seventh of a page of a thousand.

    Row-level security asks for the actor when a plan runs, not when it is made.
    """
    names = sorted(binds)
    prepared: dict[str, str] = uow.connection.info.setdefault("ogc_prepared", {})
    if whole not in prepared:
        name = f"ogc_{len(prepared)}"
        cursor.execute(f"PREPARE {name} AS {whole}", {bind: AsIs(f"${i}") for i, bind in enumerate(names, 1)})
        prepared[whole] = name
    values = ", ".join(["%s"] * len(names))
    cursor.execute(
        f"SET LOCAL plan_cache_mode = force_generic_plan; EXECUTE {prepared[whole]} ({values})",
        [binds[name] for name in names],
    )


def _joined(lines: list[bytes]) -> Features:
    if not lines:
        return NONE
    if not lines[0].startswith(b","):
        return Features(b"\n,".join(lines), len(lines))
    # An export's lines begin with the comma that separates features.
    return Features(b"\n".join((lines[0][1:], *lines[1:])), len(lines))


@lru_cache(maxsize=256)
def _driver_text(whole: str) -> str:
    """Named binds as the driver writes them."""
    return str(text(whole).compile(dialect=postgresql.dialect()))  # type: ignore[no-untyped-call]


def _from(collection: Collection, parts: list[str]) -> str:
    rows = f"({collection.rows}) AS {collection.table}" if collection.rows else collection.table
    # A join costs a third of a page: only where a condition needs it.
    return f"{rows} {collection.join}" if any("category." in part for part in parts) else rows


def _where(parts: list[str]) -> str:
    # Fixed texts with binds, never a value: app/ogc/conditions.py, app/filtering, the filters of the domains.
    return f" WHERE {' AND '.join(parts)}" if parts else ""
