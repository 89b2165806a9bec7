"""Counts in squares of 100 m over the territory, and their sums over discs: what the tests of chance look at. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from app.heat.cube import SUBCELL_M, Array
from app.heat.edge import Territory
from app.heat.points import Points
from app.places.lattice import ORIGIN_EAST_M, ORIGIN_NORTH_M

CELL_SHIFT = 10  # 2¹⁰ subcells = 100 m
SQUARE_M = SUBCELL_M * (1 << CELL_SHIFT)
# A study area wider than this (a whole region) is not tested square by square.
MOST_CELLS = 4_000_000


@dataclass(frozen=True)
class Area:
    """The squares that are looked at: `inside[row, column]`; (west, south) are squares from the lattice's origin."""

    inside: Array  # bool
    west: int
    south: int

    def count(self, points: Points) -> Array:
        """How many points lie in each square (int64); those outside the array are left out."""
        column = (points.x >> CELL_SHIFT).astype(np.intp) - self.west
        row = (points.y >> CELL_SHIFT).astype(np.intp) - self.south
        rows, columns = self.inside.shape
        within = (column >= 0) & (row >= 0) & (column < columns) & (row < rows)
        counts: Array = np.bincount((row * columns + column)[within], minlength=rows * columns).reshape(rows, columns)
        return np.where(self.inside, counts, 0)

    def sample(self, values: Array, east_m: Array, north_m: Array, default: float) -> Array:
        """The value of the square around each place, elementwise; `default` outside the array."""
        column = np.floor((np.asarray(east_m) - ORIGIN_EAST_M) / SQUARE_M).astype(np.int64) - self.west
        row = np.floor((np.asarray(north_m) - ORIGIN_NORTH_M) / SQUARE_M).astype(np.int64) - self.south
        rows, columns = self.inside.shape
        within = (column >= 0) & (row >= 0) & (column < columns) & (row < rows)
        found = values[np.where(within, row, 0), np.where(within, column, 0)]
        return np.where(within, found, default)


def area_of(territory: Territory | None, points: Points) -> Area:
    """The squares whose centre lies in the territory; without one, all squares of the box around the points."""
    if territory is None:
        if not len(points):
            return Area(np.zeros((1, 1), np.bool_), 0, 0)
        west, south, east, north = (
            int(end >> CELL_SHIFT) for end in (points.x.min(), points.y.min(), points.x.max(), points.y.max())
        )
        return Area(np.ones((north - south + 1, east - west + 1), np.bool_), west, south)
    bounds = territory.outline_2154.bounds
    west, east = (int((axis - ORIGIN_EAST_M) // SQUARE_M) for axis in (bounds[0], bounds[2]))
    south, north = (int((axis - ORIGIN_NORTH_M) // SQUARE_M) for axis in (bounds[1], bounds[3]))
    centre_east = ORIGIN_EAST_M + (np.arange(west, east + 1) + 0.5) * SQUARE_M
    centre_north = ORIGIN_NORTH_M + (np.arange(south, north + 1) + 0.5) * SQUARE_M
    return Area(territory.covers(*np.meshgrid(centre_east, centre_north)), west, south)


def disc_sums(values: Array, radius_m: float) -> Array:
    """For every square the sum over the squares whose centres lie at most `radius_m` away, itself included.

    Exact for whole numbers: running sums along rows, no floating-point transform.
    """
    rows, columns = values.shape
    reach = int(radius_m // SQUARE_M)
    padded = np.zeros((rows + 2 * reach, columns + 2 * reach + 1), np.asarray(values).dtype)
    padded[reach : reach + rows, reach + 1 : reach + 1 + columns] = values
    running = np.cumsum(padded, axis=1)
    total = np.zeros(values.shape, running.dtype)
    for away in range(-reach, reach + 1):
        half = int((radius_m**2 - (away * SQUARE_M) ** 2) ** 0.5 / SQUARE_M + 1e-9)
        lines = running[reach + away : reach + away + rows]
        right = lines[:, reach + half + 1 : reach + half + 1 + columns]
        total += right - lines[:, reach - half : reach - half + columns]
    return total
