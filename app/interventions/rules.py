"""The workflow of an intervention as data: states, moves, and who may make which. Pure: no Flask, no SQL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

State = Literal["planned", "in_progress", "done", "verified", "cancelled"]
# How an organisation stands to an intervention: it does the work, or it reported what the work answers.
Relation = Literal["own", "reporter"]
MoveName = Literal["start", "finish", "verify", "resume", "cancel", "replan"]

STATES: tuple[State, ...] = ("planned", "in_progress", "done", "verified", "cancelled")
# What a new one may be: work is also recorded after it was done.
FIRST_STATES: tuple[State, ...] = ("planned", "in_progress", "done")
VISIBILITIES = ("public", "partner", "restricted")

TRANSITIONS: dict[State, frozenset[State]] = {
    "planned": frozenset({"in_progress", "done", "cancelled"}),
    "in_progress": frozenset({"done", "cancelled"}),
    "done": frozenset({"verified", "in_progress"}),
    "verified": frozenset(),
    "cancelled": frozenset({"planned"}),
}
# What was verified or cancelled is no longer edited.
EDITABLE: frozenset[State] = frozenset({"planned", "in_progress", "done"})


@dataclass(frozen=True)
class Who:
    """A role, and how its organisation must stand to the intervention (None: any way)."""

    role: Literal["agent", "partner", "coordinator"]
    relation: Relation | None = None


@dataclass(frozen=True)
class Move:
    """One thing that can be done to an intervention. needs_text: it must be said why."""

    name: MoveName
    from_states: frozenset[State]
    to_state: State
    who: tuple[Who, ...]
    needs_text: bool = False


_COORDINATOR = Who("coordinator")
_OWN_PARTNER = (Who("partner", "own"), _COORDINATOR)
# Agents begin and end the work on the spot; what is planned and cancelled is decided at a desk.
_OWN_FIELD = (Who("agent", "own"), *_OWN_PARTNER)
_OTHERS = (_COORDINATOR, Who("agent", "reporter"), Who("partner", "reporter"))

MOVES: dict[MoveName, Move] = {
    move.name: move
    for move in (
        Move("start", frozenset({"planned"}), "in_progress", _OWN_FIELD),
        Move("finish", frozenset({"planned", "in_progress"}), "done", _OWN_FIELD),
        Move("verify", frozenset({"done"}), "verified", _OTHERS),
        Move("resume", frozenset({"done"}), "in_progress", _OWN_PARTNER, needs_text=True),
        Move("cancel", frozenset({"planned", "in_progress"}), "cancelled", _OWN_PARTNER, needs_text=True),
        Move("replan", frozenset({"cancelled"}), "planned", _OWN_PARTNER),
    )
}


class Movable(Protocol):
    """What of an intervention decides about its moves."""

    @property
    def state(self) -> str: ...
    @property
    def organisation_id(self) -> int: ...
    @property
    def reporter_organisation_ids(self) -> Sequence[int]: ...


class Mover(Protocol):
    """What of an actor decides about its moves."""

    @property
    def role(self) -> str: ...
    @property
    def organisation_id(self) -> int | None: ...


def relations(row: Movable, organisation_id: int | None) -> frozenset[Relation]:
    """How an organisation stands to an intervention."""
    held: set[Relation] = set()
    if organisation_id is not None and row.organisation_id == organisation_id:
        held.add("own")
    if organisation_id is not None and organisation_id in row.reporter_organisation_ids:
        held.add("reporter")
    return frozenset(held)


def role_may(move: Move, role: str, held: frozenset[Relation]) -> bool:
    """Whether a role whose organisation stands so to an intervention may make this move in the right state."""
    if move.name == "verify" and "own" in held:  # nobody checks its own work
        return False
    return any(who.role == role and (who.relation is None or who.relation in held) for who in move.who)


def allowed_moves(row: Movable, mover: Mover) -> tuple[Move, ...]:
    """The moves that this actor may make now, in the order of MOVES."""
    held = relations(row, mover.organisation_id)
    return tuple(move for move in MOVES.values() if row.state in move.from_states and role_may(move, mover.role, held))


def may_edit(row: Movable, mover: Mover) -> bool:
    """Whether this actor may change an intervention's details and links: who does it, and the coordination."""
    if row.state not in EDITABLE:
        return False
    return mover.role == "coordinator" or (mover.role == "partner" and row.organisation_id == mover.organisation_id)


def may_see_cost(row: Movable, mover: Mover) -> bool:
    """Cost and hours are a matter between who does the work and who steers and plans."""
    return mover.role in {"coordinator", "planner", "system"} or row.organisation_id == mover.organisation_id


def strictest(visibilities: Sequence[str]) -> str:
    """What an intervention on such reports may show at most: never less hidden than one of them."""
    return "restricted" if "restricted" in visibilities else "partner"
