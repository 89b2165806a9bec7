"""The worker: procrastinate with the registry's tasks, a look at the watches, a rescue of what others left lying."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import procrastinate
from procrastinate.jobs import Job, Status
from procrastinate.retry import BaseRetryStrategy, RetryDecision
from psycopg.conninfo import make_conninfo
from sqlalchemy import make_url

from app.db.session import APP_ROLE
from app.jobs.registry import TASKS, WATCHES, Task, Work
from app.jobs.store import QUEUE
from app.web.logs import get_logger

CONCURRENCY = 4
WATCH_S = 2.0
HEARTBEAT_S = 10.0
# A worker that has not been heard of for so long is dead, and what it had begun is begun again.
STALLED_S = 30.0
# A job that killed so many workers is not given to another one.
MOST_ATTEMPTS = 12
# On Ctrl-C a mail that is being sent is sent to the end.
GRACE_S = 8.0

Context = Callable[[], AbstractContextManager[Any]]


@dataclass(frozen=True)
class Options:
    """How a worker runs. wait=False: until nothing is due, then leave, without what comes by the clock.

    parent: leave when this process is gone.
    """

    wait: bool = True
    stalled_s: float = STALLED_S
    watch_s: float = WATCH_S
    parent: int | None = None


class _Backoff(BaseRetryStrategy):
    def __init__(self, task: Task) -> None:
        self._after_s = task.retry_after_s

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:  # noqa: ARG002
        if job.attempts >= len(self._after_s):
            return None
        return RetryDecision(retry_in={"seconds": self._after_s[job.attempts]})


def conninfo(url: str) -> str:
    """The SQLAlchemy URL as libpq's own, always as the application role."""
    parsed = make_url(url)
    options = f"-c role={APP_ROLE} -c search_path=public -c timezone=UTC"
    where = {**parsed.translate_connect_args(username="user", database="dbname"), **parsed.query}
    return make_conninfo(**where | {"options": options, "application_name": "quietude worker"})


def make_queue(url: str, work: Work, context: Context = nullcontext, *, by_clock: bool = True) -> procrastinate.App:
    """Procrastinate with every registered task. `context` is entered around each run (Flask's, for texts)."""
    app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=conninfo(url), min_size=1, max_size=4))
    for task in TASKS.values():
        added = _add(app, task, work, context)
        if by_clock and task.cron is not None:
            # The locks: two of a kind neither run nor wait at once, however late the first one is.
            app.periodic(cron=task.cron, lock=task.name, queueing_lock=task.name)(added)
    return app


def _add(app: procrastinate.App, task: Task, work: Work, context: Context) -> Any:
    def run(job_context: procrastinate.JobContext, /, **args: Any) -> None:
        args.pop("timestamp", None)  # procrastinate's own, for what comes by the clock
        is_last = job_context.job.attempts >= len(task.retry_after_s)
        with context():
            task.run(replace(work, is_last=is_last), **args)

    return app.task(name=task.name, queue=QUEUE, pass_context=True, retry=_Backoff(task))(run)


async def run(url: str, work: Work, *, context: Context = nullcontext, options: Options = Options()) -> None:
    """Work until told to stop (SIGINT, SIGTERM), or, with wait=False, until nothing is due.

    Raises:
        procrastinate.exceptions.ConnectorException, psycopg.Error: the database cannot be reached.

    """
    app = make_queue(url, work, context, by_clock=options.wait)
    async with app.open_async():
        await _rescue(app, options.stalled_s)
        beside = [asyncio.create_task(_watch(work, context, options.watch_s))] if options.wait else []
        if options.wait:
            beside.append(asyncio.create_task(_keep_rescuing(app, options.stalled_s)))
        if options.parent is not None:
            beside.append(asyncio.create_task(_leave_with(options.parent)))
        try:
            await app.run_worker_async(
                concurrency=CONCURRENCY,
                wait=options.wait,
                delete_jobs="successful",
                listen_notify=options.wait,
                install_signal_handlers=options.wait,
                update_heartbeat_interval=HEARTBEAT_S,
                stalled_worker_timeout=options.stalled_s,
                shutdown_graceful_timeout=GRACE_S,
            )
        finally:
            for one in beside:
                one.cancel()
            await asyncio.gather(*beside, return_exceptions=True)


def look(work: Work, context: Context = nullcontext) -> None:
    """Call every watch once. One that fails is logged; the others are called all the same."""
    for one in WATCHES:
        try:
            with context():
                one(work)
        except Exception as error:  # noqa: BLE001  (whatever it is, the next look comes in two seconds)
            get_logger().error("watch failed", watch=one.__name__, error=f"{type(error).__name__}: {error}"[:300])


async def _watch(work: Work, context: Context, every_s: float) -> None:
    while True:
        await asyncio.to_thread(look, work, context)
        await asyncio.sleep(every_s)


async def _keep_rescuing(app: procrastinate.App, stalled_s: float) -> None:
    while True:
        await asyncio.sleep(min(HEARTBEAT_S, stalled_s))
        try:
            await _rescue(app, stalled_s)
        except procrastinate.exceptions.ConnectorException as error:
            get_logger().warning("rescue failed", error=str(error)[:300])


async def _rescue(app: procrastinate.App, stalled_s: float) -> None:
    """Begin again what a worker had begun that is no longer heard of."""
    for job in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=stalled_s):
        # Another worker may have been faster: procrastinate says so by an error, and that is fine.
        with suppress(procrastinate.exceptions.ConnectorException):
            if job.attempts >= MOST_ATTEMPTS:
                await app.job_manager.finish_job(job, status=Status.FAILED, delete_job=False)
            else:
                await app.job_manager.retry_job(job, retry_at=datetime.now(UTC))
            get_logger().warning("job of a dead worker", job=job.id, task=job.task_name, attempts=job.attempts)


async def _leave_with(parent: int) -> None:
    """The server was killed: nobody would end this worker any more."""
    while os.getppid() == parent:  # noqa: ASYNC110  (nobody tells a process that its parent is gone)
        await asyncio.sleep(0.5)
    os.kill(os.getpid(), 15)


def quiet_logs() -> None:
    """Procrastinate says each step of each job; what failed is enough."""
    for name in ("procrastinate", "psycopg.pool"):
        logging.getLogger(name).setLevel(logging.ERROR)
