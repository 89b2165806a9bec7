"""The steps of the map's time slider: months, or the quarters of those who see protected groups only."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

from flask_babel import format_date
from flask_babel import gettext as _

from app.heat.protect import quarter_end, quarter_number, quarter_start

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app.heat.actions import Look
    from app.heat.selection import Period

# Two years; each is a surface of its own.
STEPS_MOST = 24


@dataclass(frozen=True)
class Step:
    """Days, both inclusive, and how they are spoken of."""

    first: date
    last: date
    text: str


@dataclass(frozen=True)
class Steps:
    """From early to late. All have the same classes, up to `top`; None where classes are no ranges."""

    steps: tuple[Step, ...]
    top: float | None
    is_cut: bool


def _months(period: Period) -> Iterator[Step]:
    month = period.first.replace(day=1)
    while month <= period.last:
        following = (month + timedelta(days=32)).replace(day=1)
        yield Step(month, following - timedelta(days=1), str(format_date(month, "LLLL y")))
        month = following


def _quarters(period: Period) -> Iterator[Step]:
    for number in range(quarter_number(period.first), quarter_number(period.last) + 1):
        text = _("quarter %(number)s of %(year)s", number=number % 4 + 1, year=number // 4)
        yield Step(quarter_start(number), quarter_end(number), str(text))


def steps_of(seen: Look) -> Steps:
    """The latest STEPS_MOST steps of the look's period, with one scale of colours for all of them."""
    period = seen.picture().period
    if period is None:
        return Steps((), None, is_cut=False)
    every = tuple((_quarters if seen.viewer.is_protected else _months)(period))
    steps = every[-STEPS_MOST:]
    tops = [at_step(seen, step).picture().layer.top for step in steps] if seen.query.measure != "significance" else []
    return Steps(steps, _usual(tops), is_cut=len(every) > len(steps))


def _usual(tops: list[float]) -> float | None:
    """The upper quartile: one loud month must not make the others pale; what goes beyond is in the last class."""
    return (sorted(tops)[3 * (len(tops) - 1) // 4] or None) if tops else None


def at_step(seen: Look, step: Step) -> Look:
    """The same look at one step."""
    chosen = seen.query.chosen.model_copy(update={"from_date": step.first, "to_date": step.last})
    return replace(seen, query=replace(seen.query, chosen=chosen))
