"""Which places of rounds: the export's filter. Its conditions stand on the rows of exports/sql/patrol_visits.sql."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask_babel import gettext as _

from app.errors import BadRequestError
from app.filtering import Clause
from app.patrols.rules import KINDS, STATES
from app.reports.filters import add_clause, parse_bbox, parse_codes, parse_day, parse_organisation

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
    from_date, to_date = parse_day(args, "from"), parse_day(args, "to")
    if from_date and to_date and from_date > to_date:
        raise BadRequestError("to", _("the end lies before the start"))
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
    if chosen.from_date:
        parts.append("patrol_visit.at >= (CAST(:from_date AS date)::timestamp AT TIME ZONE 'Europe/Paris')")
        binds["from_date"] = chosen.from_date
    if chosen.to_date:
        parts.append("patrol_visit.at < ((CAST(:to_date AS date) + 1)::timestamp AT TIME ZONE 'Europe/Paris')")
        binds["to_date"] = chosen.to_date
    if chosen.bbox:
        parts.append("patrol_visit.geom_4326 && ST_MakeEnvelope(:west, :south, :east, :north, 4326)")
        binds |= dict(zip(("west", "south", "east", "north"), chosen.bbox, strict=True))
    add_clause(chosen.clause, parts, binds)
    return parts, binds
