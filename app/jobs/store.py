"""The queue in the database. A job is put there by the transaction that makes it necessary: after commit, or never."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, text

if TYPE_CHECKING:
    from app.db.session import UnitOfWork

QUEUE = "default"
STATES = ("todo", "doing", "failed")


@dataclass(frozen=True)
class JobRow:
    """One job. attempts: how often it was begun and not finished; last_at: when it last changed."""

    id: int
    task: str
    args: Mapping[str, Any]
    state: str
    attempts: int
    scheduled_at: datetime | None
    last_at: datetime | None


_ENQUEUE = text("""
    INSERT INTO procrastinate_jobs (queue_name, task_name, queueing_lock, args)
    VALUES (:queue, :task, :key, CAST(:args AS jsonb))
    ON CONFLICT (queueing_lock) WHERE status = 'todo' DO NOTHING
    RETURNING id
""")
_LIST = text("""
    SELECT job.id, task_name AS task, args, status::text AS state, attempts, scheduled_at,
        (SELECT max(at) FROM procrastinate_events WHERE job_id = job.id) AS last_at
    FROM procrastinate_jobs AS job
    WHERE status::text = ANY(:states) ORDER BY job.id LIMIT :limit
""")
_RETRY = text("""
    SELECT procrastinate_retry_job_v2(id, now(), NULL, NULL, NULL) FROM procrastinate_jobs
    WHERE id = :id AND status = 'failed'
""")


def enqueue(uow: UnitOfWork, task: str, *, key: str | None = None, **args: Any) -> int | None:
    """Queue a task in this very transaction: when it is rolled back, there was no job. Returns the job's id.

    key: while a job of that key waits, another one is not queued (None is returned). That what a job does is never
    done twice is the task's own matter; notifications have a unique row for each event and recipient.
    """
    binds = {"queue": QUEUE, "task": task, "key": key, "args": json.dumps(args)}
    made: int | None = uow.connection.execute(_ENQUEUE, binds).scalar_one_or_none()
    return made


def list_jobs(connection: Connection, states: tuple[str, ...] = STATES, *, limit: int = 500) -> tuple[JobRow, ...]:
    """Jobs that are not done, the oldest first. What succeeded is not kept."""
    rows = connection.execute(_LIST, {"states": list(states), "limit": limit}).mappings()
    return tuple(JobRow(**row) for row in rows)


def retry(connection: Connection, job_id: int) -> bool:
    """Queue a failed job once more, now; False when there is no failed job of that id."""
    return connection.execute(_RETRY, {"id": job_id}).rowcount == 1
