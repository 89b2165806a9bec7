"""Who waits for a refresh of the cube, and for how long. Threads are held by events, never by sleeping."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from sqlalchemy import Engine

from app.heat.keeper import CubeKeeper

Add = Callable[..., str]
LONG_S = 60.0


class Held:
    """A keeper whose next questions to the database wait until they are let go."""

    def __init__(self, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("app.heat.keeper.REFRESH_S", 0.0)
        self.keeper = CubeKeeper(engine)
        self.keeper.current()
        self.asked, self.let_go = threading.Event(), threading.Event()
        refresh = self.keeper._refresh

        def held() -> None:
            self.asked.set()
            assert self.let_go.wait(LONG_S)
            refresh()

        monkeypatch.setattr(self.keeper, "_refresh", held)


@pytest.fixture
def held(engine: Engine, clean: None, monkeypatch: pytest.MonkeyPatch) -> Held:
    return Held(engine, monkeypatch)


def test_who_finds_changes_quickly_draws_them(engine: Engine, add: Add, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.heat.keeper.REFRESH_S", 0.0)
    monkeypatch.setattr("app.heat.keeper.WAIT_S", LONG_S)
    keeper = CubeKeeper(engine)
    assert len(keeper.current().rows) == 0
    add()
    assert len(keeper.current().rows) == 1


def test_nobody_waits_long_for_a_slow_refresh(held: Held, add: Add, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.heat.keeper.WAIT_S", 0.01)
    add()
    # The one that asks, and the ones after it, all get the old cube while the question is open.
    for _ in range(3):
        assert len(held.keeper.current().rows) == 0
    assert held.asked.wait(LONG_S)
    held.let_go.set()
    assert len(held.keeper.current(at_once=True).rows) == 1


def test_everybody_waits_for_the_refresh_of_a_cube_of_long_ago(
    held: Held, add: Add, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.heat.keeper.WAIT_S", 0.01)
    add()
    # As if a minute had gone by since the last question.
    held.keeper._as_of_s -= LONG_S
    seen: list[int] = []
    threads = [threading.Thread(target=lambda: seen.append(len(held.keeper.current().rows))) for _ in range(3)]
    for thread in threads:
        thread.start()
    assert held.asked.wait(LONG_S)
    held.let_go.set()
    for thread in threads:
        thread.join(LONG_S)
    assert seen == [1, 1, 1]


def test_nobody_waits_longer_than_until_the_database_counts_as_away(
    held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.heat.keeper.LATE_S", 0.05)
    held.keeper._as_of_s -= LONG_S
    assert held.keeper.current().is_stale
    held.let_go.set()
    assert not held.keeper.current(at_once=True).is_stale


def test_at_once_means_after_the_question_that_is_open(held: Held, add: Add, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.heat.keeper.WAIT_S", 0.01)
    held.keeper.current()
    assert held.asked.wait(LONG_S)
    add()
    seen: list[int] = []
    thread = threading.Thread(target=lambda: seen.append(len(held.keeper.current(at_once=True).rows)))
    thread.start()
    held.let_go.set()
    thread.join(LONG_S)
    assert seen == [1]


def test_a_database_that_does_not_answer_counts_as_away(held: Held, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.heat.keeper.WAIT_S", 0.01)
    assert not held.keeper.current().is_stale
    monkeypatch.setattr("app.heat.keeper.LATE_S", -1.0)
    assert held.keeper.current().is_stale
    held.let_go.set()
    assert not held.keeper.current(at_once=True).is_stale


def test_an_error_that_is_not_the_databases_is_told(
    engine: Engine, clean: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper = CubeKeeper(engine)

    def broken() -> None:
        raise ValueError("wrong")

    monkeypatch.setattr(keeper, "_refresh", broken)
    with pytest.raises(ValueError, match="wrong"):
        keeper.current()
