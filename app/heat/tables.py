"""The table beside the map: plain counts by places. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely
from scipy.spatial import KDTree

from app.heat.points import Points
from app.heat.reference import STOP_REACH_M
from app.heat.surface import M2_PER_KM2

if TYPE_CHECKING:
    from app.heat.cube import Array
    from app.heat.drawing import Counted
    from app.heat.reference import PlaceShape


@dataclass(frozen=True)
class PlaceCount:
    """One row. A stop has no area; `before` is the earlier period's count when a change is shown."""

    place_id: int
    name: str
    approximate: bool
    reports: int
    area_km2: float | None
    per_km2_30d: float | None
    before: int | None = None


def place_counts(
    places: tuple[PlaceShape, ...], by: str, counted: Counted, shown: Callable[[float], int]
) -> list[PlaceCount]:
    """The rows, most per km² first (stops: most first); places without any report are left out."""
    count = nearest_counts if by == "stop" else area_counts
    sums = count(places, counted.selection.points)
    earlier = None if counted.before is None else count(places, counted.before.points)
    rows = []
    for index, place in enumerate(places):
        reports = shown(float(sums[index]))
        before = None if earlier is None else shown(float(earlier[index]))
        if reports or before:
            rows.append(_row(place, reports, before, counted.selection.scale))
    return sorted(rows, key=lambda row: (-(row.per_km2_30d or 0), -row.reports, row.name, row.place_id))


def _row(place: PlaceShape, reports: int, before: int | None, scale: float) -> PlaceCount:
    area_km2 = place.shape_2154.area / M2_PER_KM2
    if not area_km2:
        return PlaceCount(place.id, place.name, place.approximate, reports, None, None, before)
    rate = float(f"{reports * scale / area_km2:.4g}")
    return PlaceCount(place.id, place.name, place.approximate, reports, round(area_km2, 4), rate, before)


def area_counts(places: tuple[PlaceShape, ...], points: Points) -> Array:
    """The sum of the weights inside each polygon."""
    east, north = points.metres()
    return np.array([_weight_inside(points, east, north, place) for place in places])


def _weight_inside(points: Points, east: Array, north: Array, place: PlaceShape) -> float:
    west, south, right, top = place.shape_2154.bounds
    near = np.flatnonzero((east >= west) & (east <= right) & (north >= south) & (north <= top))
    shapely.prepare(place.shape_2154)
    chosen = near[shapely.intersects_xy(place.shape_2154, east[near], north[near])]
    return float(len(chosen)) if points.weight is None else float(points.weight[chosen].sum())


def nearest_counts(places: tuple[PlaceShape, ...], points: Points) -> Array:
    """The sum of the weights whose nearest place it is, up to STOP_REACH_M away."""
    if not places or not len(points):
        return np.zeros(len(places))
    middles = np.array([place.shape_2154.coords[0] for place in places])
    tree = KDTree(middles)
    distance_m, nearest = (
        np.asarray(found) for found in tree.query(np.column_stack(points.metres()), distance_upper_bound=STOP_REACH_M)
    )
    near = np.isfinite(distance_m)
    weight = None if points.weight is None else points.weight[near]
    return np.bincount(nearest[near], weight, len(places)).astype(np.float64)
