"""The one filter language of the map, the heat, the lists and the exports."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Container, Mapping
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask_babel import gettext as _
from pydantic import BaseModel, ConfigDict

from app.errors import BadRequestError
from app.filtering import Clause
from app.nomenclature.store import Nomenclature
from app.places.lattice import cell_ranges_of_bbox
from app.reports.rules import OPEN_STATES, STATES
from app.routing.deadlines import soon_until

# Dates in filters are days as people in Amiens mean them.
LOCAL_ZONE = ZoneInfo("Europe/Paris")
KEYS = ("theme", "category", "from", "to", "state", "severity", "bbox")
# What only lists of reports know besides: whose it is to answer (an organisation's slug), and how late it is.
LIST_KEYS = (*KEYS, "due", "organisation")
DUE = ("soon", "over")
BBOX_NUMBERS = 4
_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


class ReportFilter(BaseModel):
    """Which reports: an empty tuple or None leaves that side open. Days are inclusive, in Europe/Paris.

    clause: what else is asked, in CQL2.
    """

    model_config = ConfigDict(frozen=True)

    themes: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    from_date: date | None = None
    to_date: date | None = None
    states: tuple[str, ...] = ()
    severity_min: int | None = None
    bbox: tuple[float, float, float, float] | None = None
    due: str | None = None
    organisation: str | None = None
    clause: Clause | None = None

    def query(self) -> dict[str, str]:
        """The filter as query parameters, as parse_filter reads them."""
        values = {
            "theme": self.themes,
            "category": self.categories,
            "from": self.from_date,
            "to": self.to_date,
            "state": self.states,
            "severity": self.severity_min,
            "bbox": self.bbox,
            "due": self.due,
            "organisation": self.organisation,
        }
        return as_query(values, self.clause)


def as_query(values: Mapping[str, object], clause: Clause | None) -> dict[str, str]:
    """A filter's values and its CQL2 as query parameters; what is empty, None or 0 is left out."""
    given = {**values, **(clause.parameters if clause else {})}
    return {key: _written(value) for key, value in given.items() if value}


def _written(value: object) -> str:
    """As it is read again: a list by commas, a day as YYYY-MM-DD."""
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def parse_filter(args: Mapping[str, str], nomenclature: Nomenclature) -> ReportFilter:
    """Read a filter from query parameters: theme, category, from, to, state, severity, bbox (west,south,east,north).

    due=soon (within one working day) and due=over (late) are of open reports whose clock runs. Callers that know only
    KEYS refuse the others before they come here. Lists are comma-separated; an empty value is no filter.

    Raises:
        BadRequestError: names the parameter.

    """
    from_date, to_date = parse_days(args)
    return ReportFilter(
        themes=parse_codes(args, "theme", set(nomenclature.theme_by_code)),
        categories=parse_codes(args, "category", set(nomenclature.category_by_code)),
        from_date=from_date,
        to_date=to_date,
        states=parse_codes(args, "state", set(STATES)),
        severity_min=parse_severity(args, "severity"),
        bbox=parse_bbox(args),
        due=_due(args),
        organisation=parse_organisation(args),
    )


def parse_codes(args: Mapping[str, str], key: str, known: Container[str]) -> tuple[str, ...]:
    """Codes separated by commas, each once. Raises BadRequestError."""
    values = sorted({part.strip() for part in args.get(key, "").split(",")} - {""})
    for value in values:
        if value not in known:
            raise BadRequestError(key, _("“%(value)s” is not known", value=value[:40]))
    return tuple(values)


def _day(args: Mapping[str, str], key: str) -> date | None:
    """One day of the query, None when it was left empty. Raises BadRequestError."""
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


def parse_days(args: Mapping[str, str]) -> tuple[date | None, date | None]:
    """The days `from` and `to` of the query, either of them None when it was left empty. Raises BadRequestError."""
    from_date, to_date = _day(args, "from"), _day(args, "to")
    if from_date and to_date and from_date > to_date:
        raise BadRequestError("to", _("the end lies before the start"))
    return from_date, to_date


def parse_severity(args: Mapping[str, str], key: str) -> int | None:
    """The least severity, None when it was left empty. Raises BadRequestError."""
    value = args.get(key, "").strip()
    if not value:
        return None
    if value not in {"1", "2", "3", "4"}:
        raise BadRequestError(key, _("choose 1, 2, 3 or 4"))
    return int(value)


def _due(args: Mapping[str, str]) -> str | None:
    value = args.get("due", "").strip()
    if value and value not in DUE:
        raise BadRequestError("due", _("choose soon or over"))
    return value or None


def parse_organisation(args: Mapping[str, str]) -> str | None:
    """An organisation's slug, None when it was left empty. Raises BadRequestError."""
    value = args.get("organisation", "").strip()
    if value and not _SLUG.fullmatch(value):
        raise BadRequestError("organisation", _("“%(value)s” is not known", value=value[:40]))
    return value or None


def parse_bbox(args: Mapping[str, str]) -> tuple[float, float, float, float] | None:
    """west,south,east,north in degrees, None when it was left empty. Raises BadRequestError."""
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


def conditions(chosen: ReportFilter, now: datetime | None = None) -> tuple[list[str], dict[str, Any]]:
    """The filter as SQL conditions on `report` (and `category` joined), with their named binds. now: for `due`."""
    parts: list[str] = []
    binds: dict[str, Any] = {}
    add_codes("category.theme_code", "themes", chosen.themes, parts, binds)
    add_codes("report.category_code", "categories", chosen.categories, parts, binds)
    add_days((chosen.from_date, chosen.to_date), ("report.observed_at", "report.observed_at"), parts, binds)
    add_codes("report.state", "states", chosen.states, parts, binds)
    if chosen.severity_min is not None:
        parts.append("report.severity >= :severity_min")
        binds["severity_min"] = chosen.severity_min
    add_organisation("report", chosen.organisation, parts, binds)
    if chosen.due is not None:
        _due_window(chosen.due, now or datetime.now(UTC), parts, binds)
    if chosen.bbox is not None:
        _window(chosen.bbox, parts, binds)
    add_clause(chosen.clause, parts, binds)
    return parts, binds


def add_codes(column: str, name: str, codes: Collection[str], parts: list[str], binds: dict[str, Any]) -> None:
    """The column is one of the codes; none of them: whatever it is. name: of the bind."""
    if codes:
        parts.append(f"{column} = ANY(:{name})")
        binds[name] = list(codes)


def add_organisation(table: str, slug: str | None, parts: list[str], binds: dict[str, Any]) -> None:
    """Of `table`, what that organisation answers for."""
    if slug is not None:
        parts.append(f"{table}.organisation_id = (SELECT id FROM organisation WHERE slug = :organisation_slug)")  # noqa: S608
        binds["organisation_slug"] = slug


def add_days(
    days: tuple[date | None, date | None], span: tuple[str, str], parts: list[str], binds: dict[str, Any]
) -> None:
    """What touches the days, both of them included, in Europe/Paris. span: the columns of its start and its end."""
    (from_date, to_date), (start, end) = days, span
    if from_date:
        parts.append(f"{end} >= (CAST(:from_date AS date)::timestamp AT TIME ZONE 'Europe/Paris')")
        binds["from_date"] = from_date
    if to_date:
        parts.append(f"{start} < ((CAST(:to_date AS date) + 1)::timestamp AT TIME ZONE 'Europe/Paris')")
        binds["to_date"] = to_date


def add_clause(clause: Clause | None, parts: list[str], binds: dict[str, Any]) -> None:
    """What is asked in CQL2 besides, as one more condition."""
    if clause is not None:
        parts.append(clause.sql)
        binds.update(clause.binds)


_OPEN = ", ".join(f"'{state}'" for state in OPEN_STATES)
# Written out, not bound: the planner then knows that the partial indexes on due_at hold these rows.
CLOCK_RUNS = f"report.state IN ({_OPEN}) AND report.paused_at IS NULL"


def _due_window(due: str, now: datetime, parts: list[str], binds: dict[str, Any]) -> None:
    parts.append(CLOCK_RUNS)
    binds["due_now"] = now
    if due == "over":
        parts.append("report.due_at < :due_now")
        return
    parts.append("report.due_at BETWEEN :due_now AND :due_soon")
    binds["due_soon"] = soon_until(now)


def cells_in_window(
    table: str, bbox: tuple[float, float, float, float], parts: list[str], binds: dict[str, Any]
) -> None:
    """The Morton ranges of a window as a condition on `table`.cell_25m: a superset, found by index."""
    ranges = cell_ranges_of_bbox(bbox)
    either = [f"{table}.cell_25m BETWEEN :cell_from_{i} AND :cell_to_{i}" for i in range(len(ranges))]
    parts.append(f"({' OR '.join(either)})" if either else "false")
    for i, (first, last) in enumerate(ranges):
        binds[f"cell_from_{i}"], binds[f"cell_to_{i}"] = first, last


def _window(bbox: tuple[float, float, float, float], parts: list[str], binds: dict[str, Any]) -> None:
    """Morton ranges find the rows by index; the exact box then keeps those inside, edges included."""
    west, south, east, north = bbox
    cells_in_window("report", bbox, parts, binds)
    parts.append("ST_X(report.geom_4326) BETWEEN :west AND :east AND ST_Y(report.geom_4326) BETWEEN :south AND :north")
    binds.update(west=west, south=south, east=east, north=north)
