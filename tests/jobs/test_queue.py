"""The queue: with the transaction or not at all, tried again, found again after a kill, once by the clock."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from typing import Any

import procrastinate
import pytest
from click.testing import CliRunner
from sqlalchemy import Engine

from app.db.session import unit_of_work
from app.jobs import registry
from app.jobs.cli import jobs
from app.jobs.registry import Work, task
from app.jobs.running import make_queue
from app.jobs.store import enqueue, list_jobs
from app.people.actor import SYSTEM
from tests.jobs.office import Office, in_a_thread


@pytest.fixture
def done() -> Iterator[list[Any]]:
    """What the task `test.note` was called with, as long as the test lasts."""
    calls: list[Any] = []

    @task("test.note", retry_after_s=(60,))
    def note(work: Work, **args: Any) -> None:
        calls.append(args | {"is_last": work.is_last})
        if args.get("fails"):
            raise RuntimeError("as asked")

    yield calls
    registry.TASKS.pop("test.note")


def _put(engine: Engine, **args: Any) -> int | None:
    with unit_of_work(engine, SYSTEM) as uow:
        return enqueue(uow, "test.note", **args)


def test_a_job_comes_with_its_transaction(office: Office, done: list[Any]) -> None:
    _put(office.engine, number=1)
    with unit_of_work(office.engine, SYSTEM) as uow:
        enqueue(uow, "test.note", number=2)
        uow.connection.rollback()
    with unit_of_work(office.engine, SYSTEM) as uow:
        enqueue(uow, "test.note", number=3)
        office.do()  # not committed yet
        assert [one["number"] for one in done] == [1]
    office.do()
    assert [one["number"] for one in done] == [1, 3]
    with office.engine.begin() as connection:
        assert list_jobs(connection) == ()


def test_one_key_waits_once(office: Office, done: list[Any]) -> None:
    assert _put(office.engine, key="a", number=1) is not None
    assert _put(office.engine, key="a", number=2) is None
    office.do()
    assert [one["number"] for one in done] == [1]
    assert _put(office.engine, key="a", number=3) is not None


def test_what_fails_is_tried_again_then_shown_and_tried_by_hand(
    office: Office, done: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    job = _put(office.engine, fails=True)
    office.do()
    office.do()  # not due for a minute
    assert [one["is_last"] for one in done] == [False]
    office.hurry()
    office.do()
    assert [one["is_last"] for one in done] == [False, True]
    office.hurry()
    office.do()
    assert len(done) == 2
    monkeypatch.setenv("QUIETUDE_DATABASE_URL", office.url)
    said = CliRunner().invoke(jobs, ["list", "--state", "failed"])
    assert said.output.startswith(f'{job}\tfailed\t2\ttest.note\t{{"fails": true}}\t20')
    assert "tried again" in CliRunner().invoke(jobs, ["retry", str(job)]).output
    office.do()
    assert len(done) == 3
    assert CliRunner().invoke(jobs, ["retry", "4711"]).exit_code != 0


def test_a_job_of_a_dead_worker_is_begun_again(office: Office, done: list[Any]) -> None:
    _put(office.engine, number=1)
    # As after kill -9: begun by a worker whose last sign of life is long ago.
    office.sql("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '1 hour')")
    office.sql(
        "UPDATE procrastinate_jobs SET status = 'doing', worker_id = (SELECT max(id) FROM procrastinate_workers)"
    )
    office.do()
    assert [one["number"] for one in done] == [1]


def test_a_job_of_a_living_worker_is_left_to_it(office: Office, done: list[Any]) -> None:
    _put(office.engine, number=1)
    office.sql("INSERT INTO procrastinate_workers DEFAULT VALUES")
    office.sql(
        "UPDATE procrastinate_jobs SET status = 'doing', worker_id = (SELECT max(id) FROM procrastinate_workers)"
    )
    office.do()
    assert done == []


def test_a_job_that_killed_twelve_workers_is_given_to_no_other(office: Office, done: list[Any]) -> None:
    _put(office.engine, number=1)
    office.sql("UPDATE procrastinate_jobs SET status = 'doing', attempts = 12, worker_id = NULL")
    office.do()
    assert done == []
    with office.engine.begin() as connection:
        assert [job.state for job in list_jobs(connection)] == ["failed"]


def test_two_workers_at_once_do_each_job_once(office: Office, done: list[Any]) -> None:
    for number in range(40):
        _put(office.engine, number=number)
    workers = [threading.Thread(target=office.do) for _ in range(2)]
    for one in workers:
        one.start()
    for one in workers:
        one.join()
    assert sorted(one["number"] for one in done) == list(range(40))


def test_what_comes_by_the_clock_comes_once_for_all_workers(office: Office) -> None:
    office.look()
    first, second = (make_queue(office.url, office.work, office.context) for _ in range(2))
    at = int(time.time()) // 600 * 600

    async def due() -> None:
        for queue in (first, second, first):
            async with queue.open_async():
                deferrer = procrastinate.periodic.PeriodicDeferrer(queue.periodic_registry, max_delay=90_000)
                await deferrer.defer_jobs(deferrer.get_previous_tasks(at=at + 1.0))

    in_a_thread(lambda: asyncio.run(due()))
    with office.engine.begin() as connection:
        names = sorted(job.task for job in list_jobs(connection))
    by_clock = sorted(one.name for one in registry.TASKS.values() if one.cron)
    assert len(by_clock) >= 4
    assert names == by_clock
