"""Where the routes of a GTFS feed go. shapes.txt, trips.txt and stop_times.txt may each be missing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from shapely import LineString
from shapely.geometry.base import BaseGeometry

from geodata.formats.columns import Columns
from geodata.formats.geometry import GeometryRefusedError, number
from geodata.formats.tabular import Row, read_rows

_TRIPS = Columns(required={"route": ("route_id",), "trip": ("trip_id",)}, optional={"shape": ("shape_id",)})
_SHAPES = Columns(
    required={
        "shape": ("shape_id",),
        "lat": ("shape_pt_lat",),
        "lon": ("shape_pt_lon",),
        "sequence": ("shape_pt_sequence",),
    }
)
_TIMES = Columns(required={"trip": ("trip_id",), "stop": ("stop_id",), "sequence": ("stop_sequence",)})
_POINTS = Columns(required={"stop": ("stop_id",), "lat": ("stop_lat",), "lon": ("stop_lon",)})

Position = tuple[float, float]
Numbered = dict[str, list[tuple[float, Position]]]


def ways_of_routes(folder: Path, routes: set[str]) -> dict[str, list[BaseGeometry]]:
    """route_id → its lines, in degrees of EPSG:4326; a route is absent when nothing says where it goes."""
    trips = _rows(folder / "trips.txt", _TRIPS)
    shapes_of: dict[str, set[str]] = defaultdict(set)
    route_of: dict[str, str] = {}
    for row in trips:
        if row.get("route") in routes:
            route_of[row.get("trip")] = row.get("route")
            if row.get("shape"):
                shapes_of[row.get("route")].add(row.get("shape"))
    lines = _lines(_shape_points(folder / "shapes.txt"))
    ways = {
        route: found
        for route, shapes in shapes_of.items()
        if (found := [lines[shape] for shape in sorted(shapes) if shape in lines])
    }
    without = {trip: route for trip, route in route_of.items() if route not in ways}
    return ways | _through_stops(folder, without) if without else ways


def _rows(path: Path, columns: Columns) -> Iterable[Row]:
    """The good rows of a file that may be missing or empty."""
    if not path.is_file() or path.stat().st_size == 0:
        return []
    return (row for row in read_rows(path, columns) if row.problem is None)


def _shape_points(path: Path) -> Numbered:
    points: Numbered = defaultdict(list)
    for row in _rows(path, _SHAPES):
        position = _position(row)
        if position is not None:
            points[row.get("shape")].append((_sequence(row), position))
    return points


def _through_stops(folder: Path, route_of: dict[str, str]) -> dict[str, list[BaseGeometry]]:
    """The way of each route through the stops of its longest trip."""
    at = {row.get("stop"): found for row in _rows(folder / "stops.txt", _POINTS) if (found := _position(row))}
    calls: Numbered = defaultdict(list)
    for row in _rows(folder / "stop_times.txt", _TIMES):
        if row.get("trip") in route_of and row.get("stop") in at:
            calls[row.get("trip")].append((_sequence(row), at[row.get("stop")]))
    longest: dict[str, str] = {}
    for trip in sorted(calls):
        route = route_of[trip]
        if route not in longest or len(calls[trip]) > len(calls[longest[route]]):
            longest[route] = trip
    lines = _lines({trip: calls[trip] for trip in longest.values()})
    return {route: [lines[trip]] for route, trip in longest.items() if trip in lines}


def _lines(numbered: Numbered) -> dict[str, BaseGeometry]:
    """Points in the order of their numbers (files need not be sorted) → lines; fewer than two points make none."""
    lines: dict[str, BaseGeometry] = {}
    for key, points in numbered.items():
        positions = [position for _, position in sorted(points)]
        if len(set(positions)) > 1:
            lines[key] = LineString(positions)
    return lines


def _position(row: Row) -> Position | None:
    try:
        return number(row.get("lon"), "longitude"), number(row.get("lat"), "latitude")
    except GeometryRefusedError:
        return None


def _sequence(row: Row) -> float:
    try:
        return number(row.get("sequence"), "sequence")
    except GeometryRefusedError:
        return float("inf")
