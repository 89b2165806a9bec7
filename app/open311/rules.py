"""Pure rules of Open311: two statuses for nine states, and what may stand in a text that strangers send."""

from __future__ import annotations

import unicodedata
from datetime import timedelta

from app.reports.rules import CLOSED_STATES, OPEN_STATES
from app.reports.screening import certain_finds

STATUSES: dict[str, tuple[str, ...]] = {"open": OPEN_STATES, "closed": CLOSED_STATES}

# GeoReport v2: "a span of 90 days or first 1000 requests returned, whichever is smallest".
SPAN = timedelta(days=90)
MOST_REQUESTS = 1000
MOST_PAGES = 1_000_000

# The same post within this time is the same report.
SAME_POST = timedelta(minutes=1)
# Residents without an account: by address, in each process's memory as all rates; by day, in the database.
RESIDENT_POSTS_AN_HOUR = 10
POSTS_A_MINUTE = 120
SOURCE = "open311"
RESIDENT_SOURCE = "open311:resident"
REMOVED = "[…]"


def status_of(state: str) -> str:
    """GeoReport's status of one of our states."""
    return "open" if state in OPEN_STATES else "closed"


def without_contacts(text: str) -> tuple[str, bool]:
    """A text without what certainly belongs to a person (app/reports/screening.py), and whether there was any."""
    cleaned = unicodedata.normalize("NFC", text)
    finds = certain_finds(cleaned)
    for find in reversed(finds):
        cleaned = cleaned[: find.start] + REMOVED + cleaned[find.end :]
    return (cleaned, True) if finds else (text, False)
