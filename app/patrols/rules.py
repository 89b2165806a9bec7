"""The workflow of a patrol as data, and the order of its stops. Pure: no Flask, no SQL."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

Kind = Literal["round", "walk", "free"]
State = Literal["planned", "open", "closed", "cancelled"]
MoveName = Literal["start", "finish", "cancel"]
Outcome = Literal["nothing", "found"]

# A round has stops; a walk is a "diagnostic en marchant" with several partners; a free one goes where it goes.
KINDS: tuple[Kind, ...] = ("round", "walk", "free")
STATES: tuple[State, ...] = ("planned", "open", "closed", "cancelled")
OUTCOMES: tuple[Outcome, ...] = ("nothing", "found")
# What an export says of a stop that has no passage.
NOT_PASSED = "not_passed"
# Who walks along is counted by kind, never named. The same list stands in the database's check.
PARTICIPANTS = (
    "residents", "elected", "landlord", "city", "transport", "police", "prefecture", "school", "health", "association",
    "other",
)  # fmt: skip
WALKERS = ("agent", "partner", "coordinator")
MOST_PEOPLE, MOST_STOPS = 200, 200

TRANSITIONS: dict[State, frozenset[State]] = {
    "planned": frozenset({"open", "cancelled"}),
    "open": frozenset({"closed", "cancelled"}),
    "closed": frozenset(),
    "cancelled": frozenset(),
}


@dataclass(frozen=True)
class Move:
    """One thing that can be done to a patrol by the organisation that goes."""

    name: MoveName
    from_states: frozenset[State]
    to_state: State


MOVES: dict[MoveName, Move] = {
    move.name: move
    for move in (
        Move("start", frozenset({"planned"}), "open"),
        Move("finish", frozenset({"open"}), "closed"),
        Move("cancel", frozenset({"planned", "open"}), "cancelled"),
    )
}


class Movable(Protocol):
    """What of a patrol decides about its moves."""

    @property
    def state(self) -> str: ...
    @property
    def organisation_id(self) -> int: ...


class Mover(Protocol):
    """What of an actor decides about its moves."""

    @property
    def role(self) -> str: ...
    @property
    def organisation_id(self) -> int | None: ...


def is_own(row: Movable, mover: Mover) -> bool:
    """Whether this actor goes on this patrol: its organisation's agents, partners and coordinators."""
    return mover.role in WALKERS and row.organisation_id == mover.organisation_id


def allowed_moves(row: Movable, mover: Mover) -> tuple[Move, ...]:
    """The moves that this actor may make now, in the order of MOVES."""
    return tuple(move for move in MOVES.values() if row.state in move.from_states and is_own(row, mover))


def may_walk(row: Movable, mover: Mover) -> bool:
    """Whether this actor may record passages now."""
    return row.state == "open" and is_own(row, mover)


def may_pass(row: Movable, mover: Mover) -> bool:
    """Whether this actor may look somewhere now: the first passage begins what was planned."""
    return row.state in {"planned", "open"} and is_own(row, mover)


def short_way(points: Sequence[tuple[float, float]]) -> list[int]:
    """The order in which to visit points (lon, lat in degrees): always on to the nearest, from the first one.

    Not the shortest tour, which nobody needs for a few dozen stops, but no crossing of the town and back.
    """
    left = list(range(len(points)))
    order: list[int] = []
    while left:
        nearest = left[0] if not order else min(left, key=lambda one: (_apart(points[order[-1]], points[one]), one))
        order.append(nearest)
        left.remove(nearest)
    return order


def _apart(one: tuple[float, float], other: tuple[float, float]) -> float:
    """A distance to compare by: degrees of latitude, longitude shortened by the latitude's cosine."""
    east = (one[0] - other[0]) * math.cos(math.radians(one[1]))
    return math.hypot(east, one[1] - other[1])
