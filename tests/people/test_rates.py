"""Counting for all processes at once: what is allowed, until when, and that nobody else is meant."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.people.rates import KEY_BYTES, NAME, SLOTS, SharedRates

NOW_S = 1_800_000_000.0  # a minute begins
A, B = b"a" * KEY_BYTES, b"b" * KEY_BYTES


@pytest.fixture
def rates(tmp_path: Path) -> SharedRates:
    return SharedRates(tmp_path)


def test_so_many_and_no_more(rates: SharedRates) -> None:
    told = [rates.take(A, 3, NOW_S) for _ in range(4)]
    assert [one.is_allowed for one in told] == [True, True, True, False]
    assert [one.remaining for one in told] == [2, 1, 0, 0]
    assert (told[3].limit, told[3].reset_s) == (3, 60)
    assert rates.take(B, 3, NOW_S).is_allowed


@pytest.mark.parametrize("start_s", [0.0, 10.0, 59.5])
def test_who_waits_as_long_as_told_may_go_on(rates: SharedRates, start_s: float) -> None:
    while (standing := rates.take(A, 5, NOW_S + start_s)).is_allowed:
        pass
    assert not rates.take(A, 5, NOW_S + start_s + standing.retry_after_s - 1.1).is_allowed
    assert rates.take(A, 5, NOW_S + start_s + standing.retry_after_s).is_allowed


@given(st.lists(st.floats(0.0, 20.0), max_size=120))
def test_never_more_than_the_limit_and_what_slid_out_in_any_minute(
    tmp_path_factory: pytest.TempPathFactory, gaps: list[float]
) -> None:
    rates, now_s, allowed = SharedRates(tmp_path_factory.mktemp("rates")), NOW_S, list[float]()
    for gap in gaps:
        now_s += gap
        if rates.take(A, 10, now_s).is_allowed:
            allowed.append(now_s)
    for first in allowed:
        # Two counters know a minute only as a whole: at worst its requests all came at its end.
        assert sum(first <= one < first + 60 for one in allowed) <= 20
    for minute in range(int(NOW_S), int(now_s) + 60, 60):
        assert sum(minute <= one < minute + 60 for one in allowed) <= 10


def test_a_clock_that_is_set_back_locks_nobody_out(rates: SharedRates) -> None:
    for _ in range(3):
        rates.take(A, 3, NOW_S + 86_400)
    assert rates.take(A, 3, NOW_S).is_allowed


def test_processes_count_together(tmp_path: Path) -> None:
    SharedRates(tmp_path)
    children = []
    for _ in range(4):
        child = os.fork()
        if child == 0:
            own = SharedRates(tmp_path)
            os._exit(sum(own.take(A, 100, NOW_S).is_allowed for _ in range(60)))
        children.append(child)
    told = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    assert sum(told) == 100


def test_threads_count_together(rates: SharedRates) -> None:
    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(lambda _: rates.take(A, 100, NOW_S).is_allowed, range(400)))
    assert sum(told) == 100


def test_more_callers_than_room_are_counted_less_strictly_but_served(rates: SharedRates) -> None:
    for number in range(SLOTS * 2):
        assert rates.take(number.to_bytes(4, "little") * 4, 3, NOW_S).is_allowed


def test_a_file_of_another_size_is_begun_anew(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(b"x")
    assert SharedRates(tmp_path).take(A, 1, NOW_S).is_allowed


def test_without_a_folder_it_counts_alone(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    alone = SharedRates(tmp_path / "file")
    assert [alone.take(A, 1, NOW_S).is_allowed for _ in range(2)] == [True, False]
