"""Deadlines: working hours of Amiens, without public holidays; dangers run by the clock. Pure: no Flask, no SQL.

A category's deadline is written in hours of the day (24, 48, 72 …) as people say them: "within 48 hours" of an office
is two working days. So 24 hours of deadline are one working day of ten hours (Monday to Friday, 8 to 18, Europe/Paris),
and what is no multiple counts in proportion. Deadlines of up to twelve hours, and reports of immediate danger, run by
the clock, at night and on Sundays too. The reasons are in docs/decisions/0010-routing-and-deadlines.md.
"""

from __future__ import annotations

from bisect import bisect_right
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import accumulate
from zoneinfo import ZoneInfo

import holidays

LOCAL_ZONE = ZoneInfo("Europe/Paris")
OPENS, CLOSES = time(8), time(18)
WORKING_DAY = timedelta(hours=10)
SATURDAY = 5
# Outside of these years (nobody's reports) time runs by the clock.
FIRST_YEAR, LAST_YEAR = 1995, 2099

CLOCK_HOURS_UP_TO = 12
IMMEDIATE_DANGER = 4
SOON = WORKING_DAY


class WorkingTime:
    """Working time as a number line: every moment has a position, the working seconds since FIRST_YEAR."""

    def __init__(self) -> None:
        """Lay out every working day once (about 26,000 of them)."""
        off = holidays.country_holidays("FR", years=range(FIRST_YEAR, LAST_YEAR + 1))
        first = date(FIRST_YEAR, 1, 1)
        days = (first + timedelta(days=n) for n in range((date(LAST_YEAR + 1, 1, 1) - first).days))
        working = [day for day in days if day.weekday() < SATURDAY and day not in off]
        self._open_s = [_epoch_s(day, OPENS) for day in working]
        # Never across a change of the clocks, which happens at night: each day has its ten hours.
        self._close_s = [_epoch_s(day, CLOSES) for day in working]
        lengths = (close - opened for opened, close in zip(self._open_s, self._close_s, strict=True))
        self._before_s = [0.0, *accumulate(lengths)]

    def covers(self, moment_s: float) -> bool:
        """Whether the calendar knows this moment (seconds of the Unix epoch)."""
        return self._open_s[0] <= moment_s <= self._close_s[-1]

    def position_s(self, moment_s: float) -> float:
        """The working seconds up to a moment (seconds of the Unix epoch); it stands still outside of hours."""
        day = bisect_right(self._open_s, moment_s) - 1
        return self._before_s[day] + min(moment_s, self._close_s[day]) - self._open_s[day]

    def moment_s(self, position_s: float) -> float:
        """The earliest moment of this position: the end of a day, not the morning after."""
        day = max(bisect_right(self._before_s, position_s) - 1, 0)
        if day > 0 and self._before_s[day] == position_s:
            day -= 1
        if day >= len(self._open_s):
            return self._close_s[-1]
        return self._open_s[day] + position_s - self._before_s[day]


def _epoch_s(day: date, at: time) -> float:
    return datetime.combine(day, at, LOCAL_ZONE).timestamp()


@cache
def working_time() -> WorkingTime:
    """The calendar, made at the first use."""
    return WorkingTime()


def runs_by_the_clock(deadline_hours: int, severity: int) -> bool:
    """Whether nights and Sundays count: a deadline of up to twelve hours, or immediate danger."""
    return deadline_hours <= CLOCK_HOURS_UP_TO or severity >= IMMEDIATE_DANGER


def due_at(start: datetime, deadline_hours: int, severity: int) -> datetime:
    """When a report that came in at `start` (aware) must be answered, in UTC."""
    if runs_by_the_clock(deadline_hours, severity):
        return start.astimezone(UTC) + timedelta(hours=deadline_hours)
    return add_working(start, WORKING_DAY * deadline_hours / 24)


def extended(due: datetime, paused_at: datetime, now: datetime, *, by_the_clock: bool) -> datetime:
    """A deadline after a pause: later by the time that passed in it, counted as the deadline is."""
    if by_the_clock:
        return due.astimezone(UTC) + max(now - paused_at, timedelta())
    return add_working(due, working_between(paused_at, now))


def add_working(start: datetime, duration: timedelta) -> datetime:
    """`duration` (not negative) of working time after `start` (aware), in UTC.

    From outside of hours it counts from the next opening. Monotonic in both, and additive:
    add(add(t, a), b) == add(t, a + b).
    """
    calendar, start_s = working_time(), start.timestamp()
    if not calendar.covers(start_s):
        return start.astimezone(UTC) + duration
    if duration <= timedelta():
        return start.astimezone(UTC)
    # Whole microseconds: sums of floats must not decide on which side of an evening a deadline falls.
    end_s = calendar.moment_s(round(calendar.position_s(start_s) + duration.total_seconds(), 6))
    return _utc(max(end_s, start_s))


def working_between(start: datetime, end: datetime) -> timedelta:
    """The working time from `start` to `end` (both aware); nothing when end is before start."""
    calendar, start_s, end_s = working_time(), start.timestamp(), end.timestamp()
    if not (calendar.covers(start_s) and calendar.covers(end_s)):
        return max(end - start, timedelta())
    return timedelta(seconds=max(round(calendar.position_s(end_s) - calendar.position_s(start_s), 6), 0.0))


def soon_until(now: datetime) -> datetime:
    """What is due until then is due soon: one working day from now."""
    return add_working(now, SOON)


def _utc(moment_s: float) -> datetime:
    return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=round(moment_s * 1_000_000))
