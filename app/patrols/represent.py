"""A patrol for machines."""

from __future__ import annotations

from typing import Any

from app.patrols.actions import Whole
from app.patrols.store import PassageRow, PatrolRow, StopRow
from app.web.bodies import rfc3339


def as_json(row: PatrolRow) -> dict[str, Any]:
    """Its properties, without stops and passages."""
    return {
        "id": str(row.id),
        "kind": row.kind,
        "title": row.title,
        "state": row.state,
        "planned_at": rfc3339(row.planned_at),
        "started_at": rfc3339(row.started_at),
        "ended_at": rfc3339(row.ended_at),
        "organisation": row.organisation,
        "note": row.note,
        "participants": dict(row.participants),
        "stop_count": row.stops,
        "stops_seen": row.stops_seen,
        "passage_count": row.passages,
        "found": row.found,
        "is_synthetic": row.is_synthetic,
        "source": row.source,
        "version": row.version,
    }


def whole_as_json(whole: Whole) -> dict[str, Any]:
    """Everything that a phone needs to go on without a network."""
    stops = [stop_as_json(stop) for stop in whole.stops]
    return as_json(whole.row) | {"stops": stops, "passages": [passage_as_json(one) for one in whole.passages]}


def stop_as_json(stop: StopRow) -> dict[str, Any]:
    """One stop; `stop` is the number that a passage names."""
    return {
        "stop": stop.position,
        "place_id": stop.place_id,
        "name": stop.name,
        "lon": stop.lon,
        "lat": stop.lat,
        "note": stop.note,
    }


def passage_as_json(passage: PassageRow) -> dict[str, Any]:
    """One passage, with the ids of the reports that were announced with it."""
    return {
        "id": str(passage.id),
        "stop": passage.position,
        "place_id": passage.place_id,
        "name": passage.name,
        "lon": passage.lon,
        "lat": passage.lat,
        "passed_at": rfc3339(passage.passed_at),
        "outcome": passage.outcome,
        "note": passage.note,
        "reports": [str(report_id) for report_id in passage.report_ids],
    }
