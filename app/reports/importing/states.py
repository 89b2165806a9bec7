"""The history of a report that comes with a state of its own."""

from __future__ import annotations

from datetime import datetime

from app.reports.importing.bulk import BulkEvent


def imported_history(state: str, now: datetime, source: str) -> tuple[BulkEvent, ...]:
    """One event that says where the state comes from: the other system's history stays there."""
    if state == "new":
        return ()
    return (BulkEvent(now, "imported_state", "new", state, "system", details={"source": source}),)
