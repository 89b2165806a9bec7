"""A patrol for machines."""

from __future__ import annotations

from typing import Annotated

from typing_extensions import TypedDict

from app.patrols.actions import Whole
from app.patrols.rules import KINDS, OUTCOMES, STATES
from app.patrols.store import PassageRow, PatrolRow, StopRow
from app.web.bodies import rfc3339
from app.web.described import Id, Moment, one_of


class PatrolJson(TypedDict):
    """A patrol. participants: role → number of people; found: passages that found something."""

    id: Id
    kind: Annotated[str, one_of(*KINDS)]
    title: str
    state: Annotated[str, one_of(*STATES)]
    planned_at: Moment
    started_at: Moment | None
    ended_at: Moment | None
    organisation: str
    note: str | None
    participants: dict[str, int]
    stop_count: int
    stops_seen: int
    passage_count: int
    found: int
    is_synthetic: bool
    source: str
    version: int


class StopJson(TypedDict):
    """One stop of a patrol; `stop` is the number that a passage names."""

    stop: int
    place_id: int | None
    name: str
    lon: float
    lat: float
    note: str | None


class PassageJson(TypedDict):
    """Somebody looked, here and then; reports: what was announced with it, also if it has not arrived yet."""

    id: Id
    stop: int | None
    place_id: int | None
    name: str | None
    lon: float
    lat: float
    passed_at: Moment
    outcome: Annotated[str, one_of(*OUTCOMES)]
    note: str | None
    reports: list[Id]


class WholePatrolJson(PatrolJson):
    """A patrol with its stops and passages."""

    stops: list[StopJson]
    passages: list[PassageJson]


class PatrolPage(TypedDict):
    """A page of patrols, the latest first; next: the address of the next page, null on the last."""

    patrols: list[PatrolJson]
    next: str | None


def as_json(row: PatrolRow) -> PatrolJson:
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


def whole_as_json(whole: Whole) -> WholePatrolJson:
    """Everything that a phone needs to go on without a network."""
    return {
        **as_json(whole.row),
        "stops": [stop_as_json(stop) for stop in whole.stops],
        "passages": [passage_as_json(one) for one in whole.passages],
    }


def stop_as_json(stop: StopRow) -> StopJson:
    """One stop; `stop` is the number that a passage names."""
    return {
        "stop": stop.position,
        "place_id": stop.place_id,
        "name": stop.name,
        "lon": stop.lon,
        "lat": stop.lat,
        "note": stop.note,
    }


def passage_as_json(passage: PassageRow) -> PassageJson:
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
