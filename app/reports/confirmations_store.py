"""The SQL of confirmations: lines of a report's history that were sent with an id of their own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text


@dataclass(frozen=True)
class ConfirmationRow:
    """One that is stored. said_at: the time as it was sent, None when none was."""

    report_id: UUID
    kind: str
    account_id: int
    said_at: str | None


_GET = text("""
    SELECT report_id, kind, account_id, details ->> 'at' AS said_at FROM report_event
    WHERE kind IN ('still_there', 'gone') AND details ? 'confirmation' AND details ->> 'confirmation' = :id
""")
# No target named: whichever unique index objects, the line is there already.
_ADD = text("""
    INSERT INTO report_event (report_id, at, kind, organisation_id, account_id, role, details)
    VALUES (:report_id, :at, :kind, :organisation_id, :account_id, :role, CAST(:details AS jsonb))
    ON CONFLICT DO NOTHING
""")
_SAID = text("""
    SELECT EXISTS (SELECT FROM report_event WHERE report_id = :report_id AND kind = :kind
                   AND account_id = :account_id AND at > :since AND at < :until)
""")


def get_confirmation(connection: Connection, confirmation_id: UUID) -> ConfirmationRow | None:
    """The stored one, if the actor may see its report."""
    row = connection.execute(_GET, {"id": str(confirmation_id)}).mappings().one_or_none()
    return None if row is None else ConfirmationRow(**row)


def add_confirmation(connection: Connection, values: Mapping[str, Any]) -> bool:
    """One more line of history; False when its id is taken."""
    details = json.dumps(values["details"])
    return connection.execute(_ADD, dict(values) | {"details": details}).rowcount == 1


def has_said_about(connection: Connection, values: Mapping[str, Any], since: datetime, until: datetime) -> bool:
    """Whether this account said the same of this report between two moments."""
    binds = {name: values[name] for name in ("report_id", "kind", "account_id")}
    return bool(connection.execute(_SAID, binds | {"since": since, "until": until}).scalar_one())
