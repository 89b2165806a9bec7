"""What the product ships about Amiens: an outline drawn by hand, neighbourhoods and main stops from rounded points.

Good enough to try the product before the official files are imported, and marked approximate wherever it is shown.
The neighbourhoods are the Voronoi cells of their centres (in metres, EPSG:2154) cut at the outline: each point of the
commune belongs to the centre it is nearest to.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import shapely
from pyproj import Transformer
from shapely import MultiPoint, Point, Polygon
from shapely.geometry.base import BaseGeometry

from geodata.records import Kind, PlaceRecord

INSEE = "80021"
NAME = "Amiens"
_HERE = Path(__file__).parent
# About 10 cm: far finer than the drawing, coarse enough that another version of GEOS computes the same cells.
_GRID_DEGREES = 1e-6


def approximate_places() -> Iterator[PlaceRecord]:
    """The commune, its neighbourhoods, a few main stops; geometry in EPSG:4326."""
    outline = Polygon(_points("outline.csv"))
    yield PlaceRecord("commune", INSEE, NAME, outline, _attributes())
    yield from _neighbourhoods(outline)
    for row in _rows("stops.csv"):
        yield _record("stop", row, Point(float(row["lon"]), float(row["lat"])))


def _neighbourhoods(outline: Polygon) -> Iterator[PlaceRecord]:
    rows = _rows("neighbourhoods.csv")
    outline_2154 = _moved(outline, 4326, 2154)
    centres_2154 = _moved(MultiPoint(_points("neighbourhoods.csv")), 4326, 2154)
    cells = shapely.get_parts(shapely.voronoi_polygons(centres_2154, extend_to=outline_2154))
    tree = shapely.STRtree(cells)
    for row, centre in zip(rows, shapely.get_parts(centres_2154), strict=True):
        cell = cells[tree.query(centre, predicate="intersects")[0]]
        clipped = _moved(shapely.intersection(cell, outline_2154), 2154, 4326)
        yield _record("neighbourhood", row, shapely.set_precision(clipped, _GRID_DEGREES))


def _record(kind: Kind, row: dict[str, str], geometry: BaseGeometry) -> PlaceRecord:
    # The prefix keeps these codes apart from those of the official files.
    return PlaceRecord(kind, f"amiens:{row['code']}", row["name"], geometry, _attributes())


def _attributes() -> dict[str, object]:
    return {"insee": [INSEE]}


def _points(file: str) -> list[tuple[float, float]]:
    return [(float(row["lon"]), float(row["lat"])) for row in _rows(file)]


@cache
def _rows(file: str) -> list[dict[str, str]]:
    with (_HERE / file).open(encoding="utf-8", newline="") as text:
        return list(csv.DictReader(text))


def _moved(geometry: BaseGeometry, source: int, target: int) -> BaseGeometry:
    """The geometry in another reference system, x first on both sides."""
    transform: Any = Transformer.from_crs(source, target, always_xy=True).transform
    return shapely.transform(geometry, transform, interleaved=False)
