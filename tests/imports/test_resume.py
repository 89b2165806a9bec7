"""Stopped, killed, run twice: an import goes on where it was, and nothing is doubled."""

from __future__ import annotations

import csv
import signal
import subprocess
import time
from uuid import UUID

import pytest

from app.imports import running
from app.imports.running import Runner
from app.jobs.registry import TASKS
from tests.imports.bench import Bench, row, table

ROWS = [row(number, type="?" if number % 10 == 0 else "Tag") for number in range(1, 61)]


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "PIECE_ROWS", 10)


def refused_lines(bench: Bench, batch: str) -> list[str]:
    """The first column of the downloaded list, without its header."""
    answer = bench.get(f"/imports/{batch}/refusals.csv")
    assert answer.mimetype == "text/csv"
    return [line[0] for line in csv.reader(answer.get_data(as_text=True).removeprefix("\ufeff").splitlines())][1:]


EXPECTED = [str(number + 1) for number in range(10, 61, 10)]


class _KilledError(BaseException):
    """As abrupt as a signal, for a test's own process."""


def test_stop_and_go_on(bench: Bench, small_pieces: None, monkeypatch: pytest.MonkeyPatch) -> None:
    batch = bench.uploaded(table(*ROWS))
    take, taken = Runner._take, []

    def stop_after_two(self: Runner, batch_id: UUID, *rest: object) -> bool:
        taken.append(1)
        if len(taken) == 3:
            assert bench.post(f"/imports/{batch}/stop").status_code == 303
        return take(self, batch_id, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(Runner, "_take", stop_after_two)
    stopped = bench.run(batch)
    assert (stopped["state"], stopped["read"], stopped["imported"], stopped["refused"]) == ("stopped", 20, 18, 2)
    assert bench.reports() == 18
    html = bench.page(batch)
    assert "Go on" in html
    assert "Undo this import" in html
    done = bench.run(batch)
    assert (done["state"], done["read"], done["imported"], done["refused"]) == ("done", 60, 54, 6)
    assert refused_lines(bench, batch) == EXPECTED
    assert bench.undo(batch)["removed"] == 54


def test_a_stopped_import_can_be_undone(bench: Bench, small_pieces: None) -> None:
    batch = bench.uploaded(table(*ROWS))
    assert bench.post(f"/imports/{batch}/run").status_code == 303
    assert bench.post(f"/imports/{batch}/stop").status_code == 303
    bench.office.do()
    assert bench.status(batch)["state"] == "stopped"
    bench.run(batch)
    assert bench.undo(batch)["removed"] == 54


@pytest.mark.parametrize("moment", ["before the commit", "after the commit"])
def test_a_worker_that_dies_in_a_piece_doubles_nothing(
    bench: Bench, small_pieces: None, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    batch = bench.uploaded(table(*ROWS))
    assert bench.post(f"/imports/{batch}/run").status_code == 303
    runner = Runner(bench.office.engine, bench.var_dir)
    take, append = Runner._take, running._append
    calls: list[int] = []

    def die_after(self: Runner, batch_id: UUID, *rest: object) -> bool:
        taken = take(self, batch_id, *rest)  # type: ignore[arg-type]
        calls.append(1)
        if len(calls) == 3 and moment == "after the commit":
            raise _KilledError
        return taken

    def die_within(*args: object) -> int:
        written = append(*args)  # type: ignore[arg-type]
        if len(calls) == 2 and moment == "before the commit":
            raise _KilledError
        return written

    monkeypatch.setattr(Runner, "_take", die_after)
    monkeypatch.setattr(running, "_append", die_within)
    with pytest.raises(_KilledError):
        runner.work(UUID(batch))
    assert bench.reports() == (18 if moment == "before the commit" else 27)
    monkeypatch.undo()
    bench.office.do()
    done = bench.status(batch)
    assert (done["state"], done["read"], done["imported"], done["already_there"], done["refused"]) == (
        "done",
        60,
        54,
        0,
        6,
    )
    assert bench.reports() == 54
    assert refused_lines(bench, batch) == EXPECTED


def test_kill_9_of_the_worker_in_the_middle(bench: Bench) -> None:
    """The real thing: a process, SIGKILL, and another worker that finds the job."""
    rows = [row(number) for number in range(1, 6001)]
    batch = bench.uploaded(table(*rows))
    assert bench.post(f"/imports/{batch}/run").status_code == 303
    process = bench.office.process(bench.var_dir)
    try:
        until = time.monotonic() + 60
        while bench.one("SELECT read FROM import_batch") == 0:
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.02)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    _wait_for_the_dead(bench)
    assert bench.status(batch)["state"] == "running"
    assert 0 < bench.reports() < 6000
    bench.office.do(stalled_s=0.0)
    done = bench.status(batch)
    assert (done["state"], done["imported"], done["already_there"], done["refused"]) == ("done", 6000, 0, 0)
    assert bench.reports() == 6000


def _wait_for_the_dead(bench: Bench) -> None:
    """The server rolls back what a killed client had begun as soon as it notices."""
    until = time.monotonic() + 30
    query = "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%' AND pid <> pg_backend_pid()"
    while bench.office.sql(query)[0][0] and time.monotonic() < until:
        time.sleep(0.05)


def test_the_same_job_twice_at_once_does_the_work_once(bench: Bench, small_pieces: None) -> None:
    """A worker that was taken for dead comes back: whoever is behind leaves it."""
    batch = bench.uploaded(table(*ROWS))
    assert bench.post(f"/imports/{batch}/run").status_code == 303
    runner = Runner(bench.office.engine, bench.var_dir)
    take = Runner._take
    entered: list[int] = []

    class Late(Runner):
        def _take(self, batch_id: UUID, *rest: object) -> bool:
            if not entered:
                entered.append(1)
                runner.work(batch_id)
            return take(self, batch_id, *rest)  # type: ignore[arg-type]

    Late(bench.office.engine, bench.var_dir).work(UUID(batch))
    done = bench.status(batch)
    assert (done["state"], done["imported"], done["refused"]) == ("done", 54, 6)
    assert bench.reports() == 54
    runner.work(UUID(batch))
    assert bench.status(batch) == done


def test_a_check_can_be_stopped_and_leaves_nothing(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    batch = bench.uploaded(table(*ROWS))
    assert bench.post(f"/imports/{batch}/check").status_code == 303
    assert bench.post(f"/imports/{batch}/stop").status_code == 303
    bench.office.do()
    assert bench.status(batch)["state"] == "draft"
    assert bench.reports() == 0


def test_duplicates_across_pieces_count_as_in_the_check(bench: Bench, small_pieces: None) -> None:
    batch = bench.uploaded(table(*(row(number % 25) for number in range(60))))
    checked = bench.check(batch)["checked"]
    done = bench.run(batch)
    assert (done["imported"], done["refused"]) == (checked["imported"], checked["refused"]) == (25, 35)
    assert done["by_reason"] == checked["by_reason"] == {"id: duplicate": 35}


def test_what_goes_wrong_is_said(bench: Bench) -> None:
    batch = bench.uploaded(table(*ROWS))
    assert bench.post(f"/imports/{batch}/run").status_code == 303
    (bench.folder(batch) / "upload").unlink()
    bench.office.do()
    status = bench.status(batch)
    assert status["state"] == "failed"
    assert "no longer there" in status["failure"] or "n'est plus là" in status["failure"]
    assert "send it again" in bench.page(batch).lower() or "n'est plus là" in bench.page(batch)


def test_files_go_when_nobody_needs_them_any_more(bench: Bench) -> None:
    old, young, draft = (bench.uploaded(table(row(number))) for number in (1, 2, 3))
    for batch in (old, young):
        bench.run(batch)
    orphan = bench.var_dir / "imports" / "00000000-0000-4000-8000-000000000000"
    orphan.mkdir()
    subprocess.run(["touch", "-d", "3 days ago", str(orphan)], check=True)
    bench.rows("UPDATE import_batch SET changed_at = changed_at - interval '31 days' WHERE id = :id", id=old)
    bench.rows("UPDATE import_batch SET changed_at = changed_at - interval '8 days' WHERE id = :id", id=draft)
    TASKS["imports.clean"].run(bench.office.work)
    assert not bench.folder(old).exists()
    assert bench.folder(young).exists()
    assert not bench.folder(draft).exists()
    assert not orphan.exists()
    assert bench.get(f"/imports/{draft}").status_code == 404
    assert bench.status(old)["state"] == "done"
    # The log and the undo do not need the file.
    assert bench.undo(old)["removed"] == 1
