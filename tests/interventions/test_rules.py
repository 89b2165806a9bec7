"""The workflow of interventions: every state, move, role and relation."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import get_args

import pytest

from app.interventions.rules import (
    FIRST_STATES,
    MOVES,
    STATES,
    TRANSITIONS,
    MoveName,
    State,
    allowed_moves,
    may_edit,
    may_see_cost,
    relations,
    strictest,
)

ROLES = ("public", "agent", "partner", "planner", "coordinator", "admin")
# docs/decisions/0014, written down a second time: role, relation → move → states.
ALLOWED = {
    ("agent", "own"): {"start": {"planned"}, "finish": {"planned", "in_progress"}},
    ("agent", "reporter"): {"verify": {"done"}},
    ("partner", "reporter"): {"verify": {"done"}},
    ("partner", "own"): {
        "start": {"planned"},
        "finish": {"planned", "in_progress"},
        "resume": {"done"},
        "cancel": {"planned", "in_progress"},
        "replan": {"cancelled"},
    },
}
ALL = ALLOWED[("partner", "own")] | {"verify": {"done"}}
ALLOWED |= {("coordinator", "none"): ALL, ("coordinator", "reporter"): ALL}
ALLOWED[("coordinator", "own")] = ALLOWED[("partner", "own")]


@dataclass(frozen=True)
class Row:
    state: str
    organisation_id: int = 1
    reporter_organisation_ids: tuple[int, ...] = (2,)


@dataclass(frozen=True)
class Who:
    role: str
    organisation_id: int | None


ORGANISATION = {"own": 1, "reporter": 2, "none": 3}


@pytest.mark.parametrize(("role", "relation"), list(product(ROLES, ORGANISATION)))
def test_every_role_state_and_move(role: str, relation: str) -> None:
    who = Who(role, None if role == "public" else ORGANISATION[relation])
    expected = ALLOWED.get((role, relation), {})
    for state in STATES:
        given = {move.name for move in allowed_moves(Row(state), who)}
        assert given == {name for name, states in expected.items() if state in states}, state


def test_moves_are_exactly_the_transitions() -> None:
    pairs = {(start, move.to_state) for move in MOVES.values() for start in move.from_states}
    assert pairs == {(start, end) for start, ends in TRANSITIONS.items() for end in ends}
    assert set(TRANSITIONS) == set(STATES) == set(get_args(State))
    assert set(MOVES) == set(get_args(MoveName))
    assert set(FIRST_STATES) < set(STATES)


def test_nobody_checks_its_own_work_even_when_it_reported_it() -> None:
    row = Row("done", 1, (1, 2))
    assert relations(row, 1) == {"own", "reporter"}
    for role in ("agent", "partner", "coordinator"):
        assert "verify" not in {move.name for move in allowed_moves(row, Who(role, 1))}


@pytest.mark.parametrize(("role", "relation"), list(product(ROLES, ORGANISATION)))
def test_who_edits_and_who_sees_the_cost(role: str, relation: str) -> None:
    who = Who(role, None if role == "public" else ORGANISATION[relation])
    edits = role == "coordinator" or (role == "partner" and relation == "own")
    for state in STATES:
        assert may_edit(Row(state), who) == (edits and state in {"planned", "in_progress", "done"})
    sees = role in {"coordinator", "planner"} or (relation == "own" and role != "public")
    assert may_see_cost(Row("done"), who) == sees


def test_no_intervention_shows_more_than_the_reports_it_answers() -> None:
    assert strictest(["public", "restricted", "partner"]) == "restricted"
    assert strictest(["public", "partner"]) == "partner"
