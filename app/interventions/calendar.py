"""A month as weeks of days, each with the interventions that touch it. Pure."""

from __future__ import annotations

import calendar
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from app.interventions.store import InterventionRow
from app.reports.filters import LOCAL_ZONE


@dataclass(frozen=True)
class Day:
    """One day of the grid, with what happens on it; is_outside: it belongs to the month before or after."""

    day: date
    is_outside: bool
    rows: tuple[InterventionRow, ...]


def weeks_of(month: date, rows: Iterable[InterventionRow]) -> tuple[tuple[Day, ...], ...]:
    """The weeks (Monday first) that cover the month of this day. Days are as people in Amiens mean them."""
    grid = calendar.Calendar().monthdatescalendar(month.year, month.month)
    first, last = grid[0][0], grid[-1][-1]
    by_day: dict[date, list[InterventionRow]] = {}
    for row in sorted(rows, key=lambda one: (one.starts_at, one.id)):
        start = max(row.starts_at.astimezone(LOCAL_ZONE).date(), first)
        end = min(row.ends_at.astimezone(LOCAL_ZONE).date(), last)
        for step in range((end - start).days + 1):
            by_day.setdefault(start + timedelta(days=step), []).append(row)
    return tuple(tuple(Day(day, day.month != month.month, tuple(by_day.get(day, ()))) for day in week) for week in grid)


def span(month: date) -> tuple[date, date]:
    """The first and the last day of the grid."""
    grid = calendar.Calendar().monthdatescalendar(month.year, month.month)
    return grid[0][0], grid[-1][-1]


def shifted(month: date, months: int) -> date:
    """The first day of the month so many months later."""
    number = month.year * 12 + month.month - 1 + months
    return date(number // 12, number % 12 + 1, 1)
