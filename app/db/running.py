"""The embedded cluster for as long as somebody uses it: the first user starts it, the last one stops it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from app.db.cluster import Cluster


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
