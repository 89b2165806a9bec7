"""The lattice: 25 m squares of EPSG:2154 (Lambert-93) from a fixed origin, keyed by one integer in Morton (Z) order.

A window of the map is a few `BETWEEN` ranges of that integer on a btree. An integer range keeps its index under
row-level security; `geom && box` does not, because its function is not leakproof.

Morton order: G. M. Morton, "A computer oriented geodetic data base", IBM, 1966. The column's bits take the even
places (0, 2, …), the row's the odd ones. 16 bits each: 65,536 × 25 m = 1,638 km, which covers metropolitan France.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from pyproj import Transformer

CELL_M = 25.0
ORIGIN_EAST_M = 0.0
ORIGIN_NORTH_M = 6_000_000.0
CELLS_PER_SIDE = 1 << 16

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@lru_cache(maxsize=8)
def transformer(source: int, target: int) -> Transformer:
    """A cached pyproj transformer with x (lon, east) first on both sides."""
    return Transformer.from_crs(source, target, always_xy=True)


def to_lambert93(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    """EPSG:4326 degrees → EPSG:2154 metres (east, north), elementwise."""
    east, north = transformer(4326, 2154).transform(lon, lat)
    return np.asarray(east), np.asarray(north)


def to_lon_lat(east_m: Floats, north_m: Floats) -> tuple[Floats, Floats]:
    """EPSG:2154 metres → EPSG:4326 degrees (lon, lat), elementwise."""
    lon, lat = transformer(2154, 4326).transform(east_m, north_m)
    return np.asarray(lon), np.asarray(lat)


def column_row(east_m: Floats, north_m: Floats) -> tuple[Ints, Ints]:
    """EPSG:2154 metres → lattice column and row, elementwise (floor).

    Raises:
        ValueError: a point lies outside the lattice.

    """
    column = np.floor((np.asarray(east_m) - ORIGIN_EAST_M) / CELL_M).astype(np.int64)
    row = np.floor((np.asarray(north_m) - ORIGIN_NORTH_M) / CELL_M).astype(np.int64)
    if ((column < 0) | (row < 0) | (column >= CELLS_PER_SIDE) | (row >= CELLS_PER_SIDE)).any():
        raise ValueError("point outside the lattice (metropolitan France)")
    return column, row


def _spread(value: Ints) -> Ints:
    """The 16 low bits of each value moved to the even places."""
    value = value & 0xFFFF
    value = (value | (value << 8)) & 0x00FF00FF
    value = (value | (value << 4)) & 0x0F0F0F0F
    value = (value | (value << 2)) & 0x33333333
    return (value | (value << 1)) & 0x55555555


def _gather(value: Ints) -> Ints:
    """Inverse of _spread."""
    value = value & 0x55555555
    value = (value | (value >> 1)) & 0x33333333
    value = (value | (value >> 2)) & 0x0F0F0F0F
    value = (value | (value >> 4)) & 0x00FF00FF
    return (value | (value >> 8)) & 0x0000FFFF


def cell_key(column: Ints, row: Ints) -> Ints:
    """Column and row (0 … 65,535) → Morton key (0 … 2³²-1), elementwise."""
    return _spread(np.asarray(column, dtype=np.int64)) | (_spread(np.asarray(row, dtype=np.int64)) << 1)


def cell_column_row(cell_25m: Ints) -> tuple[Ints, Ints]:
    """Morton key → column and row, elementwise."""
    key = np.asarray(cell_25m, dtype=np.int64)
    return _gather(key), _gather(key >> 1)


def cells_of(lon: Floats, lat: Floats) -> Ints:
    """EPSG:4326 degrees → Morton key of the 25 m cell, elementwise."""
    return cell_key(*column_row(*to_lambert93(np.asarray(lon, dtype=float), np.asarray(lat, dtype=float))))


def _spread_one(value: int) -> int:
    """`_spread` of one whole number."""
    value = (value | (value << 8)) & 0x00FF00FF
    value = (value | (value << 4)) & 0x0F0F0F0F
    value = (value | (value << 2)) & 0x33333333
    return (value | (value << 1)) & 0x55555555


def cell_of(lon: float, lat: float) -> int:
    """`cells_of` for one point, without arrays: a tenth of the time."""
    east_m, north_m = transformer(4326, 2154).transform(lon, lat)
    column, row = int((east_m - ORIGIN_EAST_M) // CELL_M), int((north_m - ORIGIN_NORTH_M) // CELL_M)
    if not (0 <= column < CELLS_PER_SIDE and 0 <= row < CELLS_PER_SIDE):
        raise ValueError("point outside the lattice (metropolitan France)")
    return _spread_one(column) | (_spread_one(row) << 1)


def cell_ranges(
    west_col: int, south_row: int, east_col: int, north_row: int, *, most: int = 32
) -> list[tuple[int, int]]:
    """Inclusive Morton ranges that cover the window of cells (both corners inside), at most `most` of them.

    With room for more ranges the cover is exact; else the nearest ranges are joined and the cover has a margin that
    the caller must still filter exactly. Empty when the window is empty.
    """
    if west_col > east_col or south_row > north_row:
        return []
    ranges: list[tuple[int, int]] = []
    # Quadrants still to look at: (key of the south-west cell, its column, its row, log2 of the side), keys ascending.
    budget = 8 * most
    stack = [(0, 0, 0, 16)]
    while stack:
        key, column, row, level = stack.pop()
        side = 1 << level
        if column > east_col or row > north_row or column + side <= west_col or row + side <= south_row:
            continue
        inside = west_col <= column <= east_col - side + 1 and south_row <= row <= north_row - side + 1
        if inside or level == 0 or (len(ranges) + len(stack) > budget and level <= 4):  # noqa: PLR2004
            last = key + side * side - 1
            if ranges and ranges[-1][1] + 1 == key:
                ranges[-1] = (ranges[-1][0], last)
            else:
                ranges.append((key, last))
            continue
        half = side // 2
        stack.extend(
            (key + half * half * quadrant, column + half * (quadrant & 1), row + half * (quadrant >> 1), level - 1)
            for quadrant in (3, 2, 1, 0)
        )
    return _join_nearest(ranges, most)


def _join_nearest(ranges: list[tuple[int, int]], most: int) -> list[tuple[int, int]]:
    """Join the ranges with the smallest gaps until at most `most` are left."""
    if len(ranges) <= most:
        return ranges
    gaps = sorted(ranges[i + 1][0] - ranges[i][1] for i in range(len(ranges) - 1))
    widest_joined = gaps[len(ranges) - most - 1]
    joined = [ranges[0]]
    for first, last in ranges[1:]:
        if first - joined[-1][1] <= widest_joined:
            joined[-1] = (joined[-1][0], last)
        else:
            joined.append((first, last))
    return joined


# Metropolitan France, in degrees: outside it Lambert-93 means nothing.
FRANCE_LON_LAT = (-6.0, 41.0, 10.0, 51.5)


def cell_ranges_of_bbox(bbox: tuple[float, float, float, float], *, most: int = 32) -> list[tuple[int, int]]:
    """Morton ranges that cover a box (west, south, east, north in degrees), with a margin: filter exactly after them.

    Empty when the box does not touch metropolitan France.
    """
    west, south = max(bbox[0], FRANCE_LON_LAT[0]), max(bbox[1], FRANCE_LON_LAT[1])
    east, north = min(bbox[2], FRANCE_LON_LAT[2]), min(bbox[3], FRANCE_LON_LAT[3])
    if west > east or south > north:
        return []
    left, bottom, right, top = transformer(4326, 2154).transform_bounds(west, south, east, north, densify_pts=21)
    last = CELLS_PER_SIDE - 1
    # One cell more on each side: the box's edges are arcs between the points that were transformed.
    columns = [int((value - ORIGIN_EAST_M) // CELL_M) for value in (left, right)]
    rows = [int((value - ORIGIN_NORTH_M) // CELL_M) for value in (bottom, top)]
    return cell_ranges(
        max(columns[0] - 1, 0), max(rows[0] - 1, 0), min(columns[1] + 1, last), min(rows[1] + 1, last), most=most
    )
