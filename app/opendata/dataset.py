"""The published dataset: reports by month, neighbourhood and theme, small numbers left out. Pure.

Two steps, of docs/decisions/0030: the database counts only reports of groups (theme × quarter × square of 400 m) with
at least k; here each count becomes the nearest multiple of k, and nothing below k. So a register with 0 reports in a
group and one with k - 1 give the same bytes in every format, and every difference of two numbers is a multiple of k.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property

import numpy as np

from app.heat.protect import published
from app.nomenclature.store import Theme
from app.opendata.store import Count, Neighbourhood, Territory
from app.reports.filters import LOCAL_ZONE

# The months of the page's table.
YEAR_MONTHS = 12


@dataclass(frozen=True)
class Row:
    """A number of the dataset. neighbourhood: None for outside of all of them; reports: a multiple of k, at least k."""

    month: date
    neighbourhood: Neighbourhood | None
    theme: Theme
    reports: int


@dataclass(frozen=True)
class Dataset:
    """What is published at one time: everything until the current month's beginning (Europe/Paris)."""

    rows: tuple[Row, ...]
    neighbourhoods: tuple[Neighbourhood, ...]
    themes: tuple[Theme, ...]
    territory: Territory | None
    until: datetime
    small: int
    is_synthetic: bool

    @cached_property
    def months(self) -> tuple[date, ...]:
        """Those that have a row, ascending."""
        return tuple(sorted({row.month for row in self.rows}))

    @property
    def period(self) -> tuple[date, date] | None:
        """The first and the last day that the rows are about."""
        if not self.months:
            return None
        return self.months[0], date.fromordinal(_next_month(self.months[-1]).toordinal() - 1)

    def last_year(self) -> list[tuple[Neighbourhood | None, Mapping[str, int]]]:
        """The last twelve months' published numbers, added up: by neighbourhood, then by theme's code."""
        first = _months_before(self.until.astimezone(LOCAL_ZONE).date(), YEAR_MONTHS)
        by_place: dict[Neighbourhood | None, dict[str, int]] = {one: {} for one in self.neighbourhoods}
        for row in self.rows:
            if row.month >= first:
                sums = by_place.setdefault(row.neighbourhood, {})
                sums[row.theme.code] = sums.get(row.theme.code, 0) + row.reports
        return list(by_place.items())


def _next_month(month: date) -> date:
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)


def _months_before(month: date, count: int) -> date:
    index = month.year * 12 + month.month - 1 - count
    return date(index // 12, index % 12 + 1, 1)


def month_begin(now: datetime) -> datetime:
    """The beginning of the current month in Europe/Paris."""
    local = now.astimezone(LOCAL_ZONE)
    return datetime(local.year, local.month, 1, tzinfo=LOCAL_ZONE)


def rows_of(
    counted: Sequence[Count], neighbourhoods: Iterable[Neighbourhood], themes: Iterable[Theme], small: int
) -> tuple[Row, ...]:
    """The counts as they may be shown, in their order. A closed neighbourhood counts as outside of all."""
    place = {one.id: one for one in neighbourhoods}
    named = {theme.code: theme for theme in themes}
    sums: dict[tuple[date, Neighbourhood | None, str], int] = {}
    for count in counted:
        key = count.month, place.get(count.neighbourhood_id or 0), count.theme
        sums[key] = sums.get(key, 0) + count.reports
    shown = published(np.array(list(sums.values()), np.int64), small)
    return tuple(
        Row(month, neighbourhood, named[theme], int(number))
        for (month, neighbourhood, theme), number in zip(sums, shown, strict=True)
        if number
    )
