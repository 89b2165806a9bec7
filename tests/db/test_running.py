"""The first user starts the cluster, the last one stops it."""

from __future__ import annotations

import os

import pytest

from app.db.running import drop, keep, running

from .conftest import Make


def test_alone(make: Make) -> None:
    cluster = make()
    with running(cluster):
        assert cluster.is_running()
    assert not cluster.is_running()


@pytest.mark.parametrize("leaves_first", [0, 1])
def test_the_last_of_two_stops_it(make: Make, leaves_first: int) -> None:
    cluster = make()
    users = [running(cluster), running(cluster)]
    for user in users:
        user.__enter__()
    users.pop(leaves_first).__exit__(None, None, None)
    assert cluster.is_running()
    users.pop().__exit__(None, None, None)
    assert not cluster.is_running()


def test_an_error_inside_still_stops_it(make: Make) -> None:
    cluster = make()
    with pytest.raises(SystemExit), running(cluster):
        raise SystemExit(3)
    assert not cluster.is_running()


def test_what_was_started_for_good_stays_until_dropped(make: Make) -> None:
    cluster = make()
    assert keep(cluster) is True
    with running(cluster):
        pass
    assert cluster.is_running()
    assert drop(cluster) is True
    assert not cluster.is_running()
    with running(cluster):  # the wish ended with that server
        pass
    assert not cluster.is_running()


def test_a_forked_child_stops_nothing_when_it_leaves(make: Make) -> None:
    cluster = make()
    user = running(cluster)
    user.__enter__()
    child = os.fork()
    if child == 0:
        user.__exit__(None, None, None)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert cluster.is_running()
    user.__exit__(None, None, None)
    assert not cluster.is_running()
