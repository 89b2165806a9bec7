"""Pure rules of a report: its states, what a text may hold. No Flask, no SQL."""

from __future__ import annotations

import re

OPEN_STATES = ("new", "acknowledged", "assigned", "in_progress", "reopened")
CLOSED_STATES = ("resolved", "verified", "rejected", "duplicate")
STATES = OPEN_STATES + CLOSED_STATES
# What the heat map and the counts leave out: it never was, or it is counted elsewhere.
WITHDRAWN_STATES = frozenset({"rejected", "duplicate"})
SEVERITIES = (1, 2, 3, 4)

DESCRIPTION_CHARACTERS = 500

_TAG = re.compile(r"<\s*[/!?a-zA-Z][^>]*>?")
# Line breaks and tabs are text; every other control character is not.
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def holds_markup(text: str) -> bool:
    """Whether a text has something that a browser would read as a tag."""
    return _TAG.search(text) is not None


def holds_control_characters(text: str) -> bool:
    """Whether a text has null bytes, other control characters or direction overrides."""
    return _CONTROL.search(text) is not None
