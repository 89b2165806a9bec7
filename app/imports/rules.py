"""Pure rules of imports: the states of a batch, bounds, who may. No Flask, no SQL."""

from __future__ import annotations

from typing import Literal

from app.people.actor import Role

State = Literal["draft", "checking", "checked", "running", "stopped", "done", "failed", "undoing", "undone"]
TRANSITIONS: dict[State, frozenset[State]] = {
    "draft": frozenset({"checking", "running"}),
    "checking": frozenset({"checked", "failed", "draft"}),
    "checked": frozenset({"draft", "checking", "running"}),
    "running": frozenset({"stopped", "done", "failed"}),
    "stopped": frozenset({"running", "undoing"}),
    "done": frozenset({"undoing"}),
    "failed": frozenset({"draft", "checking", "running", "undoing"}),
    "undoing": frozenset({"undone"}),
    "undone": frozenset(),
}
# A job is at work on it, or about to be.
BUSY: frozenset[State] = frozenset({"checking", "running", "undoing"})

# Agents report one by one, planners and administrators only read.
IMPORTERS: tuple[Role, ...] = ("partner", "coordinator")
# Who sees that there were imports, and how many rows each had; nothing of what stands in them.
OVERSEERS: tuple[Role, ...] = ("coordinator", "admin")

MAX_BYTES = 50_000_000
MAPPING_BYTES = 500_000
FILE_NAME_CHARACTERS = 200
# Unfinished files are kept for a week, finished ones for a month.
DRAFT_DAYS, DONE_DAYS = 7, 30
PREVIEW_ROWS = 20
SAMPLE_ROWS = 500
# A table of more values than that nobody fills in: whatever is beyond is left out, or comes in a mapping file.
MOST_VALUES = 300


def may_change(state: State, read: int) -> bool:
    """Whether the mapping may still change: not once rows of this file were dealt with by it."""
    return state in {"draft", "checked", "failed"} and read == 0


def may_undo(state: State, imported: int) -> bool:
    """Whether there is something to take back and nobody is at work on it."""
    return imported > 0 and "undoing" in TRANSITIONS[state]
