"""Calls that arrive while another is carried out go together; each gets its own answer or its own error."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.db.gathering import Gathering

WAIT_S = 20.0


class Slow:
    """Carries calls out when it is told to, and remembers what came together. Negative numbers are refused."""

    def __init__(self) -> None:
        self.together: list[list[int]] = []
        self.may_go_on = threading.Semaphore(0)
        self.has_begun = threading.Semaphore(0)

    def __call__(self, calls: Sequence[int]) -> list[str]:
        self.together.append(list(calls))
        self.has_begun.release()
        assert self.may_go_on.acquire(timeout=WAIT_S)
        if any(call < 0 for call in calls):
            raise ValueError([call for call in calls if call < 0])
        return [f"answer {call}" for call in calls]


def waiting(gathering: Gathering[int, str], count: int) -> None:
    """Until so many calls wait behind the leader."""
    for _ in range(2000):
        if len(gathering._waiting) == count:
            return
        threading.Event().wait(0.005)
    raise AssertionError(gathering._waiting)


def test_a_call_that_comes_alone_goes_at_once_and_alone() -> None:
    slow = Slow()
    slow.may_go_on.release(2)
    gathering = Gathering(slow)
    assert [gathering(1), gathering(2)] == ["answer 1", "answer 2"]
    assert slow.together == [[1], [2]]


def test_what_comes_meanwhile_goes_together_and_no_more_than_the_most() -> None:
    slow = Slow()
    gathering = Gathering(slow, most=3)
    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(gathering, 0)
        assert slow.has_begun.acquire(timeout=WAIT_S)
        others = []
        for call in (1, 2, 3, 4):
            others.append(pool.submit(gathering, call))
            waiting(gathering, call)
        slow.may_go_on.release(3)
        assert [call.result(WAIT_S) for call in (first, *others)] == [f"answer {n}" for n in range(5)]
    assert slow.together == [[0], [1, 2, 3], [4]]


def three_together(pool: ThreadPoolExecutor, gathering: Gathering[int, str], slow: Slow) -> None:
    """0 goes alone; 1, 2 and 3 come meanwhile, go together, and are answered."""
    first = pool.submit(gathering, 0)
    assert slow.has_begun.acquire(timeout=WAIT_S)
    others = [pool.submit(gathering, call) for call in (1, 2, 3)]
    waiting(gathering, 3)
    slow.may_go_on.release(2)
    assert slow.has_begun.acquire(timeout=WAIT_S)
    assert {call.result(WAIT_S) for call in (first, *others)} == {f"answer {n}" for n in range(4)}


def test_right_after_three_together_a_leader_waits_for_two_more() -> None:
    slow = Slow()
    gathering = Gathering(slow, patience_s=WAIT_S)
    with ThreadPoolExecutor(8) as pool:
        three_together(pool, gathering, slow)
        slow.may_go_on.release()
        calls = [pool.submit(gathering, call) for call in (4, 5)]
        waiting(gathering, 2)
        assert not slow.has_begun.acquire(timeout=0.05)
        calls.append(pool.submit(gathering, 6))
        assert {call.result(WAIT_S) for call in calls} == {"answer 4", "answer 5", "answer 6"}
    assert sorted(slow.together[2]) == [4, 5, 6]


def test_patience_has_an_end_and_who_stayed_alone_expects_nobody() -> None:
    slow = Slow()
    gathering = Gathering(slow, patience_s=0.2)
    with ThreadPoolExecutor(8) as pool:
        three_together(pool, gathering, slow)
    slow.may_go_on.release(2)
    begun = time.monotonic()
    assert gathering(4) == "answer 4"
    waited = time.monotonic()
    assert waited - begun >= 0.2
    assert gathering(5) == "answer 5"
    assert time.monotonic() - waited < 0.2
    assert slow.together[2:] == [[4], [5]]


def test_long_after_three_together_nobody_is_expected() -> None:
    slow = Slow()
    gathering = Gathering(slow, patience_s=0.2)
    with ThreadPoolExecutor(8) as pool:
        three_together(pool, gathering, slow)
    slow.may_go_on.release()
    time.sleep(0.25)
    begun = time.monotonic()
    assert gathering(4) == "answer 4"
    assert time.monotonic() - begun < 0.2


def test_only_what_fails_alone_fails() -> None:
    slow = Slow()
    gathering = Gathering(slow)
    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(gathering, 0)
        assert slow.has_begun.acquire(timeout=WAIT_S)
        calls = {}
        for n, call in enumerate((1, -2, 3), start=1):
            calls[call] = pool.submit(gathering, call)
            waiting(gathering, n)
        slow.may_go_on.release(5)
        assert first.result(WAIT_S) == "answer 0"
        assert (calls[1].result(WAIT_S), calls[3].result(WAIT_S)) == ("answer 1", "answer 3")
        with pytest.raises(ValueError, match=r"\[-2\]"):
            calls[-2].result(WAIT_S)
    assert slow.together[:2] == [[0], [1, -2, 3]]
    assert sorted(slow.together[2:]) == [[-2], [1], [3]]


def test_a_failure_alone_is_not_tried_again_and_the_next_call_goes_on() -> None:
    slow = Slow()
    slow.may_go_on.release(2)
    gathering = Gathering(slow)
    with pytest.raises(ValueError, match=r"\[-1\]"):
        gathering(-1)
    assert gathering(2) == "answer 2"
    assert slow.together == [[-1], [2]]


@settings(max_examples=20)
@given(st.lists(st.integers(-3, 60), min_size=1, max_size=60), st.integers(1, 5))
def test_with_many_threads_everyone_gets_their_own(calls: list[int], most: int) -> None:
    def carry_out(some: Sequence[int]) -> list[int]:
        assert len(some) <= most
        if any(call < 0 for call in some):
            raise ValueError
        return [call * call for call in some]

    gathering = Gathering(carry_out, most)
    with ThreadPoolExecutor(16) as pool:
        made = [pool.submit(gathering, call) for call in calls]
        for call, future in zip(calls, made, strict=True):
            if call < 0:
                assert isinstance(future.exception(WAIT_S), ValueError)
            else:
                assert future.result(WAIT_S) == call * call
    assert not gathering._waiting
    assert not gathering._has_leader
