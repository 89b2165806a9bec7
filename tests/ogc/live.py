"""The production server on a port of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Live:
    """Where it is, and who may read it all."""

    url: str
    token: str


@contextmanager
def serving(app_url: str, folder: Path) -> Iterator[str]:
    """One gunicorn worker as `quietude serve` runs it; gives the address of its root."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environ = {
        "PATH": os.environ["PATH"],
        "QUIETUDE_DATABASE_URL": app_url,
        "QUIETUDE_VAR_DIR": str(folder / "var"),
        "QUIETUDE_SECRET_KEY": "a-key-for-tests-only",
        "QUIETUDE_THREADS": "4",
    }
    options = ["--worker-class", "gthread", "--workers", "1", "--threads", "4", "--bind", f"127.0.0.1:{port}"]
    command = [sys.executable, "-m", "gunicorn", *options, "--no-control-socket", "wsgi:app"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, env=environ, stderr=log, stdout=log, cwd=Path(__file__).parents[2])
        root = f"http://127.0.0.1:{port}"
        try:
            _wait_for(root)
            yield root
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()


def _wait_for(root: str) -> None:
    for _ in range(600):
        with suppress(OSError), urllib.request.urlopen(f"{root}/healthz"):  # noqa: S310
            return
        time.sleep(0.05)
    raise RuntimeError("the server did not start")
