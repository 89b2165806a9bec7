"""The SQL of servers of others and of what goes there. Frozen rows come out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from app.db.sql import statement


@dataclass(frozen=True)
class Remote:
    """Another city's server; the api_key is encrypted."""

    id: UUID
    name: str
    base_url: str
    jurisdiction_id: str | None
    api_key_encrypted: bytes | None
    organisation_id: int
    organisation: str
    organisation_slug: str
    is_synthetic: bool
    account_id: int
    services: Mapping[str, str]
    active: bool
    since: datetime
    polled_at: datetime | None
    error: str | None
    removed_at: datetime | None


@dataclass(frozen=True)
class Push:
    """A report that goes, or went, to a remote."""

    id: UUID
    remote_id: UUID
    remote: str
    report_id: UUID
    # None to those who do not see the report.
    category: str | None
    state: str
    created_at: datetime
    begun_at: datetime | None
    attempts: int
    error: str | None
    sent_at: datetime | None
    token: str | None
    service_request_id: str | None
    remote_state: str | None
    remote_changed_at: datetime | None


@dataclass(frozen=True)
class Counts:
    """How many pushes of a remote are in each state."""

    waiting: int = 0
    sent: int = 0
    failed: int = 0
    withheld: int = 0


_REMOTE = """
    SELECT remote.id, remote.name, base_url, jurisdiction_id, api_key_encrypted, organisation_id,
        organisation.name AS organisation, organisation.slug AS organisation_slug, organisation.is_synthetic,
        account_id, services, active, since, polled_at, error, removed_at
    FROM open311_remote AS remote JOIN organisation ON organisation.id = organisation_id
"""
_REMOTES = text(f"{_REMOTE} WHERE removed_at IS NULL ORDER BY remote.name")
_BY_ID = text(f"{_REMOTE} WHERE remote.id = :id")
_ADD = text("""
    INSERT INTO open311_remote (name, base_url, jurisdiction_id, api_key_encrypted, organisation_id, account_id,
                                services)
    VALUES (:name, :base_url, :jurisdiction_id, :api_key_encrypted, :organisation_id, :account_id,
            CAST(:services AS jsonb))
    ON CONFLICT DO NOTHING RETURNING id
""")
_SWITCH = text("UPDATE open311_remote SET active = :active WHERE id = :id AND removed_at IS NULL")
_REMOVE = text("""
    UPDATE open311_remote SET active = false, removed_at = now(), api_key_encrypted = NULL
    WHERE id = :id AND removed_at IS NULL
""")
_NOTE = text("UPDATE open311_remote SET error = :error, polled_at = coalesce(:now, polled_at) WHERE id = :id")

_PUSH = """
    SELECT push.id, remote_id, remote.name AS remote, report_id,
        (SELECT category_code FROM report WHERE report.id = report_id) AS category, push.state, created_at, begun_at,
        attempts, push.error, sent_at, token, service_request_id, remote_state, remote_changed_at
    FROM open311_push AS push JOIN open311_remote AS remote ON remote.id = remote_id
"""
_ONE_PUSH = text(f"{_PUSH} WHERE push.id = :id")
_LATEST = text(f"""
    {_PUSH} WHERE CAST(:states AS text[]) IS NULL OR push.state = ANY (:states)
    ORDER BY created_at DESC, push.id LIMIT :limit
""")
_FOLLOWED = text(
    f"{_PUSH} WHERE remote_id = :remote_id AND push.state = 'sent' AND NOT is_over ORDER BY created_at, push.id"
)
_COUNTS = text("SELECT remote_id, state, count(*) AS count FROM open311_push GROUP BY remote_id, state")
_NEWS = text("""
    SELECT CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS text) AS bigint) AS until,
        EXISTS (SELECT FROM open311_remote WHERE active AND removed_at IS NULL)
            AND EXISTS (SELECT FROM report WHERE changed_txid >= :since) AS is_news
""")
_CHOOSE = text(statement("open311", "choose"))
_BEGIN = text(
    "UPDATE open311_push SET begun_at = coalesce(begun_at, :now), attempts = attempts + 1, error = NULL WHERE id = :id"
)
_FAIL = text("""
    UPDATE open311_push SET state = :state, error = :error, begun_at = CASE WHEN :keeps THEN begun_at END WHERE id = :id
""")
_SENT = text("""
    UPDATE open311_push SET state = 'sent', error = NULL, sent_at = :now, token = :token,
        service_request_id = :service_request_id
    WHERE id = :id
""")
_KNOWN = text("""
    SELECT service_request_id FROM open311_push
    WHERE remote_id = :remote_id AND service_request_id = ANY (:ids)
""")
_NAMED = text("UPDATE open311_push SET service_request_id = :service_request_id WHERE id = :id")
_HEARD = text("UPDATE open311_push SET remote_state = :remote_state, remote_changed_at = :now WHERE id = :id")
_OVER = text("""
    UPDATE open311_push SET is_over = true
    WHERE remote_id = :remote_id AND remote_state LIKE 'closed%' AND remote_changed_at < :before
""")
_AGAIN = text(
    "UPDATE open311_push SET state = 'waiting', error = NULL WHERE id = :id AND state IN ('failed', 'withheld')"
)


def list_remotes(connection: Connection) -> tuple[Remote, ...]:
    """Every remote that was not removed, by name."""
    return tuple(_remote(row) for row in connection.execute(_REMOTES).mappings())


def get_remote(connection: Connection, remote_id: UUID) -> Remote | None:
    """One remote, also a removed one."""
    row = connection.execute(_BY_ID, {"id": remote_id}).mappings().one_or_none()
    return None if row is None else _remote(row)


def _remote(row: Any) -> Remote:
    key = row["api_key_encrypted"]
    return Remote(**{**row, "api_key_encrypted": None if key is None else bytes(key)})


def add_remote(connection: Connection, values: Mapping[str, Any]) -> UUID | None:
    """Store a new one; None when the name is taken."""
    binds = dict(values) | {"services": json.dumps(values["services"])}
    made: UUID | None = connection.execute(_ADD, binds).scalar_one_or_none()
    return made


def switch_remote(connection: Connection, remote_id: UUID, *, active: bool) -> bool:
    """Switch it on or off; whether there is one."""
    return connection.execute(_SWITCH, {"id": remote_id, "active": active}).rowcount == 1


def remove_remote(connection: Connection, remote_id: UUID) -> bool:
    """Nothing goes there any more and its key is forgotten; what went there stays known. Whether there was one."""
    return connection.execute(_REMOVE, {"id": remote_id}).rowcount == 1


def note_contact(connection: Connection, remote_id: UUID, error: str | None, *, now: datetime | None) -> None:
    """How the last contact went; now: when it was a poll that went well."""
    connection.execute(_NOTE, {"id": remote_id, "error": error, "now": now})


def news(connection: Connection, since: int) -> tuple[bool, int]:
    """Whether any report changed since that transaction while there is a remote; and up to which one that is known."""
    row = connection.execute(_NEWS, {"since": since}).one()
    return row.is_news, row.until


def choose_new(
    connection: Connection,
    *,
    with_synthetic: bool,
    remote_id: UUID | None = None,
    report_id: UUID | None = None,
    with_older: bool = False,
) -> tuple[UUID, ...]:
    """Make a push of each report that is to go somewhere and has none; the new ones' ids. System only.

    remote_id: to this remote only; report_id: this report only, also one that came by Open311.
    with_older: also what the organisation had before the remote was known.
    """
    binds = {
        "with_synthetic": with_synthetic,
        "remote_id": remote_id,
        "report_id": report_id,
        "with_older": with_older,
    }
    return tuple(connection.scalars(_CHOOSE, binds))


def get_push(connection: Connection, push_id: UUID) -> Push | None:
    """One push."""
    row = connection.execute(_ONE_PUSH, {"id": push_id}).mappings().one_or_none()
    return None if row is None else Push(**row)


def latest_pushes(connection: Connection, states: Sequence[str] | None = None, *, limit: int = 50) -> tuple[Push, ...]:
    """The newest first; of some states, or of all."""
    binds = {"states": None if states is None else list(states), "limit": limit}
    return tuple(Push(**row) for row in connection.execute(_LATEST, binds).mappings())


def followed(connection: Connection, remote_id: UUID) -> tuple[Push, ...]:
    """What is there and not over yet, the oldest first."""
    return tuple(Push(**row) for row in connection.execute(_FOLLOWED, {"remote_id": remote_id}).mappings())


def counts(connection: Connection) -> dict[UUID, Counts]:
    """By remote."""
    found: dict[UUID, dict[str, int]] = {}
    for row in connection.execute(_COUNTS).mappings():
        found.setdefault(row["remote_id"], {})[row["state"]] = row["count"]
    return {remote_id: Counts(**by_state) for remote_id, by_state in found.items()}


def begin(connection: Connection, push_id: UUID, *, now: datetime) -> None:
    """Something leaves now: until its end is known, the remote may have it."""
    connection.execute(_BEGIN, {"id": push_id, "now": now})


def end_without(connection: Connection, push_id: UUID, state: str, error: str | None, *, may_be_there: bool) -> None:
    """It was not sent: it waits for another try, failed or is withheld. may_be_there: they may have it all the same."""
    connection.execute(_FAIL, {"id": push_id, "state": state, "error": error, "keeps": may_be_there})


def note_sent(
    connection: Connection, push_id: UUID, *, service_request_id: str | None, token: str | None, now: datetime
) -> None:
    """It is there."""
    binds = {"id": push_id, "service_request_id": service_request_id, "token": token, "now": now}
    connection.execute(_SENT, binds)


def known_ids(connection: Connection, remote_id: UUID, ids: Sequence[str]) -> frozenset[str]:
    """Which of the remote's ids are already some report of ours."""
    return frozenset(connection.scalars(_KNOWN, {"remote_id": remote_id, "ids": list(ids)}))


def note_id(connection: Connection, push_id: UUID, service_request_id: str) -> None:
    """The token has led to an id."""
    connection.execute(_NAMED, {"id": push_id, "service_request_id": service_request_id})


def note_heard(connection: Connection, push_id: UUID, remote_state: str, *, now: datetime) -> None:
    """What the remote says of it now."""
    connection.execute(_HEARD, {"id": push_id, "remote_state": remote_state, "now": now})


def end_following(connection: Connection, remote_id: UUID, before: datetime) -> None:
    """Ask no more about what was closed there before that time."""
    connection.execute(_OVER, {"remote_id": remote_id, "before": before})


def wait_again(connection: Connection, push_id: UUID) -> bool:
    """It is to be sent once more; whether it had been given up."""
    return connection.execute(_AGAIN, {"id": push_id}).rowcount == 1
