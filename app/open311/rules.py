"""Pure rules of Open311: two statuses for nine states, and what may stand in a text that strangers send."""

from __future__ import annotations

import re
from datetime import timedelta

from app.reports.rules import CLOSED_STATES, OPEN_STATES

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
# GeoReport's fields about the person. They are accepted, because clients send them, and go nowhere.
PERSONAL_FIELDS = ("email", "first_name", "last_name", "phone", "device_id", "account_id")

_EMAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+")
# +33 6 12 34 56 78, 06.12.34.56.78, 0612345678: nine digits after 0, +33 or 0033, in any grouping.
_PHONE = re.compile(r"(?<![\w+])(?:\+|00)?(?:33[ .\-/]?(?:\(0\)[ .\-/]?)?|0)[1-9](?:[ .\-/]?\d\d){4}(?!\d)")
REMOVED = "[…]"


def status_of(state: str) -> str:
    """GeoReport's status of one of our states."""
    return "open" if state in OPEN_STATES else "closed"


def without_contacts(text: str) -> tuple[str, bool]:
    """A text without mail addresses and telephone numbers, and whether there were any."""
    cleaned = _PHONE.sub(REMOVED, _EMAIL.sub(REMOVED, text))
    return cleaned, cleaned != text
