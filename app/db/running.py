"""The embedded cluster for as long as somebody uses it: the first user starts it, the last one stops it."""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from app.db.cluster import Cluster
from app.errors import ClusterError

# Starts in a row of a server that was killed; the pause after the first, and twice as long after each one more.
TRIES = 6
FIRST_PAUSE_S = 2.0
# A server that lived for so long was well.
STEADY_S = 60.0


@contextmanager
def running(cluster: Cluster) -> Iterator[None]:
    """The cluster runs inside the block. Whoever leaves last stops it, unless `quietude db up` asked for it to stay.

    Forked children leave through here too, and stop nothing.

    Raises:
        ClusterError: one line that says why it cannot be had.

    """
    ours = os.getpid()
    cluster.var_dir.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(cluster.var_dir / "users.lock", os.O_RDONLY | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        cluster.up()
        try:
            yield
        finally:
            if os.getpid() == ours:
                _leave(cluster, descriptor)
    finally:
        os.close(descriptor)


def _leave(cluster: Cluster, descriptor: int) -> None:
    with suppress(BlockingIOError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not is_kept(cluster):
            cluster.down()


def keep(cluster: Cluster) -> bool:
    """Start the cluster for good: until `drop`. Returns False when it ran already."""
    started = cluster.up()
    # The server's number: after a reboot nobody has asked for the new one.
    _mark(cluster, str(cluster.server_pid()))
    return started


def drop(cluster: Cluster) -> bool:
    """Stop the cluster whoever uses it. Returns False when it did not run."""
    _mark(cluster, "")
    return cluster.down()


def is_kept(cluster: Cluster) -> bool:
    """Whether somebody asked for the server that runs now to stay."""
    return _marked(cluster) == str(cluster.server_pid())


def _marked(cluster: Cluster) -> str:
    path = cluster.var_dir / "postgres.keep"
    return path.read_text(encoding="ascii") if path.exists() else ""


def _mark(cluster: Cluster, content: str) -> None:
    (cluster.var_dir / "postgres.keep").write_text(content, encoding="ascii")


class Keeper:
    """Starts the server of a cluster in use again when somebody killed it, and not when it was stopped.

    Only the process that uses the cluster has one, and calls it from one thread.
    """

    def __init__(self, cluster: Cluster, echo: Callable[[str], object]) -> None:
        """echo: told in one line of each start, and of giving up."""
        self._cluster = cluster
        self._echo = echo
        self._server = cluster.server_pid()
        self._tries = 0
        self._not_before = 0.0
        self._is_failing = False
        self._at_work: threading.Thread | None = None

    def keep(self) -> bool:
        """Called about once a second; never waits.

        Returns whether a start is going on. Fork nothing meanwhile: the child would hold its lock.
        """
        if self._at_work is not None and self._at_work.is_alive():
            return True
        now = time.monotonic()
        try:
            server = self._cluster.server_pid()
            is_wanted = self._is_failing or self._cluster.was_killed()
        except (ClusterError, OSError):  # not known now: out of descriptors, say
            return False
        if server is not None:
            self._server = server
            self._is_failing = False
            if now > self._not_before + STEADY_S:
                self._tries = 0
        if server is not None or not is_wanted or self._tries == TRIES or now < self._not_before:
            return False
        self._tries += 1
        self._not_before = now + FIRST_PAUSE_S * 2 ** (self._tries - 1)
        self._at_work = threading.Thread(target=self._start, daemon=True)
        self._at_work.start()
        return True

    def stop(self) -> None:
        """Wait for a start that is going on; whoever leaves the cluster last stops it afterwards."""
        if self._at_work is not None:
            self._at_work.join()

    def _start(self) -> None:
        self._echo("The database server was killed; starting it again …")
        was_kept = self._server is not None and _marked(self._cluster) == str(self._server)
        try:
            self._cluster.up()
            if was_kept:  # the wish outlives the server that was killed
                _mark(self._cluster, str(self._cluster.server_pid()))
            self._echo("The database server runs again.")
        except (ClusterError, OSError) as error:
            self._is_failing = True
            self._echo(f"The database server cannot be started: {error}")
        if self._tries == TRIES:
            self._echo(f"{TRIES} starts in a row: the next time it is left as it is. Stop, see to the cause, start.")
