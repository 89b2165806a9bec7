"""Times taken in turn, their medians, and one line of the table."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Line:
    """One line of RESULTS.md. `target` is "≤ 1.3" or "≥ 10", or empty when the line only informs."""

    what: str
    ours: str
    peer: str
    ratio: float
    target: str = ""
    note: str = ""

    @property
    def met(self) -> str:
        """Whether the ratio meets the target."""
        if not self.target:
            return ""
        sign, _, number = self.target.partition(" ")
        good = self.ratio <= float(number) if sign == "≤" else self.ratio >= float(number)
        return "yes" if good else "NO"


def seconds(work: Callable[[], object]) -> float:
    """How long it takes, by the wall clock."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def in_turn(works: Mapping[str, Callable[[], object]], rounds: int, *, warm: bool = True) -> dict[str, float]:
    """The median time of each, measured in turn a noisy minute hits all alike. warm: after a round to warm up."""
    times: dict[str, list[float]] = {name: [] for name in works}
    for turn in range(rounds + warm):
        for name, work in works.items():
            taken = seconds(work)
            if turn >= warm:
                times[name].append(taken)
            print(f"    {name}: {taken:.2f} s{'' if turn >= warm else ' (to warm up)'}", flush=True)
    return {name: statistics.median(taken) for name, taken in times.items()}
