"""The worker beside the server: begun again when it dies, ended with the server, gone when the server was killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from app import serve
from app.serve import JobWorker
from tests.jobs.office import ROOT, Office

WAIT_S = 60.0


def _until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _workers(office: Office) -> int:
    return int(office.sql("SELECT count(*) FROM procrastinate_workers")[0][0])


@pytest.fixture
def beside(office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> JobWorker:
    monkeypatch.setenv("QUIETUDE_DATABASE_URL", office.url)
    monkeypatch.setenv("QUIETUDE_VAR_DIR", str(tmp_path))
    monkeypatch.setattr(serve, "JOB_WORKER_WAIT_S", 0.0)
    return JobWorker()


def test_it_is_begun_again_and_ended(office: Office, beside: JobWorker) -> None:
    beside.keep()
    _until(lambda: _workers(office) == 1)
    first = beside._process
    assert first is not None
    beside.keep()
    assert beside._process is first
    first.send_signal(signal.SIGKILL)
    first.wait()
    beside.keep()
    second = beside._process
    assert second is not first
    _until(lambda: _workers(office) == 2)  # the dead one is still written down
    beside.stop()
    assert second is not None
    assert second.poll() is not None
    assert _workers(office) == 1  # it signed off
    beside.keep()
    assert beside._process is second


def test_it_leaves_when_the_server_is_gone(office: Office, beside: JobWorker) -> None:
    program = [sys.executable, "-P", str(ROOT / "tools/quietude.py"), "worker", "--beside", str(os.getpid() + 1)]
    with subprocess.Popen(program) as orphan:
        assert orphan.wait(WAIT_S) in {0, -signal.SIGTERM}
