"""Clusters: reports counted in lattice squares whose side doubles from zoom to zoom. Pure NumPy.

A square of level L is 25 m × 2ᴸ wide: the cells that share all but the last 2L bits of their Morton key. Level 18 - z
makes squares of about 64 pixels at zoom z in France, so that circles have room. A level is made from the finer one, so
the reports are gone through once a filter.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from app.heat.cube import Array, Rows, flags_table
from app.heat.points import Points, points_of
from app.heat.protect import Groups
from app.places.lattice import cell_key

SEVERITIES = 4
# What is counted first. It is also the square of the protected groups: nothing finer may be shown of them.
BASE_LEVEL = 4
LEVEL_MOST = 16
_SUBCELL_BITS = 8
# Squares that may be counted in a plain table; beyond that (all of France at once) they are sorted.
_DENSE = 4_000_000


@dataclass(frozen=True)
class Cells:
    """Squares of one level that hold something; one entry a square in every array."""

    level: int
    column: Array  # of the square
    row: Array
    count: Array  # int64
    x_sum: Array  # of the positions, in subcells of the lattice
    y_sum: Array
    severity: Array  # the highest, 1 to 4; 0 where it is not to be known
    themes: Array  # [square, theme]: reports of each theme

    def __len__(self) -> int:
        return len(self.count)

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays."""
        arrays = (self.column, self.row, self.count, self.x_sum, self.y_sum, self.severity, self.themes)
        return sum(int(array.nbytes) for array in arrays)

    def take(self, index: Array) -> Cells:
        """Some of the squares."""
        arrays = (self.column, self.row, self.count, self.x_sum, self.y_sum, self.severity, self.themes)
        return Cells(self.level, *(array[index] for array in arrays))

    @property
    def key(self) -> Array:
        """The squares' Morton keys at their level."""
        return cell_key(self.column, self.row)

    def centres(self) -> Points:
        """The mean position of each square's reports."""
        weight = np.maximum(self.count, 1)
        return Points((self.x_sum / weight).astype(np.uint32), (self.y_sum / weight).astype(np.uint32))

    def main_theme(self) -> Array:
        """The place of the theme with most reports; of equal ones the first."""
        main: Array = self.themes.argmax(axis=1)
        return main


def level_of(z: int) -> int:
    """The level of a zoom."""
    return min(max(18 - z, 0), LEVEL_MOST)


def _squares(column: Array, row: Array) -> tuple[Array, Array, Array]:
    """The distinct squares' columns and rows, and for each entry the place of its square."""
    if not len(column):
        empty = np.empty(0, np.int64)
        return empty, empty, np.empty(0, np.intp)
    west, south = int(column.min()), int(row.min())
    width, height = int(column.max()) - west + 1, int(row.max()) - south + 1
    flat = _flat(column, row, west, south, width)
    if width * height <= _DENSE:
        known = np.flatnonzero(np.bincount(flat, minlength=width * height))
        places = np.empty(width * height, np.intp)
        places[known] = np.arange(len(known))
        place = places.take(flat)
    else:
        known, place = np.unique(flat, return_inverse=True)
    return known % width + west, known // width + south, place


def _flat(column: Array, row: Array, west: int, south: int, width: int) -> Array:
    """Squares of a box as one number each, by rows."""
    flat: Array = row.astype(np.int64)
    flat *= width
    flat += column
    flat -= south * width + west
    return flat


def counted(points: Points, theme: Array, severity: Array, themes: int, level: int = BASE_LEVEL) -> Cells:
    """Points, each with the place of its theme and its severity, counted in squares.

    Args:
        points: positions; a weight is a number of reports.
        theme: 0 … themes - 1.
        severity: 1 to 4.
        themes: how many themes there are.
        level: 0 to 16.

    """
    shift = _SUBCELL_BITS + level
    if not len(points):
        return _cells(level, _squares(points.x, points.y), points, np.zeros((0, themes, SEVERITIES), np.int64))
    column, row = points.x >> np.uint32(shift), points.y >> np.uint32(shift)
    kinds = themes * SEVERITIES
    west, south = int(column.min()), int(row.min())
    width, height = int(column.max()) - west + 1, int(row.max()) - south + 1
    if width * height * kinds <= _DENSE:
        # A city: every square of the box has its place, and those without a report are dropped at the end.
        place = _flat(column, row, west, south, width)
        squares = np.arange(width * height)
        columns, rows = squares % width + west, squares // width + south
    else:
        columns, rows, place = _squares(column, row)
    joint = place * kinds
    joint += np.multiply(theme, SEVERITIES, dtype=np.int64)
    joint += severity
    joint -= 1
    tally = np.bincount(joint, points.weight, len(columns) * kinds).astype(np.int64)
    made = _cells(level, (columns, rows, place), points, tally.reshape(len(columns), themes, SEVERITIES))
    return made.take(np.flatnonzero(made.count))


def _cells(level: int, squares: tuple[Array, Array, Array], points: Points, tally: Array) -> Cells:
    column, row, place = squares
    size = len(column)
    by_theme = tally.sum(axis=2)
    x, y = (axis if points.weight is None else axis * points.weight for axis in (points.x, points.y))
    return Cells(
        level=level,
        column=column,
        row=row,
        count=by_theme.sum(axis=1),
        x_sum=np.bincount(place, x, size),
        y_sum=np.bincount(place, y, size),
        severity=SEVERITIES - (tally.sum(axis=1) > 0)[:, ::-1].argmax(axis=1),
        themes=by_theme,
    )


def counted_rows(rows: Rows, chosen: Array, theme_of: Array, themes: int, level: int = BASE_LEVEL) -> Cells:
    """The chosen rows of the cube (a mask) in squares; `theme_of` is protect.theme_table."""
    index = slice(None) if chosen.all() else np.flatnonzero(chosen)
    theme = theme_of.take(rows.category[index])
    severity = flags_table()[0].take(rows.flags[index])
    return counted(points_of(rows, chosen), theme, severity, themes, level)


def counted_groups(groups: Groups, themes: int) -> Cells:
    """Published groups in their own squares; their severities are not published."""
    column, row, place = _squares(groups.column, groups.row)
    size = len(column)
    joint = place * themes + groups.theme.astype(np.intp)
    tally = np.bincount(joint, groups.count, size * themes).astype(np.int64).reshape(size, themes)
    count = tally.sum(axis=1)
    middle = (1 << (_SUBCELL_BITS + BASE_LEVEL)) // 2
    x, y = ((axis << (_SUBCELL_BITS + BASE_LEVEL)) + middle for axis in (column, row))
    return Cells(BASE_LEVEL, column, row, count, x * count, y * count, np.zeros(size, np.int64), tally)


def together(parts: list[Cells], level: int) -> Cells:
    """Squares of finer or equal levels as squares of one level."""
    column = np.concatenate([part.column >> (level - part.level) for part in parts])
    row = np.concatenate([part.row >> (level - part.level) for part in parts])
    columns, rows, place = _squares(column, row)
    size = len(columns)
    severity = np.zeros(size, np.int64)
    np.maximum.at(severity, place, np.concatenate([part.severity for part in parts]))
    themes = np.concatenate([part.themes for part in parts])
    tally = np.zeros((size, themes.shape[1]), np.int64)
    np.add.at(tally, place, themes)
    x_sum, y_sum = (
        np.bincount(place, np.concatenate([getattr(part, name) for part in parts]), size) for name in ("x_sum", "y_sum")
    )
    return Cells(level, columns, rows, tally.sum(axis=1), x_sum, y_sum, severity, tally)
