"""Who merges reports, which ones, and what is far. Pure: no Flask, no SQL."""

from __future__ import annotations

from typing import cast

from app.reports.rules import OPEN_STATES
from app.reports.workflow import TRANSITIONS, Movable, Mover, State, relations

# Farther apart than this, two reports are not of one thing, whatever a theme's distance says: a slip of the hand.
MERGE_MOST_M = 250.0
# Merged at once from the list.
MERGE_AT_ONCE = 20
# "Same place, 4th time in 60 days": the window, and from when on a list says so.
RECURRENCE_DAYS = 60
RECURRENT_FROM = 3


def who_may(report: Movable, mover: Mover) -> bool:
    """The organisation that answers for the report to be merged, and the coordination; merging and unmerging alike."""
    if mover.role == "coordinator":
        return True
    return mover.role == "partner" and "responsible" in relations(report, mover.organisation_id)


def can_merge(state: str) -> bool:
    """Whether a report of this state may become a duplicate."""
    return "duplicate" in TRANSITIONS[cast("State", state)]


def can_keep(state: str) -> bool:
    """Whether others may be merged into a report of this state: only while somebody still works on it."""
    return state in OPEN_STATES


def state_after(before: str | None) -> State:
    """What a duplicate becomes when it is none: what it was, as far as anybody knows."""
    known = cast("State", before)
    return known if known in TRANSITIONS["duplicate"] else "reopened"
