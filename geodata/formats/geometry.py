"""BaseGeometry of a source → geometry of a place: 2D, finite, valid, of the right kind, in metropolitan France."""

from __future__ import annotations

import math

import shapely
from shapely import LineString, MultiLineString, Point
from shapely.geometry.base import BaseGeometry, BaseMultipartGeometry

# Metropolitan France with a margin (degrees: west, south, east, north): where the lattice of EPSG:2154 reaches.
WEST, SOUTH, EAST, NORTH = -5.8, 41.0, 10.0, 51.5


class GeometryRefusedError(ValueError):
    """This geometry cannot be a place's; the text says why."""


def polygonal(geometry: BaseGeometry | None) -> BaseGeometry:
    """The valid polygonal part of the geometry.

    Raises:
        GeometryRefusedError: there is none.

    """
    checked = _checked(geometry)
    if not checked.is_valid:
        checked = shapely.make_valid(checked, method="structure", keep_collapsed=False)
    parts = [part for part in _flat(checked) if part.geom_type == "Polygon" and part.area > 0]
    if not parts:
        raise GeometryRefusedError(f"no polygon in it ({checked.geom_type})")
    return parts[0] if len(parts) == 1 else _valid(shapely.union_all(parts))


def linear(geometry: BaseGeometry | None) -> BaseGeometry:
    """The lines of the geometry, each stretch once.

    Raises:
        GeometryRefusedError: there are none.

    """
    parts = [part for part in _flat(_checked(geometry)) if part.geom_type == "LineString" and part.length > 0]
    if not parts:
        raise GeometryRefusedError("no line in it")
    # Variants of a bus line share most of their way: noding them keeps each stretch once.
    merged = shapely.line_merge(shapely.union_all(parts))
    if merged.geom_type == "LineString":
        return merged
    return MultiLineString([part for part in _flat(merged) if isinstance(part, LineString) and part.length > 0])


def point(geometry: BaseGeometry | None) -> Point:
    """One point that stands for the geometry: itself, the middle of several, a point inside a polygon.

    Raises:
        GeometryRefusedError: there is none.

    """
    checked = _checked(geometry)
    if isinstance(checked, Point):
        return checked
    if checked.geom_type == "MultiPoint":
        return checked.centroid
    return _valid(checked).representative_point()


def lon_lat_point(lon: str, lat: str) -> Point:
    """Two cells (decimal point or comma, degrees of EPSG:4326) → a point.

    Raises:
        GeometryRefusedError: not numbers, not finite, or not in metropolitan France.

    """
    return point(Point(number(lon, "longitude"), number(lat, "latitude")))


def number(value: str, name: str) -> float:
    """A cell as a finite number.

    Raises:
        GeometryRefusedError: it is none.

    """
    try:
        parsed = float(value.replace(",", ".")) if value.isascii() and "_" not in value else math.nan
    except ValueError:
        parsed = math.nan
    if not math.isfinite(parsed):
        raise GeometryRefusedError(f"{name} is not a number: {value[:40]!r}")
    return parsed


def _checked(geometry: BaseGeometry | None) -> BaseGeometry:
    if geometry is None or geometry.is_empty:
        raise GeometryRefusedError("no readable geometry")
    flat = shapely.force_2d(geometry)
    coordinates = shapely.get_coordinates(flat)
    if not all(math.isfinite(value) for value in (coordinates.min(), coordinates.max())):
        raise GeometryRefusedError("coordinates that are not finite")
    (west, south), (east, north) = coordinates.min(axis=0), coordinates.max(axis=0)
    if _in_france(west, south, east, north):
        return flat
    if west == south == east == north == 0:
        raise GeometryRefusedError("coordinates 0, 0: the position is unknown")
    if _in_france(south, west, north, east):
        raise GeometryRefusedError("longitude and latitude are swapped")
    raise GeometryRefusedError(f"outside metropolitan France ({west:.4f}, {south:.4f})")


def _in_france(west: float, south: float, east: float, north: float) -> bool:
    return west >= WEST and south >= SOUTH and east <= EAST and north <= NORTH


def _valid(geometry: BaseGeometry) -> BaseGeometry:
    return geometry if geometry.is_valid else shapely.make_valid(geometry, method="structure", keep_collapsed=False)


def _flat(geometry: BaseGeometry) -> list[BaseGeometry]:
    """The single geometries inside, collections of collections included."""
    found: list[BaseGeometry] = []
    stack = [geometry]
    while stack:
        current = stack.pop()
        if current.is_empty:
            continue
        if isinstance(current, BaseMultipartGeometry):
            stack.extend(reversed(list(current.geoms)))
        else:
            found.append(current)
    return found
