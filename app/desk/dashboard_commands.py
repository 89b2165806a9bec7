"""Untrusted input of the dashboard → one frozen question."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from flask_babel import gettext as _

from app.errors import BadRequestError
from app.interventions.filters import parse_filter as parse_interventions
from app.nomenclature.store import Nomenclature
from app.reports.filters import LOCAL_ZONE, ReportFilter, parse_filter

KEYS = ("theme", "category", "severity", "from", "to", "organisation", "neighbourhood")
USUAL_DAYS = 90
MOST_DAYS = 5 * 366
# Longer periods are shown by month.
WEEKS_UP_TO_DAYS = 183


@dataclass(frozen=True)
class DashboardQuery:
    """Which reports, always with a first and a last day; neighbourhood: the id of a place."""

    chosen: ReportFilter
    from_date: date
    to_date: date
    neighbourhood: int | None

    @property
    def days(self) -> int:
        """How many days the period has."""
        return (self.to_date - self.from_date).days + 1

    def query(self) -> dict[str, str]:
        """The address's parameters."""
        place = {"neighbourhood": str(self.neighbourhood)} if self.neighbourhood is not None else {}
        return self.chosen.query() | place


def parse_dashboard(args: Mapping[str, str], nomenclature: Nomenclature, *, now: datetime) -> DashboardQuery:
    """Read the query parameters. Without days it is the last 90; with one of them, 90 days from or up to it.

    Raises:
        BadRequestError: names the parameter.

    """
    for name in args:
        if name not in KEYS:
            raise BadRequestError(name[:40], _("there is no such parameter"))
    chosen = parse_filter(args, nomenclature)
    usual = timedelta(days=USUAL_DAYS - 1)
    today = now.astimezone(LOCAL_ZONE).date()
    if chosen.from_date is not None:
        from_date = chosen.from_date
        to_date = chosen.to_date or max(from_date, min(today, from_date + timedelta(days=MOST_DAYS - 1)))
    else:
        to_date = chosen.to_date or today
        from_date = to_date - usual
    if (to_date - from_date).days >= MOST_DAYS:
        raise BadRequestError("from", _("choose a period of at most five years"))
    return DashboardQuery(
        chosen.model_copy(update={"from_date": from_date, "to_date": to_date}),
        from_date,
        to_date,
        parse_interventions({"neighbourhood": args.get("neighbourhood", "")}, ()).neighbourhood,
    )
