"""Draws the synthetic reports: what, where, when, how grave, and what became of each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from uuid import UUID

import numpy as np

from app.nomenclature.store import Category, Nomenclature
from app.places.lattice import Floats
from app.reports.commands import ReportCommand
from app.reports.demo.mix import around, frequency, texts
from app.reports.demo.rhythm import rhythm_of
from app.reports.demo.scene import AnchorKind, Scene
from app.reports.demo.stories import Case, tell
from app.reports.filters import LOCAL_ZONE
from app.reports.importing.bulk import BulkRow

DAYS = 365
# The share of reports with a few words, and of those at a known place that name it.
WITH_TEXT, LINKED = 0.35, 0.5
# How many reports there are on the last day for one on the first: people get used to reporting.
GROWTH = 1.5


@dataclass(frozen=True)
class _Drawn:
    category: Category
    kind: AnchorKind
    index: int
    observed_at: datetime


class Maker:
    """One pass over one generator of chance: the same arguments give the same reports."""

    def __init__(self, scene: Scene, *, now: datetime, seed: int, coordination_id: int | None) -> None:
        """coordination_id: the organisation that verifies and reopens."""
        self._scene, self._now, self._coordination_id = scene, now, coordination_id
        self._pick = np.random.default_rng(seed)
        self._latest: dict[tuple[str, AnchorKind, int], UUID] = {}
        today = now.astimezone(LOCAL_ZONE).date()
        self._days = [today - timedelta(days=DAYS - 1 - number) for number in range(DAYS)]

    def reports(self, nomenclature: Nomenclature, count: int) -> Iterator[BulkRow]:
        """`count` reports of the year before now, oldest first."""
        categories = [category for category in nomenclature.categories if category.active]
        weights = np.array([frequency(category) for category in categories])
        drawn: list[_Drawn] = []
        for number, many in enumerate(self._pick.multinomial(count, weights / weights.sum())):
            drawn += self._draw(categories[number], int(many))
        drawn.sort(key=lambda one: one.observed_at)
        for number, one in enumerate(drawn):
            yield self._row(one, number)

    def _draw(self, category: Category, many: int) -> list[_Drawn]:
        """So many reports of one category: each an anchor and a moment."""
        rhythm = rhythm_of(category.code, category.theme)
        progress = np.linspace(0.0, 1.0, DAYS)
        day_weight = rhythm.of_days(self._days) * (1 + (GROWTH - 1) * progress)
        hours = np.array(rhythm.hours)
        mixture = around(category)
        kinds: list[AnchorKind] = list(mixture)
        drawn = []
        for kind_number in self._pick.choice(len(kinds), size=many, p=list(mixture.values())):
            kind = kinds[kind_number]
            anchors = self._scene.anchors[kind]
            index = int(self._pick.choice(len(anchors.weight), p=anchors.weight))
            # Some places get better over the year, others worse.
            weight = day_weight * (1 + anchors.trend[index] * (2 * progress - 1))
            drawn.append(_Drawn(category, kind, index, self._moment(weight / weight.sum(), hours / hours.sum())))
        return drawn

    def _moment(self, day_weight: Floats, hour_weight: Floats) -> datetime:
        """A day and an hour by their weights, before now."""
        while True:
            day = self._days[int(self._pick.choice(DAYS, p=day_weight))]
            hour = int(self._pick.choice(24, p=hour_weight))
            second = int(self._pick.integers(0, 3600))
            local = datetime.combine(day, time(hour, second // 60, second % 60), LOCAL_ZONE)
            moment = local.astimezone(UTC)
            if moment < self._now:
                return moment

    def _row(self, one: _Drawn, number: int) -> BulkRow:
        command = self._command(one)
        received_at = min(one.observed_at + timedelta(minutes=float(self._pick.exponential(12.0))), self._now)
        spot = (one.category.code, one.kind, one.index)
        severity = command.severity or one.category.default_severity
        case = Case(received_at, one.category.deadline_hours, severity, self._latest.get(spot))
        history = tell(case, self._now, self._pick, self._coordination_id)
        self._latest[spot] = command.id
        state = (history[-1].to_state or "new") if history else "new"
        return BulkRow(command, source_ref=str(number), received_at=received_at, state=state, history=history)

    def _command(self, one: _Drawn) -> ReportCommand:
        pick, category = self._pick, one.category
        lon, lat = self._scene.scatter(one.kind, one.index, pick)
        place_id = self._scene.anchors[one.kind].place_id[one.index]
        words = texts(category)
        return ReportCommand(
            id=UUID(bytes=pick.bytes(16), version=4),
            category=category.code,
            lon=lon,
            lat=lat,
            severity=_severity(category.default_severity, pick),
            observed_at=one.observed_at,
            description=words[int(pick.integers(len(words)))] if words and pick.random() < WITH_TEXT else None,
            place_id=place_id if place_id and pick.random() < LINKED else None,
        )


def _severity(default: int, pick: np.random.Generator) -> int:
    """Mostly what is usual for the category, now and then one more or one less."""
    return int(np.clip(default + pick.choice([-1, 0, 1], p=[0.15, 0.65, 0.2]), 1, 4))
