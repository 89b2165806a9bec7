"""What the worker does for notifications: reads the history, decides the digests, sends what is to be sent."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import Engine

from app.db.session import UnitOfWork, unit_of_work
from app.jobs.registry import HOUR_S, Work, task, watch
from app.jobs.store import enqueue
from app.notifications import sending, store
from app.notifications.rules import KEPT, OLDEST, digest_day
from app.people.actor import SYSTEM

SEND = "notifications.send"


def queue_sending(uow: UnitOfWork, notification_id: UUID) -> None:
    """Have it sent once this transaction is committed."""
    enqueue(uow, SEND, key=f"{SEND} {notification_id}", notification_id=str(notification_id))


@task(SEND)
def send(work: Work, notification_id: str) -> None:
    """Send one notification."""
    sending.deliver(work, UUID(notification_id))


@watch
def read_history(work: Work) -> int:
    """Turn what happened since the last look into notifications, each with its job, in one transaction; how many."""
    with unit_of_work(work.engine, SYSTEM) as uow:
        if not store.has_news(uow.connection):
            return 0
    with unit_of_work(work.engine, SYSTEM) as uow:
        made = store.read_outbox(uow.connection, oldest=datetime.now(UTC) - OLDEST)
        for notification_id in made:
            queue_sending(uow, notification_id)
    return len(made)


@task("notifications.digest", retry_after_s=(), cron="*/10 * * * *")
def digest(work: Work) -> None:
    """Every ten minutes: from 07:30 in Amiens on, the day's digest of each organisation that has none yet."""
    decide_digests(work.engine, datetime.now(UTC))


def decide_digests(engine: Engine, now: datetime) -> int:
    """Queue the digests that are due and not decided; how many mails. An organisation with nothing to do gets none."""
    day = digest_day(now)
    mails = 0
    while day is not None:
        with unit_of_work(engine, SYSTEM) as uow:
            found = store.next_undecided(uow.connection, day)
            if found is None:
                break
            organisation_id, emails = found
            if store.digest_of(uow.connection, organisation_id, now=now, limit=1).lines:
                for notification_id in store.add_digests(uow.connection, organisation_id, day, emails):
                    queue_sending(uow, notification_id)
                    mails += 1
            store.decide_digest(uow.connection, organisation_id, day)
    return mails


@task("notifications.forget", retry_after_s=(HOUR_S,), cron="10 3 * * *")
def forget(work: Work) -> None:
    """Every night: drop what is older than a year from the log."""
    with unit_of_work(work.engine, SYSTEM) as uow:
        store.forget_before(uow.connection, datetime.now(UTC) - KEPT)
