"""What the worker does for reports."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import Engine

from app.db.session import unit_of_work
from app.jobs.registry import Work, task
from app.people.actor import SYSTEM
from app.reports.moves import escalate_overdue

ESCALATE_ROWS = 5000


def escalate_all(engine: Engine) -> int:
    """Flag every open report whose deadline has passed and that has no flag yet; how many."""
    flagged = 0
    while True:
        # One transaction a batch: a register that was never looked after has many.
        with unit_of_work(engine, SYSTEM) as uow:
            batch = escalate_overdue(uow, SYSTEM, now=datetime.now(UTC), limit=ESCALATE_ROWS)
        flagged += len(batch)
        if len(batch) < ESCALATE_ROWS:
            return flagged


@task("reports.escalate", retry_after_s=(), cron="*/5 * * * *")
def escalate(work: Work) -> None:
    """Every five minutes, once each."""
    escalate_all(work.engine)
