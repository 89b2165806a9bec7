"""Which places of rounds: the export's filter. Its conditions stand on the rows of exports/sql/patrol_visits.sql."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from app.filtering import Clause
from app.patrols.rules import KINDS, STATES
from app.reports.filters import add_clause, add_days, parse_bbox, parse_codes, parse_days, parse_organisation

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
            "kind": ",".join(self.kinds),
            "state": ",".join(self.states),
            "organisation": self.organisation or "",
            "from": self.from_date.isoformat() if self.from_date else "",
            "to": self.to_date.isoformat() if self.to_date else "",
            "bbox": ",".join(repr(number) for number in self.bbox) if self.bbox else "",
            **(self.clause.parameters if self.clause else {}),
        }
        return {key: value for key, value in values.items() if value}


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
    if chosen.kinds:
        parts.append("patrol_visit.kind = ANY(:kinds)")
        binds["kinds"] = list(chosen.kinds)
    if chosen.states:
        parts.append("patrol_visit.state = ANY(:states)")
        binds["states"] = list(chosen.states)
    if chosen.organisation:
        parts.append("patrol_visit.organisation_id = (SELECT id FROM organisation WHERE slug = :organisation_slug)")
        binds["organisation_slug"] = chosen.organisation
    add_days((chosen.from_date, chosen.to_date), ("patrol_visit.at", "patrol_visit.at"), parts, binds)
    if chosen.bbox:
        parts.append("patrol_visit.geom_4326 && ST_MakeEnvelope(:west, :south, :east, :north, 4326)")
        binds |= dict(zip(("west", "south", "east", "north"), chosen.bbox, strict=True))
    add_clause(chosen.clause, parts, binds)
    return parts, binds
