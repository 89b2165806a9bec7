"""Pure rules: what is told to whom, when the day's digest is due, how a webhook is signed. No Flask, no SQL."""

from __future__ import annotations

import hashlib
import hmac
from datetime import date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

MailKind = Literal["assigned", "transferred", "reopened", "overdue", "question"]
WebhookKind = Literal["assigned", "transferred", "reopened", "overdue", "question", "state_changed"]
MAIL_KINDS: tuple[MailKind, ...] = ("assigned", "transferred", "reopened", "overdue", "question")
WEBHOOK_KINDS: tuple[WebhookKind, ...] = (*MAIL_KINDS, "state_changed")

LOCAL_ZONE = ZoneInfo("Europe/Paris")
DIGEST_AT = time(7, 30)
# Nobody is told of what happened longer ago: after a long stop the digest says what is still open.
OLDEST = timedelta(days=7)
# To one address within an hour; beyond it, the digest says the rest.
MAILS_AN_HOUR = 30
# How long the log of what was sent is kept; far longer than OLDEST, or an event could be told twice.
KEPT = timedelta(days=365)


def digest_day(now: datetime) -> date | None:
    """The day whose digest is due: today in Amiens from 07:30 on, summer and winter; None before."""
    local = now.astimezone(LOCAL_ZONE)
    return local.date() if local.time() >= DIGEST_AT else None


def digest_moment(day: date) -> datetime:
    """07:30 of that day in Amiens."""
    return datetime.combine(day, DIGEST_AT, LOCAL_ZONE)


def signature(secret: str, timestamp: int, body: bytes) -> str:
    """The value of Quietude-Signature: HMAC-SHA256 (RFC 2104) of `TIMESTAMP.BODY`, in hexadecimal.

    timestamp: Unix seconds. A receiver computes the same and refuses what is older than it likes.
    """
    signed = f"{timestamp}.".encode() + body
    return f"t={timestamp},v1={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}"
