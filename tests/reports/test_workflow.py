"""The workflow as data: every state with every state, every move by every role in every relation."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pytest

from app.people.actor import Actor
from app.reports.rules import CLOSED_STATES, OPEN_STATES, STATES
from app.reports.workflow import (
    MOVES,
    TRANSITIONS,
    MoveName,
    Relation,
    State,
    allowed_moves,
    relations,
    state_times,
    time_lost,
    with_organisation_since,
)

MINE, OTHER, THIRD = 1, 2, 3
NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
ROLES = ("public", "agent", "partner", "planner", "coordinator", "admin", "system")
RELATIONS: tuple[Relation, ...] = get_args(Relation)
TAKEN = ("acknowledged", "assigned", "in_progress")


@dataclass(frozen=True)
class Report:
    """What the workflow looks at."""

    state: str
    organisation_id: int | None = OTHER
    reporter_organisation_id: int | None = THIRD
    candidate_ids: Sequence[int] = ()
    asked_organisation_id: int | None = None
    paused_at: datetime | None = None


@dataclass(frozen=True)
class Event:
    """A line of history."""

    at: datetime
    kind: str
    to_state: str | None = None
    details: dict[str, Any] = field(default_factory=dict)


def test_every_state_is_in_the_workflow() -> None:
    assert set(TRANSITIONS) == set(STATES) == set(OPEN_STATES) | set(CLOSED_STATES)


# docs/design.md, section 5, written down a second time.
POSSIBLE = {
    ("new", "acknowledged"), ("new", "rejected"), ("new", "duplicate"), ("new", "new"),
    ("acknowledged", "assigned"), ("acknowledged", "in_progress"), ("acknowledged", "resolved"),
    ("assigned", "in_progress"), ("assigned", "resolved"),
    ("in_progress", "resolved"),
    *((state, to) for state in TAKEN for to in ("rejected", "duplicate", "new")),
    ("resolved", "verified"), ("resolved", "reopened"), ("verified", "reopened"), ("rejected", "reopened"),
    *(("duplicate", state) for state in OPEN_STATES),
    ("reopened", "acknowledged"), ("reopened", "assigned"), ("reopened", "in_progress"), ("reopened", "rejected"),
    ("reopened", "duplicate"), ("reopened", "new"),
}  # fmt: skip


@pytest.mark.parametrize(("from_state", "to_state"), list(itertools.product(STATES, STATES)))
def test_each_pair_of_states(from_state: State, to_state: State) -> None:
    assert (to_state in TRANSITIONS[from_state]) == ((from_state, to_state) in POSSIBLE)


def test_moves_and_transitions_say_the_same() -> None:
    """Every transition has a move, but for merging; no move goes where no transition leads."""
    made = {(s, m.to_state) for m in MOVES.values() if m.to_state for s in m.from_states}
    assert made == {(a, b) for a, b in POSSIBLE if b != "duplicate" and a != "duplicate"}


def expected(move: MoveName, report: Report, role: str, held: set[str]) -> bool:  # noqa: C901, PLR0911
    """Who may what, in the words of docs/design.md section 6."""
    responsible = "responsible" in held and role in {"partner", "coordinator"}
    coordinator = role == "coordinator"
    reporter = "reporter" in held and role in {"agent", "partner"}
    state = report.state
    match move:
        case "acknowledge":
            return responsible and state in {"new", "reopened"}
        case "assign":
            return responsible and state in {"acknowledged", "reopened"}
        case "start":
            return responsible and state in {"acknowledged", "assigned", "reopened"}
        case "resolve":
            return responsible and state in TAKEN
        case "verify":
            return state == "resolved" and (coordinator or reporter) and "responsible" not in held
        case "reopen":
            unsure = reporter and state in {"resolved", "rejected"}
            return state in {"resolved", "verified", "rejected"} and (coordinator or responsible or unsure)
        case "reject":
            return state in OPEN_STATES and (coordinator or responsible)
        case "transfer":
            return state in OPEN_STATES and report.organisation_id is not None and (coordinator or responsible)
        case "route":
            knows = coordinator or reporter or ("candidate" in held and role in {"agent", "partner"})
            return state == "new" and report.organisation_id is None and knows
        case "ask":
            return state in TAKEN and report.paused_at is None and responsible
        case "answer":
            asked = "asked" in held and role in {"agent", "partner"}
            return state in TAKEN and report.paused_at is not None and (coordinator or responsible or asked)
        case "still_there" | "gone":
            return state in {*OPEN_STATES, "resolved"} and role in {"agent", "partner", "coordinator"}


def report_in(state: str, held: set[str], *, paused: bool) -> Report:
    """A report to which MINE stands in exactly these relations (candidate excludes responsible)."""
    return Report(
        state=state,
        organisation_id=MINE if "responsible" in held else None if "candidate" in held else OTHER,
        reporter_organisation_id=MINE if "reporter" in held else THIRD,
        candidate_ids=(MINE, OTHER) if "candidate" in held else (),
        asked_organisation_id=MINE if "asked" in held else THIRD if paused else None,
        paused_at=NOW if paused or "asked" in held else None,
    )


def every_standing() -> list[set[str]]:
    some: list[set[str]] = [set(c) for n in range(len(RELATIONS) + 1) for c in itertools.combinations(RELATIONS, n)]
    return [held for held in some if not {"responsible", "candidate"} <= held]


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("state", STATES)
def test_each_move_by_each_role_in_each_relation(role: Any, state: str) -> None:
    for held, paused in itertools.product(every_standing(), (False, True)):
        report = report_in(state, held, paused=paused)
        assert relations(report, MINE) == held
        may = {move.name for move in allowed_moves(report, Actor(role, 7, MINE))}
        assert may == {name for name in MOVES if expected(name, report, role, held)}, (held, paused)


def test_whoever_has_no_organisation_stands_in_no_relation() -> None:
    report = Report("new", organisation_id=None, reporter_organisation_id=None)
    assert relations(report, None) == frozenset()
    assert {m.name for m in allowed_moves(report, Actor("partner", 7, None))} == {"still_there", "gone"}


def test_every_state_has_its_time() -> None:
    events = [
        Event(NOW, "created", "new"),
        Event(NOW + timedelta(hours=1), "acknowledge", "acknowledged"),
        Event(NOW + timedelta(hours=2), "still_there"),
        Event(NOW + timedelta(hours=3), "transfer", "new", {"lost_s": 3 * 3600}),
        Event(NOW + timedelta(hours=4), "acknowledge", "acknowledged"),
    ]
    assert state_times(events) == {"new": NOW + timedelta(hours=3), "acknowledged": NOW + timedelta(hours=4)}
    assert with_organisation_since(events) == NOW + timedelta(hours=3)
    assert with_organisation_since(events[1:3]) is None


def test_lost_time_is_the_sum_over_all_transfers() -> None:
    events = [Event(NOW, "transfer", "new", {"lost_s": seconds}) for seconds in (60, 3600)]
    assert (time_lost(events).transfers, time_lost(events).time) == (2, timedelta(seconds=3660))
    assert time_lost([]).transfers == 0
