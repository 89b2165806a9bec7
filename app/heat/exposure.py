"""What reports are set against: how many residents, dwellings, stops or passages there are where they come from.

An ExposureSource reads one kind from the database: residents (the population of IRIS, where an import gave it as the
attribute `population`), dwellings (of the residences), stops, and the passages of patrols, of which only those of the
period count.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import shapely
from sqlalchemy import text

from app.heat.cube import SUBCELL_M, Array, day_number
from app.heat.points import Points
from app.heat.projected import projected
from app.heat.surface import M2_PER_KM2
from app.places.lattice import ORIGIN_EAST_M, ORIGIN_NORTH_M, to_lambert93

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

    from app.db.session import UnitOfWork
    from app.heat.selection import Period

CODES = ("residents", "dwellings", "stops", "patrols")
# Residents are spread over their IRIS on a lattice of this width.
SPREAD_M = 50.0


@dataclass(frozen=True)
class ExposureKind:
    """How an exposure is spoken of: reports per `per` of it; unknown where fewer than `least` are near.

    "Near" is the sum of exp(-d²/2h²) over all of them: one at the place itself counts 1, one at the bandwidth's
    distance 0.6, one at twice that distance 0.1.
    """

    per: int
    least: float
    unit: str
    is_public: bool = True


KINDS = {
    "residents": ExposureKind(1000, 100.0, "reports/1,000 residents/30 days"),
    "dwellings": ExposureKind(1000, 50.0, "reports/1,000 dwellings/30 days"),
    "stops": ExposureKind(1, 0.5, "reports/stop/30 days"),
    # Who goes on patrol where is not for everybody.
    "patrols": ExposureKind(1, 3.0, "reports/passage", is_public=False),
}


@dataclass(frozen=True, eq=False)
class Exposure:
    """Weighted places of one kind; with the day of each where it matters."""

    points: Points
    day: Array | None = None

    def during(self, period: Period | None) -> Points:
        """Those of the period."""
        if self.day is None or period is None:
            return self.points
        first, last = day_number(period.first), day_number(period.last)
        return self.points.take(np.flatnonzero((self.day >= first) & (self.day <= last)))


def near_of(density_km2: Array, bandwidth_m: float) -> Array:
    """From a smoothed density to how many are near: f · 2πh²."""
    near: Array = density_km2 * (2 * np.pi * bandwidth_m**2 / M2_PER_KM2)
    return near


class ExposureSource(Protocol):
    """Reads one kind of exposure."""

    code: str

    def version(self, uow: UnitOfWork) -> str:
        """Changes when what `load` gives does; cheap."""
        ...

    def load(self, uow: UnitOfWork) -> Exposure | None:
        """All there is; None when nothing was recorded or imported."""
        ...


_PLACES_VERSION = text("""
    SELECT concat_ws('/', count(*), coalesce(sum(id), 0), count(closed_at), extract(epoch FROM max(updated_at)))
    FROM place
""")


def places_version(uow: UnitOfWork) -> str:
    """Changes when the reference geography does."""
    return str(uow.connection.scalar(_PLACES_VERSION))


class _FromPlaces:
    def version(self, uow: UnitOfWork) -> str:
        del uow  # the reference geography is looked at as a whole
        return ""


class Residents(_FromPlaces):
    """The population of the IRIS, evenly over each."""

    code = "residents"
    _rows = text("""
        SELECT ST_AsBinary(geom_4326) AS wkb, (attributes ->> 'population')::float8 AS weight FROM place
        WHERE kind = 'iris' AND closed_at IS NULL AND jsonb_typeof(attributes -> 'population') = 'number'
    """)

    def load(self, uow: UnitOfWork) -> Exposure | None:
        """None while no import gave a population."""
        parts = [_spread(projected(bytes(row.wkb)), row.weight) for row in uow.connection.execute(self._rows)]
        return _exposure(parts)


class Dwellings(_FromPlaces):
    """The dwellings of the residences, at each."""

    code = "dwellings"
    _rows = text("""
        SELECT ST_X(ST_Centroid(geom_4326)) AS lon, ST_Y(ST_Centroid(geom_4326)) AS lat,
               (attributes ->> 'dwellings')::float8 AS weight
        FROM place
        WHERE kind = 'residence' AND closed_at IS NULL AND jsonb_typeof(attributes -> 'dwellings') = 'number'
    """)

    def load(self, uow: UnitOfWork) -> Exposure | None:
        """None while no residences were imported."""
        return _at_points(uow, self._rows)


class Stops(_FromPlaces):
    """One for each stop; the posts of one stop together are one."""

    code = "stops"
    _rows = text("""
        SELECT avg(ST_X(ST_Centroid(geom_4326))) AS lon, avg(ST_Y(ST_Centroid(geom_4326))) AS lat, 1.0::float8 AS weight
        FROM place WHERE kind = 'stop' AND closed_at IS NULL
        GROUP BY coalesce(attributes ->> 'area', code)
    """)

    def load(self, uow: UnitOfWork) -> Exposure | None:
        """None while no stops were imported."""
        return _at_points(uow, self._rows)


class Patrols:
    """One for each passage, where and on the day when it was, whatever was found."""

    code = "patrols"
    # Every passage would make each process read the whole reference anew: they count from the next full five minutes.
    _settled = "recorded_at < date_bin('5 minutes', now(), TIMESTAMPTZ '2000-01-01')"
    _version = text(f"SELECT count(*) FROM patrol_passage WHERE {_settled}")  # noqa: S608  (a text of ours)
    _rows = text(f"""
        SELECT ST_X(geom_4326) AS lon, ST_Y(geom_4326) AS lat,
               (passed_at AT TIME ZONE 'Europe/Paris')::date - DATE '2000-01-01' AS day
        FROM patrol_passage WHERE {_settled}
    """)  # noqa: S608

    def version(self, uow: UnitOfWork) -> str:
        """How many there are; one that is taken back makes it fewer."""
        return str(uow.connection.scalar(self._version))

    def load(self, uow: UnitOfWork) -> Exposure | None:
        """None while nobody went on patrol."""
        found = uow.connection.execute(self._rows).all()
        lon, lat, day = (np.array([row[column] for row in found], float) for column in range(3))
        made = _exposure([(*to_lambert93(lon, lat), np.ones(len(found)))]) if found else None
        return None if made is None else Exposure(made.points, day.astype(np.int32))


SOURCES: tuple[ExposureSource, ...] = (Residents(), Dwellings(), Stops(), Patrols())


def _at_points(uow: UnitOfWork, rows: object) -> Exposure | None:
    found = uow.connection.execute(rows).all()  # type: ignore[call-overload]
    lon, lat, weight = (np.array([row[column] for row in found], float) for column in range(3))
    return _exposure([(*to_lambert93(lon, lat), weight)]) if len(found) else None


def _spread(shape_2154: BaseGeometry, weight: float) -> tuple[Array, Array, Array]:
    """The weight on the lattice points inside a polygon; at a point inside when it is too small for one."""
    west, south, east, north = shape_2154.bounds
    grid = np.meshgrid(np.arange(west + SPREAD_M / 2, east, SPREAD_M), np.arange(south + SPREAD_M / 2, north, SPREAD_M))
    shapely.prepare(shape_2154)
    inside = shapely.contains_xy(shape_2154, *grid)
    east_m, north_m = (axis[inside] for axis in grid)
    if not len(east_m):
        point = shape_2154.representative_point()
        east_m, north_m = np.array([point.x]), np.array([point.y])
    return east_m, north_m, np.full(len(east_m), weight / len(east_m))


def _exposure(parts: list[tuple[Array, Array, Array]]) -> Exposure | None:
    if not parts:
        return None
    east_m, north_m, weight = (np.concatenate(column) for column in zip(*parts, strict=True))
    kept = weight > 0
    x = (east_m[kept] - ORIGIN_EAST_M) / SUBCELL_M
    y = (north_m[kept] - ORIGIN_NORTH_M) / SUBCELL_M
    if not kept.any():
        return None
    return Exposure(Points(x.astype(np.uint32), y.astype(np.uint32), weight[kept]))
