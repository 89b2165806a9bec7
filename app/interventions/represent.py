"""An intervention for machines."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from app.interventions.rules import Move, Mover, may_see_cost
from app.interventions.store import InterventionRow
from app.web.bodies import rfc3339


def as_json(row: InterventionRow, reader: Mover) -> dict[str, Any]:
    """Its properties, the geometry last. Cost and hours only for whoever may see them, else null."""
    shows_cost = may_see_cost(row, reader)
    return properties(row, shows_cost=shows_cost) | {"geometry": json.loads(row.geometry)}


def properties(row: InterventionRow, *, shows_cost: bool) -> dict[str, Any]:
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


def as_feature(row: InterventionRow, reader: Mover, **more: Any) -> dict[str, Any]:
    """A GeoJSON feature (RFC 7946)."""
    return {
        "type": "Feature",
        "id": str(row.id),
        "geometry": json.loads(row.geometry),
        "properties": properties(row, shows_cost=may_see_cost(row, reader)) | more,
    }


def as_moves(row: InterventionRow, possible: Iterable[Move], reports: Sequence[str] = ()) -> dict[str, Any]:
    """What may be done next, the version that a move must name, and the reports that `finish` may resolve."""
    return {
        "version": row.version,
        "moves": [
            {"move": move.name, "to_state": move.to_state, "needs": ["text"] if move.needs_text else []}
            for move in possible
        ],
        "resolvable": list(reports),
    }
