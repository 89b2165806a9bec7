"""`quietude serve` from start to Ctrl-C, and what must survive a kill."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from app.db.cluster import Cluster
from app.db.running import drop
from app.db.session import make_engine, unit_of_work
from app.people.actions import create_token_for
from app.people.actor import SYSTEM
from app.people.commands import NewToken, TokenLimit
from app.people.demo import ensure_demo_accounts
from app.serve import demo_password
from app.settings import load_settings
from tests.reports.samples import body

from .conftest import Make

ROOT = Path(__file__).parents[2]
WAIT_S = 90


class Serving:
    """One `quietude serve` process."""

    def __init__(self, folder: Path, port: int, **environment: str) -> None:
        self.port = port
        kept = {key: value for key, value in os.environ.items() if not key.startswith("QUIETUDE_")}
        settings = {"QUIETUDE_VAR_DIR": str(folder / "var"), "QUIETUDE_PORT": str(port), "QUIETUDE_DEMO": "0"}
        self.process = subprocess.Popen(
            [sys.executable, "-P", str(ROOT / "tools/quietude.py"), "serve"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd="/",
            env=kept | settings | {"QUIETUDE_WORKERS": "1", "QUIETUDE_JOB_WORKER": "0"} | environment,
        )
        self.said: list[str] = []

    def until(self, word: str) -> None:
        """Read its output up to the line with this word."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said.append(line)
            if word in line:
                return
        pytest.fail(f"never said {word!r}: {''.join(self.said)}")

    def stop(self, number: int) -> int:
        """Send a signal and return the exit status."""
        self.process.send_signal(number)
        return self.end()

    def end(self) -> int:
        out, _ = self.process.communicate(timeout=WAIT_S)
        self.said.append(out)
        return self.process.returncode

    def get(self, path: str) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        finally:
            connection.close()

    def report(self, token: str) -> str | int:
        """Send a report; its id when it was accepted, else the status (0: no answer)."""
        sent = body()
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("POST", "/api/reports", json.dumps(sent), headers)
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            connection.close()
        return str(sent["id"]) if status == 201 else status


Serve = Callable[..., Serving]


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def cluster(make: Make) -> Cluster:
    """The cluster that the servers below use; stopped when the test ends."""
    return make()


@pytest.fixture
def serve(folder: Path, port: int, cluster: Cluster) -> Iterator[Serve]:
    started: list[Serving] = []

    def serve(**environment: str) -> Serving:
        started.append(Serving(folder, port, **environment))
        return started[-1]

    yield serve
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
        one.process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_it_serves_then_stops_server_and_database(serve: Serve, cluster: Cluster, number: int) -> None:
    serving = serve(QUIETUDE_JOB_WORKER="1")
    serving.until("Quiétude: http://127.0.0.1:")
    assert serving.get("/healthz") == 200
    assert serving.get("/readyz") == 200
    assert cluster.is_running()
    assert serving.stop(number) == 0
    assert not cluster.is_running()
    said = "".join(serving.said)
    assert "Traceback" not in said
    assert "Database stopped." in said
    assert "Demo accounts" not in said


def test_after_kill_9_of_the_server_alone_it_starts_again(serve: Serve, cluster: Cluster) -> None:
    first = serve()
    first.until("Ctrl-C")
    assert first.stop(signal.SIGKILL) == -signal.SIGKILL
    assert cluster.is_running()
    second = serve()
    second.until("Ctrl-C")
    assert second.get("/readyz") == 200
    assert second.stop(signal.SIGTERM) == 0
    assert not cluster.is_running()


def test_a_database_that_is_killed_is_started_again(serve: Serve, cluster: Cluster) -> None:
    """By the server that uses it; one that is stopped on purpose stays so."""
    serving = serve()
    serving.until("Ctrl-C")
    killed = cluster.server_pid()
    assert killed is not None
    os.kill(killed, signal.SIGKILL)
    serving.until("runs again")
    assert cluster.server_pid() not in {None, killed}
    assert serving.get("/readyz") == 200
    drop(cluster)
    assert not cluster.was_killed()
    assert serving.get("/readyz") == 503
    assert serving.stop(signal.SIGTERM) == 0
    assert not cluster.is_running()
    assert "".join(serving.said).count("starting it again") == 1


def test_a_killed_database_comes_back_and_nothing_accepted_is_lost(serve: Serve, cluster: Cluster) -> None:
    serving = serve()
    serving.until("Ctrl-C")
    engine = make_engine(cluster.url("app"), pool_size=1)
    ensure_demo_accounts(engine, "correct horse battery")
    with unit_of_work(engine, SYSTEM) as uow:
        new = NewToken(name="test", scope="write")
        limit = TokenLimit(limit=6000)  # asking every moment whether it is back must not end in 429
        secret = create_token_for(uow.connection, SYSTEM, "agent@demo.quietude", new, limit).secret
    accepted = [serving.report(secret) for _ in range(3)]
    assert all(isinstance(one, str) for one in accepted), accepted
    server = cluster.server_pid()
    assert server is not None
    os.kill(server, signal.SIGKILL)
    deadline = time.monotonic() + WAIT_S
    while cluster.server_pid() in {None, server} or not isinstance(accepted[-1], str):
        assert time.monotonic() < deadline, accepted
        time.sleep(0.2)
        accepted.append(serving.report(secret))
    engine.dispose()
    with unit_of_work(engine, SYSTEM) as uow:
        stored = set(uow.connection.scalars(text("SELECT id::text FROM report")))
    engine.dispose()
    assert stored >= {one for one in accepted if isinstance(one, str)}
    assert serving.stop(signal.SIGTERM) == 0
    assert not cluster.is_running()


def test_a_busy_port_is_one_line_and_starts_nothing(serve: Serve, cluster: Cluster, port: int) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        serving = serve()
        assert serving.end() == 1
    assert serving.said == [
        f"quietude: QUIETUDE_PORT: 127.0.0.1 port {port} is in use; stop what uses it or choose another port\n"
    ]
    assert not cluster.is_running()


def test_an_address_that_is_not_ours_is_one_line(serve: Serve) -> None:
    serving = serve(QUIETUDE_HOST="192.0.2.1")
    assert serving.end() == 1
    assert serving.said[0].startswith("quietude: QUIETUDE_HOST")
    assert serving.said[0].count("\n") == 1


def test_the_second_of_two_servers_leaves_the_database_to_the_first(serve: Serve, cluster: Cluster) -> None:
    first = serve()
    first.until("Ctrl-C")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        another = probe.getsockname()[1]
    second = serve(QUIETUDE_PORT=str(another))
    second.until("Ctrl-C")
    assert second.stop(signal.SIGINT) == 0
    assert cluster.is_running()
    assert first.get("/readyz") == 200
    assert first.stop(signal.SIGINT) == 0
    assert not cluster.is_running()


def test_stopped_while_it_starts_it_stops_the_database(serve: Serve, cluster: Cluster) -> None:
    serving = serve()
    serving.until("Schema")
    assert serving.stop(signal.SIGTERM) != 1
    assert "Traceback" not in "".join(serving.said)
    assert not cluster.is_running()


def test_the_demo_is_loaded_once_and_its_accounts_are_said(serve: Serve, folder: Path) -> None:
    first = serve(QUIETUDE_DEMO="1")
    first.until("Ctrl-C")
    assert first.stop(signal.SIGINT) == 0
    second = serve(QUIETUDE_DEMO="1")
    second.until("Ctrl-C")
    assert second.stop(signal.SIGINT) == 0
    accounts = [line for line in first.said if "demo.quietude" in line or "password" in line]
    assert [line for line in second.said if line in accounts] == accounts
    assert len(accounts) == 7
    kept = folder / "var/demo_password"
    assert kept.read_text() in accounts[0]
    assert kept.stat().st_mode & 0o777 == 0o600


def test_a_demo_password_of_ones_own_is_not_stored(tmp_path: Path) -> None:
    settings = load_settings({"QUIETUDE_VAR_DIR": str(tmp_path), "QUIETUDE_DEMO_PASSWORD": "correct horse battery"})
    assert demo_password(settings) == "correct horse battery"
    assert not (tmp_path / "demo_password").exists()
