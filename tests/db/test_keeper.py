"""The keeper of the embedded database: what was killed comes back, what was stopped stays stopped."""

from __future__ import annotations

import os
import signal
import time

import pytest

from app.db.cluster import Cluster
from app.db.running import Keeper, is_kept, keep
from app.errors import ClusterError

from .conftest import Make

WAIT_S = 60.0


def kill(cluster: Cluster) -> int:
    """Kill the server alone, and wait until it is gone; which it was."""
    server = cluster.server_pid()
    assert server is not None
    os.kill(server, signal.SIGKILL)
    deadline = time.monotonic() + WAIT_S
    while cluster.is_running():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return server


@pytest.mark.parametrize("is_to_stay", [False, True])
def test_a_killed_server_comes_back_as_wanted_as_before(make: Make, *, is_to_stay: bool) -> None:
    cluster: Cluster = make(throw_away=False)
    if is_to_stay:
        keep(cluster)
    else:
        cluster.up()
    said: list[str] = []
    keeper = Keeper(cluster, said.append)
    assert keeper.keep() is False
    before = kill(cluster)
    assert keeper.keep() is True
    keeper.stop()
    assert cluster.server_pid() not in {None, before}
    assert is_kept(cluster) is is_to_stay
    assert keeper.keep() is False
    assert len(said) == 2


def test_a_server_that_was_stopped_stays_stopped(make: Make) -> None:
    cluster = make()
    cluster.up()
    keeper = Keeper(cluster, pytest.fail)
    cluster.down()
    assert keeper.keep() is False
    assert not cluster.is_running()


def test_it_pauses_longer_each_time_and_gives_up_in_words(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster: Cluster = make(throw_away=False)
    cluster.up()
    said: list[str] = []
    keeper = Keeper(cluster, said.append)
    kill(cluster)
    started: list[float] = []
    now = 1000.0

    def full() -> bool:
        started.append(now)
        raise ClusterError("the disk is full")

    monkeypatch.setattr(cluster, "up", full)
    monkeypatch.setattr(time, "monotonic", lambda: now)
    while now < 1200:
        keeper.keep()
        keeper.stop()
        now += 1
    assert started == [1000, 1002, 1006, 1014, 1030, 1062]
    assert said.count("The database server cannot be started: the disk is full") == 6
    assert said[-1].startswith("6 starts in a row")
