"""The embedded PostGIS cluster: a private PostgreSQL server in var/postgres, on a unix socket, without passwords."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import shutil
import signal
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Literal

import psycopg2
from sqlalchemy import URL

from app.db import postgres
from app.db.postgres import Installation, ServerUser
from app.db.session import APP_ROLE, OWNER_ROLE
from app.errors import ClusterError

BOOTSTRAP = Path(__file__).with_name("bootstrap")
OWN_SETTINGS = "quietude.conf"
DATABASE = "quietude"
# Made by initdb, used only to bootstrap and for backups (row-level security does not hide rows from it).
SUPERUSER = "quietude_superuser"
ROLES = {"owner": OWNER_ROLE, "app": APP_ROLE, "superuser": SUPERUSER}
# A port is part of the socket's name only; nothing listens on the network.
PORT = 5432
# Never under var: a unix socket's path may have at most 107 bytes.
SOCKET_ROOT = Path("/tmp")  # noqa: S108  (a private directory in it, whose owner is checked)
LOCK_WAIT_S = 120.0
START_WAIT_S = 600.0  # crash recovery of a big database
STOP_WAIT_S = 60.0
ORPHANS_WAIT_S = 15.0
POLL_S = 0.02
LOG_KEPT_BYTES = 10_000_000

# For a box of two cores that also serves the pages.
SERVER_SETTINGS = {
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "random_page_cost": "1.1",
    "jit": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "wal_compression": "on",
    "max_wal_size": "1GB",
    "checkpoint_timeout": "15min",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "logging_collector": "off",
}
THROW_AWAY_SETTINGS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class Cluster:
    """One embedded cluster, known by its folder. Cheap to make; nothing happens before `up()`."""

    def __init__(
        self,
        var_dir: Path,
        *,
        max_connections: int = 100,
        throw_away: bool = False,
        installations: Sequence[Installation] | None = None,
    ) -> None:
        self.var_dir = Path(var_dir).absolute()
        self.data_dir = self.var_dir / "postgres"
        self._settings = SERVER_SETTINGS | {"max_connections": str(max_connections)}
        if throw_away:
            self._settings |= THROW_AWAY_SETTINGS
        self._throw_away = throw_away
        self._installations = installations

    def url(self, role: Literal["owner", "app", "superuser"]) -> str:
        """The SQLAlchemy URL of the database as one of its roles, whether the server runs or not."""
        query = {"host": str(self.socket_dir()), "port": str(PORT)}
        return URL.create("postgresql+psycopg2", ROLES[role], database=DATABASE, query=query).render_as_string()

    def psql_uri(self, role: Literal["owner", "app", "superuser"]) -> str:
        """The same for libpq's own programs."""
        return self.url(role).replace("postgresql+psycopg2://", "postgresql://")

    def socket_dir(self) -> Path:
        """Where the socket is: what the running server says, else a short private directory derived from the folder."""
        running = self._pid_file()
        if running is not None and self.is_running():
            return Path(running[4])
        digest = hashlib.sha256(os.fsencode(self.var_dir.resolve())).hexdigest()[:12]
        return SOCKET_ROOT / f"quietude-{self._user().uid}-{digest}"

    def is_running(self) -> bool:
        """Whether a live server has this very data directory."""
        return self.server_pid() is not None

    def server_pid(self) -> int | None:
        """The process id of the running server."""
        lines = self._pid_file()
        if lines is None:
            return None
        return int(lines[0]) if postgres.works_in(int(lines[0]), self.data_dir.stat()) else None

    def was_killed(self) -> bool:
        """Whether the last server died without a word: one that stops takes its postmaster.pid away."""
        return self._pid_file() is not None and not self.is_running()

    def up(self) -> bool:
        """Make the cluster if there is none, start it if it does not run, and wait until it answers.

        Returns True when this call started it. Safe to call twice at once: the second waits for the first.

        Raises:
            ClusterError: one line that says what stands in the way.

        """
        with self._one_line(), self._locked():
            found = self._found_running()
            if not found:
                self._start(self._make_or_open())
            self._bootstrap()
            return not found

    def down(self) -> bool:
        """Stop the server, ending open transactions. Returns False when it did not run."""
        with self._one_line(), self._locked():
            pid = self.server_pid()
            if pid is None:
                return False
            # SIGINT: sessions end, everything committed is on disk. SIGQUIT: the next start recovers from the log.
            for number, wait_s in ((signal.SIGINT, STOP_WAIT_S), (signal.SIGQUIT, ORPHANS_WAIT_S)):
                os.kill(pid, number)
                if _until(lambda: not postgres.is_alive(pid), wait_s):
                    shutil.rmtree(self.socket_dir(), ignore_errors=True)
                    return True
            raise ClusterError(f"the database server (process {pid}) does not stop")

    def installation(self) -> Installation:
        """The PostgreSQL that serves this data, for pg_dump and pg_restore."""
        found = postgres.find_installations() if self._installations is None else self._installations
        return postgres.choose_installation(found, self.data_dir, self._data_major())

    # ── making ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _user(self) -> ServerUser:
        user = postgres.server_user(self.data_dir, self.var_dir)
        if self.data_dir.exists() and self.data_dir.stat().st_uid not in {user.uid, 0}:
            raise ClusterError(f"{self.data_dir} belongs to {self.data_dir.owner()}: start as that user, or as root")
        return user

    def _data_major(self) -> int | None:
        try:
            return int((self.data_dir / "PG_VERSION").read_text(encoding="ascii"))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except ValueError:
            raise ClusterError(f"{self.data_dir} is damaged: PG_VERSION is not a number; restore a backup") from None

    def _make_or_open(self) -> Installation:
        major = self._data_major()
        if major is None and self.data_dir.exists() and any(self.data_dir.iterdir()):
            raise ClusterError(f"{self.data_dir} holds something that is not a PostgreSQL cluster; move it away")
        installation = self.installation()
        if major is None:
            self._make(installation)
        return installation

    def _make(self, installation: Installation) -> None:
        """Run initdb beside, then rename: a cluster that was only half made is never mistaken for one."""
        user = self._user()
        beside = self.var_dir / "postgres.new"
        shutil.rmtree(beside, ignore_errors=True)
        beside.mkdir(mode=0o700)
        if os.geteuid() == 0:
            os.chown(beside, user.uid, user.gid)
        options = ["--username", SUPERUSER, "--auth", "peer", "--encoding", "UTF8", "--locale", "C.UTF-8"]
        options += ["--data-checksums", *(["--no-sync"] if self._throw_away else [])]
        with _opened(beside) as data:
            command = [installation.program("initdb"), "-D", f"/proc/self/fd/{data}", *options]
            made = postgres.run(command, user, keep=[data])
        if made.returncode != 0:
            shutil.rmtree(beside, ignore_errors=True)
            raise ClusterError(f"cannot make the database: {postgres.reason(made.stderr, self.var_dir)}")
        with (beside / "postgresql.conf").open("a", encoding="utf-8") as file:
            file.write(f"\ninclude_if_exists = '{OWN_SETTINGS}'  # written anew at each start\n")
        if self.data_dir.exists():
            self.data_dir.rmdir()
        beside.rename(self.data_dir)

    # ── starting ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _found_running(self) -> bool:
        pid = self.server_pid()
        if pid is None:
            return False
        try:
            self._wait_until_ready(pid, since=0)
        except ClusterError:
            # It was ending, or being killed, as we looked.
            if postgres.is_alive(pid):
                raise
            return False
        return True

    def _start(self, installation: Installation) -> None:
        user = self._user()
        socket_dir = self._make_socket_dir(user)
        self._forget_dead_server()
        deadline = time.monotonic() + ORPHANS_WAIT_S
        with _opened(self.data_dir) as data, self._log(data, user) as log:
            self._write_configuration(data, user, socket_dir)
            command = [installation.program("postgres"), "-D", f"/proc/self/fd/{data}"]
            while True:
                since = os.fstat(log).st_size
                pid = postgres.launch(command, user, keep=[data], log=log)
                try:
                    return self._wait_until_ready(pid, since=since)
                except ClusterError as error:
                    # The server was killed and its sessions have not noticed yet: they do, within seconds.
                    if "shared memory block" not in str(error) or time.monotonic() > deadline:
                        raise
                    time.sleep(10 * POLL_S)

    def _make_socket_dir(self, user: ServerUser) -> Path:
        path = self.socket_dir()
        with suppress(FileExistsError):
            path.mkdir(mode=0o700)
            if os.geteuid() == 0:
                os.chown(path, user.uid, user.gid)
        found = path.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != user.uid or found.st_mode & 0o077:
            raise ClusterError(f"{path} must be a private directory of {user.name}, and is not; remove it")
        # No server runs on this data, so what a killed one left here is nobody's.
        for left in path.glob(".s.PGSQL.*"):
            left.unlink()
        return path

    def _forget_dead_server(self) -> None:
        """Remove postmaster.pid, once it is known that no server of ours runs.

        PostgreSQL would refuse to start over an empty one (a full disk leaves it), or when its number is now another
        process's. Sessions that outlive a killed server are still found, by their shared memory.
        """
        (self.data_dir / "postmaster.pid").unlink(missing_ok=True)

    def _write_configuration(self, data: int, user: ServerUser, socket_dir: Path) -> None:
        """The settings of this version of the product, and who may connect.

        That is the server's own account and root, as any of our roles; nobody else, and never by password.
        """
        settings = self._settings | {"unix_socket_directories": str(socket_dir)}
        written = "".join(f"{name} = '{value}'\n" for name, value in settings.items())
        rules = "".join(f"local all {role} peer map=quietude\n" for role in ROLES.values())
        people = dict.fromkeys((user.name, "root"))
        maps = "".join(f'quietude "{person}" {role}\n' for person in people for role in ROLES.values())
        for name, content in ((OWN_SETTINGS, written), ("pg_hba.conf", rules), ("pg_ident.conf", maps)):
            _replace(data, name, content, user)

    @contextmanager
    def _log(self, data: int, user: ServerUser) -> Iterator[int]:
        # Root writes into a folder of a lesser account here: never through a link that it may have laid.
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW
        descriptor = os.open("server.log", flags, 0o600, dir_fd=data)
        try:
            found = os.fstat(descriptor)
            if found.st_nlink != 1:
                raise ClusterError(f"{self.data_dir}/server.log has a second name; remove it")
            os.fchown(descriptor, user.uid, user.gid)
            if found.st_size > LOG_KEPT_BYTES:
                os.ftruncate(descriptor, 0)
            yield descriptor
        finally:
            os.close(descriptor)

    def _wait_until_ready(self, pid: int, *, since: int) -> None:
        def answers() -> bool:
            if not postgres.is_alive(pid):
                with (self.data_dir / "server.log").open(encoding="utf-8", errors="replace") as log:
                    log.seek(since)
                    said = postgres.reason(log.read(), self.data_dir)
                raise ClusterError(f"the database does not start: {said}")
            try:
                self.connect("postgres").close()
            except psycopg2.OperationalError:
                return False
            return True

        if not _until(answers, START_WAIT_S):
            raise ClusterError(f"the database (process {pid}) does not answer; see {self.data_dir}/server.log")

    def connect(self, database: str) -> psycopg2.extensions.connection:
        """A connection as the bootstrap superuser, in autocommit; for making, backing up and restoring only."""
        socket_dir = str(self.socket_dir())
        made = psycopg2.connect(host=socket_dir, port=PORT, user=SUPERUSER, dbname=database, connect_timeout=5)
        made.autocommit = True
        return made

    def _bootstrap(self) -> None:
        """Roles, database and extension, each if missing: a start that was cut short is completed by the next."""
        with closing(self.connect("postgres")) as connection, connection.cursor() as cursor:
            cursor.execute((BOOTSTRAP / "server.sql").read_text(encoding="utf-8"))
            cursor.execute("SELECT FROM pg_database WHERE datname = %s", (DATABASE,))
            if cursor.fetchone() is None:
                cursor.execute(f"CREATE DATABASE {DATABASE} OWNER {OWNER_ROLE}")
        with closing(self.connect(DATABASE)) as connection, connection.cursor() as cursor:
            cursor.execute((BOOTSTRAP / "database.sql").read_text(encoding="utf-8"))

    # ── small things ────────────────────────────────────────────────────────────────────────────────────────────────

    def _pid_file(self) -> list[str] | None:
        """The lines of postmaster.pid: process, data directory, start time, port, socket directory, …"""
        try:
            lines = (self.data_dir / "postmaster.pid").read_text(encoding="utf-8", errors="replace").splitlines()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except PermissionError:
            raise ClusterError(f"{self.data_dir} is not ours to read: start as its owner, or as root") from None
        usable = len(lines) > 4 and lines[0].lstrip("-").isdigit()  # noqa: PLR2004  (the socket is on the fifth)
        return lines if usable else None

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self.var_dir.mkdir(parents=True, exist_ok=True)
        # Readable for all and opened for reading: root and the owner can both hold it.
        descriptor = os.open(self.var_dir / "postgres.lock", os.O_RDONLY | os.O_CREAT, 0o644)
        try:
            if not _until(lambda: _try_lock(descriptor), LOCK_WAIT_S):
                raise ClusterError(
                    f"another start or stop of the database has been at work in {self.var_dir} for too long"
                )
            yield
        finally:
            os.close(descriptor)

    @contextmanager
    def _one_line(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            said = postgres.reason(str(error), self.data_dir) if error.errno == errno.ENOSPC else error.strerror
            raise ClusterError(f"{error.filename or self.data_dir}: {said}") from error
        except psycopg2.Error as error:
            raise ClusterError(f"the database refuses: {postgres.reason(str(error), self.data_dir)}") from error


def _until(done: Callable[[], bool], wait_s: float) -> bool:
    """Ask until it is done, at most wait_s seconds."""
    deadline = time.monotonic() + wait_s
    while not done():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_S)
    return True


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def _opened(directory: Path) -> Iterator[int]:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _replace(directory: int, name: str, content: str, user: ServerUser) -> None:
    """Write a file of the server's account, whole or not at all."""
    new = f"{name}.new"
    with suppress(FileNotFoundError):
        os.unlink(new, dir_fd=directory)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=directory)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        os.fchown(descriptor, user.uid, user.gid)
        file.write(content)
    os.rename(new, name, src_dir_fd=directory, dst_dir_fd=directory)
