"""A report for machines: the property order of the contract."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Literal, NotRequired, cast

from typing_extensions import TypedDict

from app.reports.rules import STATES
from app.reports.store import EventRow, ReportRow
from app.reports.workflow import MOVES, Move
from app.web.bodies import rfc3339
from app.web.described import EventJson, Id, Moment, Point, one_of

State = Annotated[str, one_of(*STATES)]
Visibility = Annotated[str, one_of("public", "partner", "restricted")]


class _Shared(TypedDict):
    """The properties of the contract, in its order."""

    id: Id
    category: str
    theme: str
    kind: Annotated[str, one_of("defect", "disorder")]
    severity: int
    state: State
    visibility: Visibility
    observed_at: Moment
    received_at: Moment
    due_at: Moment | None
    organisation: str | None
    neighbourhood: str | None
    description: str | None


class _Added(TypedDict):
    place: str | None
    nearest_stop: str | None
    iris: str | None
    qpv: str | None
    is_synthetic: bool
    duplicate_of: Id | None


class ReportJson(_Shared, _Added):
    """One report. lon, lat: EPSG:4326 degrees; times in UTC; organisation and places by name."""

    lon: float
    lat: float


class CandidateJson(TypedDict):
    """An organisation that might answer for a report: slug and name."""

    organisation: str
    name: str


class SubmittedJson(ReportJson):
    """A report as it was stored. candidates: so near a boundary that somebody must say who answers."""

    candidates: NotRequired[list[CandidateJson]]


class MoveJson(TypedDict):
    """One thing that can be done now: the fields that it needs and may take, and the reasons to choose from."""

    move: Annotated[str, one_of(*MOVES)]
    to_state: State | None
    needs: list[str]
    takes: list[str]
    reasons: list[str]


class MovesJson(TypedDict):
    """What may be done next with a report, and the version to name."""

    version: int
    moves: list[MoveJson]


class ReportWithMovesJson(ReportJson, MovesJson):
    """A report after a change, and what may be done next."""


class ReportProperties(_Shared, _Added):
    """The properties of a report on the map; label: the category in the reader's language."""

    label: str


class ReportFeature(TypedDict):
    """A GeoJSON feature (RFC 7946)."""

    type: Literal["Feature"]
    id: Id
    geometry: Point
    properties: ReportProperties


class ReportCollection(TypedDict):
    """A page of reports. truncated: there are more; next: where, null on the last page."""

    type: Literal["FeatureCollection"]
    features: list[ReportFeature]
    truncated: bool
    next: str | None


def as_json(row: ReportRow) -> ReportJson:
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


def as_moves(row: ReportRow, possible: Iterable[Move]) -> MovesJson:
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


def event_as_json(event: EventRow) -> EventJson:
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


def as_feature(row: ReportRow, *, label: str) -> ReportFeature:
    """A GeoJSON feature (RFC 7946) with the contract's properties first."""
    properties: dict[str, Any] = {**as_json(row), "label": label}
    lon, lat = properties.pop("lon"), properties.pop("lat")
    return {
        "type": "Feature",
        "id": str(row.id),
        "geometry": {"type": "Point", "coordinates": [lon, lat]},
        "properties": cast("ReportProperties", properties),
    }
