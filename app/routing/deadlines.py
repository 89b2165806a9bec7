"""Deadlines: working hours of Amiens, without public holidays; dangers run by the clock. Pure: no Flask, no SQL.

A category's deadline is written in hours of the day (24, 48, 72 …) as people say them: "within 48 hours" of an office
is two working days. So 24 hours of deadline are one working day of ten hours (Monday to Friday, 8 to 18, Europe/Paris),
and what is no multiple counts in proportion. Deadlines of up to twelve hours, and reports of immediate danger, run by
the clock, at night and on Sundays too. The reasons are in docs/decisions/0010-routing-and-deadlines.md.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
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
_EPOCH = datetime.fromtimestamp(0, UTC)
_MICROSECOND = timedelta(microseconds=1)


class WorkingTime:
    """Working time as a number line: every moment has a position, the working microseconds since FIRST_YEAR.

    Moments are microseconds of the Unix epoch: whole numbers, so that no rounding decides on which side of an evening a
    deadline falls.
    """

    def __init__(self) -> None:
        """Lay out every working day once (about 26,000 of them)."""
        off = holidays.country_holidays("FR", years=range(FIRST_YEAR, LAST_YEAR + 1))
        first = date(FIRST_YEAR, 1, 1)
        days = (first + timedelta(days=n) for n in range((date(LAST_YEAR + 1, 1, 1) - first).days))
        working = [day for day in days if day.weekday() < SATURDAY and day not in off]
        self._open_us = [_epoch_us(datetime.combine(day, OPENS, LOCAL_ZONE)) for day in working]
        # Never across a change of the clocks, which happens at night: each day has its ten hours.
        self._close_us = [_epoch_us(datetime.combine(day, CLOSES, LOCAL_ZONE)) for day in working]
        lengths = (close - opened for opened, close in zip(self._open_us, self._close_us, strict=True))
        self._before_us = [0, *accumulate(lengths)]

    def covers(self, moment_us: int) -> bool:
        """Whether the calendar knows this moment."""
        return self._open_us[0] <= moment_us <= self._close_us[-1]

    def position_us(self, moment_us: int) -> int:
        """The working time up to a moment; it stands still outside of hours."""
        day = bisect_right(self._open_us, moment_us) - 1
        return self._before_us[day] + min(moment_us, self._close_us[day]) - self._open_us[day]

    def moment_us(self, position_us: int) -> int:
        """The earliest moment of this position (above 0): the end of a day, not the morning after."""
        day = bisect_left(self._before_us, position_us) - 1
        if day >= len(self._open_us):
            return self._close_us[-1]
        return self._open_us[day] + position_us - self._before_us[day]


def _epoch_us(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND


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
        return due.astimezone(UTC) + max(now.astimezone(UTC) - paused_at.astimezone(UTC), timedelta())
    return add_working(due, working_between(paused_at, now))


def add_working(start: datetime, duration: timedelta) -> datetime:
    """`duration` (not negative) of working time after `start` (aware), in UTC.

    From outside of hours it counts from the next opening. Monotonic in both, and additive:
    add(add(t, a), b) == add(t, a + b).
    """
    calendar, start_us = working_time(), _epoch_us(start)
    if not calendar.covers(start_us):
        return start.astimezone(UTC) + duration
    if duration <= timedelta():
        return start.astimezone(UTC)
    end_us = calendar.moment_us(calendar.position_us(start_us) + duration // _MICROSECOND)
    return _EPOCH + timedelta(microseconds=max(end_us, start_us))


def working_between(start: datetime, end: datetime) -> timedelta:
    """The working time from `start` to `end` (both aware); nothing when end is before start."""
    calendar, start_us, end_us = working_time(), _epoch_us(start), _epoch_us(end)
    if not (calendar.covers(start_us) and calendar.covers(end_us)):
        return max(end.astimezone(UTC) - start.astimezone(UTC), timedelta())
    return timedelta(microseconds=max(calendar.position_us(end_us) - calendar.position_us(start_us), 0))


def soon_until(now: datetime) -> datetime:
    """What is due until then is due soon: one working day from now."""
    return add_working(now, SOON)
