"""A report for machines: the property order of the contract."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from app.reports.store import EventRow, ReportRow
from app.reports.workflow import Move
from app.web.bodies import rfc3339


def as_json(row: ReportRow) -> dict[str, Any]:
    """The contract's properties in the contract's order, then what is added."""
    return {
        "id": str(row.id),
        "category": row.category,
        "theme": row.theme,
        "kind": row.kind,
        "severity": row.severity,
        "state": row.state,
        "visibility": row.visibility,
        "observed_at": rfc3339(row.observed_at),
        "received_at": rfc3339(row.received_at),
        "due_at": rfc3339(row.due_at),
        "organisation": row.organisation,
        "neighbourhood": row.neighbourhood,
        "description": row.description,
        "lon": row.lon,
        "lat": row.lat,
        "place": row.place,
        "nearest_stop": row.nearest_stop,
        "iris": row.iris,
        "qpv": row.qpv,
        "is_synthetic": row.is_synthetic,
        "duplicate_of": None if row.duplicate_of is None else str(row.duplicate_of),
    }


def as_moves(row: ReportRow, possible: Iterable[Move]) -> dict[str, Any]:
    """What may be done next with a report, and the version that a move must name."""
    return {
        "version": row.version,
        "moves": [
            {
                "move": move.name,
                "to_state": move.to_state,
                "needs": list(move.needs),
                "takes": list(move.takes),
                "reasons": list(move.reasons),
            }
            for move in possible
        ],
    }


def event_as_json(event: EventRow) -> dict[str, Any]:
    """One line of history; details are as they were stored."""
    return {
        "at": rfc3339(event.at),
        "kind": event.kind,
        "from_state": event.from_state,
        "to_state": event.to_state,
        "organisation": event.organisation,
        "role": event.role,
        "details": dict(event.details),
    }


def as_feature(row: ReportRow, **more: Any) -> dict[str, Any]:
    """A GeoJSON feature (RFC 7946) with the contract's properties first."""
    properties = as_json(row)
    lon, lat = properties.pop("lon"), properties.pop("lat")
    return {
        "type": "Feature",
        "id": str(row.id),
        "geometry": {"type": "Point", "coordinates": [lon, lat]},
        "properties": properties | more,
    }
