"""What the heat map can show, what each is measured in, and who may see it; docs/decisions/0012. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.heat.viewer import Viewer

MEASURES = ("count", "weighted", "per_exposure", "significance", "change")
# What may be made of protected groups; the others need single reports, their day and their severity.
FOR_GROUPS = frozenset({"count", "per_exposure"})
AGAINST = ("before", "year")
# What a request may say of its measure.
PARAMETERS = ("measure", "exposure", "half_life", "against")

RATE = "reports/km²/30 days"
UNITS = {
    "count": RATE,
    "weighted": "severity points/km²",
    "significance": "standard score",
    "change": RATE,
}
HALF_LIFE_DAYS, HALF_LIFE_LEAST, HALF_LIFE_MOST = 90, 7, 730
# The days that are compared when a period is open at its start.
CHANGE_DAYS = 90
# Fewer than this within the band are no hot spot, whatever their score.
LEAST_HOT_REPORTS = 5
# The squares of the tests see their neighbours at least.
LEAST_BAND_M = 100


@dataclass(frozen=True)
class Measure:
    """A measure with its parameters; those of other measures stay at their defaults."""

    code: str = "count"
    exposure: str = ""
    half_life_days: int = HALF_LIFE_DAYS
    against: str = AGAINST[0]

    @property
    def uses_groups(self) -> bool:
        """Whether protected groups are in it; else only what the viewer reads."""
        return self.code in FOR_GROUPS

    @property
    def is_rate(self) -> bool:
        """Whether it is per 30 days."""
        return self.code in {"count", "per_exposure", "change"}


def measures_for(viewer: Viewer) -> tuple[str, ...]:
    """The measures that a viewer may see."""
    return tuple(code for code in MEASURES if code in FOR_GROUPS or not viewer.is_protected)


def band_m(bandwidth_m: int) -> int:
    """How far a square's neighbours lie, for the tests of chance."""
    return max(LEAST_BAND_M, bandwidth_m)
