"""Which interventions: the one filter of the list, the calendar, the map, the API and the export."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask_babel import gettext as _

from app.errors import BadRequestError
from app.filtering import Clause
from app.interventions.rules import STATES
from app.reports.filters import (
    add_clause,
    add_codes,
    add_days,
    add_organisation,
    as_query,
    cells_in_window,
    parse_bbox,
    parse_codes,
    parse_days,
    parse_organisation,
)

KEYS = ("kind", "state", "organisation", "from", "to", "neighbourhood", "bbox")
_ID_DIGITS = 18


@dataclass(frozen=True)
class InterventionFilter:
    """An empty tuple or None leaves that side open. Days are inclusive, in Europe/Paris, and touch the whole time
    between an intervention's start and end. organisation: a slug; neighbourhood: the id of a place; clause: what
    else is asked, in CQL2.
    """

    kinds: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    organisation: str | None = None
    from_date: date | None = None
    to_date: date | None = None
    neighbourhood: int | None = None
    bbox: tuple[float, float, float, float] | None = None
    clause: Clause | None = None

    def query(self) -> dict[str, str]:
        """The filter as query parameters, as parse_filter reads them."""
        values = {
            "kind": self.kinds,
            "state": self.states,
            "organisation": self.organisation,
            "from": self.from_date,
            "to": self.to_date,
            "neighbourhood": self.neighbourhood,
            "bbox": self.bbox,
        }
        return as_query(values, self.clause)


def parse_filter(args: Mapping[str, str], kinds: Collection[str]) -> InterventionFilter:
    """Read a filter from query parameters. Lists are comma-separated; an empty value is no filter.

    Raises:
        BadRequestError: names the parameter.

    """
    from_date, to_date = parse_days(args)
    return InterventionFilter(
        kinds=parse_codes(args, "kind", kinds),
        states=parse_codes(args, "state", STATES),
        organisation=parse_organisation(args),
        from_date=from_date,
        to_date=to_date,
        neighbourhood=_neighbourhood(args),
        bbox=parse_bbox(args),
    )


def _neighbourhood(args: Mapping[str, str]) -> int | None:
    value = args.get("neighbourhood", "").strip()
    if not value:
        return None
    if not (value.isascii() and value.isdigit() and len(value) <= _ID_DIGITS and int(value)):
        raise BadRequestError("neighbourhood", _("give the number of a place"))
    return int(value)


def conditions(chosen: InterventionFilter) -> tuple[list[str], dict[str, Any]]:
    """The filter as SQL conditions on `intervention`, with their named binds."""
    parts: list[str] = []
    binds: dict[str, Any] = {}
    add_codes("intervention.kind_code", "kinds", chosen.kinds, parts, binds)
    add_codes("intervention.state", "states", chosen.states, parts, binds)
    add_organisation("intervention", chosen.organisation, parts, binds)
    if chosen.neighbourhood:
        parts.append("intervention.neighbourhood_id = :neighbourhood_id")
        binds["neighbourhood_id"] = chosen.neighbourhood
    add_days((chosen.from_date, chosen.to_date), ("intervention.starts_at", "intervention.ends_at"), parts, binds)
    if chosen.bbox:
        # By the cell of the point that stands for the geometry: `&&` would lose its index under row-level security.
        cells_in_window("intervention", chosen.bbox, parts, binds)
    add_clause(chosen.clause, parts, binds)
    return parts, binds
