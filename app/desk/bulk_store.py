"""The SQL of moves on many reports and of their undoing. Frozen rows come out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text


@dataclass(frozen=True)
class Bulk:
    """One move on many reports."""

    id: UUID
    move: str
    at: datetime
    undone_at: datetime | None


@dataclass(frozen=True)
class Outcome:
    """What became of one report. refused: changed, state, forbidden or input; undone: done or moved.

    category is None when the actor sees the report no longer.
    """

    report_id: UUID
    refused: str | None
    undone: str | None
    before_state: str | None
    category: str | None
    state: str | None
    where: str | None
    organisation: str | None


_OPEN = text("""
    INSERT INTO bulk_move (id, account_id, organisation_id, move, at)
    VALUES (:id, :account_id, :organisation_id, :move, :at) ON CONFLICT (id) DO NOTHING
""")
_GET = text("SELECT id, move, at, undone_at FROM bulk_move WHERE id = :id")
_BEFORE = text("""
    SELECT version, jsonb_build_object(
        'state', state, 'organisation_id', organisation_id, 'due_at', due_at, 'paused_at', paused_at,
        'asked_organisation_id', asked_organisation_id, 'passed_by_organisation_id', passed_by_organisation_id,
        'escalated_at', escalated_at, 'held_since', held_since, 'acknowledged_at', acknowledged_at,
        'resolved_at', resolved_at, 'paused_s', paused_s) AS before
    FROM report WHERE id = :id
""")
_NOTE = text("""
    INSERT INTO bulk_move_report (bulk_id, report_id, refused, before, version)
    VALUES (:bulk_id, :report_id, :refused, CAST(:before AS jsonb), :version) ON CONFLICT DO NOTHING
""")
_OUTCOMES = text("""
    SELECT item.report_id, item.refused, item.undone, item.before ->> 'state' AS before_state,
        report.category_code AS category, report.state,
        (SELECT name FROM place WHERE id = coalesce(report.place_id, report.neighbourhood_id)) AS "where",
        (SELECT name FROM organisation WHERE id = report.organisation_id) AS organisation
    FROM bulk_move_report AS item LEFT JOIN report ON report.id = item.report_id
    WHERE item.bulk_id = :id ORDER BY item.report_id
""")
_UNDO = text("SELECT undo_report(:bulk_id, :report_id, :oldest)")
_UNDONE = text("UPDATE bulk_move SET undone_at = :now WHERE id = :id AND undone_at IS NULL")


def open_bulk(connection: Connection, values: Mapping[str, Any]) -> bool:
    """Begin a move on many; False when its id was used already."""
    return connection.execute(_OPEN, dict(values)).rowcount == 1


def get_bulk(connection: Connection, bulk_id: UUID) -> Bulk | None:
    """One of the actor's own."""
    row = connection.execute(_GET, {"id": bulk_id}).mappings().one_or_none()
    return None if row is None else Bulk(**row)


def before(connection: Connection, report_id: UUID) -> tuple[int, Mapping[str, Any]] | None:
    """A report's version, and all that a move may change, as it is."""
    row = connection.execute(_BEFORE, {"id": report_id}).one_or_none()
    return None if row is None else (int(row.version), row.before)


def note(
    connection: Connection,
    bulk_id: UUID,
    report_id: UUID,
    *,
    refused: str | None = None,
    was: Mapping[str, Any] | None = None,
    version: int | None = None,
) -> None:
    """Remember what became of one report."""
    values = {"bulk_id": bulk_id, "report_id": report_id, "refused": refused, "version": version}
    connection.execute(_NOTE, values | {"before": None if was is None else json.dumps(dict(was))})


def outcomes(connection: Connection, bulk_id: UUID) -> tuple[Outcome, ...]:
    """What became of each report."""
    return tuple(Outcome(**row) for row in connection.execute(_OUTCOMES, {"id": bulk_id}).mappings())


def undo(connection: Connection, bulk_id: UUID, report_id: UUID, oldest: datetime) -> str | None:
    """Take one report's move back: done, moved (by somebody since), or None: nothing to take back."""
    binds = {"bulk_id": bulk_id, "report_id": report_id, "oldest": oldest}
    outcome: str | None = connection.execute(_UNDO, binds).scalar_one()
    return outcome


def mark_undone(connection: Connection, bulk_id: UUID, now: datetime) -> None:
    """All that could be taken back was."""
    connection.execute(_UNDONE, {"id": bulk_id, "now": now})
