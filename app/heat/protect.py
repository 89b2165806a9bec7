"""Small numbers: what those may see who may not read the reports underneath. Pure; the rule is docs/decisions/0004.

Reports are put into groups: theme × calendar quarter × square of 400 m, restricted reports apart from the others.
A group is published as its count rounded to the nearest multiple of k, and not at all below k. Its count is spread
evenly over the square and the quarter. A group is in a picture whole or not at all. So whatever anybody adds or
subtracts, from one picture or many, at one time or many, is a sum of multiples of k.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

import numpy as np

from app.heat.cube import CATEGORY_NUMBERS, EPOCH, VISIBILITIES, Array, Rows, flags_table
from app.heat.points import Points
from app.nomenclature.store import Nomenclature

# 400 m; a power of two of the lattice, so that a square holds whole cells at every step.
BLOCK_CELLS = 16
_BLOCK_SHIFT = 4
_DENSE = 20_000_000


@dataclass(frozen=True)
class Groups:
    """Published groups; one entry a group in every array."""

    theme: Array  # place in the nomenclature's themes
    restricted: Array  # bool
    quarter: Array  # quarter_number
    column: Array  # of the square
    row: Array
    count: Array  # a multiple of k

    def __len__(self) -> int:
        return len(self.count)

    def take(self, chosen: Array) -> Groups:
        """Some of the groups."""
        return Groups(
            self.theme[chosen], self.restricted[chosen], self.quarter[chosen], self.column[chosen], self.row[chosen],
            self.count[chosen],
        )  # fmt: skip


def no_groups() -> Groups:
    """None at all."""
    return Groups(*(np.empty(0, np.int64) for _ in range(6)))


def quarter_number(day: date) -> int:
    """Quarters since the year 0."""
    return day.year * 4 + (day.month - 1) // 3


def quarter_start(number: int) -> date:
    """The first day of a quarter."""
    return date(number // 4, number % 4 * 3 + 1, 1)


def quarter_end(number: int) -> date:
    """The last day of a quarter."""
    return quarter_start(number + 1) - timedelta(days=1)


@lru_cache(maxsize=1)
def _quarter_of_day() -> Array:
    """The quarter of every day number, from the least int16 on."""
    days = np.datetime64(EPOCH) + np.arange(-(1 << 15), 1 << 15)
    months = days.astype("datetime64[M]").astype(np.int64) + 1970 * 12
    return (months // 3).astype(np.int32)


def published(count: Array, k: int) -> Array:
    """Counts as they may be shown: nothing below k, else the nearest multiple of k."""
    return np.where(count < k, 0, (2 * count + k) // (2 * k) * k)


def theme_table(nomenclature: Nomenclature) -> Array:
    """For every category number the place of its theme; -1 where there is no such category."""
    place = {theme.code: index for index, theme in enumerate(nomenclature.themes)}
    table = np.full(CATEGORY_NUMBERS, -1, np.int16)
    for category in nomenclature.categories:
        table[category.number] = place[category.theme]
    return table


def groups_of(rows: Rows, themes: Array, k: int, *, restricted_only: bool) -> Groups:
    """The published groups.

    Args:
        rows: all reports that count.
        themes: theme_table.
        k: the least number that may be shown.
        restricted_only: leave the others out, for those who read them anyway.

    """
    is_restricted = (flags_table()[1] == VISIBILITIES.index("restricted")).take(rows.flags)
    if restricted_only:
        rows, is_restricted = rows.take(is_restricted), is_restricted[is_restricted]
    if not len(rows):
        return no_groups()
    parts = (
        themes.take(rows.category),
        is_restricted,
        _quarter_of_day().take(rows.day.astype(np.intp) + (1 << 15)),
        rows.column >> _BLOCK_SHIFT,
        rows.row >> _BLOCK_SHIFT,
    )
    low = [int(part.min()) for part in parts]
    sizes = [int(part.max()) - least + 1 for part, least in zip(parts, low, strict=True)]
    key = np.zeros(len(rows), np.int64)
    for part, least, size in zip(parts, low, sizes, strict=True):
        key *= size
        key += part.astype(np.int64) - least
    keys, counts = _tally(key, int(np.prod(sizes, dtype=object)))
    shown = published(counts, k)
    keys, shown = keys[shown > 0], shown[shown > 0]
    columns = []
    for least, size in zip(reversed(low), reversed(sizes), strict=True):
        columns.append(keys % size + least)
        keys = keys // size
    theme, restricted, quarter, column, row = reversed(columns)
    known = theme >= 0
    return Groups(theme, restricted.astype(bool), quarter, column, row, shown).take(known)


def _tally(key: Array, size: int) -> tuple[Array, Array]:
    """The distinct keys and how often each is there."""
    if size <= _DENSE:
        counts = np.bincount(key, minlength=size)
        keys = np.flatnonzero(counts)
        return keys, counts[keys]
    return np.unique(key, return_counts=True)


def spread(groups: Groups) -> Points:
    """The groups' counts, evenly over the cells of their squares."""
    if not len(groups):
        return Points(np.empty(0, np.uint32), np.empty(0, np.uint32))
    key, inverse = np.unique(groups.row.astype(np.int64) << 16 | groups.column, return_inverse=True)
    counts = np.bincount(inverse, groups.count)
    inner = np.arange(BLOCK_CELLS)
    column = ((key & 0xFFFF) << _BLOCK_SHIFT)[:, None, None] + inner[None, None, :]
    row = ((key >> 16) << _BLOCK_SHIFT)[:, None, None] + inner[None, :, None]
    shape = len(key), BLOCK_CELLS, BLOCK_CELLS
    x, y = (np.broadcast_to(cell << 8 | 128, shape).reshape(-1).astype(np.uint32) for cell in (column, row))
    weight = np.broadcast_to((counts / BLOCK_CELLS**2)[:, None, None], shape).reshape(-1)
    return Points(x, y, weight)


def whole_themes(chosen: frozenset[int], nomenclature: Nomenclature, *, restricted_only: bool) -> Array:
    """One boolean a theme: whether the chosen categories hold all of its categories (all restricted ones)."""
    asked = [c for c in nomenclature.categories if not restricted_only or c.visibility == "restricted"]
    codes = [theme.code for theme in nomenclature.themes]
    missing = {category.theme for category in asked if category.number not in chosen}
    return np.array([code not in missing for code in codes], np.bool_)


def whole_quarters(first: date | None, last: date | None, today: date) -> tuple[int | None, int]:
    """The first and last quarter that a period holds whole (first None: from the beginning; empty when first > last).

    The current quarter counts as whole when the period reaches today: there is nothing after.
    """
    begin = None
    if first is not None:
        begin = quarter_number(first)
        begin += quarter_start(begin) < first
    current = quarter_number(today)
    if last is None or last >= today:
        return begin, current
    end = quarter_number(last)
    return begin, end - (quarter_end(end) > last)
