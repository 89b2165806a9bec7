"""All SQL of photos. Frozen rows come out."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from app.photos.rules import MOST_PER_SUBJECT


@dataclass(frozen=True)
class Subject:
    """What photos belong to: the names of its table, of photo's column for it, and of its history."""

    table: str
    column: str
    events: str
    event_column: str


# By the word in the address: /api/reports/<id>/photos. Names in SQL come from here and from nowhere else.
SUBJECTS = {
    "reports": Subject("report", "report_id", "report_event", "report_id"),
    "interventions": Subject("intervention", "intervention_id", "intervention_event", "intervention_id"),
}


@dataclass(frozen=True)
class PhotoRow:
    """One photo: of whom (the organisation, never the person), where it lies, how large it is."""

    id: UUID
    report_id: UUID | None
    intervention_id: UUID | None
    stage: str
    state: str
    sha256: bytes | None
    width_px: int
    height_px: int
    size_bytes: int
    taken_at: datetime | None
    received_at: datetime
    covered_at: datetime | None
    organisation_id: int
    organisation: str

    @property
    def subject(self) -> tuple[str, UUID]:
        """The word of SUBJECTS and the id of what it belongs to."""
        if self.report_id is not None:
            return "reports", self.report_id
        assert self.intervention_id is not None
        return "interventions", self.intervention_id


_SELECT = (
    "SELECT photo.id, report_id, intervention_id, stage, state, sha256, width_px, height_px, size_bytes, taken_at,"
    " received_at, covered_at, organisation_id, organisation.name AS organisation"
    " FROM photo JOIN organisation ON organisation.id = organisation_id"
)
_ONE = text(f"{_SELECT} WHERE photo.id = :id")
_KNOWN = text(f"{_SELECT} WHERE photo.id = :id AND body_sha256 = :body_sha256 AND account_id = :account_id")
_ADD = """
    INSERT INTO photo (id, {column}, position, stage, sha256, width_px, height_px, size_bytes, body_sha256, taken_at,
                       received_at, organisation_id, account_id)
    VALUES (:id, :subject_id, :position, :stage, :sha256, :width_px, :height_px, :size_bytes, :body_sha256, :taken_at,
            :now, :organisation_id, :account_id)
    ON CONFLICT DO NOTHING RETURNING id
"""
_EVENT = """
    INSERT INTO {events} ({event_column}, at, kind, organisation_id, account_id, role, details)
    VALUES (:subject_id, :now, :kind, :organisation_id, :account_id, :role, CAST(:details AS jsonb))
"""
# Between writing a file and the row that needs it, nobody may take the file away, and the other way round.
_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(encode(:sha256, 'hex'), 8964))")


def find_subject(connection: Connection, subject: Subject, subject_id: UUID) -> bool:
    """Whether there is one that the actor may see."""
    query = text(f"SELECT EXISTS (SELECT FROM {subject.table} WHERE id = :id)")  # noqa: S608  (a name of SUBJECTS)
    return bool(connection.execute(query, {"id": subject_id}).scalar_one())


def get_photo(connection: Connection, photo_id: UUID) -> PhotoRow | None:
    """One photo that the actor may see, also a removed one."""
    row = connection.execute(_ONE, {"id": photo_id}).mappings().one_or_none()
    return None if row is None else _row(row)


def find_known(connection: Connection, photo_id: UUID, body_sha256: bytes, account_id: int | None) -> PhotoRow | None:
    """The photo that this account's very upload made."""
    binds = {"id": photo_id, "body_sha256": body_sha256, "account_id": account_id}
    row = connection.execute(_KNOWN, binds).mappings().one_or_none()
    return None if row is None else _row(row)


def list_photos(connection: Connection, subject: Subject, subject_id: UUID) -> tuple[PhotoRow, ...]:
    """The photos of one report or intervention that the actor may see, in the order they were added."""
    query = text(f"{_SELECT} WHERE {subject.column} = :id AND state <> 'removed' ORDER BY received_at, photo.id")
    return tuple(_row(row) for row in connection.execute(query, {"id": subject_id}).mappings())


def first_photos(connection: Connection, subject: Subject, subject_ids: Collection[UUID]) -> dict[UUID, UUID]:
    """For lists: the id of the first photo of each that has one which the actor may see."""
    query = text(
        f"SELECT DISTINCT ON ({subject.column}) {subject.column} AS subject_id, id FROM photo"  # noqa: S608
        f" WHERE {subject.column} = ANY(:ids) AND state <> 'removed' ORDER BY {subject.column}, received_at, id"
    )
    return {row.subject_id: row.id for row in connection.execute(query, {"ids": list(subject_ids)})}


def lock_file(connection: Connection, sha256: bytes) -> None:
    """Until the transaction ends, this file is ours to write or to remove."""
    connection.execute(_LOCK, {"sha256": sha256})


def add_photo(connection: Connection, subject: Subject, values: Mapping[str, Any]) -> bool:
    """Store a row at the first free position. False: the id is taken, or all positions are."""
    query = text(_ADD.format(column=subject.column))
    for position in range(1, MOST_PER_SUBJECT + 1):
        if connection.execute(query, {**values, "position": position}).scalar_one_or_none() is not None:
            return True
    return False


def add_event(connection: Connection, subject: Subject, values: Mapping[str, Any], details: Mapping[str, Any]) -> None:
    """A line in the history of what the photo belongs to."""
    query = text(_EVENT.format(events=subject.events, event_column=subject.event_column))
    connection.execute(query, {**values, "details": json.dumps(details)})


_SET_STATE = text("""
    UPDATE photo SET state = :state, sha256 = CASE WHEN :state = 'removed' THEN NULL ELSE sha256 END
    WHERE id = :id AND state = :from_state
""")
_REPLACE = text("""
    UPDATE photo SET sha256 = :sha256, width_px = :width_px, height_px = :height_px, size_bytes = :size_bytes,
        covered_at = :now
    WHERE id = :id AND sha256 = :old_sha256
""")


def set_state(connection: Connection, photo_id: UUID, from_state: str, state: str) -> bool:
    """Change the state; removing also forgets which file it was. False: it is not in `from_state` any more."""
    return connection.execute(_SET_STATE, {"id": photo_id, "from_state": from_state, "state": state}).rowcount == 1


def replace_picture(connection: Connection, values: Mapping[str, Any]) -> bool:
    """Point the row to another picture. False: it is not `old_sha256` any more."""
    return connection.execute(_REPLACE, dict(values)).rowcount == 1


_IS_NEEDED = text("SELECT EXISTS (SELECT FROM photo WHERE sha256 = :sha256)")
_NEEDED = text("SELECT id, sha256 FROM photo WHERE sha256 IS NOT NULL")


def is_needed(connection: Connection, sha256: bytes) -> bool:
    """Whether any row, seen or not seen by others, has this file. As the system only."""
    return bool(connection.execute(_IS_NEEDED, {"sha256": sha256}).scalar_one())


def needed_files(connection: Connection) -> dict[bytes, UUID]:
    """Every file that a row has, and one photo that it belongs to. As the system only."""
    return {bytes(row.sha256): row.id for row in connection.execute(_NEEDED)}


def _row(row: Mapping[Any, Any]) -> PhotoRow:
    values = dict(row)
    values["sha256"] = None if values["sha256"] is None else bytes(values["sha256"])
    return PhotoRow(**values)
