"""Weighted positions, and how they are gathered from the cube's rows. Pure NumPy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from app.heat.cube import SUBCELL_M, Array, Choice, Rows
from app.places.lattice import ORIGIN_EAST_M, ORIGIN_NORTH_M

if TYPE_CHECKING:
    from collections.abc import Iterator

# Rows are gone through in pieces that stay in the processor's cache: half the time of whole arrays at a million.
CHUNK = 1 << 16


class Weights(Protocol):
    """How much each row counts."""

    def of(self, rows: Rows) -> Array:
        """One float a row."""
        ...


@dataclass(frozen=True)
class Points:
    """Positions in subcells (about 10 cm) from the lattice's origin; a weight each, or one each when None."""

    x: Array  # uint32, 24 bits used
    y: Array
    weight: Array | None = None

    def __len__(self) -> int:
        return len(self.x)

    @property
    def mass(self) -> float:
        """The sum of the weights."""
        return float(len(self.x)) if self.weight is None else float(self.weight.sum())

    def take(self, chosen: Array | slice) -> Points:
        """Some of the points."""
        return Points(self.x[chosen], self.y[chosen], None if self.weight is None else self.weight[chosen])

    def metres(self) -> tuple[Array, Array]:
        """East and north in EPSG:2154."""
        return ORIGIN_EAST_M + (self.x + 0.5) * SUBCELL_M, ORIGIN_NORTH_M + (self.y + 0.5) * SUBCELL_M


def points_of(rows: Rows, chosen: Array) -> Points:
    """The chosen rows' positions; `chosen` is a mask."""
    index = np.flatnonzero(chosen)
    x, y = np.empty(len(index), np.uint32), np.empty(len(index), np.uint32)
    _fine(rows.column, rows.sub_column, index, x)
    _fine(rows.row, rows.sub_row, index, y)
    return Points(x, y)


def gathered(rows: Rows, choice: Choice, weights: Weights | None = None) -> Points:
    """The same for a choice, weighted when `weights` says so."""
    parts = list(_pieces(rows, choice, weights))
    if not parts:
        return Points(np.empty(0, np.uint32), np.empty(0, np.uint32), None if weights is None else np.empty(0))
    x, y = (np.concatenate([getattr(part, axis) for part in parts]) for axis in ("x", "y"))
    return Points(x, y, None if weights is None else np.concatenate([part.weight for part in parts]))


def _pieces(rows: Rows, choice: Choice, weights: Weights | None) -> Iterator[Points]:
    for first in range(0, len(rows), CHUNK):
        part = rows.take(slice(first, first + CHUNK))
        index = np.flatnonzero(choice.of(part))
        x, y = np.empty(len(index), np.uint32), np.empty(len(index), np.uint32)
        _fine(part.column, part.sub_column, index, x)
        _fine(part.row, part.sub_row, index, y)
        yield Points(x, y, None if weights is None else weights.of(part.take(index)))


def _fine(cell: Array, sub: Array, index: Array, out: Array) -> None:
    out[:] = cell.take(index)
    out <<= 8
    out |= sub.take(index)


def points_together(one: Points, other: Points) -> Points:
    """Both sets as one."""
    if not len(other):
        return one
    if not len(one):
        return other
    weights = [np.ones(len(part)) if part.weight is None else part.weight for part in (one, other)]
    return Points(np.concatenate([one.x, other.x]), np.concatenate([one.y, other.y]), np.concatenate(weights))


def within(points: Points, east_m: float, north_m: float, radius_m: float) -> float:
    """The sum of the weights at most `radius_m` from a place of EPSG:2154."""
    east, north = points.metres()
    near = (east - east_m) ** 2 + (north - north_m) ** 2 <= radius_m**2
    return float(np.count_nonzero(near)) if points.weight is None else float(points.weight[near].sum())
