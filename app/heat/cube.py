"""The heat cube: what the heat map needs of every report, as flat arrays of 15 bytes a report. Pure NumPy.

Rows are immutable: a change makes new arrays, so a request that draws never sees half a change. Rows are ordered by
`number`, the report's own small integer, which is how a corrected or withdrawn report is found again.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import date, timedelta
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.places.lattice import CELL_M, CELLS_PER_SIDE, ORIGIN_EAST_M, ORIGIN_NORTH_M, to_lambert93
from app.reports.rules import STATES

EPOCH = date(2000, 1, 1)
VISIBILITIES = ("public", "partner", "restricted")
# A cell is cut in 256 × 256: positions are kept to 10 cm, because 25 m would cost up to 6 % of the peak at 50 m.
SUBCELLS = 256
SUBCELL_M = CELL_M / SUBCELLS
# Category numbers are a smallint of the database.
CATEGORY_NUMBERS = 1 << 15

Array = NDArray[Any]
Mask = NDArray[np.bool_]
Index = NDArray[np.intp]


@dataclass(frozen=True)
class Rows:
    """One entry a report in every array; 15 bytes a report."""

    number: Array  # uint32
    column: Array  # uint16
    row: Array  # uint16
    sub_column: Array  # uint8
    sub_row: Array  # uint8
    day: Array  # int16
    category: Array  # int16
    flags: Array  # uint8

    def __len__(self) -> int:
        return len(self.number)

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays."""
        return sum(array.nbytes for array in self.arrays())

    def arrays(self) -> tuple[Array, ...]:
        """The arrays in the order of the fields."""
        return tuple(getattr(self, field.name) for field in fields(self))

    def take(self, index: Index | Mask | slice) -> Rows:
        """The chosen rows, as copies; of a slice, as views."""
        return Rows(*(array[index] for array in self.arrays()))


def no_rows() -> Rows:
    """An empty cube."""
    types = (np.uint32, np.uint16, np.uint16, np.uint8, np.uint8, np.int16, np.int16, np.uint8)
    return Rows(*(np.empty(0, kind) for kind in types))


def day_number(day: date) -> int:
    """Days since EPOCH, held within what the cube can keep (1910 … 2089)."""
    return int(np.clip((day - EPOCH).days, -(1 << 15), (1 << 15) - 1))


def day_of(number: int) -> date:
    """Inverse of day_number."""
    return EPOCH + timedelta(days=int(number))


def pack_flags(severity: Array, visibility: Array, state: Array) -> Array:
    """Severity 1-4, the place in VISIBILITIES and the place in STATES (both from 0) in one byte."""
    packed: Array = ((severity - 1) | (visibility << 2) | (state << 4)).astype(np.uint8)
    return packed


def flags_table() -> tuple[Array, Array, Array]:
    """What each of the 256 flag bytes means: severity, place in VISIBILITIES, place in STATES."""
    flags = np.arange(256)
    return (flags & 3) + 1, (flags >> 2) & 3, flags >> 4


def made_rows(
    *,
    number: Array,
    day: Array,
    category: Array,
    severity: Array,
    visibility: Array,
    state: Array,
    lon: Array,
    lat: Array,
) -> Rows:
    """Rows from what the database says (degrees, EPSG:4326), ordered by number; the last of equal numbers wins.

    A position outside the lattice cannot be drawn and is left out.
    """
    assert len(STATES) <= 16  # noqa: PLR2004  (four bits)
    east_m, north_m = to_lambert93(lon, lat)
    with np.errstate(invalid="ignore"):
        x, y = (east_m - ORIGIN_EAST_M) / SUBCELL_M, (north_m - ORIGIN_NORTH_M) / SUBCELL_M
        side = CELLS_PER_SIDE * SUBCELLS
        inside = (x >= 0) & (y >= 0) & (x < side) & (y < side)
    fine_column, fine_row = (np.where(inside, axis, 0).astype(np.uint32) for axis in (x, y))
    rows = Rows(
        number=number.astype(np.uint32),
        column=(fine_column >> 8).astype(np.uint16),
        row=(fine_row >> 8).astype(np.uint16),
        sub_column=fine_column.astype(np.uint8),
        sub_row=fine_row.astype(np.uint8),
        day=np.clip(day, -(1 << 15), (1 << 15) - 1).astype(np.int16),
        category=category.astype(np.int16),
        flags=pack_flags(severity, visibility, state),
    )
    return _ordered(rows if inside.all() else rows.take(inside))


def _ordered(rows: Rows) -> Rows:
    """By number, the last of equal numbers kept."""
    if len(rows) < 2 or (rows.number[1:] > rows.number[:-1]).all():  # noqa: PLR2004
        return rows
    order = np.argsort(rows.number, kind="stable")
    number = rows.number[order]
    last = np.append(number[1:] != number[:-1], True)
    return rows.take(order[last])


def joined(parts: list[Rows]) -> Rows:
    """Parts as one, ordered by number."""
    if not parts:
        return no_rows()
    return _ordered(Rows(*(np.concatenate(arrays) for arrays in zip(*(part.arrays() for part in parts), strict=True))))


def _places(rows: Rows, number: Array) -> Index:
    """Where those of `number` (ascending) that are in `rows` stand."""
    if not len(rows):
        return np.empty(0, np.intp)
    at = np.searchsorted(rows.number, number)
    at[at == len(rows)] = 0
    found: Index = at[rows.number[at] == number]
    return found


def merged(rows: Rows, changed: Rows, gone: Array) -> Rows:
    """The cube after a change: `changed` rows are new or replace those of the same number, `gone` numbers leave."""
    leaving = _places(rows, np.union1d(changed.number, gone.astype(np.uint32)))
    kept = Rows(*(np.delete(array, leaving) for array in rows.arrays())) if len(leaving) else rows
    if not len(changed):
        return kept
    if not len(kept) or changed.number[0] > kept.number[-1]:
        return joined([kept, changed])
    at = np.searchsorted(kept.number, changed.number)
    return Rows(*(np.insert(old, at, new) for old, new in zip(kept.arrays(), changed.arrays(), strict=True)))


def replaced(rows: Rows, changed: Rows, gone: Array) -> Rows:
    """The rows that `merged` would take away or overwrite."""
    return rows.take(_places(rows, np.union1d(changed.number, gone.astype(np.uint32))))


def _mixed(value: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """SplitMix64's finalizer (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014)."""
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


def fingerprint(rows: Rows) -> int:
    """64 bits that depend on the content and not on the order: every process with the same data has the same.

    A sum modulo 2⁶⁴ over the rows, so a change is a subtraction and an addition.
    """
    wide = [array.astype(np.int64).astype(np.uint64) & np.uint64(0xFFFFFFFF) for array in rows.arrays()]
    number, column, row, sub_column, sub_row, day, category, flags = wide
    where = column | (row << np.uint64(16)) | (sub_column << np.uint64(32)) | (sub_row << np.uint64(40))
    where |= flags << np.uint64(48)
    what = number | (day & np.uint64(0xFFFF)) << np.uint64(32) | (category & np.uint64(0xFFFF)) << np.uint64(48)
    return int(_mixed(_mixed(what + np.uint64(0x9E3779B97F4A7C15)) ^ where).sum(dtype=np.uint64)) if len(rows) else 0


@dataclass(frozen=True)
class Choice:
    """Which rows: category numbers, days (inclusive) and flag bytes."""

    categories: frozenset[int]
    first_day: int | None
    last_day: int | None
    flags: Mask  # 256 entries

    @cached_property
    def _table(self) -> Mask:
        table = np.zeros(CATEGORY_NUMBERS, np.bool_)
        table[sorted(self.categories)] = True
        return table

    @cached_property
    def _every_flag(self) -> bool:
        # Of the four numbers that two bits can say, three are visibilities.
        return bool(self.flags[flags_table()[1] < len(VISIBILITIES)].all())

    def of(self, rows: Rows) -> Mask:
        """One boolean a row."""
        chosen = self._table.take(rows.category)
        if not self._every_flag:
            chosen &= self.flags.take(rows.flags)
        if self.first_day is not None:
            chosen &= rows.day >= np.int16(self.first_day)
        if self.last_day is not None:
            chosen &= rows.day <= np.int16(self.last_day)
        return chosen
