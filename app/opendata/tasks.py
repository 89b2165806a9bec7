"""What the worker does for the open data."""

from __future__ import annotations

from datetime import UTC, datetime

from app.jobs.registry import Work, task
from app.opendata.actions import count


# Soon after the hour: a month ends on one.
@task("opendata.count", retry_after_s=(), cron="2 * * * *")
def count_reports(work: Work) -> None:
    """Every hour: count what the open data are made from, so that nobody waits for it."""
    count(work.engine, datetime.now(UTC), work.settings.small_number)
