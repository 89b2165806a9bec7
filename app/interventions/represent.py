"""An intervention for machines."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from typing_extensions import TypedDict

from app.interventions.rules import MOVES, STATES, Move, Mover, may_see_cost
from app.interventions.store import InterventionRow
from app.web.bodies import rfc3339
from app.web.described import Geometry, Id, Moment, one_of

State = Annotated[str, one_of(*STATES)]


class InterventionProperties(TypedDict):
    """What is known of an intervention. cost_eur, hours: null also for whoever may not see them."""

    id: Id
    kind: str
    state: State
    visibility: Annotated[str, one_of("public", "partner", "restricted")]
    planned_start: Moment | None
    planned_end: Moment | None
    done_start: Moment | None
    done_end: Moment | None
    organisation: str
    neighbourhood: str | None
    description: str | None
    qpv: str | None
    teams: list[str]
    team_size: int | None
    cost_eur: float | None
    hours: float | None
    reports: int
    is_synthetic: bool
    source: str


class InterventionJson(InterventionProperties):
    """One intervention, with the reports that the asker may see, and the version that a change must name."""

    geometry: Geometry
    report_ids: list[Id]
    version: int


class LabelledProperties(InterventionProperties):
    """The properties of an intervention on the map; label: the kind in the reader's language."""

    label: str


class InterventionFeature(TypedDict):
    """A GeoJSON feature (RFC 7946)."""

    type: Literal["Feature"]
    id: Id
    geometry: Geometry
    properties: LabelledProperties


class InterventionCollection(TypedDict):
    """A page of interventions. truncated: there are more; next: where, null on the last page."""

    type: Literal["FeatureCollection"]
    features: list[InterventionFeature]
    truncated: bool
    next: str | None


class MoveJson(TypedDict):
    """One thing that can be done now, and the fields that it needs."""

    move: Annotated[str, one_of(*MOVES)]
    to_state: State
    needs: list[str]


class MovesJson(TypedDict):
    """What may be done next, the version to name, and the reports that `finish` may resolve."""

    version: int
    moves: list[MoveJson]
    resolvable: list[Id]


def as_json(row: InterventionRow, reader: Mover, reports: Iterable[UUID]) -> InterventionJson:
    """Its properties, the geometry last. Cost and hours only for whoever may see them, else null."""
    return {
        **properties(row, shows_cost=may_see_cost(row, reader)),
        "geometry": json.loads(row.geometry),
        "report_ids": [str(one) for one in reports],
        "version": row.version,
    }


def properties(row: InterventionRow, *, shows_cost: bool) -> InterventionProperties:
    """The properties in the order that the export has too."""
    return {
        "id": str(row.id),
        "kind": row.kind,
        "state": row.state,
        "visibility": row.visibility,
        "planned_start": rfc3339(row.planned_start),
        "planned_end": rfc3339(row.planned_end),
        "done_start": rfc3339(row.done_start),
        "done_end": rfc3339(row.done_end),
        "organisation": row.organisation,
        "neighbourhood": row.neighbourhood,
        "description": row.description,
        "qpv": row.qpv,
        "teams": list(row.teams),
        "team_size": row.team_size,
        "cost_eur": _number(row.cost_eur) if shows_cost else None,
        "hours": _number(row.hours) if shows_cost else None,
        "reports": row.reports,
        "is_synthetic": row.is_synthetic,
        "source": row.source,
    }


def _number(value: Decimal | None) -> float | None:
    return None if value is None else float(value)


def as_feature(row: InterventionRow, reader: Mover, *, label: str) -> InterventionFeature:
    """A GeoJSON feature (RFC 7946)."""
    return {
        "type": "Feature",
        "id": str(row.id),
        "geometry": json.loads(row.geometry),
        "properties": {**properties(row, shows_cost=may_see_cost(row, reader)), "label": label},
    }


def as_moves(row: InterventionRow, possible: Iterable[Move], reports: Sequence[str] = ()) -> MovesJson:
    """What may be done next, the version that a move must name, and the reports that `finish` may resolve."""
    return {
        "version": row.version,
        "moves": [
            {"move": move.name, "to_state": move.to_state, "needs": ["text"] if move.needs_text else []}
            for move in possible
        ],
        "resolvable": list(reports),
    }
