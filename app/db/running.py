"""The embedded cluster for as long as somebody uses it: the first user starts it, the last one stops it."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from app.db.cluster import Cluster
from app.errors import ClusterError

# Between two tries to start a server that was killed.
RETRY_S = 5.0


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
    path = cluster.var_dir / "postgres.keep"
    return path.exists() and path.read_text(encoding="ascii") == str(cluster.server_pid())


def _mark(cluster: Cluster, content: str) -> None:
    (cluster.var_dir / "postgres.keep").write_text(content, encoding="ascii")


class Keeper:
    """Starts the server of a cluster in use again when somebody killed it, and not when it was stopped."""

    def __init__(self, cluster: Cluster, echo: Callable[[str], object]) -> None:
        self._cluster = cluster
        self._echo = echo
        self._not_before = 0.0

    def keep(self) -> None:
        """Called about once a second. Waits until the server answers; says in a line why it cannot be had."""
        if time.monotonic() < self._not_before or not self._cluster.was_killed():
            return
        self._echo("The database server was killed; starting it again …")
        try:
            self._cluster.up()
            self._echo("The database server runs again.")
        except (ClusterError, OSError) as error:
            self._echo(f"The database server cannot be started: {error}")
        self._not_before = time.monotonic() + RETRY_S
