"""The territory: where reports are accepted. Kept in the process, and looked at again when the geography changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import Geod
from shapely.geometry.base import BaseGeometry
from sqlalchemy import Connection, text

from app.errors import NoTerritoryError
from app.places.lattice import Floats, to_lambert93

Bools = NDArray[np.bool_]
# Degrees: west, south, east, north. Here Lambert-93 is right to a few parts in a thousand.
NEAR_FRANCE = (-10.0, 38.0, 15.0, 54.0)
_GEOD = Geod(ellps="GRS80")
# Closed places stay in the table; the territory is made of open communes.
_VERSION = text(
    "SELECT current_database() || ' ' || count(*) || ' ' || coalesce(sum(id), 0) || ' '"
    " || coalesce(max(updated_at)::text, '')"
    " FROM place WHERE is_territory AND closed_at IS NULL"
)
_SHAPE = text("SELECT ST_AsBinary(geom_4326), name FROM place WHERE is_territory AND closed_at IS NULL ORDER BY id")


@dataclass(frozen=True, eq=False)
class TerritoryShape:
    """The union of the communes marked as territory.

    `geom_4326` and `geom_2154` are prepared; `bounds` is (west, south, east, north) in degrees of EPSG:4326.
    """

    geom_4326: BaseGeometry
    geom_2154: BaseGeometry
    names: tuple[str, ...]

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east, north in degrees of EPSG:4326."""
        west, south, east, north = self.geom_4326.bounds
        return west, south, east, north

    def covers(self, lon: float, lat: float) -> bool:
        """Whether the point lies inside or on the edge."""
        return bool(shapely.intersects_xy(self.geom_4326, lon, lat))

    def covers_all(self, lon: Floats, lat: Floats) -> Bools:
        """`covers`, elementwise: for files of a million rows."""
        return np.asarray(shapely.intersects_xy(self.geom_4326, lon, lat), dtype=bool)

    def distance_m(self, lon: float, lat: float) -> float:
        """Metres from the point to the nearest edge; 0 inside. In EPSG:2154 near France, on the ellipsoid elsewhere."""
        return float(self.distances_m(np.array([lon]), np.array([lat]))[0])

    def distances_m(self, lon: Floats, lat: Floats) -> Floats:
        """`distance_m`, elementwise."""
        west, south, east, north = NEAR_FRANCE
        near = (lon >= west) & (lon <= east) & (lat >= south) & (lat <= north)
        metres = np.empty(len(lon))
        metres[near] = shapely.distance(self.geom_2154, shapely.points(*to_lambert93(lon[near], lat[near])))
        metres[~near] = self._far_m(lon[~near], lat[~near])
        return metres

    def _far_m(self, lon: Floats, lat: Floats) -> Floats:
        """Lambert-93 stretches without bound away from France, so far points are measured on the ellipsoid."""
        if len(lon) == 0:
            return np.empty(0)
        edge = shapely.get_coordinates(shapely.shortest_line(self.geom_4326, shapely.points(lon, lat)))[::2]
        return np.asarray(_GEOD.inv(edge[:, 0], edge[:, 1], lon, lat)[2], dtype=float)


def territory_version(connection: Connection) -> str:
    """Changes whenever the territory does."""
    return str(connection.scalar(_VERSION))


def territory(connection: Connection) -> TerritoryShape:
    """The territory as it is now; one small query when nothing changed.

    Raises:
        NoTerritoryError: no commune is marked as the territory.

    """
    version = territory_version(connection)
    known = _kept.get(version)
    if known is None:
        known = _load(connection)
        _kept.clear()
        _kept[version] = known
    return known


_kept: dict[str, TerritoryShape] = {}


def _load(connection: Connection) -> TerritoryShape:
    rows = connection.execute(_SHAPE).all()
    if not rows:
        raise NoTerritoryError("no commune is marked as the territory: quietude geodata seed")
    union = shapely.union_all([shapely.from_wkb(bytes(row[0])) for row in rows])
    to_2154: Any = to_lambert93
    projected = shapely.transform(union, to_2154, interleaved=False)
    shapely.prepare(union)
    shapely.prepare(projected)
    return TerritoryShape(union, projected, tuple(row[1] for row in rows))
