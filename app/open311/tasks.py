"""What the worker does for Open311: finds reports that are to go elsewhere, sends them, asks how far they are."""

from __future__ import annotations

from uuid import UUID

from app.db.session import UnitOfWork, unit_of_work
from app.jobs.registry import Work, task, watch
from app.jobs.store import enqueue
from app.open311 import polling, pushing
from app.open311 import remotes_store as store
from app.people.actor import SYSTEM

PUSH = "open311.push"
# Of this process, by database: up to which transaction reports were looked at. A new process looks at all of them once.
_SEEN: dict[str, int] = {}


def queue_push(uow: UnitOfWork, push_id: UUID) -> None:
    """Have it sent once this transaction is committed."""
    enqueue(uow, PUSH, key=f"{PUSH} {push_id}", push_id=str(push_id))


@task(PUSH)
def push(work: Work, push_id: str) -> None:
    """Send one report."""
    pushing.push(work, UUID(push_id))


@task("open311.poll", retry_after_s=(), cron="*/5 * * * *")
def poll(work: Work) -> None:
    """Every five minutes: how far are the others?"""
    polling.poll_all(work)


@watch
def find_reports(work: Work) -> int:
    """Every few seconds: reports that are to go to a remote, each with its job, in one transaction; how many.

    Looks only when a report changed. It reads what is, not what happened: after a crash, a restore or a long stop it
    finds what it would have found before.
    """
    key = str(work.engine.url)
    with unit_of_work(work.engine, SYSTEM) as uow:
        is_news, until = store.news(uow.connection, _SEEN.get(key, 0))
    made: tuple[UUID, ...] = ()
    if is_news:
        with unit_of_work(work.engine, SYSTEM) as uow:
            made = store.choose_new(uow.connection, with_synthetic=work.settings.demo_sends)
            for push_id in made:
                queue_push(uow, push_id)
    _SEEN[key] = until
    return len(made)
