"""From a filter and a viewer to weighted points: exact rows where they may be read, whole groups elsewhere. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from app.heat.cube import VISIBILITIES, Array, Choice, Rows, day_number, day_of, flags_table, no_rows
from app.heat.points import Points, Weights, gathered, points_together
from app.heat.protect import Groups, quarter_end, quarter_start, spread, whole_quarters, whole_themes
from app.reports.filters import KEYS, ReportFilter
from app.reports.rules import STATES, WITHDRAWN_STATES

if TYPE_CHECKING:
    from app.heat.viewer import Viewer
    from app.nomenclature.store import Nomenclature

DAYS_PER_RATE = 30
# What of the filter language the cube knows: the box is left to the map, deadlines to the lists of reports.
FILTER_KEYS = (*(key for key in KEYS if key != "bbox"), "organisation")
# No organisation has it: a slug that nobody bears chooses nothing.
_NOBODYS = -1


@dataclass(frozen=True)
class Period:
    """Days, both inclusive."""

    first: date
    last: date

    @property
    def days(self) -> int:
        """How many; at least one."""
        return max(1, (self.last - self.first).days + 1)


@dataclass(frozen=True)
class Selection:
    """What is to be drawn. `notices` are the codes of what the viewer must be told (words.NOTICES)."""

    points: Points
    period: Period | None
    notices: tuple[str, ...]

    @property
    def scale(self) -> float:
        """From a sum over the period to a rate per 30 days."""
        return DAYS_PER_RATE / self.period.days if self.period else 0.0


def chosen_categories(chosen: ReportFilter, nomenclature: Nomenclature) -> frozenset[int]:
    """Category numbers that satisfy both the themes and the categories of the filter."""
    return frozenset(
        category.number
        for category in nomenclature.categories
        if (not chosen.themes or category.theme in chosen.themes)
        and (not chosen.categories or category.code in chosen.categories)
    )


def flags_mask(chosen: ReportFilter, visibilities: frozenset[str]) -> Array:
    """Which flag bytes the filter and the visibilities leave."""
    severity, visibility, state = flags_table()
    wanted: Array = np.isin(visibility, [VISIBILITIES.index(name) for name in visibilities])
    if chosen.severity_min is not None:
        wanted &= severity >= chosen.severity_min
    if chosen.states:
        wanted &= np.isin(state, [STATES.index(name) for name in chosen.states])
    return wanted


def readable(rows: Rows, viewer: Viewer) -> Array:
    """Which rows the viewer reads exactly, whatever the filter."""
    mask: Array = flags_mask(ReportFilter(), viewer.exact).take(rows.flags)
    return mask


@dataclass(frozen=True)
class Asked:
    """A filter, who asks, and when. What follows from it never depends on the reports.

    organisations: their ids by slug.
    """

    chosen: ReportFilter
    viewer: Viewer
    today: date
    nomenclature: Nomenclature
    organisations: Mapping[str, int] = field(default_factory=dict)

    @cached_property
    def categories(self) -> frozenset[int]:
        """Category numbers."""
        return chosen_categories(self.chosen, self.nomenclature)

    @cached_property
    def themes(self) -> Array:
        """The themes whose groups are chosen whole."""
        return whole_themes(self.categories, self.nomenclature, restricted_only=not self.viewer.is_protected)

    @cached_property
    def quarters(self) -> tuple[int | None, int]:
        """The first and last quarter that are chosen whole."""
        return whole_quarters(self.chosen.from_date, self.chosen.to_date, self.today)

    @property
    def cuts_groups(self) -> bool:
        """Whether a part of every group is asked for, by state, severity or organisation.

        Of an organisation it is always a part, also where it answers for all of a group: that would be told.
        """
        states = set(self.chosen.states)
        every_state = not states or set(STATES) - WITHDRAWN_STATES <= states
        return not every_state or (self.chosen.severity_min or 1) > 1 or self.chosen.organisation is not None

    @property
    def _organisation(self) -> int | None:
        slug = self.chosen.organisation
        return None if slug is None else self.organisations.get(slug, _NOBODYS)

    def groups(self, groups: Groups) -> Groups:
        """Those that the filter holds whole."""
        first, last = self.quarters
        kept = self.themes.take(groups.theme) & (groups.quarter <= last)
        if first is not None:
            kept &= groups.quarter >= first
        if self.cuts_groups or not self.viewer.has_groups:
            kept[:] = False
        return groups.take(kept)

    def choice(self) -> Choice:
        """The rows that are read exactly."""
        first, last = self.chosen.from_date, self.chosen.to_date
        return Choice(
            self.categories,
            None if first is None else day_number(first),
            None if last is None else day_number(last),
            flags_mask(self.chosen, self.viewer.exact),
            self._organisation,
        )

    def notices(self) -> tuple[str, ...]:
        """Codes of what the viewer must be told about groups (words.NOTICES)."""
        hidden = [c for c in self.nomenclature.categories if self.viewer.is_protected or c.visibility == "restricted"]
        touched = {category.theme for category in hidden if category.number in self.categories}
        if not touched or not self.viewer.has_groups:
            return ()
        places = enumerate(self.nomenclature.themes)
        partly = any(theme.code in touched and not self.themes[place] for place, theme in places)
        told = {
            "small_numbers": True,
            "whole_themes": partly,
            "whole_quarters": not self._is_in_quarters(),
            "no_parts": self.cuts_groups,
        }
        return tuple(code for code, applies in told.items() if applies)

    def _is_in_quarters(self) -> bool:
        """Whether the days asked for are exactly some whole quarters."""
        first, last = self.quarters
        begins = first is None or quarter_start(first) == self.chosen.from_date
        to = self.chosen.to_date
        return begins and (to is None or to >= self.today or quarter_end(last) == to)


def exact_period(rows: Rows, asked: Asked) -> Period:
    """The filter's days; from the first report that the viewer reads when open, and never beyond today."""
    last = min(asked.chosen.to_date or asked.today, asked.today)
    first = asked.chosen.from_date
    if first is None:
        days = rows.day[readable(rows, asked.viewer)]
        first = day_of(days.min()) if len(days) else last
    return Period(min(first, last), last)


def protected_period(groups: Groups, asked: Asked) -> Period | None:
    """The whole quarters in the filter's days; None when there is none."""
    first, last = asked.quarters
    if first is None:
        first = min(int(groups.quarter.min()), last) if len(groups) else last
    if first > last:
        return None
    return Period(quarter_start(first), min(quarter_end(last), asked.today))


@dataclass(frozen=True)
class SeverityRecency:
    """Severity (1 to 4) × ½ ^ (age / half-life): a report counts half as much after `half_life_days`.

    Ages are counted back from `last`; what came later counts in full.
    """

    last: date
    half_life_days: float

    @cached_property
    def _of_day(self) -> Array:
        age = day_number(self.last) - np.arange(-(1 << 15), 1 << 15)
        weights: Array = 0.5 ** (np.maximum(age, 0) / self.half_life_days)
        return weights

    def of(self, rows: Rows) -> Array:
        """One weight a row."""
        weights: Array = self._of_day.take(rows.day.astype(np.intp) + (1 << 15))
        weights *= flags_table()[0].take(rows.flags)
        return weights


def read_exactly(rows: Rows, asked: Asked, weights: Weights | None = None) -> Selection:
    """Only what the viewer reads; if the filter reaches beyond that, the notices say so."""
    notices = ("read_only",) if asked.notices() else ()
    return Selection(gathered(rows, asked.choice(), weights), exact_period(rows, asked), notices)


def selected(rows: Rows, groups: Groups, asked: Asked) -> Selection:
    """What the viewer may see of the filter's choice.

    Args:
        rows: the cube.
        groups: protect.groups_of for this viewer (all groups, or the restricted ones).
        asked: the filter; its bbox is not looked at.

    """
    parts = selected_parts(rows, groups, asked)
    return Selection(points_together(gathered(parts.rows, parts.choice), parts.hidden), parts.period, parts.notices)


@dataclass(frozen=True)
class Parts:
    """A selection before its rows are gathered: rows with their choice, and hidden groups as points."""

    rows: Rows
    choice: Choice
    hidden: Points
    period: Period | None
    notices: tuple[str, ...]

    @property
    def scale(self) -> float:
        """As Selection's."""
        return Selection(self.hidden, self.period, ()).scale


def selected_parts(rows: Rows, groups: Groups, asked: Asked) -> Parts:
    """What `selected` is made of. Whoever reads no report gets no rows at all."""
    hidden = spread(asked.groups(groups))
    if asked.viewer.is_protected:
        return Parts(no_rows(), asked.choice(), hidden, protected_period(groups, asked), asked.notices())
    return Parts(rows, asked.choice(), hidden, exact_period(rows, asked), asked.notices())
