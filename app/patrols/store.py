"""All SQL of patrols. Frozen rows come out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from app.db.sql import statement
from app.reports.store import EventRow, ReportRow


@dataclass(frozen=True)
class PatrolRow:
    """One patrol without its author. participants: role → number of people; reports as far as the actor sees them."""

    id: UUID
    kind: str
    title: str
    state: str
    planned_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    starts_at: datetime
    note: str | None
    organisation_id: int
    organisation: str
    source: str
    is_synthetic: bool
    version: int
    stops: int
    stops_seen: int
    passages: int
    found: int
    reports: int
    participants: Mapping[str, int]


@dataclass(frozen=True)
class StopRow:
    """One stop, in the round's order. lon, lat in EPSG:4326 degrees."""

    id: int
    position: int
    place_id: int | None
    name: str
    lon: float
    lat: float
    note: str | None


@dataclass(frozen=True)
class PassageRow:
    """Somebody looked. position: of the stop; report_ids: all that were announced, also those not arrived yet."""

    id: UUID
    stop_id: int | None
    position: int | None
    place_id: int | None
    name: str | None
    lon: float
    lat: float
    passed_at: datetime
    outcome: str
    note: str | None
    report_ids: Sequence[UUID]


@dataclass(frozen=True)
class ChoosablePlace:
    """A place that a round can stop at."""

    id: int
    kind: str
    name: str
    lon: float
    lat: float
    is_own: bool
    neighbourhood: str | None


@dataclass(frozen=True)
class Cursor:
    """Where a page ended: the last row's key in (starts_at DESC, id)."""

    starts_at: datetime
    id: UUID


_SELECT = statement("patrols", "select")
_ADD_PASSAGE = text(statement("patrols", "add_passage"))
_CHOOSE = text(statement("patrols", "choose_places"))
_ONE = text(f"{_SELECT} WHERE patrol.id = :id")
_ADD = text("""
    INSERT INTO patrol (id, kind, title, state, planned_at, started_at, ended_at, note, organisation_id,
                        author_account_id, source, is_synthetic, body_sha256, created_at)
    VALUES (:id, :kind, :title, :state, :planned_at, :started_at, :ended_at, :note, :organisation_id,
            :author_account_id, :source, :is_synthetic, :body_sha256, :now)
    ON CONFLICT (id) DO NOTHING
""")
_SAME_BODY = text("SELECT body_sha256 = :body_sha256 AND author_account_id = :account_id FROM patrol WHERE id = :id")
_MOVE = text("""
    UPDATE patrol SET state = :state, started_at = :started_at, ended_at = :ended_at, note = :note
    WHERE id = :id AND version = :version
""")
_STOPS = text("""
    SELECT id, position, place_id, name, ST_X(geom_4326) AS lon, ST_Y(geom_4326) AS lat, note
    FROM patrol_stop WHERE patrol_id = :id ORDER BY position
""")
_ADD_STOP = text("""
    INSERT INTO patrol_stop (patrol_id, position, place_id, name, geom_4326, note)
    VALUES (:patrol_id, :position, :place_id, :name, ST_SetSRID(ST_MakePoint(:lon, :lat), 4326), :note)
""")
_ADD_PARTICIPANT = text(
    "INSERT INTO patrol_participant (patrol_id, role_code, people) VALUES (:patrol_id, :role, :people)"
)
_PASSAGES = """
    SELECT passage.id, stop_id, stop.position, passage.place_id, coalesce(passage.name, stop.name) AS name,
        ST_X(passage.geom_4326) AS lon, ST_Y(passage.geom_4326) AS lat, passed_at, outcome, passage.note,
        ARRAY(SELECT report_id FROM patrol_passage_report WHERE passage_id = passage.id
              ORDER BY position, report_id) AS report_ids
    FROM patrol_passage AS passage LEFT JOIN patrol_stop AS stop ON stop.id = stop_id
"""
_PASSAGES_OF = text(f"{_PASSAGES} WHERE passage.patrol_id = :id ORDER BY passed_at, recorded_at, passage.id")
_PASSAGE = text(f"{_PASSAGES} WHERE passage.patrol_id = :patrol_id AND passage.id = :id")
_SAME_PASSAGE = text("SELECT body_sha256 = :body_sha256 AND patrol_id = :patrol_id FROM patrol_passage WHERE id = :id")
_ADD_REPORT = text(
    "INSERT INTO patrol_passage_report (passage_id, report_id, position) VALUES (:passage_id, :report_id, :position)"
)
_REMOVE_PASSAGE = text("DELETE FROM patrol_passage WHERE id = :id AND patrol_id = :patrol_id")
_WAS_REMOVED = text(
    "SELECT FROM patrol_event WHERE patrol_id = :patrol_id AND kind = 'passage_removed' AND details ->> 'passage' = :id"
)
_REPORTS = text(
    statement("reports", "select")  # noqa: S608  (a file of ours)
    + " WHERE report.id IN (SELECT report_id FROM patrol_passage_report"
    " JOIN patrol_passage ON patrol_passage.id = passage_id WHERE patrol_id = :id)"
)
_OF_REPORT = text(
    f"{_SELECT} WHERE patrol.id IN (SELECT patrol_id FROM patrol_passage"  # noqa: S608  (a file of ours)
    " JOIN patrol_passage_report ON passage_id = patrol_passage.id WHERE report_id = :report_id)"
    " ORDER BY patrol.starts_at DESC, patrol.id"
)
_PLACES = text("""
    SELECT id, kind, name, ST_X(ST_PointOnSurface(geom_4326)) AS lon, ST_Y(ST_PointOnSurface(geom_4326)) AS lat,
        coalesce(organisation_id = :organisation_id, false) AS is_own, NULL AS neighbourhood
    FROM place WHERE id = ANY (:ids) AND closed_at IS NULL
""")
_OWN_KINDS = text("SELECT DISTINCT kind FROM place WHERE organisation_id = :organisation_id AND closed_at IS NULL")
_EVENTS = text(
    "SELECT at, patrol_event.kind, from_state, to_state, organisation.name AS organisation, role, details"
    " FROM patrol_event LEFT JOIN organisation ON organisation.id = organisation_id"
    " WHERE patrol_id = :id ORDER BY patrol_event.at, patrol_event.id"
)
_EVENT = text("""
    INSERT INTO patrol_event (patrol_id, at, kind, from_state, to_state, organisation_id, account_id, role, details)
    VALUES (:patrol_id, :at, :kind, :from_state, :to_state, :organisation_id, :account_id, :role,
            CAST(:details AS jsonb))
""")


def add(connection: Connection, values: Mapping[str, Any]) -> bool:
    """Store a new patrol; False when its id is taken."""
    return connection.execute(_ADD, dict(values)).rowcount == 1


def add_stops(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """The stops of a new patrol."""
    if rows:
        connection.execute(_ADD_STOP, [dict(row) for row in rows])


def add_participants(connection: Connection, patrol_id: UUID, participants: Mapping[str, int]) -> None:
    """Who walks along, as numbers."""
    if participants:
        rows = [{"patrol_id": patrol_id, "role": role, "people": people} for role, people in participants.items()]
        connection.execute(_ADD_PARTICIPANT, rows)


def is_same_body(connection: Connection, patrol_id: UUID, body_sha256: bytes, account_id: int | None) -> bool:
    """Whether the stored patrol of this id came from this account with this very body."""
    binds = {"id": patrol_id, "body_sha256": body_sha256, "account_id": account_id}
    return bool(connection.execute(_SAME_BODY, binds).scalar_one_or_none())


def get(connection: Connection, patrol_id: UUID) -> PatrolRow | None:
    """One patrol that the actor may see."""
    row = connection.execute(_ONE, {"id": patrol_id}).mappings().one_or_none()
    return None if row is None else PatrolRow(**row)


def listed(
    connection: Connection, *, limit: int, state: str = "", kind: str = "", after: Cursor | None = None
) -> tuple[PatrolRow, ...]:
    """The latest patrols first, one page from after the cursor; of one state or kind when given."""
    parts = [f"patrol.{name} = :{name}" for name, value in (("state", state), ("kind", kind)) if value]
    binds: dict[str, Any] = {"state": state, "kind": kind, "limit": limit}
    if after is not None:
        parts.append("patrol.starts_at <= :after_at")
        parts.append("(patrol.starts_at < :after_at OR patrol.id > :after_id)")
        binds.update(after_at=after.starts_at, after_id=after.id)
    where = f" WHERE {' AND '.join(parts)}" if parts else ""
    query = text(f"{_SELECT}{where} ORDER BY patrol.starts_at DESC, patrol.id LIMIT :limit")
    return tuple(PatrolRow(**row) for row in connection.execute(query, binds).mappings())


def move(connection: Connection, values: Mapping[str, Any]) -> bool:
    """Change state and times if the version is still `version`; whether it was."""
    return connection.execute(_MOVE, dict(values)).rowcount == 1


def stops(connection: Connection, patrol_id: UUID) -> tuple[StopRow, ...]:
    """The stops in order."""
    return tuple(StopRow(**row) for row in connection.execute(_STOPS, {"id": patrol_id}).mappings())


def passages(connection: Connection, patrol_id: UUID) -> tuple[PassageRow, ...]:
    """The passages in the order of their times."""
    return tuple(PassageRow(**row) for row in connection.execute(_PASSAGES_OF, {"id": patrol_id}).mappings())


def get_passage(connection: Connection, patrol_id: UUID, passage_id: UUID) -> PassageRow | None:
    """One passage of a patrol that the actor may see."""
    binds = {"patrol_id": patrol_id, "id": passage_id}
    row = connection.execute(_PASSAGE, binds).mappings().one_or_none()
    return None if row is None else PassageRow(**row)


def add_passage(connection: Connection, values: Mapping[str, Any], report_ids: Sequence[UUID]) -> bool:
    """Store a passage with what was found; False when its id is taken."""
    if connection.execute(_ADD_PASSAGE, dict(values)).rowcount != 1:
        return False
    for position, report_id in enumerate(report_ids, 1):
        connection.execute(_ADD_REPORT, {"passage_id": values["id"], "report_id": report_id, "position": position})
    return True


def is_same_passage(connection: Connection, patrol_id: UUID, passage_id: UUID, body_sha256: bytes) -> bool:
    """Whether the stored passage of this id is of this patrol and had this very body."""
    binds = {"id": passage_id, "patrol_id": patrol_id, "body_sha256": body_sha256}
    return bool(connection.execute(_SAME_PASSAGE, binds).scalar_one_or_none())


def was_removed(connection: Connection, patrol_id: UUID, passage_id: UUID) -> bool:
    """Whether a passage of this id was taken back."""
    return connection.execute(_WAS_REMOVED, {"id": str(passage_id), "patrol_id": patrol_id}).first() is not None


def remove_passage(connection: Connection, patrol_id: UUID, passage_id: UUID) -> bool:
    """Take a passage back; False when there is none."""
    return connection.execute(_REMOVE_PASSAGE, {"id": passage_id, "patrol_id": patrol_id}).rowcount == 1


def reports_of(connection: Connection, patrol_id: UUID) -> tuple[ReportRow, ...]:
    """The reports of a patrol that have arrived and that the actor may see."""
    return tuple(ReportRow(**row) for row in connection.execute(_REPORTS, {"id": patrol_id}).mappings())


def of_report(connection: Connection, report_id: UUID) -> tuple[PatrolRow, ...]:
    """The patrols on which a report was made and that the actor may see."""
    return tuple(PatrolRow(**row) for row in connection.execute(_OF_REPORT, {"report_id": report_id}).mappings())


def places(connection: Connection, ids: Sequence[int], organisation_id: int | None) -> dict[int, ChoosablePlace]:
    """Open places by id; those that are unknown or closed are missing."""
    binds = {"ids": list(ids), "organisation_id": organisation_id}
    rows = connection.execute(_PLACES, binds).mappings()
    return {row["id"]: ChoosablePlace(**row) for row in rows}


def choose_places(
    connection: Connection, kind: str, words: str, organisation_id: int | None, *, most: int
) -> tuple[ChoosablePlace, ...]:
    """Places of a kind whose name or neighbourhood holds the words, the organisation's own first."""
    escaped = words.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
    binds = {"kind": kind, "pattern": f"%{escaped}%", "organisation_id": organisation_id, "most": most}
    return tuple(ChoosablePlace(**row) for row in connection.execute(_CHOOSE, binds).mappings())


def own_kinds(connection: Connection, organisation_id: int | None) -> frozenset[str]:
    """The kinds of which an organisation has open places."""
    return frozenset(connection.scalars(_OWN_KINDS, {"organisation_id": organisation_id}))


def events(connection: Connection, patrol_id: UUID) -> tuple[EventRow, ...]:
    """A patrol's history, oldest first."""
    return tuple(EventRow(**row) for row in connection.execute(_EVENTS, {"id": patrol_id}).mappings())


def add_event(connection: Connection, values: Mapping[str, Any]) -> None:
    """One more line of history."""
    connection.execute(_EVENT, dict(values) | {"details": json.dumps(values["details"], ensure_ascii=False)})
