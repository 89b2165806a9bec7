"""From one request's view to its picture: which points, which layer, one way a measure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from app.heat import chance
from app.heat.cells import Area, area_of, disc_sums
from app.heat.exposure import KINDS
from app.heat.layers import ChangeLayer, DensityLayer, Layer, SignificanceLayer, ratio_layer
from app.heat.measures import CHANGE_DAYS, LEAST_HOT_REPORTS, band_m
from app.heat.points import Points, points_together
from app.heat.selection import Period, Selection, SeverityRecency, exact_period, read_exactly, selected_parts
from app.heat.surface import Surface, density, gathered_density
from app.reports.filters import ReportFilter

if TYPE_CHECKING:
    from app.heat.actions import Look
    from app.heat.cube import Array
    from app.heat.edge import Edge


@dataclass(frozen=True)
class Picture:
    """A layer with what its legend says. `against` is the period that a change is compared with."""

    layer: Layer
    period: Period | None
    reports: int
    notices: tuple[str, ...]
    against: Period | None = None
    reports_before: int | None = None


@dataclass(frozen=True)
class Counted:
    """What the table beside a picture counts; `before` for the earlier period of a change."""

    selection: Selection
    before: Selection | None = None


@dataclass(frozen=True)
class Drawing:
    """Makes the picture of a look."""

    look: Look

    def picture(self) -> Picture:
        """The measure's layer, drawn now."""
        draw = {
            "count": self._count,
            "weighted": self._weighted,
            "per_exposure": self._per_exposure,
            "significance": self._significance,
            "change": self._change,
        }[self.look.query.measure]
        drawn = draw()
        # The ratio has no border: what the territory's edge takes it takes from both surfaces.
        edge = None if self.look.query.measure in {"per_exposure", "significance"} else self._edge
        if edge is not None and edge.factor is None:
            return replace(drawn, notices=(*drawn.notices, "edge_uncorrected"))
        return drawn

    def counted(self) -> Counted:
        """The plain counts beside the picture: the same reports, unweighted."""
        if self.look.query.measure == "change":
            return Counted(*self._two_periods())
        if self.look.query.measured.uses_groups:
            return Counted(self.look.selection())
        return Counted(self._exact(self.look.query.chosen))

    @property
    def _edge(self) -> Edge | None:
        return self.look.heat.edge(self.look.territory, self.look.query.bandwidth_m)

    def _density(self, selection: Selection, *, scale: float, edge: Edge | None) -> Surface:
        return density(selection.points, self.look.query.bandwidth_m, scale=scale, edge=edge)

    def _exact(self, chosen: ReportFilter) -> Selection:
        return read_exactly(self.look.kept.rows, self.look.asked(chosen))

    def _count(self) -> Picture:
        asked = self.look.asked(self.look.query.chosen)
        groups = self.look.heat.sight(self.look.kept, self.look.viewer).groups
        parts = selected_parts(self.look.kept.rows, groups, asked)
        surface, mass = gathered_density(
            parts.rows, parts.choice, parts.hidden, self.look.query.bandwidth_m, scale=parts.scale, edge=self._edge
        )
        return Picture(DensityLayer(surface, surface.peak), parts.period, round(mass), parts.notices)

    def _weighted(self) -> Picture:
        asked = self.look.asked(self.look.query.chosen)
        period = exact_period(self.look.kept.rows, asked)
        weights = SeverityRecency(period.last, self.look.query.measured.half_life_days)
        selection = read_exactly(self.look.kept.rows, asked, weights)
        surface = self._density(selection, scale=1.0, edge=self._edge)
        return Picture(DensityLayer(surface, surface.peak), selection.period, len(selection.points), selection.notices)

    def _per_exposure(self) -> Picture:
        selection = self.look.selection()
        code = self.look.query.measured.exposure
        # Passages are of the period, as the reports are; residents are there all the time.
        dated = self.look.kept.reference.exposures[code].day is not None
        surface = self._density(selection, scale=1.0 if dated else selection.scale, edge=None)
        layer = ratio_layer(surface, self._exposed(code, selection.period), KINDS[code])
        return Picture(layer, selection.period, round(selection.points.mass), selection.notices)

    def _exposed(self, code: str, period: Period | None) -> Surface:
        reference = self.look.kept.reference
        exposure = reference.exposures[code]
        bandwidth_m = self.look.query.bandwidth_m
        days = None if exposure.day is None else period
        make = partial(density, exposure.during(days), bandwidth_m)
        return self.look.heat.exposed.get((reference.version, code, bandwidth_m, days), make)

    def _significance(self) -> Picture:
        selection = self._exact(self.look.query.chosen)
        area = area_of(self.look.territory, selection.points)
        counts, radius_m = area.count(selection.points), band_m(self.look.query.bandwidth_m)
        score = chance.gi_star(counts, area.inside, radius_m)
        direction = _marked(area, chance.two_sided(score[area.inside]), score)
        # The score is normal for many reports only: in a nearly empty register a lone one would be a hot spot.
        direction[(direction > 0) & (disc_sums(counts, radius_m) < LEAST_HOT_REPORTS)] = 0
        layer = SignificanceLayer(area, score, direction)
        return Picture(layer, selection.period, len(selection.points), selection.notices)

    def _change(self) -> Picture:
        now, before = self._two_periods()
        assert before.period is not None
        signed = points_together(_weighing(now, now.scale), _weighing(before, -before.scale))
        surface = density(signed, self.look.query.bandwidth_m, edge=self._edge)
        area = area_of(self.look.territory, signed)
        layer = ChangeLayer(surface, area, self._direction(area, now, before), surface.peak)
        notices = now.notices
        begin = exact_period(self.look.kept.rows, self.look.asked(ReportFilter())).first
        if before.period.first < begin:
            notices = (*notices, "before_the_register")
        return Picture(layer, now.period, len(now.points), notices, before.period, len(before.points))

    def _direction(self, area: Area, now: Selection, before: Selection) -> Array:
        """The squares whose surroundings have more or fewer reports than chance explains."""
        assert now.period is not None
        assert before.period is not None
        radius_m = band_m(self.look.query.bandwidth_m)
        later, earlier = (disc_sums(area.count(one.points), radius_m) for one in (now, before))
        share = now.period.days / (now.period.days + before.period.days)
        p = chance.changed_by_chance(later[area.inside], earlier[area.inside], share)
        # Where there is nothing to compare there is no test, and none to be counted among the discoveries.
        tested = (later + earlier)[area.inside] > 0
        every = np.ones(len(p))
        every[tested] = p[tested]
        return _marked(area, every, later * (1 - share) - earlier * share, tested)

    def _two_periods(self) -> tuple[Selection, Selection]:
        """This period and the one it is compared with; a period open at its start is the last CHANGE_DAYS."""
        chosen = self.look.query.chosen
        last = min(chosen.to_date or self.look.today, self.look.today)
        first = chosen.from_date or last - timedelta(days=CHANGE_DAYS - 1)
        now = Period(min(first, last), last)
        before = earlier_period(now, self.look.query.measured.against)
        halves = (chosen.model_copy(update={"from_date": one.first, "to_date": one.last}) for one in (now, before))
        selections = [self._exact(half) for half in halves]
        return replace(selections[0], period=now), replace(selections[1], period=before)


def _weighing(selection: Selection, weight: float) -> Points:
    points = selection.points
    return Points(points.x, points.y, np.full(len(points), weight))


def _marked(area: Area, p: Array, sign: Array, tested: Array | None = None) -> Array:
    """-1, 0 or 1 a square: the sign where the test holds at the false-discovery rate."""
    held = np.zeros(len(p), np.bool_)
    among = np.ones(len(p), np.bool_) if tested is None else tested
    held[among] = chance.discoveries(p[among])
    direction = np.zeros(area.inside.shape, np.int8)
    direction[area.inside] = np.where(held, np.sign(sign[area.inside]), 0)
    return direction


def earlier_period(now: Period, against: str) -> Period:
    """The period of the same length just before, or the same days a year earlier."""
    if against == "year":
        return Period(_a_year_earlier(now.first), _a_year_earlier(now.last))
    return Period(now.first - timedelta(days=now.days), now.first - timedelta(days=1))


def _a_year_earlier(day: date) -> date:
    """29 February becomes 28 February."""
    try:
        return day.replace(year=day.year - 1)
    except ValueError:
        return day.replace(year=day.year - 1, day=28)
