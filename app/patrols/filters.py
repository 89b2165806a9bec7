"""Which places of rounds: the export's filter. Its conditions stand on the rows of exports/sql/patrol_visits.sql."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from app.filtering import Clause
from app.patrols.rules import KINDS, STATES
from app.reports.filters import (
    add_clause,
    add_codes,
    add_days,
    add_organisation,
    as_query,
    parse_bbox,
    parse_codes,
    parse_days,
    parse_organisation,
)

KEYS = ("kind", "state", "organisation", "from", "to", "bbox")


@dataclass(frozen=True)
class PatrolFilter:
    """An empty tuple or None leaves that side open. Days are inclusive, in Europe/Paris: of the passage, or of the
    round where nobody has passed. organisation: a slug; clause: what else is asked, in CQL2.
    """

    kinds: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    organisation: str | None = None
    from_date: date | None = None
    to_date: date | None = None
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
            "bbox": self.bbox,
        }
        return as_query(values, self.clause)


def parse_filter(args: Mapping[str, str]) -> PatrolFilter:
    """Read a filter from query parameters. Lists are comma-separated; an empty value is no filter.

    Raises:
        BadRequestError: names the parameter.

    """
    from_date, to_date = parse_days(args)
    return PatrolFilter(
        kinds=parse_codes(args, "kind", KINDS),
        states=parse_codes(args, "state", STATES),
        organisation=parse_organisation(args),
        from_date=from_date,
        to_date=to_date,
        bbox=parse_bbox(args),
    )


def conditions(chosen: PatrolFilter) -> tuple[list[str], dict[str, Any]]:
    """The filter as SQL conditions on `patrol_visit`, with their named binds."""
    parts: list[str] = []
    binds: dict[str, Any] = {}
    add_codes("patrol_visit.kind", "kinds", chosen.kinds, parts, binds)
    add_codes("patrol_visit.state", "states", chosen.states, parts, binds)
    add_organisation("patrol_visit", chosen.organisation, parts, binds)
    add_days((chosen.from_date, chosen.to_date), ("patrol_visit.at", "patrol_visit.at"), parts, binds)
    if chosen.bbox:
        parts.append("patrol_visit.geom_4326 && ST_MakeEnvelope(:west, :south, :east, :north, 4326)")
        binds |= dict(zip(("west", "south", "east", "north"), chosen.bbox, strict=True))
    add_clause(chosen.clause, parts, binds)
    return parts, binds
