"""`quietude serve`: database, schema, first data, then the web server in this very process, until Ctrl-C."""

from __future__ import annotations

import errno
import http.client
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import click
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from sqlalchemy import Engine, text

from app import create_app, load_modules
from app.db.cli import owner_url
from app.db.cluster import Cluster
from app.db.migrate import migrate
from app.db.running import Keeper, running
from app.db.session import make_engine, unit_of_work
from app.desk.tfpb_demo import load_demo_entries
from app.errors import SettingsError
from app.interventions.demo import load_demo_interventions
from app.patrols.demo import load_demo_patrols
from app.people.actor import SYSTEM
from app.settings import Settings, load_settings

# The workers of a server that was killed hold its port for a second or so.
PORT_WAIT_S = 3.0
ANNOUNCE_WAIT_S = 60.0
JOB_WORKER_WAIT_S = 5.0
JOB_WORKER_STOP_S = 12.0
# No 0/O, 1/l/I: the password is read off one screen and typed into another.
LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"


@click.command()
def serve() -> None:
    """Start everything and serve until Ctrl-C."""
    settings = load_settings()
    check_port(settings)
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGHUP, _stop)
    with database(settings) as keeper:
        click.echo("Schema …")
        migrate(owner_url(settings))
        demo = first_data(settings)
        click.echo("Web server …")
        beside = JobWorker() if settings.job_worker else None
        try:
            Server(settings, demo, keeper, beside).run()
        finally:
            if beside is not None:
                beside.stop()


def _stop(number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)


# ── port ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def check_port(settings: Settings) -> None:
    """Refuse a port that cannot be had, before anything slow is begun.

    Raises:
        SettingsError: busy, forbidden, or no such address.

    """
    deadline = time.monotonic() + PORT_WAIT_S
    while True:
        try:
            family, kind, protocol, _, address = socket.getaddrinfo(
                settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )[0]
            with socket.socket(family, kind, protocol) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(address)
                return
        except socket.gaierror:
            raise SettingsError(f"QUIETUDE_HOST: there is no address {settings.host}") from None
        except OSError as error:
            where = f"{settings.host} port {settings.port}"
            if error.errno != errno.EADDRINUSE:
                raise SettingsError(
                    f"QUIETUDE_HOST, QUIETUDE_PORT: cannot serve on {where}: {error.strerror}"
                ) from None
            if time.monotonic() > deadline:
                raise SettingsError(
                    f"QUIETUDE_PORT: {where} is in use; stop what uses it or choose another port"
                ) from None
            time.sleep(0.1)


# ── database ────────────────────────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def database(settings: Settings) -> Iterator[Keeper | None]:
    """The database runs inside the block; the embedded one has a keeper, and stops when its last user leaves."""
    if settings.database_url is not None:
        yield None
        return
    connections = settings.workers * (settings.threads + 2) + 20
    cluster = Cluster(settings.var_dir, max_connections=max(100, connections))
    master = os.getpid()
    click.echo(f"Database {cluster.data_dir} …")
    try:
        with running(cluster):
            keeper = Keeper(cluster, click.echo)
            try:
                yield keeper
            finally:
                if os.getpid() == master:
                    keeper.stop()
    finally:
        if os.getpid() == master:
            click.echo("Database runs on." if cluster.is_running() else "Database stopped.")


# ── first data ──────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Demo:
    """How to get into the demo."""

    password: str
    emails: tuple[str, ...]


def first_data(settings: Settings) -> Demo | None:
    """What a database must have before the first page, and the demo when asked for.

    Safe to repeat: each part adds only what is missing.
    """
    # They bring GDAL and NumPy: not before a busy port has been refused and the database is on its way.
    from app.nomenclature.actions import seed_default  # noqa: PLC0415
    from app.people.demo import ensure_demo_accounts  # noqa: PLC0415
    from app.places.actions import seed_approximate  # noqa: PLC0415
    from app.reports.demo import load_demo  # noqa: PLC0415

    engine = make_engine(settings.database_url or Cluster(settings.var_dir).url("app"), pool_size=1)
    try:
        seed_default(engine)
        seed_approximate(engine)
        if not settings.demo or not _may_have_demo(engine):
            return None
        password = demo_password(settings)
        accounts = ensure_demo_accounts(engine, password)
        if _has_no_reports(engine):
            load_demo(engine, click.echo)
            load_demo_interventions(engine, click.echo)
            load_demo_patrols(engine, click.echo)
            load_demo_entries(engine, click.echo)
        return Demo(password, tuple(account.email for account in accounts))
    finally:
        engine.dispose()


# Real accounts, or reports that came before any account, mean a real register: nothing synthetic is added to it.
_MAY_HAVE_DEMO = text(
    "SELECT NOT EXISTS (SELECT FROM account WHERE NOT is_synthetic)"
    " AND (EXISTS (SELECT FROM account) OR NOT EXISTS (SELECT FROM report))"
)


def _may_have_demo(engine: Engine) -> bool:
    with unit_of_work(engine, SYSTEM) as uow:
        return bool(uow.connection.scalar(_MAY_HAVE_DEMO))


def _has_no_reports(engine: Engine) -> bool:
    with unit_of_work(engine, SYSTEM) as uow:
        return not uow.connection.scalar(text("SELECT EXISTS (SELECT FROM report)"))


def demo_password(settings: Settings) -> str:
    """The password of the demo accounts: the setting's, else one made once and kept."""
    if settings.demo_password is not None:
        return settings.demo_password
    path = settings.var_dir / "demo_password"
    settings.var_dir.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write("-".join("".join(secrets.choice(LETTERS) for _ in range(4)) for _ in range(3)))
    return path.read_text(encoding="ascii").strip()


# ── web server ──────────────────────────────────────────────────────────────────────────────────────────────────────


class JobWorker:
    """`quietude worker` beside the web server: begun again when it dies, ended with us. Only the master uses it."""

    def __init__(self) -> None:
        self._master = os.getpid()
        self._process: subprocess.Popen[bytes] | None = None
        self._not_before = 0.0

    def keep(self) -> None:
        """Called about once a second: there is one, unless the last one died less than five seconds after its start."""
        if self._process is not None and self._process.poll() is None:
            return
        if time.monotonic() < self._not_before:
            return
        self._not_before = time.monotonic() + JOB_WORKER_WAIT_S
        program = Path(__file__).parents[1] / "tools/quietude.py"
        # The same process group: Ctrl-C reaches it too.
        self._process = subprocess.Popen([sys.executable, "-P", program, "worker", "--beside", str(self._master)])

    def begin_to_stop(self) -> None:
        """Ask it to end, and go on; nobody starts it again."""
        self._not_before = float("inf")
        if self._process is not None and os.getpid() == self._master:
            self._process.terminate()

    def stop(self) -> None:
        """End it: what it is sending is sent to the end, if that takes no longer than a few seconds."""
        self.begin_to_stop()
        if self._process is None or os.getpid() != self._master:
            return
        try:
            self._process.wait(JOB_WORKER_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class _Arbiter(Arbiter):  # type: ignore[misc]
    def __init__(self, app: Server, keeper: Keeper | None, beside: JobWorker | None) -> None:
        self._keeper = keeper
        self._beside = beside
        super().__init__(app)

    def manage_workers(self) -> None:
        """Once a second: the database, then the web server's own workers, which need it, and the one for jobs."""
        if self._keeper is not None and self._keeper.keep():
            return
        super().manage_workers()
        if self._beside is not None:
            self._beside.keep()

    def stop(self, graceful: bool = True) -> None:  # noqa: FBT001, FBT002  (gunicorn's)
        """Both kinds of workers at once: they end side by side."""
        if self._beside is not None:
            self._beside.begin_to_stop()
        super().stop(graceful)

    def handle_hup(self) -> None:
        """The terminal was closed: stop, where gunicorn would reload and live on without anybody to end it."""
        raise StopIteration


class Server(BaseApplication):  # type: ignore[misc]
    """gunicorn as a part of this process: killing it frees the port, because its workers leave when it is gone."""

    def __init__(
        self, settings: Settings, demo: Demo | None, keeper: Keeper | None = None, beside: JobWorker | None = None
    ) -> None:
        self._settings = settings
        self._demo = demo
        self._keeper = keeper
        self._beside = beside
        super().__init__()

    def load_config(self) -> None:
        settings = self._settings
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        options: dict[str, Any] = {
            "bind": f"{host}:{settings.port}",
            "worker_class": "app.web.server.Worker",
            "workers": settings.workers,
            "threads": settings.threads,
            "timeout": 60,
            "graceful_timeout": 10,
            "keepalive": 5,
            "limit_request_line": 8190,
            "loglevel": "warning",
            "control_socket_disable": True,
            # Who may say that a request came over https is ProxyFix's to know (QUIETUDE_TRUSTED_PROXIES).
            "forwarded_allow_ips": "",
            "worker_tmp_dir": "/dev/shm" if Path("/dev/shm").is_dir() else None,  # noqa: S108
            "post_worker_init": self._announce,
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        return create_app(self._settings)

    def run(self) -> None:
        # Once, before the workers fork; the application itself is each worker's own (preload stays off).
        load_modules()
        _Arbiter(self, self._keeper, self._beside).run()

    def _announce(self, worker: Any) -> None:
        if worker.age == 1:
            threading.Thread(target=announce, args=(self._settings, self._demo, click.echo), daemon=True).start()


def announce(settings: Settings, demo: Demo | None, echo: Callable[[str], object]) -> None:
    """Say where it is and how to get in, once it answers."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104
    deadline = time.monotonic() + ANNOUNCE_WAIT_S
    while not _answers(host, settings.port):
        if time.monotonic() > deadline:
            return
        time.sleep(0.05)
    scheme = "https" if settings.https else "http"
    shown = f"[{host}]" if ":" in host else host
    echo(f"\nQuiétude: {scheme}://{shown}:{settings.port}/")
    if demo is not None:
        echo(f"Demo accounts, password of each: {demo.password}")
        for email in demo.emails:
            echo(f"  {email}")
    echo("Ctrl-C stops the server and the database.")


def _answers(host: str, port: int) -> bool:
    connection = http.client.HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == http.HTTPStatus.OK
    except OSError:
        return False
    finally:
        connection.close()


commands = [serve]
