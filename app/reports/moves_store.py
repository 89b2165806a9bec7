"""The SQL of moves, deadlines and the history's ways out. Frozen rows come out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from app.db.sql import statement
from app.reports.filters import CLOCK_RUNS, ReportFilter, conditions


@dataclass(frozen=True)
class Late:
    """An open report after its deadline. organisation_id is None when nobody answers for it yet."""

    id: UUID
    organisation_id: int | None
    due_at: datetime


@dataclass(frozen=True)
class ExportedEvent:
    """One line of history with its report's category, for export: the organisation and the role, never the person."""

    report_id: UUID
    at: datetime
    kind: str
    from_state: str | None
    to_state: str | None
    organisation: str | None
    role: str
    category: str
    details: Mapping[str, Any]


_MOVE = text(statement("reports", "move"))
_ESCALATE = text(statement("reports", "escalate"))
_EVENT = text("""
    INSERT INTO report_event (report_id, at, kind, from_state, to_state, organisation_id, account_id, role, details)
    VALUES (:report_id, :at, :kind, :from_state, :to_state, :organisation_id, :account_id, :role,
            CAST(:details AS jsonb))
""")
_SAID = text("""
    SELECT EXISTS (SELECT FROM report_event WHERE report_id = :report_id AND kind = :kind
                   AND account_id = :account_id AND at > :since)
""")
_OVERDUE = text(
    f"SELECT id, organisation_id, due_at FROM report WHERE {CLOCK_RUNS} AND due_at < :now"  # noqa: S608  (a constant)
    " AND (CAST(:organisation_id AS integer) IS NULL OR organisation_id = :organisation_id)"
    " ORDER BY due_at, id LIMIT :limit"
)
_EVENTS = """
    SELECT report_id, report_event.at, report_event.kind, from_state, to_state, organisation.name AS organisation,
        report_event.role, report.category_code AS category, details
    FROM report_event JOIN report ON report.id = report_id JOIN category ON category.code = report.category_code
    LEFT JOIN organisation ON organisation.id = report_event.organisation_id
"""


def update_report(connection: Connection, values: Mapping[str, Any]) -> bool:
    """Change the report if its version is still `version`; whether it was."""
    return connection.execute(_MOVE, dict(values)).rowcount == 1


def add_event(connection: Connection, values: Mapping[str, Any]) -> None:
    """One more line of history."""
    connection.execute(_EVENT, dict(values) | {"details": json.dumps(values["details"], ensure_ascii=False)})


def has_said(connection: Connection, report_id: UUID, kind: str, account_id: int | None, since: datetime) -> bool:
    """Whether this account said the same of this report since then."""
    binds = {"report_id": report_id, "kind": kind, "account_id": account_id, "since": since}
    return bool(connection.execute(_SAID, binds).scalar_one())


def overdue(
    connection: Connection, now: datetime, *, organisation_id: int | None = None, limit: int = 1000
) -> tuple[Late, ...]:
    """Open reports after their deadline whose clock runs, the latest first; of one organisation or all."""
    rows = connection.execute(_OVERDUE, {"now": now, "organisation_id": organisation_id, "limit": limit})
    return tuple(Late(**row) for row in rows.mappings())


def escalate(connection: Connection, now: datetime, *, limit: int) -> tuple[Late, ...]:
    """Flag overdue reports that have no flag yet, each with a line of history. Needs the system's transaction."""
    return tuple(Late(**row) for row in connection.execute(_ESCALATE, {"now": now, "limit": limit}).mappings())


def export_events(connection: Connection, chosen: ReportFilter) -> Iterator[ExportedEvent]:
    """The history of the filter's reports that the actor may see, oldest first, read as it is taken.

    The connection must stay open until the last row was taken.
    """
    parts, binds = conditions(chosen)
    # The conditions come from app/reports/filters.py: fixed texts with binds, never a value.
    where = f"WHERE {' AND '.join(parts)}" if parts else ""
    query = text(f"{_EVENTS} {where} ORDER BY report_event.id")
    streamed = connection.execution_options(stream_results=True, yield_per=1000).execute(query, binds)
    return (ExportedEvent(**row) for row in streamed.mappings())
