"""The production server on a loopback port of its own, for tests that need real sockets and a real worker."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Running:
    """A server that answers: its address, its port, its master process, and what it writes."""

    url: str
    port: int
    process: subprocess.Popen[bytes]
    log: Path


@contextmanager
def serving(app_url: str, folder: Path, threads: int = 4) -> Iterator[Running]:
    """One gunicorn worker as `quietude serve` runs it, until the block ends."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environ = {
        "PATH": os.environ["PATH"],
        "QUIETUDE_DATABASE_URL": app_url,
        "QUIETUDE_VAR_DIR": str(folder / "var"),
        "QUIETUDE_SECRET_KEY": "a-key-for-tests-only",
        "QUIETUDE_THREADS": str(threads),
    }
    options = ["--limit-request-line", "8190", "--worker-class", "app.web.server.Worker", "--workers", "1"]
    options += ["--threads", str(threads), "--bind", f"127.0.0.1:{port}", "--no-control-socket"]
    path = folder / "server.log"
    with path.open("wb") as log:
        command = [sys.executable, "-m", "gunicorn", *options, "wsgi:app"]
        process = subprocess.Popen(command, env=environ, stderr=log, stdout=log, cwd=ROOT)
        try:
            running = Running(f"http://127.0.0.1:{port}", port, process, path)
            _wait(running)
            yield running
        finally:
            process.terminate()
            process.wait(20)


def _wait(running: Running) -> None:
    for _ in range(600):
        with suppress(OSError), urllib.request.urlopen(f"{running.url}/healthz") as answer:  # noqa: S310  (our own)
            assert answer.status == 200
            return
        assert running.process.poll() is None, running.log.read_text(errors="replace")
        time.sleep(0.05)
    raise AssertionError(running.log.read_text(errors="replace"))
