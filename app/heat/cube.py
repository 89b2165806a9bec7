"""The heat cube: what the heat map needs of every report, as flat arrays of 15 bytes a report. Pure NumPy.

Rows are immutable: a change makes new arrays, so a request that draws never sees half a change. Rows are ordered by
`number`, the report's own small integer, which is how a corrected or withdrawn report is found again. Category and
organisation are one number together, the place of the pair in a table of the cube's own: a city has a few hundred such
pairs, so that both cost two bytes and are filtered by one look-up (docs/decisions/0020).
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
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
# The organisation of a report that nobody answers for yet; the database counts from 1.
NO_ORGANISATION = 0
_ORGANISATION_BITS = 32
_NARROW_PAIRS = 1 << 16

Array = NDArray[Any]
Mask = NDArray[np.bool_]
Index = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Pairs:
    """Pairs of a category's number and an organisation's id, each once, in ascending order."""

    keys: Array  # int64: category << 32 | organisation

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def category(self) -> Array:
        """Category numbers."""
        return self.keys >> _ORGANISATION_BITS

    @property
    def organisation(self) -> Array:
        """Organisation ids."""
        return self.keys & ((1 << _ORGANISATION_BITS) - 1)

    @property
    def kind(self) -> type[np.unsignedinteger[Any]]:
        """What holds a place in here: two bytes; four (17 bytes a report) with more pairs than anybody ever had."""
        return np.uint16 if len(self) <= _NARROW_PAIRS else np.uint32


def pairs_of(category: Array, organisation: Array) -> tuple[Pairs, Array]:
    """The distinct pairs, and the place of each entry's."""
    keys, place = np.unique(category.astype(np.int64) << _ORGANISATION_BITS | organisation, return_inverse=True)
    pairs = Pairs(keys)
    return pairs, place.astype(pairs.kind)


@dataclass(frozen=True)
class Rows:
    """One entry a report in every array; 15 bytes a report, and the table that `pair` counts in."""

    pairs: Pairs
    number: Array  # uint32
    column: Array  # uint16
    row: Array  # uint16
    sub_column: Array  # uint8
    sub_row: Array  # uint8
    day: Array  # int16
    pair: Array  # pairs.kind
    flags: Array  # uint8

    def __len__(self) -> int:
        return len(self.number)

    @property
    def category(self) -> Array:
        """Each report's category number, made on demand."""
        return self.pairs.category.astype(np.int16).take(self.pair)

    @property
    def organisation(self) -> Array:
        """The id of the organisation that answers for each report, made on demand; NO_ORGANISATION for nobody."""
        return self.pairs.organisation.take(self.pair)

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays."""
        return sum(array.nbytes for array in self.arrays())

    def arrays(self) -> tuple[Array, ...]:
        """The arrays in the order of the fields."""
        return tuple(getattr(self, name) for name in ARRAYS)

    def take(self, index: Index | Mask | slice) -> Rows:
        """The chosen rows, as copies; of a slice, as views."""
        return Rows(self.pairs, *(array[index] for array in self.arrays()))

    def counted_in(self, pairs: Pairs) -> Rows:
        """The same rows with another table that holds all of their pairs."""
        if pairs is self.pairs:
            return self
        place = np.searchsorted(pairs.keys, self.pairs.keys).astype(pairs.kind)
        return replace(self, pair=place.take(self.pair), pairs=pairs)


ARRAYS = tuple(field.name for field in fields(Rows) if field.name != "pairs")


def _in_one_table(parts: list[Rows]) -> list[Rows]:
    """The parts with a table in common: the first one's when that holds everything."""
    table = parts[0].pairs
    if not all(np.isin(part.pairs.keys, table.keys).all() for part in parts):
        table = Pairs(np.unique(np.concatenate([part.pairs.keys for part in parts])))
    return [part.counted_in(table) for part in parts]


def no_rows() -> Rows:
    """An empty cube."""
    types = (np.uint32, np.uint16, np.uint16, np.uint8, np.uint8, np.int16, np.uint16, np.uint8)
    return Rows(Pairs(np.empty(0, np.int64)), *(np.empty(0, kind) for kind in types))


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
    organisation: Array | None = None,
) -> Rows:
    """Rows from what the database says (degrees, EPSG:4326), ordered by number; the last of equal numbers wins.

    A position outside the lattice cannot be drawn and is left out.

    organisation: ids, NO_ORGANISATION for nobody's; None when all are.
    """
    assert len(STATES) <= 16  # noqa: PLR2004  (four bits)
    east_m, north_m = to_lambert93(lon, lat)
    with np.errstate(invalid="ignore"):
        x, y = (east_m - ORIGIN_EAST_M) / SUBCELL_M, (north_m - ORIGIN_NORTH_M) / SUBCELL_M
        side = CELLS_PER_SIDE * SUBCELLS
        inside = (x >= 0) & (y >= 0) & (x < side) & (y < side)
    fine_column, fine_row = (np.where(inside, axis, 0).astype(np.uint32) for axis in (x, y))
    answering = np.full(len(category), NO_ORGANISATION) if organisation is None else organisation
    pairs, pair = pairs_of(category, answering)
    rows = Rows(
        pairs=pairs,
        number=number.astype(np.uint32),
        column=(fine_column >> 8).astype(np.uint16),
        row=(fine_row >> 8).astype(np.uint16),
        sub_column=fine_column.astype(np.uint8),
        sub_row=fine_row.astype(np.uint8),
        day=np.clip(day, -(1 << 15), (1 << 15) - 1).astype(np.int16),
        pair=pair,
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
    parts = _in_one_table(parts)
    arrays = (np.concatenate(arrays) for arrays in zip(*(part.arrays() for part in parts), strict=True))
    return _ordered(Rows(parts[0].pairs, *arrays))


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
    kept = Rows(rows.pairs, *(np.delete(array, leaving) for array in rows.arrays())) if len(leaving) else rows
    if not len(changed):
        return kept
    if not len(kept) or changed.number[0] > kept.number[-1]:
        return joined([kept, changed])
    at = np.searchsorted(kept.number, changed.number)
    kept, changed = _in_one_table([kept, changed])
    arrays = (np.insert(old, at, new) for old, new in zip(kept.arrays(), changed.arrays(), strict=True))
    return Rows(kept.pairs, *arrays)


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
    if not len(rows):
        return 0
    names = ("number", "column", "row", "sub_column", "sub_row", "day", "flags")
    wide = [getattr(rows, name).astype(np.int64).astype(np.uint64) & np.uint64(0xFFFFFFFF) for name in names]
    number, column, row, sub_column, sub_row, day, flags = wide
    where = column | (row << np.uint64(16)) | (sub_column << np.uint64(32)) | (sub_row << np.uint64(40))
    where |= flags << np.uint64(48)
    # The table differs from process to process, what it says of a row does not.
    who = _mixed(rows.pairs.keys.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)).take(rows.pair)
    what = number | (day & np.uint64(0xFFFF)) << np.uint64(32)
    return int(_mixed(_mixed(what ^ who) ^ where).sum(dtype=np.uint64))


@dataclass(frozen=True)
class Choice:
    """Which rows: category numbers, days (inclusive), flag bytes, and whose they are to answer (None: anybody's)."""

    categories: frozenset[int]
    first_day: int | None
    last_day: int | None
    flags: Mask  # 256 entries
    organisation: int | None = None

    @cached_property
    def _every_flag(self) -> bool:
        # Of the four numbers that two bits can say, three are visibilities.
        return bool(self.flags[flags_table()[1] < len(VISIBILITIES)].all())

    @cached_property
    def _wanted(self) -> dict[Pairs, Mask]:
        return {}

    def _of_pairs(self, pairs: Pairs) -> Mask:
        """One boolean a pair, made once a table: rows are gone through in pieces that share one."""
        wanted = self._wanted.get(pairs)
        if wanted is None:
            wanted = np.isin(pairs.category, sorted(self.categories))
            if self.organisation is not None:
                wanted &= pairs.organisation == self.organisation
            self._wanted[pairs] = wanted
        return wanted

    def of(self, rows: Rows) -> Mask:
        """One boolean a row."""
        chosen = self._of_pairs(rows.pairs).take(rows.pair)
        if not self._every_flag:
            chosen &= self.flags.take(rows.flags)
        if self.first_day is not None:
            chosen &= rows.day >= np.int16(self.first_day)
        if self.last_day is not None:
            chosen &= rows.day <= np.int16(self.last_day)
        return chosen
