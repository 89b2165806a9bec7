"""The reference geography that the heat map stands on: territory, places of the tables, exposures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import shapely
from shapely.geometry.base import BaseGeometry
from sqlalchemy import text

from app.db.session import UnitOfWork
from app.heat.edge import Territory
from app.heat.exposure import SOURCES, Exposure, places_version
from app.heat.projected import projected

# What the table can go by. A stop answers for what is at most this far away, as in the database's places_of().
TABLES = ("neighbourhood", "iris", "qpv", "stop")
STOP_REACH_M = 250.0


@dataclass(frozen=True)
class PlaceShape:
    """A reference place with its shape in EPSG:2154: a polygon, or the middle of a stop's posts."""

    id: int
    name: str
    approximate: bool
    shape_2154: BaseGeometry


@dataclass(frozen=True, eq=False)
class Reference:
    """Everything at one moment; `version` changes when any of it does."""

    version: str = ""
    territory: Territory | None = None
    places: Mapping[str, tuple[PlaceShape, ...]] = field(default_factory=dict)
    exposures: Mapping[str, Exposure] = field(default_factory=dict)


_TERRITORY = text("SELECT ST_AsBinary(geom_4326) FROM place WHERE is_territory AND closed_at IS NULL ORDER BY id")
_AREAS = text("""
    SELECT id, name, approximate, ST_AsBinary(geom_4326) AS wkb FROM place
    WHERE kind = :kind AND closed_at IS NULL AND ST_Dimension(geom_4326) = 2 ORDER BY name, id
""")
# The posts of one stop are one row.
_STOPS = text("""
    SELECT min(id) AS id, min(name) AS name, bool_or(approximate) AS approximate,
           ST_AsBinary(ST_Centroid(ST_Collect(ST_Centroid(geom_4326)))) AS wkb
    FROM place WHERE kind = 'stop' AND closed_at IS NULL
    GROUP BY coalesce(attributes ->> 'area', code) ORDER BY name, id
""")


def reference_version(uow: UnitOfWork) -> str:
    """Changes when the reference geography or an exposure does; cheap enough for every few seconds."""
    return "/".join([places_version(uow), *(source.version(uow) for source in SOURCES)])


def load_reference(uow: UnitOfWork, version: str) -> Reference:
    """Read everything anew."""
    places = {kind: _places(uow, kind) for kind in TABLES}
    exposures = {source.code: found for source in SOURCES if (found := source.load(uow)) is not None}
    return Reference(version, _territory(uow, version), places, exposures)


def _places(uow: UnitOfWork, kind: str) -> tuple[PlaceShape, ...]:
    rows = uow.connection.execute(_STOPS) if kind == "stop" else uow.connection.execute(_AREAS, {"kind": kind})
    return tuple(PlaceShape(row.id, row.name, row.approximate, projected(bytes(row.wkb))) for row in rows)


def _territory(uow: UnitOfWork, version: str) -> Territory | None:
    shapes = [projected(bytes(wkb)) for wkb in uow.connection.scalars(_TERRITORY)]
    return Territory(shapely.union_all(shapes), version) if shapes else None
