"""One notification leaves: at most once at a time, its end written down, tried again by the queue when it failed."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Engine

from app.db.session import unit_of_work
from app.errors import NotFoundError
from app.jobs.alone import alone
from app.jobs.registry import Work
from app.nomenclature.store import load_nomenclature
from app.notifications import keys, mails, store, transport, webhooks
from app.notifications.rules import MAILS_AN_HOUR, signature
from app.notifications.store import Attempt, Notification
from app.people.actor import SYSTEM, Actor
from app.people.setup import public_url
from app.reports.actions import read
from app.reports.represent import as_json
from app.reports.store import ReportRow
from app.web.bodies import rfc3339


class NotDeliveredError(Exception):
    """It failed and is tried again; the text is the reason, for the log."""


class _WithheldError(Exception):
    """It is not sent at all; the text is the reason's code (app/notifications/words.py)."""


def deliver(work: Work, notification_id: UUID) -> None:
    """Send it, unless that was done or is being done.

    A worker that is killed between the server's "accepted" and the note here sends it once more, with the same
    Message-ID or Quietude-Delivery: that one window is nobody's to close. Everything else is sent once.

    Raises:
        NotDeliveredError: the queue tries again later.

    """
    with alone(work.engine, f"notification {notification_id}") as is_alone:
        if not is_alone:
            raise NotDeliveredError("another worker is sending it")
        with unit_of_work(work.engine, SYSTEM) as uow:
            notification = store.get_notification(uow.connection, notification_id)
        if notification is None or notification.state in {"sent", "not_sent"}:
            return
        try:
            attempt = _mail(work, notification) if notification.channel == "mail" else _webhook(work, notification)
        except _WithheldError as withheld:
            _end(work.engine, notification, None, "not_sent", str(withheld))
            return
        is_hopeless = notification.channel == "mail" and transport.is_hopeless(attempt)
        state = "sent" if attempt.succeeded else ("failed" if is_hopeless or work.is_last else None)
        _end(work.engine, notification, attempt, state, None if attempt.succeeded else "refused")
        if not attempt.succeeded and not is_hopeless:
            raise NotDeliveredError(attempt.error)


def _end(
    engine: Engine, notification: Notification, attempt: Attempt | None, state: str | None, reason: str | None
) -> None:
    now = datetime.now(UTC)
    with unit_of_work(engine, SYSTEM) as uow:
        if attempt is not None:
            store.note_attempt(uow.connection, notification.id, attempt, now=now)
        if state is not None:
            store.end(uow.connection, notification.id, state, reason, now=now)


def _refuse_synthetic(work: Work, notification: Notification) -> None:
    if notification.is_synthetic and not work.settings.demo_sends:
        raise _WithheldError("synthetic")


def _report(work: Work, notification: Notification) -> ReportRow | None:
    """The report as the organisation sees it: row-level security decides, as for one of its partners."""
    if notification.report_id is None:
        return None
    try:
        with unit_of_work(work.engine, Actor("partner", None, notification.organisation_id, "read")) as uow:
            return read(uow, notification.report_id)
    except NotFoundError:
        raise _WithheldError("not_visible") from None


# ── mails ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _mail(work: Work, notification: Notification) -> Attempt:
    if work.settings.mail_server is None:
        raise _WithheldError("no_mail_server")
    _refuse_synthetic(work, notification)
    with unit_of_work(work.engine, SYSTEM) as uow:
        since = datetime.now(UTC) - timedelta(hours=1)
        if store.sent_since(uow.connection, notification.recipient, since) >= MAILS_AN_HOUR:
            raise _WithheldError("too_many")
        nomenclature = load_nomenclature(uow.connection)
    if notification.kind == "digest":
        with unit_of_work(work.engine, Actor("partner", None, notification.organisation_id, "read")) as uow:
            digest = store.digest_of(uow.connection, notification.organisation_id, now=datetime.now(UTC))
        if not digest.lines:
            raise _WithheldError("nothing_due")
        return transport.send(work.settings, mails.compose_digest(notification, digest, nomenclature, work.settings))
    row = _report(work, notification)
    subject = None if row is None else mails.subject_of(row, nomenclature, notification.language)
    return transport.send(work.settings, mails.compose_event(notification, subject, work.settings))


# ── webhooks ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _webhook(work: Work, notification: Notification) -> Attempt:
    _refuse_synthetic(work, notification)
    assert notification.webhook_id is not None
    with unit_of_work(work.engine, SYSTEM) as uow:
        hook = store.get_webhook(uow.connection, notification.webhook_id)
    if hook is None or hook.removed_at is not None or not hook.active:
        raise _WithheldError("switched_off")
    try:
        secret = keys.decrypt(work.settings.secret_key, hook.secret_encrypted)
    except keys.UnreadableSecretError:
        raise _WithheldError("unreadable_secret") from None
    row = _report(work, notification)
    body = json.dumps(_payload(work, notification, row), ensure_ascii=False).encode()
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": "Quietude-Webhook/1",
        "Quietude-Delivery": str(notification.id),
        "Quietude-Signature": signature(secret, int(datetime.now(UTC).timestamp()), body),
    }
    return webhooks.post(hook.url, body, headers, allow_private=work.settings.webhook_private)


def _payload(work: Work, notification: Notification, row: ReportRow | None) -> dict[str, Any]:
    said: dict[str, Any] = {
        "id": str(notification.id),
        "kind": f"report.{notification.kind}" if row else notification.kind,
        "created_at": rfc3339(notification.created_at),
        "organisation": notification.organisation_slug,
        "is_synthetic": notification.is_synthetic,
    }
    if row is not None:
        said |= {"url": f"{public_url(work.settings)}/reports/{row.id}", "report": as_json(row)}
    return said
