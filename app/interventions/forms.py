"""Stored values as a form shows them again."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from app.interventions.geometry import as_lines
from app.interventions.store import InterventionRow
from app.reports.filters import LOCAL_ZONE


def local_minute(moment: datetime | None) -> str:
    """What a `datetime-local` control holds: minutes in Europe/Paris."""
    return "" if moment is None else moment.astimezone(LOCAL_ZONE).strftime("%Y-%m-%dT%H:%M")


def stored_values(row: InterventionRow) -> dict[str, Any]:
    """The details of an intervention as parse_edit reads them from a form."""
    shape, lines = as_lines(row.geometry)
    return {
        "version": row.version,
        "kind": row.kind,
        "shape": shape,
        "geometry": lines,
        "planned_start": local_minute(row.planned_start),
        "planned_end": local_minute(row.planned_end),
        "done_start": local_minute(row.done_start),
        "done_end": local_minute(row.done_end),
        "teams": list(row.teams),
        "team_size": row.team_size or "",
        "cost_eur": "" if row.cost_eur is None else row.cost_eur,
        "hours": "" if row.hours is None else row.hours,
        "description": row.description or "",
        "visibility": row.visibility,
    }
