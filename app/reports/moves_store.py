"""The SQL of moves, deadlines and the history. Frozen rows come out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from app.db.sql import statement
from app.reports.filters import CLOCK_RUNS


@dataclass(frozen=True)
class Late:
    """An open report after its deadline. organisation_id is None when nobody answers for it yet."""

    id: UUID
    organisation_id: int | None
    due_at: datetime


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
