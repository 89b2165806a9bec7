"""The collections' only SQL: a page of features as ready-made texts, how many there are, where they are."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import cast

from psycopg2.errors import QueryCanceled
from psycopg2.extensions import BYTES, register_type
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
    found = _features(uow, collection, parts, binds | more | {"ogc_most": query.limit + 1})
    if found.count <= query.limit:
        return found, False
    return Features(found.joined[: found.joined.rindex(b"\n")], query.limit), True


def one(uow: UnitOfWork, collection: Collection, feature: str | int, more: Binds) -> Features:
    """The feature of that id, if there is one that the actor may see."""
    parts, binds = where(collection, Query())
    parts.append(f"{collection.key} = CAST(:ogc_id AS {collection.key_type})")
    return _features(uow, collection, parts, binds | more | {"ogc_id": feature, "ogc_most": 1})


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
    before = uow.connection.scalar(text("SELECT current_setting('statement_timeout')"))
    try:
        with uow.connection.begin_nested():
            uow.connection.execute(_TIMEOUT, {"value": PATIENCE})
            found = uow.connection.scalar(text(f"SELECT {end} FROM {_from(collection, [])}"))  # noqa: S608  (texts of ours)
            uow.connection.execute(_TIMEOUT, {"value": before})
    except OperationalError as error:
        if not isinstance(error.orig, QueryCanceled):
            raise
        return None
    return cast("datetime | None", found)


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


def _features(uow: UnitOfWork, collection: Collection, parts: list[str], binds: Binds) -> Features:
    """The statement that writes features, with the page where its table stands: only its rows become texts.

    One value of bytes: a thousand rows cost the driver a third of the whole, as texts a tenth.
    """
    chosen = (
        f"SELECT {collection.table}.* FROM {_from(collection, parts)}{_where(parts)}"  # noqa: S608
        f" ORDER BY {collection.key} LIMIT :ogc_most"
    )
    domain, name = collection.statement
    # An export prepares the name of every place once; a page needs the names of its own.
    text_of_all = statement(domain, name).replace("place AS MATERIALIZED", "place AS NOT MATERIALIZED")
    before, here, after = text_of_all.partition(f"\nFROM {collection.table}\n")
    assert here, f"{name}.sql has no line FROM {collection.table}"
    written = f"{before}\nFROM ({chosen}) AS {collection.table}\n{after}\nORDER BY {collection.key}"
    whole = f"SELECT string_agg(line, E'\\n'), count(*) FROM ({written}) AS feature (line)"  # noqa: S608
    with uow.raw.cursor() as cursor:
        register_type(BYTES, cursor)
        cursor.execute(_driver_text(whole), binds)
        joined, count = cursor.fetchone() or (None, 0)
    if not joined:
        return NONE
    # An export's lines begin with the comma that separates features.
    body = bytes(joined)
    return Features(body[1:] if body.startswith(b",") else body.replace(b"\n", b"\n,"), int(count))


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
