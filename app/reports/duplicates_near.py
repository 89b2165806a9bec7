"""The squares of the lattice that a circle touches. Pure: no Flask, no SQL."""

from __future__ import annotations

import numpy as np

from app.places.lattice import (
    CELL_M,
    CELLS_PER_SIDE,
    FRANCE_LON_LAT,
    ORIGIN_EAST_M,
    ORIGIN_NORTH_M,
    cell_key,
    to_lambert93,
)

# Two implementations of the projection may differ in the last digit: a square touched by less than this is taken too.
_MARGIN_M = 0.5


def cells_within(lon: float, lat: float, radius_m: float) -> list[int]:
    """Morton keys of the 25 m squares that a circle (EPSG:4326 middle, metres of EPSG:2154) touches, ascending.

    Empty outside metropolitan France, where there is no lattice.
    """
    west, south, east_most, north_most = FRANCE_LON_LAT
    if not (west <= lon <= east_most and south <= lat <= north_most):
        return []
    east, north = to_lambert93(np.array([lon]), np.array([lat]))
    columns, across_m = _strip(float(east[0]) - ORIGIN_EAST_M, radius_m + _MARGIN_M)
    rows, along_m = _strip(float(north[0]) - ORIGIN_NORTH_M, radius_m + _MARGIN_M)
    touched = across_m[np.newaxis, :] ** 2 + along_m[:, np.newaxis] ** 2 <= (radius_m + _MARGIN_M) ** 2
    row, column = np.nonzero(touched)
    return sorted(int(key) for key in cell_key(columns[column], rows[row]))


def _strip(at_m: float, reach_m: float) -> tuple[np.ndarray, np.ndarray]:
    """Along one axis: the squares within reach, and the distance to each one's nearer edge (0 for the one around)."""
    first, last = int((at_m - reach_m) // CELL_M), int((at_m + reach_m) // CELL_M)
    squares = np.arange(max(first, 0), min(last, CELLS_PER_SIDE - 1) + 1, dtype=np.int64)
    return squares, np.maximum(0.0, np.maximum(squares * CELL_M - at_m, at_m - (squares + 1) * CELL_M))
