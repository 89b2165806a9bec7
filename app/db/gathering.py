"""Group commit: calls that arrive while another is in the database go there together, in one statement.

One thread leads: it takes what waits and carries it out; whoever came meanwhile waits, and the first of them leads
next. A call that comes alone goes at once, so nobody ever waits for company. With many at a time there are fewer
statements, commits and database sessions, and fewer changes from thread to thread.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Lock
from typing import Generic, TypeVar

Call = TypeVar("Call")
Answer = TypeVar("Answer")


class _Waiting(Generic[Call, Answer]):
    """One call: `turn` is locked until it has been answered, must lead, or must be carried out alone."""

    __slots__ = ("answer", "call", "must_lead", "turn")

    def __init__(self, call: Call) -> None:
        self.call = call
        self.answer: Answer | None = None
        self.must_lead = False
        self.turn = Lock()
        self.turn.acquire()


class Gathering(Generic[Call, Answer]):
    """Calls of several threads, carried out by one of them. One for a process and a kind of call.

    carry_out: answers several calls (never with None) as one transaction, in their order. When it raises, nothing of
        them was done, or it is not known whether: a call must be safe to repeat. Each is then carried out alone, and
        only what fails alone fails.
    most: how many go together.
    """

    def __init__(self, carry_out: Callable[[Sequence[Call]], Sequence[Answer]], most: int = 16) -> None:
        self._carry_out = carry_out
        self._most = most
        self._lock = Lock()
        self._waiting: list[_Waiting[Call, Answer]] = []
        self._has_leader = False

    def __call__(self, call: Call) -> Answer:
        """The answer to one call.

        Raises:
            whatever carry_out raises for this call alone

        """
        mine: _Waiting[Call, Answer] = _Waiting(call)
        with self._lock:
            self._waiting.append(mine)
            mine.must_lead = not self._has_leader
            self._has_leader = True
        if not mine.must_lead:
            mine.turn.acquire()
        if mine.must_lead:
            self._lead(mine)
        return self._carry_out([call])[0] if mine.answer is None else mine.answer

    def _lead(self, mine: _Waiting[Call, Answer]) -> None:
        with self._lock:
            together, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
        try:
            for waiting, answer in zip(together, self._carry_out([one.call for one in together]), strict=True):
                waiting.answer = answer
        except Exception:
            if len(together) == 1:
                raise
        finally:
            self._hand_over()
            for waiting in together:
                if waiting is not mine:
                    waiting.turn.release()

    def _hand_over(self) -> None:
        with self._lock:
            self._has_leader = bool(self._waiting)
            following = self._waiting[0] if self._waiting else None
        if following is not None:
            following.must_lead = True
            following.turn.release()
