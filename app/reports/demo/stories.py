"""What happened to a synthetic report after it came in: the states it went through, each with a plausible time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import numpy as np

from app.reports.filters import LOCAL_ZONE
from app.reports.importing.bulk import BulkEvent

KIND = "state_changed"
# Of a hundred reports: so many were no matter for the register, or known already; of the others so many get stuck.
REJECTED, DUPLICATE, STUCK = 0.04, 0.05, 0.06
VERIFIED, REOPENED = 0.6, 0.04
OPENS, CLOSES = 8, 18
SATURDAY = 5


@dataclass(frozen=True)
class Case:
    """What a story needs to know of its report."""

    received_at: datetime
    deadline_hours: int
    severity: int
    # An earlier report of the same thing at the same place, if there is one.
    earlier: UUID | None


def tell(case: Case, now: datetime, pick: np.random.Generator, coordination_id: int | None) -> tuple[BulkEvent, ...]:
    """The events up to `now`, oldest first; the last one's to_state is the report's state."""
    steps = _plan(case, pick)
    events: list[BulkEvent] = []
    at, state = case.received_at, "new"
    for to_state, hours in steps:
        at = office_hours(at + timedelta(hours=hours), urgent=case.severity >= 4)  # noqa: PLR2004
        if at > now:
            break
        by_coordination = to_state in {"verified", "reopened"}
        details = {"duplicate_of": str(case.earlier)} if to_state == "duplicate" else {}
        events.append(
            BulkEvent(
                at,
                KIND,
                state,
                to_state,
                role="coordinator" if by_coordination else "partner",
                by_responsible=not by_coordination,
                organisation_id=coordination_id if by_coordination else None,
                details=details,
            )
        )
        state = to_state
    return tuple(events)


def _plan(case: Case, pick: np.random.Generator) -> list[tuple[str, float]]:
    """States to come with the hours between them, if there were no end to time."""
    deadline = float(case.deadline_hours)
    look = _around(pick, min(0.15 * deadline, 20.0))
    fate = pick.random()
    if fate < REJECTED:
        return [("rejected", look)]
    if fate < REJECTED + DUPLICATE and case.earlier is not None:
        return [("duplicate", look)]
    steps = [("acknowledged", look), ("assigned", _around(pick, 0.15 * deadline))]
    if fate > 1 - STUCK:
        return steps[: int(pick.integers(0, 3))]
    steps += [("in_progress", _around(pick, 0.25 * deadline)), ("resolved", _around(pick, 0.35 * deadline))]
    after = pick.random()
    if after < REOPENED:
        steps += [("reopened", _around(pick, 96.0)), ("in_progress", _around(pick, 24.0))]
        steps += [("resolved", _around(pick, 0.3 * deadline))]
    elif after < REOPENED + VERIFIED:
        steps += [("verified", _around(pick, 72.0))]
    return steps


def _around(pick: np.random.Generator, hours: float) -> float:
    """A time of about so many hours: often shorter, sometimes several times longer."""
    return float(hours * pick.lognormal(mean=-0.1, sigma=0.7)) + 0.05


def office_hours(at: datetime, *, urgent: bool) -> datetime:
    """The next moment when somebody is at work (Monday to Friday, 8 to 18, local time); at once when urgent."""
    if urgent:
        return at
    local = at.astimezone(LOCAL_ZONE)
    if local.hour >= CLOSES:
        local = (local + timedelta(days=1)).replace(hour=OPENS)
    elif local.hour < OPENS:
        local = local.replace(hour=OPENS)
    while local.weekday() >= SATURDAY:
        local = (local + timedelta(days=1)).replace(hour=OPENS)
    return local.astimezone(at.tzinfo)
