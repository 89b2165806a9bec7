"""Where synthetic things happen: stops, residences, schools, squares and streets of the places that are there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import shapely
from sqlalchemy import Connection, text

from app.places.lattice import Floats, to_lambert93, to_lon_lat
from app.places.territory import TerritoryShape, territory

AnchorKind = Literal["stop", "residence", "school", "square", "street"]
# How far from its anchor something is seen, in metres (standard deviation).
SPREAD_M: dict[AnchorKind, float] = {"stop": 25.0, "residence": 45.0, "school": 80.0, "square": 60.0, "street": 140.0}
# How uneven the anchors of a kind are: the smaller, the fewer of them hold most of the reports (shape of a gamma law).
UNEVENNESS: dict[AnchorKind, float] = {"stop": 0.7, "residence": 0.5, "school": 0.9, "square": 0.5, "street": 1.5}
# What is made up around a neighbourhood's centre when the official places are not imported yet.
MADE_UP: dict[AnchorKind, int] = {"residence": 4, "school": 1, "square": 2, "street": 12}

_PLACES = text("""
    SELECT id, kind, ST_AsBinary(geom_4326) AS geom_4326 FROM place
    WHERE kind IN ('stop', 'residence', 'school', 'neighbourhood') AND closed_at IS NULL ORDER BY kind, code
""")


@dataclass(frozen=True)
class Anchors:
    """Points of one kind that reports gather around. Positions in EPSG:2154 metres.

    weight sums to 1; trend is how much busier a point is at the end of the year than at its start (-0.8 … 0.8);
    place_id is 0 where the point is made up.
    """

    east_m: Floats
    north_m: Floats
    weight: Floats
    trend: Floats
    place_id: tuple[int, ...]


@dataclass(frozen=True)
class Scene:
    """Everything that the reports are placed with."""

    shape: TerritoryShape
    anchors: dict[AnchorKind, Anchors]

    def scatter(self, kind: AnchorKind, index: int, pick: np.random.Generator) -> tuple[float, float]:
        """A position (lon, lat) near an anchor, inside the territory."""
        anchors = self.anchors[kind]
        for spread_m in (SPREAD_M[kind], SPREAD_M[kind] / 4, 0.0):
            east_m, north_m = pick.normal((anchors.east_m[index], anchors.north_m[index]), spread_m)
            lon, lat = to_lon_lat(np.array([east_m]), np.array([north_m]))
            if self.shape.covers(float(lon[0]), float(lat[0])):
                break
        # About a tenth of a metre: more digits would claim a precision that no phone has.
        return round(float(lon[0]), 6), round(float(lat[0]), 6)


def load_scene(connection: Connection, *, seed: int) -> Scene:
    """Read the places, and make up the kinds that are missing around the neighbourhoods (or all over the territory)."""
    shape = territory(connection)
    pick = np.random.default_rng(seed)
    found: dict[str, list[tuple[int, Any]]] = {}
    for row in connection.execute(_PLACES):
        found.setdefault(row.kind, []).append((int(row.id), shapely.from_wkb(bytes(row.geom_4326))))
    centres = _centres(found.get("neighbourhood", []), shape, pick)
    anchors = {}
    for kind in SPREAD_M:
        inside = [(key, point) for key, point in _points(found.get(kind, [])) if shape.covers(*point)]
        if not inside:
            inside = [(0, point) for point in _made_up(kind, centres, shape, pick)]
        anchors[kind] = _anchors(kind, inside, pick)
    return Scene(shape, anchors)


def _points(places: list[tuple[int, Any]]) -> list[tuple[int, tuple[float, float]]]:
    """Places as points (lon, lat): some residences and schools are polygons."""
    made = [(key, geometry.representative_point()) for key, geometry in places]
    return [(key, (float(point.x), float(point.y))) for key, point in made]


def _centres(
    neighbourhoods: list[tuple[int, Any]], shape: TerritoryShape, pick: np.random.Generator
) -> list[tuple[float, float, float]]:
    """Centre (EPSG:2154) and radius in metres of each neighbourhood; of chance circles when there is none."""
    geometries = [geometry for _key, geometry in neighbourhoods]
    if not geometries:
        west, south, east, north = shape.bounds
        geometries = [
            shapely.Point(pick.uniform(west, east), pick.uniform(south, north)).buffer(0.005) for _ in range(60)
        ]
    to_2154: Any = to_lambert93
    projected = [shapely.transform(geometry, to_2154, interleaved=False) for geometry in geometries]
    # Built-up land is near the middle: half of the radius of a circle of the same area.
    return [(one.centroid.x, one.centroid.y, min(0.5 * (one.area / np.pi) ** 0.5, 600.0)) for one in projected]


def _made_up(
    kind: AnchorKind, centres: list[tuple[float, float, float]], shape: TerritoryShape, pick: np.random.Generator
) -> list[tuple[float, float]]:
    points: list[tuple[float, float]] = []
    for east_m, north_m, radius_m in centres:
        for _ in range(MADE_UP.get(kind, 1)):
            moved = pick.normal((east_m, north_m), radius_m)
            lon, lat = to_lon_lat(moved[:1], moved[1:])
            points.append((float(lon[0]), float(lat[0])))
    inside = [point for point in points if shape.covers(*point)]
    if inside:
        return inside
    middle = shape.geom_4326.representative_point()
    return [(float(middle.x), float(middle.y))]


def _anchors(kind: AnchorKind, places: list[tuple[int, tuple[float, float]]], pick: np.random.Generator) -> Anchors:
    lon = np.array([point[0] for _key, point in places])
    lat = np.array([point[1] for _key, point in places])
    east_m, north_m = to_lambert93(lon, lat)
    weight = pick.gamma(UNEVENNESS[kind], size=len(places)) + 0.02
    trend = pick.uniform(-0.8, 0.8, size=len(places))
    return Anchors(east_m, north_m, weight / weight.sum(), trend, tuple(key for key, _point in places))
