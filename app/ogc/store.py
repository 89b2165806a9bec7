"""The collections' only SQL: a page of features as ready-made texts, how many there are, where they are."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

from app.db.session import UnitOfWork
from app.db.sql import statement
from app.ogc.collections import Collection
from app.ogc.conditions import Binds, where
from app.ogc.query import Query


def page(uow: UnitOfWork, collection: Collection, query: Query, more: Binds) -> tuple[list[str], bool]:
    """The features' texts in the order of their ids, and whether there are others. more: binds of the rows."""
    parts, binds = where(collection, query)
    most = query.limit + 1
    found = _features(uow, collection, parts, binds | more | {"ogc_most": most})
    return found[: query.limit], len(found) == most


def one(uow: UnitOfWork, collection: Collection, feature: str | int, more: Binds) -> str | None:
    """One feature's text, None when there is none that the actor may see."""
    parts, binds = where(collection, Query())
    parts.append(f"{collection.key} = CAST(:ogc_id AS {collection.key_type})")
    found = _features(uow, collection, parts, binds | more | {"ogc_id": feature, "ogc_most": 1})
    return found[0] if found else None


def count(uow: UnitOfWork, collection: Collection, query: Query, more: Binds) -> int:
    """How many features of the query the actor may see."""
    parts, binds = where(collection, query, paged=False)
    chosen = f"SELECT count(*) FROM {_from(collection, parts)}{_where(parts)}"  # noqa: S608  (texts of ours)
    return int(uow.connection.execute(text(chosen), binds | more).scalar_one())


def bounds(uow: UnitOfWork) -> dict[str, tuple[float, float, float, float]]:
    """West, south, east, north of every kind of place; that of interventions goes by the table's name."""
    rows = uow.connection.execute(_BOUNDS).all()
    return {row.what: (row.west, row.south, row.east, row.north) for row in rows if row.west is not None}


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


def _features(uow: UnitOfWork, collection: Collection, parts: list[str], binds: dict[str, Any]) -> list[str]:
    """The statement that writes features, with the page where its table stands: only its rows become texts."""
    chosen = (
        f"SELECT {collection.table}.* FROM {_from(collection, parts)}{_where(parts)}"  # noqa: S608
        f" ORDER BY {collection.key} LIMIT :ogc_most"
    )
    domain, name = collection.statement
    before, here, after = statement(domain, name).partition(f"\nFROM {collection.table}\n")
    assert here, f"{name}.sql has no line FROM {collection.table}"
    whole = f"{before}\nFROM ({chosen}) AS {collection.table}\n{after}\nORDER BY {collection.key}"
    # An export's lines begin with the comma that separates features.
    return [str(line).removeprefix(",") for line in uow.connection.scalars(text(whole), binds)]


def _from(collection: Collection, parts: list[str]) -> str:
    rows = f"({collection.rows}) AS {collection.table}" if collection.rows else collection.table
    # A join costs a third of a page: only where a condition needs it.
    return f"{rows} {collection.join}" if any("category." in part for part in parts) else rows


def _where(parts: list[str]) -> str:
    # Fixed texts with binds, never a value: app/ogc/conditions.py, app/filtering, the filters of the domains.
    return f" WHERE {' AND '.join(parts)}" if parts else ""
