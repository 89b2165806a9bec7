"""Pure rules of following a remote: what its words mean here, and which moves lead there. Never backwards."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from app.open311.rules import without_contacts
from app.reports.rules import CLOSED_STATES, DESCRIPTION_CHARACTERS
from app.reports.workflow import MoveName

# How far the remote is, in our words; "open": it has it, no more is known.
Target = Literal["open", "acknowledged", "in_progress", "resolved", "rejected"]

# Finer words than open and closed: our own (extended_attributes/state) and those of FixMyStreet's "additional states".
_WORDS: dict[str, Target] = {
    "new": "open", "confirmed": "open", "reopened": "open",
    "acknowledged": "acknowledged", "assigned": "acknowledged", "investigating": "acknowledged",
    "planned": "acknowledged", "action_scheduled": "acknowledged", "in_progress": "in_progress",
    "resolved": "resolved", "verified": "resolved", "fixed": "resolved", "fixed_-_council": "resolved",
    "rejected": "rejected", "duplicate": "rejected", "not_councils_responsibility": "rejected",
    "no_further_action": "rejected", "unable_to_fix": "rejected", "not_responsible": "rejected",
    "internal_referral": "open",
}  # fmt: skip
_MARKUP = re.compile(r"[<>]")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")

_PATHS: dict[Target, dict[str, tuple[MoveName, ...]]] = {
    "open": {},
    "acknowledged": {"new": ("acknowledge",), "reopened": ("acknowledge",)},
    "in_progress": {
        "new": ("acknowledge", "start"),
        "reopened": ("start",),
        "acknowledged": ("start",),
        "assigned": ("start",),
    },
    "resolved": {
        "new": ("acknowledge", "resolve"),
        "reopened": ("acknowledge", "resolve"),
        "acknowledged": ("resolve",),
        "assigned": ("resolve",),
        "in_progress": ("resolve",),
    },
    "rejected": dict.fromkeys(("new", "reopened", "acknowledged", "assigned", "in_progress"), ("reject",)),
}


@dataclass(frozen=True)
class Way:
    """The moves from our state to where the remote is; contradicts: no move of ours can follow what it says."""

    moves: tuple[MoveName, ...] = ()
    contradicts: bool = False


def target_of(status: str, state: str | None) -> Target:
    """What a remote means. A finer word counts only where it does not contradict the status that everybody has."""
    said = status.strip().lower()
    finer = _WORDS.get((state or status).strip().lower().replace(" ", "_"))
    is_through = finer in {"resolved", "rejected"}
    if finer is not None and (said not in {"open", "closed"} or is_through == (said == "closed")):
        return finer
    return "resolved" if said == "closed" else "open"


def way_to(target: Target, state: str, before: str | None) -> Way:
    """How to follow from our state. before: what the remote had said last, None when it never said anything."""
    if moves := _PATHS[target].get(state):
        return Way(moves)
    is_closed_here, is_closed_there = state in CLOSED_STATES, target in {"resolved", "rejected"}
    if not is_closed_here or is_closed_there:
        return Way()  # as far as they are, or farther
    # We are through, they are not: worth a line when they say so, or have taken it up again.
    return Way(contradicts=target != "open" or (before is not None and before.startswith("closed")))


def fit_to_keep(text: str) -> str:
    """A stranger's words as a report may hold them: no markup, no control characters, no contacts, not too long."""
    plain = _CONTROL.sub("", _MARKUP.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))).strip()
    cleaned, _changed = without_contacts(plain)
    return cleaned if len(cleaned) <= DESCRIPTION_CHARACTERS else cleaned[: DESCRIPTION_CHARACTERS - 1] + "…"
