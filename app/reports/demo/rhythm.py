"""When synthetic things happen: weights of months, weekdays, hours and single days, in local time.

Made up to be plausible, not measured anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from app.places.lattice import Floats

EVEN_YEAR = (1.0,) * 12
WINTER = (1.7, 1.5, 1.1, 0.8, 0.6, 0.5, 0.4, 0.4, 0.7, 1.1, 1.6, 1.9)
SUMMER = (0.5, 0.5, 0.7, 1.0, 1.4, 1.8, 1.9, 1.7, 1.2, 0.8, 0.5, 0.5)
AFTER_FROST = (1.6, 1.9, 1.6, 1.1, 0.8, 0.7, 0.6, 0.6, 0.7, 0.9, 1.0, 1.2)
GROWING = (0.2, 0.2, 0.5, 1.1, 1.9, 2.0, 1.8, 1.5, 1.2, 0.7, 0.3, 0.2)

EVEN_WEEK = (1.0,) * 7
AFTER_WEEKEND = (1.7, 1.2, 1.0, 0.9, 0.9, 0.7, 0.6)
WEEKEND = (0.6, 0.6, 0.7, 0.9, 1.4, 1.9, 1.5)
SCHOOL_WEEK = (1.0, 1.0, 0.5, 1.0, 1.1, 0.05, 0.02)
WORK_WEEK = (1.1, 1.0, 1.0, 1.0, 1.0, 0.5, 0.3)


def _hours(*peaks: tuple[float, float, float], floor: float = 0.02) -> tuple[float, ...]:
    """24 weights: a sum of bells (hour, width, height) that go round midnight."""
    hours = np.arange(24) + 0.5
    total = np.full(24, floor)
    for middle, width, height in peaks:
        away = np.abs((hours - middle + 12) % 24 - 12)
        total += height * np.exp(-0.5 * (away / width) ** 2)
    return tuple(float(value) for value in total)


WORKING_DAY = _hours((9.5, 1.8, 1.0), (15.0, 2.0, 0.9))
EVENING = _hours((18.5, 1.5, 1.0), (7.0, 1.0, 0.4))
NIGHT = _hours((23.0, 2.0, 1.0))
LATE = _hours((21.0, 2.2, 1.0))
AFTERNOON = _hours((17.5, 2.5, 1.0), (21.0, 1.5, 0.5))
COMMUTE = _hours((7.8, 0.9, 0.9), (17.3, 1.3, 1.0), (12.5, 0.8, 0.4))
SCHOOL_GATE = _hours((8.2, 0.5, 1.0), (12.0, 0.6, 0.6), (16.6, 0.8, 1.2), floor=0.001)


def _fireworks(day: date) -> float:
    if (day.month, day.day) in {(12, 31), (1, 1)}:
        return 40.0
    if day.month == 7:  # noqa: PLR2004  (July: the national day)
        return 30.0 if day.day in {13, 14} else 8.0 if 8 <= day.day <= 18 else 1.5  # noqa: PLR2004
    return 2.0 if (day.month, day.day) == (10, 31) else 0.15


def _fires(day: date) -> float:
    return 6.0 if (day.month, day.day) in {(12, 31), (1, 1), (7, 13), (7, 14), (10, 31)} else 1.0


def _term(day: date) -> float:
    """Hardly anything while school is closed; the French calendar, roughly."""
    closed = (
        (day.month == 7 and day.day > 4)  # noqa: PLR2004
        or day.month == 8  # noqa: PLR2004
        or (day.month == 12 and day.day > 19)  # noqa: PLR2004
        or (day.month == 1 and day.day < 5)  # noqa: PLR2004
        or (day.month == 2 and day.day >= 14)  # noqa: PLR2004
        or (day.month == 4 and 11 <= day.day <= 26)  # noqa: PLR2004
        or (day.month == 10 and day.day > 17)  # noqa: PLR2004
    )
    return 0.02 if closed else 1.0


def _end_of_month(day: date) -> float:
    return 1.8 if day.day >= 27 or day.day <= 2 else 1.0  # noqa: PLR2004


def _any_day(_day: date) -> float:
    return 1.0


@dataclass(frozen=True)
class Rhythm:
    """Relative weights; `day` is for single days of the calendar."""

    months: Sequence[float] = EVEN_YEAR
    week: Sequence[float] = WORK_WEEK
    hours: Sequence[float] = WORKING_DAY
    day: Callable[[date], float] = _any_day

    def of_days(self, days: Sequence[date]) -> Floats:
        """The weight of each day."""
        return np.array([self.months[day.month - 1] * self.week[day.weekday()] * self.day(day) for day in days])


DEFECT = Rhythm()
BUILDING = Rhythm(week=WORK_WEEK, hours=_hours((8.5, 1.5, 0.9), (18.0, 2.0, 1.0)))
DISORDER = Rhythm(months=SUMMER, week=WEEKEND, hours=LATE)

BY_CATEGORY: dict[str, Rhythm] = {
    "fly_tipping": Rhythm(week=AFTER_WEEKEND),
    "bulky_waste": Rhythm(week=AFTER_WEEKEND, day=_end_of_month),
    "overflowing_bin": Rhythm(months=SUMMER, week=AFTER_WEEKEND),
    "thrown_waste": Rhythm(months=SUMMER, hours=AFTERNOON),
    "graffiti": Rhythm(week=AFTER_WEEKEND),
    "pests": Rhythm(months=GROWING),
    "pothole": Rhythm(months=AFTER_FROST),
    "damaged_pavement": Rhythm(months=AFTER_FROST),
    "street_light_out": Rhythm(months=WINTER, week=EVEN_WEEK, hours=EVENING),
    "neglected_greenery": Rhythm(months=GROWING),
    "damaged_playground": Rhythm(months=SUMMER, hours=AFTERNOON),
    "hall_light_out": Rhythm(months=WINTER, hours=EVENING),
    "leak": Rhythm(months=WINTER, hours=BUILDING.hours),
    "lift_out": Rhythm(week=EVEN_WEEK, hours=BUILDING.hours),
    "obstructive_parking": Rhythm(hours=COMMUTE),
    "dangerous_riding": Rhythm(months=SUMMER, week=WEEKEND, hours=AFTERNOON),
    "street_mechanics": Rhythm(months=SUMMER, week=WEEKEND, hours=AFTERNOON),
    "hall_occupation": Rhythm(months=WINTER, week=EVEN_WEEK, hours=LATE),
    "noisy_gathering": DISORDER,
    "noise": Rhythm(months=SUMMER, week=WEEKEND, hours=NIGHT),
    "fire": Rhythm(months=SUMMER, week=WEEKEND, hours=NIGHT, day=_fires),
    "fireworks": Rhythm(week=EVEN_WEEK, hours=NIGHT, day=_fireworks),
    "street_drinking": Rhythm(months=SUMMER, week=WEEKEND, hours=AFTERNOON),
    "suspected_dealing": Rhythm(week=EVEN_WEEK, hours=AFTERNOON),
    "assault_in_public": Rhythm(week=WEEKEND, hours=LATE),
    "damaged_shelter": Rhythm(week=AFTER_WEEKEND),
    "missile_thrown": Rhythm(months=SUMMER, week=EVEN_WEEK, hours=LATE),
    "onboard_damage": Rhythm(hours=COMMUTE),
    "door_interference": Rhythm(hours=COMMUTE),
    "onboard_incivility": Rhythm(hours=COMMUTE),
    "school_surroundings": Rhythm(week=SCHOOL_WEEK, hours=SCHOOL_GATE, day=_term),
    "school_defect": Rhythm(week=SCHOOL_WEEK, day=_term),
}
BY_THEME: dict[str, Rhythm] = {"building": BUILDING, "tranquillity": DISORDER}


def rhythm_of(category: str, theme: str) -> Rhythm:
    """The rhythm of a category, also of one that somebody added to the nomenclature."""
    return BY_CATEGORY.get(category) or BY_THEME.get(theme) or DEFECT
