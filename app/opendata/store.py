"""What the open data are made from; the only SQL of this domain."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import text

from app.db.session import UnitOfWork
from app.db.sql import statement
from app.reports.rules import WITHDRAWN_STATES

Bounds = tuple[float, float, float, float]

# The groups of a million reports, which would else be sorted on disk.
_ROOM = text("SELECT set_config('work_mem', '64MB', true)")
_KEPT = text("SELECT counts FROM opendata_counts WHERE until = :until AND small = :small AND made_at >= :since")
_KEEP = text("""
    INSERT INTO opendata_counts (until, small, counts, made_at) VALUES (:until, :small, CAST(:counts AS jsonb), :now)
    ON CONFLICT (is_only) DO UPDATE
    SET until = excluded.until, small = excluded.small, counts = excluded.counts, made_at = excluded.made_at
""")
_SYNTHETIC = text("SELECT EXISTS (SELECT FROM organisation WHERE is_synthetic)")
# A metre is nothing for an area, and a third of the text.
_NEIGHBOURHOODS = text("""
    SELECT id, code, name, approximate, ST_AsGeoJSON(geom_4326, 5) AS geojson FROM place
    WHERE kind = 'neighbourhood' AND closed_at IS NULL ORDER BY name, id
""")
_TERRITORY = text("""
    SELECT name, ST_XMin(box) AS west, ST_YMin(box) AS south, ST_XMax(box) AS east, ST_YMax(box) AS north
    FROM (
        SELECT string_agg(name, ', ' ORDER BY name) AS name, ST_Extent(geom_4326) AS box
        FROM place WHERE is_territory AND closed_at IS NULL
    ) AS communes
    WHERE box IS NOT NULL
""")


@dataclass(frozen=True)
class Count:
    """How many reports, exactly, of groups that are large enough. neighbourhood_id: None outside of all of them."""

    theme: str
    neighbourhood_id: int | None
    month: date
    reports: int


@dataclass(frozen=True)
class Neighbourhood:
    """A place of the dataset. geojson: its geometry (EPSG:4326)."""

    id: int
    code: str
    name: str
    approximate: bool
    geojson: str


@dataclass(frozen=True)
class Territory:
    """Where the register is kept. bounds: west, south, east, north in degrees."""

    name: str
    bounds: Bounds


def kept(uow: UnitOfWork, until: datetime, small: int, since: datetime) -> list[Count] | None:
    """What `counts` gave for the same question when it was last kept; None when that was before `since`, or never."""
    rows = uow.connection.scalar(_KEPT, {"until": until, "small": small, "since": since})
    return None if rows is None else [Count(theme, id_, date.fromisoformat(day), n) for theme, id_, day, n in rows]


def keep(uow: UnitOfWork, until: datetime, small: int, found: Iterable[Count], now: datetime) -> None:
    """Put it in the place of what was kept."""
    rows = [[one.theme, one.neighbourhood_id, one.month.isoformat(), one.reports] for one in found]
    uow.connection.execute(_KEEP, {"until": until, "small": small, "counts": json.dumps(rows), "now": now})


def counts(uow: UnitOfWork, until: datetime, small: int) -> list[Count]:
    """Of all reports observed and received before `until`; only the system sees them all. Reads every report."""
    uow.connection.execute(_ROOM)
    binds = {"until": until, "small": small, "withdrawn": sorted(WITHDRAWN_STATES)}
    return [Count(*row) for row in uow.connection.execute(text(statement("opendata", "counts")), binds)]


def neighbourhoods(uow: UnitOfWork) -> list[Neighbourhood]:
    """All of them, whether anything was reported there or not."""
    return [Neighbourhood(*row) for row in uow.connection.execute(_NEIGHBOURHOODS)]


def territory(uow: UnitOfWork) -> Territory | None:
    """The marked communes together; None before there are any."""
    row = uow.connection.execute(_TERRITORY).one_or_none()
    return None if row is None else Territory(row.name, (row.west, row.south, row.east, row.north))


def is_synthetic(uow: UnitOfWork) -> bool:
    """Whether demo data is loaded."""
    return bool(uow.connection.scalar(_SYNTHETIC))
