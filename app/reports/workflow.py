"""The workflow of a report as data: states, moves, and who may make which. Pure: no Flask, no SQL."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol

State = Literal[
    "new", "acknowledged", "assigned", "in_progress", "resolved", "verified", "rejected", "duplicate", "reopened"
]
# How an organisation stands to a report. One can stand in several ways at once.
Relation = Literal["responsible", "reporter", "candidate", "asked"]
MoveName = Literal[
    "acknowledge", "assign", "start", "resolve", "verify", "reopen", "reject", "transfer", "route", "ask", "answer",
    "still_there", "gone",
]  # fmt: skip
Need = Literal["organisation", "reason", "text"]

TRANSITIONS: dict[State, frozenset[State]] = {
    "new": frozenset({"acknowledged", "rejected", "duplicate", "new"}),
    "acknowledged": frozenset({"assigned", "in_progress", "resolved", "rejected", "duplicate", "new"}),
    "assigned": frozenset({"in_progress", "resolved", "rejected", "duplicate", "new"}),
    "in_progress": frozenset({"resolved", "rejected", "duplicate", "new"}),
    "resolved": frozenset({"verified", "reopened"}),
    "verified": frozenset({"reopened"}),
    "rejected": frozenset({"reopened"}),
    # Merging sets it, unmerging gives back the state before (app/reports/duplicates.py).
    "duplicate": frozenset({"new", "acknowledged", "assigned", "in_progress", "reopened"}),
    "reopened": frozenset({"acknowledged", "assigned", "in_progress", "rejected", "duplicate", "new"}),
}

_OPEN: frozenset[State] = frozenset({"new", "acknowledged", "assigned", "in_progress", "reopened"})
_TAKEN: frozenset[State] = frozenset({"acknowledged", "assigned", "in_progress"})

REJECT_REASONS = ("not_found", "not_public_space", "not_precise", "no_problem", "not_ours_nor_others", "other")
TRANSFER_REASONS = ("other_place", "other_task", "wrong_category", "agreed", "other")


@dataclass(frozen=True)
class Who:
    """A role, how its organisation must stand to the report (None: any way), and in which states (None: the move's)."""

    role: Literal["agent", "partner", "coordinator"]
    relation: Relation | None = None
    states: frozenset[State] | None = None


@dataclass(frozen=True)
class Move:
    """One thing that can be done to a report. to_state None: the state stays as it is."""

    name: MoveName
    from_states: frozenset[State]
    to_state: State | None
    who: tuple[Who, ...]
    needs: tuple[Need, ...] = ()
    takes: tuple[Need, ...] = ()
    reasons: tuple[str, ...] = ()


_RESPONSIBLE = (Who("partner", "responsible"), Who("coordinator", "responsible"))
_COORDINATOR = (Who("coordinator"),)
_REPORTER = (Who("agent", "reporter"), Who("partner", "reporter"))
# What was verified is reopened by the coordination or by the one who repaired it; others report anew.
_UNSURE: frozenset[State] = frozenset({"resolved", "rejected"})
_UNCONVINCED = (Who("agent", "reporter", _UNSURE), Who("partner", "reporter", _UNSURE))
_FIELD = (Who("agent"), Who("partner"), Who("coordinator"))

MOVES: dict[MoveName, Move] = {
    move.name: move
    for move in (
        Move("acknowledge", frozenset({"new", "reopened"}), "acknowledged", _RESPONSIBLE),
        Move("assign", frozenset({"acknowledged", "reopened"}), "assigned", _RESPONSIBLE, takes=("text",)),
        Move("start", frozenset({"acknowledged", "assigned", "reopened"}), "in_progress", _RESPONSIBLE),
        Move("resolve", _TAKEN, "resolved", _RESPONSIBLE, needs=("text",)),
        Move("verify", frozenset({"resolved"}), "verified", (*_COORDINATOR, *_REPORTER), takes=("text",)),
        Move(
            "reopen",
            frozenset({"resolved", "verified", "rejected"}),
            "reopened",
            (*_COORDINATOR, *_UNCONVINCED, Who("partner", "responsible")),
            needs=("text",),
        ),
        Move(
            "reject", _OPEN, "rejected", (*_RESPONSIBLE, *_COORDINATOR),
            needs=("reason",), takes=("text",), reasons=REJECT_REASONS,
        ),
        Move(
            "transfer", _OPEN, "new", (*_RESPONSIBLE, *_COORDINATOR),
            needs=("organisation", "reason"), takes=("text",), reasons=TRANSFER_REASONS,
        ),
        Move(
            "route", frozenset({"new"}), None,
            (*_COORDINATOR, *_REPORTER, Who("partner", "candidate"), Who("agent", "candidate")),
            needs=("organisation",),
        ),
        Move("ask", _TAKEN, None, _RESPONSIBLE, needs=("text",), takes=("organisation",)),
        Move(
            "answer", _TAKEN, None,
            (*_COORDINATOR, *_RESPONSIBLE, Who("agent", "asked"), Who("partner", "asked")),
            needs=("text",),
        ),
        Move("still_there", _OPEN | {"resolved"}, None, _FIELD),
        Move("gone", _OPEN | {"resolved"}, None, _FIELD),
    )
}  # fmt: skip
# Seen by somebody who stands there: nothing of the report changes, so no version is asked for.
CONFIRMATIONS: frozenset[MoveName] = frozenset({"still_there", "gone"})


class Movable(Protocol):
    """What of a report decides about its moves."""

    @property
    def state(self) -> str: ...
    @property
    def organisation_id(self) -> int | None: ...
    @property
    def reporter_organisation_id(self) -> int | None: ...
    @property
    def candidate_ids(self) -> Sequence[int]: ...
    @property
    def asked_organisation_id(self) -> int | None: ...
    @property
    def paused_at(self) -> datetime | None: ...


class Mover(Protocol):
    """What of an actor decides about its moves."""

    @property
    def role(self) -> str: ...
    @property
    def organisation_id(self) -> int | None: ...


def relations(report: Movable, organisation_id: int | None) -> frozenset[Relation]:
    """How an organisation stands to a report."""
    if organisation_id is None:
        return frozenset()
    held: dict[Relation, bool] = {
        "responsible": report.organisation_id == organisation_id,
        "reporter": report.reporter_organisation_id == organisation_id,
        "candidate": report.organisation_id is None and organisation_id in report.candidate_ids,
        "asked": report.paused_at is not None and report.asked_organisation_id == organisation_id,
    }
    return frozenset(relation for relation, holds in held.items() if holds)


def role_may(move: Move, role: str, held: frozenset[Relation], state: str) -> bool:
    """Whether a role whose organisation stands so to a report of this state may make this move."""
    if not any(
        who.role == role
        and (who.relation is None or who.relation in held)
        and (who.states is None or state in who.states)
        for who in move.who
    ):
        return False
    # Nobody checks its own work.
    return not (move.name == "verify" and "responsible" in held)


def state_allows(move: Move, report: Movable) -> bool:
    """Whether the report is in a state for this move."""
    if report.state not in move.from_states:
        return False
    match move.name:
        case "ask":
            return report.paused_at is None
        case "answer":
            return report.paused_at is not None
        case "route":
            return report.organisation_id is None
        case "transfer":
            return report.organisation_id is not None
        case _:
            return True


def allowed_moves(report: Movable, mover: Mover) -> tuple[Move, ...]:
    """The moves that this actor may make now, in the order of MOVES."""
    held = relations(report, mover.organisation_id)
    return tuple(m for m in MOVES.values() if state_allows(m, report) and role_may(m, mover.role, held, report.state))


# ── what the history says ───────────────────────────────────────────────────────────────────────────────────────────


class Event(Protocol):
    """One line of the history, oldest first in every sequence below."""

    @property
    def at(self) -> datetime: ...
    @property
    def kind(self) -> str: ...
    @property
    def to_state(self) -> str | None: ...
    @property
    def details(self) -> Mapping[str, Any]: ...


@dataclass(frozen=True)
class Confirmations:
    """What people who stood there said since it was reported."""

    still_there: int = 0
    last_still_there: datetime | None = None
    gone: int = 0
    last_gone: datetime | None = None


@dataclass(frozen=True)
class Lost:
    """The time that a report spent with organisations that sent it on."""

    transfers: int = 0
    time: timedelta = field(default_factory=timedelta)


def standing(events: Iterable[Event]) -> list[Event]:
    """The history without what was undone: an undoing takes the last move of its name with it."""
    left: list[Event] = []
    for event in events:
        if event.kind != "undo":
            left.append(event)
            continue
        undone = next((one for one in reversed(left) if one.kind == event.details.get("move")), None)
        if undone is not None:
            left.remove(undone)
    return left


def state_times(events: Iterable[Event]) -> dict[str, datetime]:
    """When a report last came into each state it was in; a state it never had is missing."""
    return {event.to_state: event.at for event in standing(events) if event.to_state is not None}


def with_organisation_since(events: Iterable[Event]) -> datetime | None:
    """When the report came to the organisation that has it now: created, routed or transferred."""
    times = [e.at for e in standing(events) if e.kind in {"created", "route", "transfer"}]
    return times[-1] if times else None


def time_lost(events: Iterable[Event]) -> Lost:
    """The sum over all transfers of the time between arriving at the wrong organisation and leaving it."""
    seconds = [float(event.details.get("lost_s", 0)) for event in standing(events) if event.kind == "transfer"]
    return Lost(len(seconds), timedelta(seconds=sum(seconds)))
