"""Servers under measurement, each in processes of its own on a free loopback port.

`python -m benchmarks.serving quietude|hello` serves with the very options of `quietude serve`.
"""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

ROOT = Path(__file__).parents[1]
START_S = 60.0


def free_port() -> int:
    """A port that nobody has right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True)
class Running:
    """A server that answers."""

    port: int
    pid: int

    def processes(self) -> list[int]:
        """The server and everything it started."""
        found, waiting = [], [self.pid]
        while waiting:
            pid = waiting.pop()
            found.append(pid)
            children = Path(f"/proc/{pid}/task/{pid}/children")
            if children.exists():
                waiting += [int(child) for child in children.read_text(encoding="ascii").split()]
        return found

    def resident_mb(self, field: str = "VmRSS") -> dict[int, float]:
        """Resident memory of each process; VmHWM is its peak since `forget_peak`."""
        sizes = {}
        for pid in self.processes():
            status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
            sizes[pid] = int(status.split(f"{field}:")[1].split()[0]) / 1024
        return sizes

    def processor_s(self) -> float:
        """Seconds of processor that the server and everything it started have had, in user and kernel."""
        ticks = 0
        for pid in self.processes():
            try:
                fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
            except FileNotFoundError:  # it has just ended: its parent has its time now
                continue
            # utime, stime, and those of children that are gone: fields 14 to 17 of proc(5).
            ticks += sum(int(field) for field in fields[11:15])
        return ticks / os.sysconf("SC_CLK_TCK")

    def forget_peak(self) -> None:
        """Start a new VmHWM."""
        for pid in self.processes():
            Path(f"/proc/{pid}/clear_refs").write_text("5", encoding="ascii")


@contextmanager
def serving(command: Sequence[str], port: int, path: str, environ: Mapping[str, str], log: Path) -> Iterator[Running]:
    """Start a server, wait until `path` answers, stop it at the end."""
    with log.open("wb") as out:
        process = subprocess.Popen(command, env=dict(environ), stdout=out, stderr=out, cwd=ROOT, start_new_session=True)
        try:
            _wait(process, port, path, log)
            yield Running(port, process.pid)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def _wait(process: subprocess.Popen[bytes], port: int, path: str, log: Path) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=START_S)
        try:
            connection.request("GET", path)
            if connection.getresponse().status == http.HTTPStatus.OK:
                return
        except OSError:
            time.sleep(0.1)
        finally:
            connection.close()
    raise SystemExit(f"the server did not start:\n{log.read_text(errors='replace')[-3000:]}")


@contextmanager
def serving_ours(what: str, database_url: str, var_dir: Path) -> Iterator[Running]:
    """`quietude` or `hello`, in production form: gunicorn, gthread, workers and threads of the default settings."""
    port = free_port()
    environ = {
        "PATH": os.environ["PATH"],
        "QUIETUDE_DATABASE_URL": database_url,
        "QUIETUDE_VAR_DIR": str(var_dir),
        "QUIETUDE_SECRET_KEY": "a-key-for-benchmarks",
        "QUIETUDE_PORT": str(port),
        "QUIETUDE_DEMO": "0",
    }
    command = [sys.executable, "-m", "benchmarks.serving", what]
    path = "/readyz" if what == "quietude" else "/"
    with serving(command, port, path, environ, var_dir / f"{what}.log") as running:
        yield running


def _hello(settings: Any) -> Any:
    """Hello, and what every way of storing something costs at least: one row, one statement, one commit."""
    from flask import Flask, request  # noqa: PLC0415

    from app.db.session import make_engine, one_statement  # noqa: PLC0415

    app = Flask("hello")
    engine = make_engine(settings.database_url, pool_size=settings.threads)

    def insert() -> tuple[str, int]:
        with one_statement(engine) as cursor:
            cursor.execute("INSERT INTO bare_insert (body) VALUES (%s)", (request.get_data(as_text=True),))
        return "", 201

    app.add_url_rule("/", "hello", lambda: "Hello, World!", methods=["GET", "POST"])
    app.add_url_rule("/insert", "insert", insert, methods=["POST"])
    return app


def _quietude(settings: Any) -> Any:
    from flask import render_template_string  # noqa: PLC0415

    from app import create_app  # noqa: PLC0415
    from app.nomenclature.actions import current_nomenclature  # noqa: PLC0415

    app = create_app(settings)
    plain = (Path(__file__).parent / "plain_form.html").read_text(encoding="utf-8")

    def plain_form() -> str:
        return render_template_string(plain, id=uuid4(), nomenclature=current_nomenclature())

    app.add_url_rule("/plain", "plain", plain_form)
    # What is measured is the work, not how soon one account is told to slow down.
    app.config["RATELIMIT_ENABLED"] = False
    app.extensions["quietude_limiter"].enabled = False
    return app


def main(what: str) -> None:
    """Serve until a signal."""
    from app.serve import Server  # noqa: PLC0415
    from app.settings import load_settings  # noqa: PLC0415

    class Served(Server):
        def load(self) -> Any:
            return _hello(self._settings) if what == "hello" else _quietude(self._settings)

    Served(load_settings(), None).run()


if __name__ == "__main__":
    main(sys.argv[1])
