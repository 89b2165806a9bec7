"""Group commit: calls that arrive while another is in the database go there together, in one statement.

One thread leads: it takes what waits and carries it out; whoever came meanwhile waits, and the first of them leads
next. Right after several went together, the next leader waits a few milliseconds for as many as that: who was just
answered is about to come again. A call that comes alone goes at once. With many at a time there are fewer statements,
commits and database sessions, and fewer changes from thread to thread.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from threading import Lock
from typing import Generic, TypeVar

# How long a leader waits for company, at most, and how soon after the last company it does.
PATIENCE_S = 0.01

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
    most: how many go together. patience_s: PATIENCE_S.
    """

    def __init__(
        self,
        carry_out: Callable[[Sequence[Call]], Sequence[Answer]],
        most: int = 16,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._carry_out = carry_out
        self._most = most
        self._patience_s = patience_s
        self._lock = Lock()
        self._waiting: list[_Waiting[Call, Answer]] = []
        self._has_leader = False
        # The leader that waits for company, and how many are enough.
        self._patient: _Waiting[Call, Answer] | None = None
        self._enough = 0
        # How many went together last, and until when as many are expected again.
        self._last = 0
        self._expected_until = 0.0

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
            if self._patient is not None and len(self._waiting) >= self._enough:
                self._patient.turn.release()
                self._patient = None
        if not mine.must_lead:
            mine.turn.acquire()
        if mine.must_lead:
            self._lead(mine)
        return self._carry_out([call])[0] if mine.answer is None else mine.answer

    def _lead(self, mine: _Waiting[Call, Answer]) -> None:
        self._wait_for_company(mine)
        with self._lock:
            self._patient = None
            together, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
        try:
            for waiting, answer in zip(together, self._carry_out([one.call for one in together]), strict=True):
                waiting.answer = answer
        except Exception:
            if len(together) == 1:
                raise
        finally:
            self._hand_over(len(together))
            for waiting in together:
                if waiting is not mine:
                    waiting.turn.release()

    def _wait_for_company(self, mine: _Waiting[Call, Answer]) -> None:
        with self._lock:
            if len(self._waiting) >= self._last or time.monotonic() > self._expected_until:
                return
            self._patient, self._enough = mine, self._last
        # Released by whoever completes the company; nobody else has a reason to while it leads.
        mine.turn.acquire(timeout=self._patience_s)

    def _hand_over(self, count: int) -> None:
        with self._lock:
            self._last, self._expected_until = count, time.monotonic() + self._patience_s
            self._has_leader = bool(self._waiting)
            following = self._waiting[0] if self._waiting else None
        if following is not None:
            following.must_lead = True
            following.turn.release()
