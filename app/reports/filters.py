"""The one filter language of the map, the heat, the lists and the exports."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from flask_babel import gettext as _
from pydantic import BaseModel, ConfigDict

from app.errors import BadRequestError
from app.nomenclature.store import Nomenclature
from app.places.lattice import cell_ranges_of_bbox
from app.reports.rules import STATES

# Dates in filters are days as people in Amiens mean them.
LOCAL_ZONE = ZoneInfo("Europe/Paris")
KEYS = ("theme", "category", "from", "to", "state", "severity", "bbox")
BBOX_NUMBERS = 4


class ReportFilter(BaseModel):
    """Which reports: an empty tuple or None leaves that side open. Days are inclusive, in Europe/Paris."""

    model_config = ConfigDict(frozen=True)

    themes: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    from_date: date | None = None
    to_date: date | None = None
    states: tuple[str, ...] = ()
    severity_min: int | None = None
    bbox: tuple[float, float, float, float] | None = None

    def query(self) -> dict[str, str]:
        """The filter as query parameters, as parse_filter reads them."""
        values = {
            "theme": ",".join(self.themes),
            "category": ",".join(self.categories),
            "from": self.from_date.isoformat() if self.from_date else "",
            "to": self.to_date.isoformat() if self.to_date else "",
            "state": ",".join(self.states),
            "severity": str(self.severity_min or ""),
            "bbox": ",".join(repr(number) for number in self.bbox) if self.bbox else "",
        }
        return {key: value for key, value in values.items() if value}


def parse_filter(args: Mapping[str, str], nomenclature: Nomenclature) -> ReportFilter:
    """Read a filter from query parameters: theme, category, from, to, state, severity, bbox (west,south,east,north).

    Lists are comma-separated; an empty value is no filter.

    Raises:
        BadRequestError: names the parameter.

    """
    from_date, to_date = _day(args, "from"), _day(args, "to")
    if from_date and to_date and from_date > to_date:
        raise BadRequestError("to", _("the end lies before the start"))
    return ReportFilter(
        themes=_codes(args, "theme", set(nomenclature.theme_by_code)),
        categories=_codes(args, "category", set(nomenclature.category_by_code)),
        from_date=from_date,
        to_date=to_date,
        states=_codes(args, "state", set(STATES)),
        severity_min=_severity(args),
        bbox=_bbox(args),
    )


def _codes(args: Mapping[str, str], key: str, known: set[str]) -> tuple[str, ...]:
    values = sorted({part.strip() for part in args.get(key, "").split(",")} - {""})
    for value in values:
        if value not in known:
            raise BadRequestError(key, _("“%(value)s” is not known", value=value[:40]))
    return tuple(values)


def _day(args: Mapping[str, str], key: str) -> date | None:
    value = args.get(key, "").strip()
    if not value:
        return None
    try:
        day = date.fromisoformat(value)
    except ValueError:
        raise BadRequestError(key, _("write the day as YYYY-MM-DD")) from None
    if not date(1970, 1, 1) <= day <= date(2149, 1, 1):
        raise BadRequestError(key, _("this day is out of range"))
    return day


def _severity(args: Mapping[str, str]) -> int | None:
    value = args.get("severity", "").strip()
    if not value:
        return None
    if value not in {"1", "2", "3", "4"}:
        raise BadRequestError("severity", _("choose 1, 2, 3 or 4"))
    return int(value)


def _bbox(args: Mapping[str, str]) -> tuple[float, float, float, float] | None:
    value = args.get("bbox", "").strip()
    if not value:
        return None
    try:
        numbers = [float(part) for part in value.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != BBOX_NUMBERS or not all(math.isfinite(number) for number in numbers):
        raise BadRequestError("bbox", _("write four numbers: west,south,east,north"))
    west, south, east, north = numbers
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):  # noqa: PLR2004
        raise BadRequestError("bbox", _("west,south,east,north must be in degrees and in this order"))
    return west, south, east, north


def conditions(chosen: ReportFilter) -> tuple[list[str], dict[str, Any]]:
    """The filter as SQL conditions on `report` (and `category` joined), with their named binds."""
    parts: list[str] = []
    binds: dict[str, Any] = {}
    if chosen.themes:
        parts.append("category.theme_code = ANY(:themes)")
        binds["themes"] = list(chosen.themes)
    if chosen.categories:
        parts.append("report.category_code = ANY(:categories)")
        binds["categories"] = list(chosen.categories)
    if chosen.from_date:
        parts.append("report.observed_at >= (CAST(:from_date AS date)::timestamp AT TIME ZONE 'Europe/Paris')")
        binds["from_date"] = chosen.from_date
    if chosen.to_date:
        parts.append("report.observed_at < ((CAST(:to_date AS date) + 1)::timestamp AT TIME ZONE 'Europe/Paris')")
        binds["to_date"] = chosen.to_date
    if chosen.states:
        parts.append("report.state = ANY(:states)")
        binds["states"] = list(chosen.states)
    if chosen.severity_min is not None:
        parts.append("report.severity >= :severity_min")
        binds["severity_min"] = chosen.severity_min
    if chosen.bbox is not None:
        _window(chosen.bbox, parts, binds)
    return parts, binds


def _window(bbox: tuple[float, float, float, float], parts: list[str], binds: dict[str, Any]) -> None:
    """Morton ranges find the rows by index; the exact box then keeps those inside, edges included."""
    west, south, east, north = bbox
    ranges = cell_ranges_of_bbox(bbox)
    either = [f"report.cell_25m BETWEEN :cell_from_{i} AND :cell_to_{i}" for i in range(len(ranges))]
    parts.append(f"({' OR '.join(either)})" if either else "false")
    for i, (first, last) in enumerate(ranges):
        binds[f"cell_from_{i}"], binds[f"cell_to_{i}"] = first, last
    parts.append("ST_X(report.geom_4326) BETWEEN :west AND :east AND ST_Y(report.geom_4326) BETWEEN :south AND :north")
    binds.update(west=west, south=south, east=east, north=north)
