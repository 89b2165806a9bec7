"""Untrusted geometry → one canonical GeoJSON text. Pure. Degrees of EPSG:4326, longitude first."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

import shapely
from shapely.geometry.base import BaseGeometry

MOST_POINTS = 500
DECIMALS = 7
_FEWEST = {"Point": 1, "LineString": 2, "Polygon": 3}
SHAPES = {"point": "Point", "line": "LineString", "area": "Polygon"}
_BETWEEN = re.compile(r"\s*[;\t ]\s*")


class GeometryError(ValueError):
    """A geometry that is refused; `code` says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def from_points(shape: str, text: str) -> dict[str, Any]:
    """Lines of `longitude latitude` as a form sends them → GeoJSON. A comma may be a decimal sign or a separator.

    Raises:
        GeometryError: shape, coordinates.

    """
    kind = SHAPES.get(shape)
    if kind is None:
        raise GeometryError("shape")
    points = [_pair(line) for line in text.splitlines() if line.strip()]
    if not points:
        raise GeometryError("missing")
    if kind == "Point":
        return {"type": kind, "coordinates": points[0] if len(points) == 1 else points}
    return {"type": kind, "coordinates": points if kind == "LineString" else [points]}


def _pair(line: str) -> list[float]:
    parts = _BETWEEN.split(line.strip())
    if len(parts) == 1:
        parts = line.strip().split(",")
    parts = [part.strip().rstrip(",").replace(",", ".") for part in parts]
    try:
        numbers = [float(part) for part in parts]
    except ValueError:
        raise GeometryError("coordinates") from None
    if len(numbers) != 2:  # noqa: PLR2004
        raise GeometryError("coordinates")
    return numbers


def canonical(value: object) -> str:
    """A GeoJSON geometry, as an object or its text, checked and written in one way.

    Raises:
        GeometryError: json, type, coordinates, range, too_many, too_few, invalid.

    """
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            raise GeometryError("json") from None
    if not isinstance(value, Mapping):
        raise GeometryError("json")
    kind = value.get("type")
    if not isinstance(kind, str) or kind not in _FEWEST:
        raise GeometryError("type")
    rings = _rings(kind, value.get("coordinates"))
    if sum(len(ring) for ring in rings) > MOST_POINTS:
        raise GeometryError("too_many")
    checked = [_positions(ring) for ring in rings]
    if kind == "Polygon":
        checked = [ring if ring[0] == ring[-1] else [*ring, ring[0]] for ring in checked]
    fewest = _FEWEST[kind]
    if any(len({tuple(point) for point in ring}) < fewest for ring in checked):
        raise GeometryError("too_few")
    coordinates: Any = checked if kind == "Polygon" else checked[0] if kind == "LineString" else checked[0][0]
    text = json.dumps({"type": kind, "coordinates": coordinates}, separators=(",", ":"))
    if not shapely.is_valid(to_shape(text)):
        raise GeometryError("invalid")
    return text


def _rings(kind: str, coordinates: object) -> list[list[object]]:
    """The coordinates as lists of positions, whatever the type."""
    rings = {"Point": [[coordinates]], "LineString": [coordinates], "Polygon": coordinates}[kind]
    if not isinstance(rings, list) or not rings or not all(isinstance(ring, list) and ring for ring in rings):
        raise GeometryError("coordinates")
    return rings


def _positions(ring: list[object]) -> list[list[float]]:
    made = []
    for position in ring:
        if not isinstance(position, list) or len(position) != 2:  # noqa: PLR2004  (heights are refused)
            raise GeometryError("coordinates")
        if any(isinstance(number, bool) or not isinstance(number, (int, float)) for number in position):
            raise GeometryError("coordinates")
        try:
            lon, lat = float(position[0]), float(position[1])
        except OverflowError:
            raise GeometryError("range") from None
        if not (math.isfinite(lon) and math.isfinite(lat) and -180 <= lon <= 180 and -90 <= lat <= 90):  # noqa: PLR2004
            raise GeometryError("range")
        made.append([round(lon, DECIMALS), round(lat, DECIMALS)])
    return made


def to_shape(text: str) -> BaseGeometry:
    """A canonical geometry as shapely's."""
    return shapely.from_geojson(text)


def points_of(text: str) -> list[tuple[float, float]]:
    """Every position (lon, lat)."""
    return [(float(lon), float(lat)) for lon, lat in shapely.get_coordinates(to_shape(text))]


def inner_point(text: str) -> tuple[float, float]:
    """A point (lon, lat) that lies on the geometry: where it is looked up and shown."""
    point = to_shape(text).representative_point()
    return float(point.x), float(point.y)


def as_lines(text: str) -> tuple[str, str]:
    """A canonical geometry as a form shows it: the shape, and a line `longitude latitude` for each corner."""
    value = json.loads(text)
    shape = next(shape for shape, kind in SHAPES.items() if kind == value["type"])
    coordinates = value["coordinates"]
    points = {"point": [coordinates], "line": coordinates, "area": coordinates[0][:-1] if shape == "area" else []}
    return shape, "\n".join(f"{lon} {lat}" for lon, lat in points[shape])
