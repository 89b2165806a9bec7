"""Settings, webhooks, what is to be sent and what was: the only SQL of this domain. Frozen rows come out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from app.db.sql import statement


@dataclass(frozen=True)
class Setting:
    """What an organisation wants by mail. The values of one that never chose: nothing."""

    emails: Sequence[str] = ()
    kinds: Sequence[str] = ()
    digest: bool = False
    language: str = "fr"


@dataclass(frozen=True)
class Webhook:
    """An address of a partner's own system; the secret is encrypted."""

    id: UUID
    organisation_id: int
    url: str
    secret_encrypted: bytes
    kinds: Sequence[str]
    active: bool
    created_at: datetime
    removed_at: datetime | None


@dataclass(frozen=True)
class Notification:
    """One thing to send to one recipient."""

    id: UUID
    organisation_id: int
    organisation: str
    organisation_slug: str
    is_synthetic: bool
    channel: str
    kind: str
    recipient: str
    webhook_id: UUID | None
    event_id: int | None
    report_id: UUID | None
    digest_day: date | None
    created_at: datetime
    state: str
    language: str


@dataclass(frozen=True)
class Attempt:
    """One try. status: of HTTP or SMTP, when there was an answer; answer: its first characters."""

    succeeded: bool
    duration_ms: int
    status: int | None = None
    answer: str | None = None
    error: str | None = None


@dataclass(frozen=True)
class LogRow:
    """One line of the delivery log with its last attempt."""

    id: UUID
    channel: str
    kind: str
    recipient: str
    report_id: UUID | None
    created_at: datetime
    state: str
    reason: str | None
    url: str | None
    attempts: int
    last_at: datetime | None
    status: int | None
    duration_ms: int | None
    answer: str | None
    error: str | None


@dataclass(frozen=True)
class Cursor:
    """Where a page of the log ended."""

    at: datetime
    id: UUID


# ── settings ────────────────────────────────────────────────────────────────────────────────────────────────────────

_SETTING = text("SELECT emails, kinds, digest, language FROM notification_setting WHERE organisation_id = :id")
_SAVE_SETTING = text("""
    INSERT INTO notification_setting (organisation_id, emails, kinds, digest, language, digest_day)
    VALUES (:id, :emails, :kinds, :digest, :language, :decided_day)
    ON CONFLICT (organisation_id) DO UPDATE SET emails = :emails, kinds = :kinds, digest = :digest,
        language = :language, changed_at = now(),
        digest_day = CASE WHEN notification_setting.digest THEN notification_setting.digest_day ELSE :decided_day END
""")


def get_setting(connection: Connection, organisation_id: int) -> Setting:
    """What the organisation chose, as far as the actor may see it."""
    row = connection.execute(_SETTING, {"id": organisation_id}).mappings().one_or_none()
    return Setting(**row) if row else Setting()


def save_setting(connection: Connection, organisation_id: int, setting: Setting, *, decided_day: date) -> None:
    """Store what the organisation chose. decided_day: the first digest is that of the day after."""
    connection.execute(_SAVE_SETTING, vars(setting) | {"id": organisation_id, "decided_day": decided_day})


# ── webhooks ────────────────────────────────────────────────────────────────────────────────────────────────────────

_WEBHOOKS = "SELECT id, organisation_id, url, secret_encrypted, kinds, active, created_at, removed_at FROM webhook"
_WEBHOOKS_OF = text(f"{_WEBHOOKS} WHERE organisation_id = :id AND removed_at IS NULL ORDER BY created_at, id")
_WEBHOOK = text(f"{_WEBHOOKS} WHERE id = :id")
_ADD_WEBHOOK = text("""
    INSERT INTO webhook (id, organisation_id, url, secret_encrypted, kinds)
    VALUES (:id, :organisation_id, :url, :secret_encrypted, :kinds)
""")
_SWITCH_WEBHOOK = text("UPDATE webhook SET active = :active WHERE id = :id AND removed_at IS NULL")
_REMOVE_WEBHOOK = text("UPDATE webhook SET active = false, removed_at = now() WHERE id = :id AND removed_at IS NULL")


def list_webhooks(connection: Connection, organisation_id: int) -> tuple[Webhook, ...]:
    """The organisation's webhooks, the oldest first."""
    return tuple(_webhook(row) for row in connection.execute(_WEBHOOKS_OF, {"id": organisation_id}).mappings())


def get_webhook(connection: Connection, webhook_id: UUID) -> Webhook | None:
    """One webhook that the actor looks after, also when it was removed."""
    row = connection.execute(_WEBHOOK, {"id": webhook_id}).mappings().one_or_none()
    return None if row is None else _webhook(row)


def _webhook(row: Any) -> Webhook:
    return Webhook(**{**row, "secret_encrypted": bytes(row["secret_encrypted"])})


def add_webhook(connection: Connection, values: dict[str, Any]) -> None:
    """Store a new webhook."""
    connection.execute(_ADD_WEBHOOK, values)


def switch_webhook(connection: Connection, webhook_id: UUID, *, active: bool) -> bool:
    """Switch it on or off; whether there is one."""
    return connection.execute(_SWITCH_WEBHOOK, {"id": webhook_id, "active": active}).rowcount == 1


def remove_webhook(connection: Connection, webhook_id: UUID) -> bool:
    """Nothing goes there any more; its log stays. Whether there was one."""
    return connection.execute(_REMOVE_WEBHOOK, {"id": webhook_id}).rowcount == 1


# ── the outbox ──────────────────────────────────────────────────────────────────────────────────────────────────────

_START = text("""
    INSERT INTO notification_cursor (horizon) VALUES (pg_snapshot_xmin(pg_current_snapshot()))
    ON CONFLICT (id) DO NOTHING
""")
_HAS_NEWS = text("""
    SELECT EXISTS (SELECT FROM report_event JOIN notification_cursor ON txid >= horizon
                   WHERE (account_id IS NOT NULL OR kind = 'escalated')
                       AND txid < pg_snapshot_xmin(pg_current_snapshot()))
        OR NOT EXISTS (SELECT FROM notification_cursor)
""")
# Whoever comes second waits for nothing: the first one reads what there is.
_TAKE = text("""
    SELECT CAST(horizon AS text) AS after, CAST(pg_snapshot_xmin(pg_current_snapshot()) AS text) AS until
    FROM notification_cursor FOR UPDATE SKIP LOCKED
""")
_OUTBOX = text(statement("notifications", "outbox"))
_ADVANCE = text("UPDATE notification_cursor SET horizon = greatest(horizon, CAST(:until AS xid8))")


def has_news(connection: Connection) -> bool:
    """Whether the history has lines that were not read yet. Takes no lock and no transaction number."""
    return bool(connection.execute(_HAS_NEWS).scalar_one())


def read_outbox(connection: Connection, *, oldest: datetime) -> tuple[UUID, ...]:
    """Turn the lines of history since the last reading into notifications; returns the new ones. System only.

    Goes up to the oldest transaction that still runs, so that a line committed later is read later and never missed.
    """
    connection.execute(_START)
    taken = connection.execute(_TAKE).mappings().one_or_none()
    if taken is None:
        return ()
    made = connection.scalars(_OUTBOX, {**taken, "oldest": oldest}).all()
    connection.execute(_ADVANCE, {"until": taken["until"]})
    return tuple(made)


# ── what is to be sent ──────────────────────────────────────────────────────────────────────────────────────────────

_NOTIFICATION = text("""
    SELECT notification.id, notification.organisation_id, organisation.name AS organisation,
        organisation.slug AS organisation_slug, organisation.is_synthetic, channel, notification.kind, recipient,
        webhook_id, event_id, report_id, notification.digest_day, notification.created_at, state,
        coalesce(language, 'fr') AS language
    FROM notification JOIN organisation ON organisation.id = notification.organisation_id
    LEFT JOIN notification_setting AS setting ON setting.organisation_id = organisation.id
    WHERE notification.id = :id
""")
_ADD_TEST = text("""
    INSERT INTO notification (organisation_id, channel, kind, recipient, webhook_id)
    VALUES (:organisation_id, :channel, 'test', :recipient, :webhook_id) RETURNING id
""")
_ADD_DIGEST = text("""
    INSERT INTO notification (organisation_id, channel, kind, recipient, digest_day)
    SELECT :organisation_id, 'mail', 'digest', address, :day FROM unnest(CAST(:emails AS text[])) AS address
    ON CONFLICT DO NOTHING RETURNING id
""")
_END = text("UPDATE notification SET state = :state, reason = :reason, ended_at = :now WHERE id = :id")
_AGAIN = text("UPDATE notification SET state = 'waiting', reason = NULL, ended_at = NULL WHERE id = :id")
_NOTE = text("""
    INSERT INTO notification_attempt (notification_id, at, succeeded, status, duration_ms, answer, error)
    VALUES (:id, :now, :succeeded, :status, :duration_ms, :answer, :error)
""")
_SENT_LATELY = text(
    "SELECT count(*) FROM notification WHERE recipient = :recipient AND state = 'sent' AND ended_at > :since"
)
_LOG = text(statement("notifications", "log"))
_FORGET = text("DELETE FROM notification WHERE created_at < :before AND state <> 'waiting'")


def get_notification(connection: Connection, notification_id: UUID) -> Notification | None:
    """One notification that the actor may see."""
    row = connection.execute(_NOTIFICATION, {"id": notification_id}).mappings().one_or_none()
    return None if row is None else Notification(**row)


def add_test(connection: Connection, organisation_id: int, recipient: str, webhook_id: UUID | None) -> UUID:
    """A notification that only says that the way is open."""
    channel = "mail" if webhook_id is None else "webhook"
    binds = {"organisation_id": organisation_id, "channel": channel, "recipient": recipient, "webhook_id": webhook_id}
    made: UUID = connection.execute(_ADD_TEST, binds).scalar_one()
    return made


def add_digests(connection: Connection, organisation_id: int, day: date, emails: Sequence[str]) -> tuple[UUID, ...]:
    """The day's digest for each address that has none yet."""
    binds = {"organisation_id": organisation_id, "day": day, "emails": list(emails)}
    return tuple(connection.scalars(_ADD_DIGEST, binds).all())


def end(connection: Connection, notification_id: UUID, state: str, reason: str | None, *, now: datetime) -> None:
    """Say how it ended. System only."""
    connection.execute(_END, {"id": notification_id, "state": state, "reason": reason, "now": now})


def wait_again(connection: Connection, notification_id: UUID) -> None:
    """It is to be sent once more."""
    connection.execute(_AGAIN, {"id": notification_id})


def note_attempt(connection: Connection, notification_id: UUID, attempt: Attempt, *, now: datetime) -> None:
    """Add a line to the delivery log. System only."""
    connection.execute(_NOTE, vars(attempt) | {"id": notification_id, "now": now})


def sent_since(connection: Connection, recipient: str, since: datetime) -> int:
    """How many notifications reached this recipient since then."""
    return int(connection.execute(_SENT_LATELY, {"recipient": recipient, "since": since}).scalar_one())


def log_page(connection: Connection, organisation_id: int, *, after: Cursor | None, limit: int) -> tuple[LogRow, ...]:
    """The delivery log of an organisation, the newest first."""
    binds = {
        "organisation_id": organisation_id,
        "after_at": after.at if after else None,
        "after_id": after.id if after else None,
        "limit": limit,
    }
    return tuple(LogRow(**row) for row in connection.execute(_LOG, binds).mappings())


def forget_before(connection: Connection, before: datetime) -> int:
    """Drop what is older from the log; how many. System only."""
    return connection.execute(_FORGET, {"before": before}).rowcount


# ── the digest ──────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class DigestLine:
    """One report of the digest."""

    id: UUID
    category: str
    neighbourhood: str | None
    due_at: datetime | None
    visibility: str
    is_late: bool


@dataclass(frozen=True)
class Digest:
    """What an organisation has to do: how many nobody has taken on, how many are late, and the first of them."""

    waiting: int
    late: int
    lines: tuple[DigestLine, ...]


_DIGEST = text(statement("notifications", "digest"))
_UNDECIDED = text("""
    SELECT organisation_id, emails FROM notification_setting
    WHERE digest AND cardinality(emails) > 0 AND (digest_day IS NULL OR digest_day < :day)
    ORDER BY organisation_id LIMIT 1 FOR UPDATE SKIP LOCKED
""")
_DECIDED = text("UPDATE notification_setting SET digest_day = :day WHERE organisation_id = :id")


def digest_of(connection: Connection, organisation_id: int, *, now: datetime, limit: int = 20) -> Digest:
    """What the organisation has to do now."""
    rows = connection.execute(_DIGEST, {"organisation_id": organisation_id, "now": now, "limit": limit}).all()
    lines = tuple(
        DigestLine(row.id, row.category, row.neighbourhood, row.due_at, row.visibility, row.is_late)
        for row in rows
        if row.id is not None
    )
    return Digest(rows[0].waiting, rows[0].late, lines)


def next_undecided(connection: Connection, day: date) -> tuple[int, Sequence[str]] | None:
    """An organisation whose digest of that day is not decided, locked until the transaction ends; its addresses."""
    row = connection.execute(_UNDECIDED, {"day": day}).one_or_none()
    return None if row is None else (row.organisation_id, row.emails)


def decide_digest(connection: Connection, organisation_id: int, day: date) -> None:
    """That day's digest is sent or was not needed."""
    connection.execute(_DECIDED, {"id": organisation_id, "day": day})
