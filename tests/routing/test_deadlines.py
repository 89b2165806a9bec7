"""Working hours, public holidays, summer time: by examples from the calendar, then by properties."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.routing import deadlines
from app.routing.deadlines import LOCAL_ZONE, add_working, due_at, extended, soon_until, working_between


def paris(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=LOCAL_ZONE)


@pytest.mark.parametrize(
    ("start", "hours", "due"),
    [
        # An ordinary week: a day later at the same hour.
        ("2026-05-04T10:00", 24, "2026-05-05T10:00"),
        ("2026-05-05T10:00", 72, "2026-05-11T10:00"),  # 8 May, Friday, is a public holiday
        ("2026-05-07T16:00", 24, "2026-05-11T16:00"),
        ("2026-05-13T17:00", 48, "2026-05-18T17:00"),  # Ascension, 14 May
        # Outside of hours the clock starts at the next opening.
        ("2026-05-09T03:00", 24, "2026-05-11T18:00"),
        ("2026-05-04T19:30", 24, "2026-05-05T18:00"),
        ("2026-05-04T06:00", 24, "2026-05-04T18:00"),
        # Summer time begins on 29 March 2026 and ends on 25 October: a working day stays a working day.
        ("2026-03-27T17:00", 24, "2026-03-30T17:00"),
        ("2026-10-23T09:00", 24, "2026-10-26T09:00"),
        # Over the end of the year: 1 January is Friday, Monday is the 4th.
        ("2026-12-31T15:00", 24, "2027-01-04T15:00"),
        ("2026-12-24T17:00", 48, "2026-12-29T17:00"),  # Christmas on Friday
        # No multiple of a day counts in proportion: 36 hours are a day and a half.
        ("2026-05-04T10:00", 36, "2026-05-05T15:00"),
        ("2026-05-04T08:00", 240, "2026-05-19T18:00"),  # ten working days with 8 and 14 May off
    ],
)
def test_a_deadline_in_working_hours(start: str, hours: int, due: str) -> None:
    assert due_at(paris(start), hours, severity=2).astimezone(LOCAL_ZONE) == paris(due)


@pytest.mark.parametrize("hours", [4, 12])
def test_short_deadlines_run_by_the_clock(hours: int) -> None:
    saturday_night = paris("2026-05-09T23:00")
    assert due_at(saturday_night, hours, severity=1) == saturday_night + timedelta(hours=hours)


def test_immediate_danger_does_not_wait_for_monday() -> None:
    saturday = paris("2026-05-09T12:00")
    assert due_at(saturday, 72, severity=4) == saturday + timedelta(hours=72)
    assert due_at(saturday, 72, severity=3) == paris("2026-05-13T18:00")


def test_an_hour_that_happens_twice_is_two_moments() -> None:
    first = datetime(2026, 10, 25, 2, 30, tzinfo=LOCAL_ZONE, fold=0)
    second = datetime(2026, 10, 25, 2, 30, tzinfo=LOCAL_ZONE, fold=1)
    assert due_at(second, 4, 4) - due_at(first, 4, 4) == timedelta(hours=1)


@pytest.mark.parametrize("year", [2020, 2024, 2026, 2030, 2038])
def test_every_public_holiday_is_off(year: int) -> None:
    fixed = [(1, 1), (5, 1), (5, 8), (7, 14), (8, 15), (11, 1), (11, 11), (12, 25)]
    easter = {2020: (4, 12), 2024: (3, 31), 2026: (4, 5), 2030: (4, 21), 2038: (4, 25)}[year]
    moving = [date(year, *easter) + timedelta(days=days) for days in (1, 39, 50)]
    for day in [*(date(year, *one) for one in fixed), *moving]:
        morning = datetime(day.year, day.month, day.day, tzinfo=LOCAL_ZONE)
        assert working_between(morning, morning + timedelta(days=1)) == timedelta(), day


def test_a_year_has_its_working_days() -> None:
    """2026: 261 weekdays, of which nine are public holidays (six of them movable or on a weekday by date)."""
    worked = working_between(paris("2026-01-01T00:00"), paris("2027-01-01T00:00"))
    assert worked == timedelta(hours=10) * (261 - 9)


def test_outside_of_the_calendar_time_runs_by_the_clock() -> None:
    early, late = datetime(1970, 1, 1, tzinfo=UTC), datetime(2149, 1, 1, tzinfo=UTC)
    assert due_at(early, 24, 2) == early + timedelta(hours=10)
    assert working_between(early, late) == late - early
    assert working_between(late, early) == timedelta()
    last_evening = paris("2099-12-31T17:00")
    assert due_at(last_evening, 24, 2) >= last_evening


def test_a_pause_moves_the_deadline_by_the_time_that_passed_in_it() -> None:
    due, asked, answered = paris("2026-05-05T10:00"), paris("2026-05-04T17:00"), paris("2026-05-06T09:00")
    assert extended(due, asked, answered, by_the_clock=False) == paris("2026-05-06T12:00")
    assert extended(due, asked, answered, by_the_clock=True) == due + timedelta(hours=40)
    assert extended(due, answered, asked, by_the_clock=True) == due
    assert extended(due, answered, asked, by_the_clock=False) == due


def test_a_pause_over_the_weekend_costs_nothing() -> None:
    due = paris("2026-05-19T10:00")
    assert extended(due, paris("2026-05-15T18:00"), paris("2026-05-18T08:00"), by_the_clock=False) == due


def test_soon_is_one_working_day() -> None:
    assert soon_until(paris("2026-05-15T16:00")) == paris("2026-05-18T16:00")


# ── properties ──────────────────────────────────────────────────────────────────────────────────────────────────────

moments = st.datetimes(datetime(2019, 12, 1), datetime(2031, 2, 1), timezones=st.just(UTC))  # noqa: DTZ001
durations = st.timedeltas(timedelta(), timedelta(hours=400))


@given(moments, moments, durations)
def test_whoever_comes_first_is_due_first(one: datetime, other: datetime, duration: timedelta) -> None:
    first, second = sorted((one, other))
    assert add_working(first, duration) <= add_working(second, duration)


@given(moments, durations, durations)
def test_more_time_is_never_earlier(start: datetime, one: timedelta, other: timedelta) -> None:
    less, more = sorted((one, other))
    assert start <= add_working(start, less) <= add_working(start, more)


@given(moments, durations, durations)
def test_two_steps_are_one(start: datetime, one: timedelta, other: timedelta) -> None:
    assert add_working(add_working(start, one), other) == add_working(start, one + other)


@given(moments, durations)
def test_what_was_added_is_what_lies_between(start: datetime, duration: timedelta) -> None:
    assert working_between(start, add_working(start, duration)) == duration


@given(moments, moments, moments)
def test_working_time_adds_up(one: datetime, other: datetime, third: datetime) -> None:
    a, b, c = sorted((one, other, third))
    assert working_between(a, b) + working_between(b, c) == working_between(a, c)
    assert working_between(a, c) <= c - a


@given(moments, st.timedeltas(timedelta(microseconds=1), timedelta(hours=400)))
def test_a_deadline_falls_into_working_hours(start: datetime, duration: timedelta) -> None:
    due = add_working(start, duration).astimezone(LOCAL_ZONE)
    assert due.weekday() < deadlines.SATURDAY
    assert deadlines.OPENS <= due.time() <= deadlines.CLOSES
