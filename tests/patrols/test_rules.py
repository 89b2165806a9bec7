"""The workflow of patrols in every pair, and the order of stops."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from app.patrols.drawing import Pin, numbers_text, window_of
from app.patrols.rules import MOVES, STATES, TRANSITIONS, WALKERS, allowed_moves, may_pass, may_walk, short_way


@dataclass(frozen=True)
class Row:
    state: str
    organisation_id: int


@dataclass(frozen=True)
class Who:
    role: str
    organisation_id: int | None


@pytest.mark.parametrize("role", ["public", "agent", "partner", "planner", "coordinator", "admin", "system"])
@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("own", [True, False])
def test_each_state_role_and_organisation(role: str, state: str, *, own: bool) -> None:
    row, who = Row(state, 1), Who(role, 1 if own else 2)
    names = {move.name for move in allowed_moves(row, who)}
    may = own and role in WALKERS
    expected = {"planned": {"start", "cancel"}, "open": {"finish", "cancel"}, "closed": set(), "cancelled": set()}
    assert names == (expected[state] if may else set())
    assert may_walk(row, who) == (may and state == "open")
    assert may_pass(row, who) == (may and state in {"planned", "open"})


def test_moves_follow_the_transitions() -> None:
    made = {(state, move.to_state) for move in MOVES.values() for state in move.from_states}
    assert made == {(state, after) for state, afters in TRANSITIONS.items() for after in afters}


def test_a_short_way_goes_on_to_the_nearest() -> None:
    assert short_way([]) == []
    assert short_way([(0.0, 0.0), (0.3, 0.0), (0.1, 0.0), (0.2, 0.0)]) == [0, 2, 3, 1]
    # At 60° north a degree of longitude is half as far as one of latitude.
    assert short_way([(0.0, 60.0), (0.0, 60.6), (1.0, 60.0)]) == [0, 2, 1]


def test_numbers_in_one_mark() -> None:
    assert numbers_text([4]) == "4"
    assert numbers_text([3, 7, 4, 5]) == "3–5, 7"
    assert numbers_text([1, 3, 5, 7]) == "1, 3, 5…"


def test_the_window_holds_every_pin() -> None:
    pins = [Pin(1, 2.25, 49.88), Pin(2, 2.33, 49.92), Pin(3, 2.30, 49.90)]
    west, south, east, north = window_of(pins, 720, 440).box_4326
    assert all(west < pin.lon < east and south < pin.lat < north for pin in pins)
    alone = window_of(pins[:1], 720, 440)
    assert 500 <= alone.metres_per_unit * 720 <= 700
