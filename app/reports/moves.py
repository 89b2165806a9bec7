"""Use cases of the workflow: one move at a time, by whom the workflow lets, on the report as they saw it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from flask_babel import gettext as _

from app.db.session import UnitOfWork
from app.errors import ChangedError, ConflictError, FieldError, ForbiddenError, InvalidInputError
from app.nomenclature.store import Category, Nomenclature
from app.people.actor import Actor
from app.people.guards import require_role, require_write
from app.people.store import Organisation, get_organisation
from app.reports import actions, moves_store
from app.reports.moves_commands import MoveCommand
from app.reports.store import ReportRow
from app.reports.words import state_label
from app.reports.workflow import (
    CONFIRMATIONS,
    MOVES,
    Move,
    allowed_moves,
    relations,
    role_may,
    state_allows,
    with_organisation_since,
)
from app.routing.deadlines import due_at, extended, runs_by_the_clock, working_between

# A second tap on "still there" says nothing new.
SAME_CONFIRMATION = timedelta(minutes=10)


@dataclass(frozen=True)
class _Change:
    """What a move makes of the report, and what the history says besides."""

    state: str
    organisation_id: int | None
    due_at: datetime | None
    paused_at: datetime | None
    asked_organisation_id: int | None
    passed_by_organisation_id: int | None
    details: dict[str, Any]


@dataclass(frozen=True)
class _Case:
    """Everything that the change depends on."""

    actor: Actor
    report: ReportRow
    command: MoveCommand
    category: Category
    target: Organisation | None
    since: datetime
    now: datetime


@dataclass(frozen=True)
class Said:
    """A line of history, but for who says it of which report."""

    kind: str
    at: datetime
    from_state: str | None = None
    to_state: str | None = None
    details: dict[str, Any] = field(default_factory=dict)


def make_move(
    uow: UnitOfWork, actor: Actor, report_id: UUID, command: MoveCommand, *, nomenclature: Nomenclature, now: datetime
) -> ReportRow:
    """Make one move and write it into the history. Returns the report as it is then.

    Raises:
        NotFoundError: no such report, or none that the actor may see.
        ForbiddenError: not this role's or organisation's move.
        ConflictError: the report changed since it was looked at, or its state does not allow the move.
        InvalidInputError: the organisation is unknown, or no choice here.

    """
    require_role(actor, "agent", "partner", "coordinator")
    require_write(actor)
    move, report = MOVES[command.move], actions.read(uow, report_id)
    _require_allowed(move, report, actor, command.version)
    if move.name in CONFIRMATIONS:
        _confirm(uow, actor, report, command, now)
        return report
    target = _target(uow, command, report)
    since = with_organisation_since(actions.history(uow, report_id)) or report.received_at
    category = nomenclature.category_by_code[report.category]
    change = _changed(move, _Case(actor, report, command, category, target, since, now))
    binds = vars(change) | {"id": report.id, "version": report.version, "now": now}
    if not moves_store.update_report(uow.connection, {k: v for k, v in binds.items() if k != "details"}):
        raise changed_meanwhile(report)
    state_changes = move.to_state is not None
    from_state = report.state if state_changes else None
    said = Said(command.move, now, from_state, move.to_state, change.details)
    note(uow, actor, report_id, said)
    return actions.read(uow, report_id)


def _require_allowed(move: Move, report: ReportRow, actor: Actor, seen_version: int | None) -> None:
    if seen_version is not None and seen_version != report.version:
        raise changed_meanwhile(report)
    if not role_may(move, actor.role, relations(report, actor.organisation_id), report.state):
        raise ForbiddenError(f"{move.name} is not a move of this role and organisation")
    if not state_allows(move, report):
        message = _("This is not possible while the report is “%(state)s”.", state=state_label(report.state))
        raise ConflictError(message)


def changed_meanwhile(report: ReportRow) -> ChangedError:
    """The refusal of a change to a report that is no longer as it was seen."""
    message = _(
        "Somebody else changed this report in the meantime: it is now “%(state)s”. Nothing of yours was stored;"
        " look at it again.",
        state=state_label(report.state),
    )
    return ChangedError(message)


def _target(uow: UnitOfWork, command: MoveCommand, report: ReportRow) -> Organisation | None:
    if command.organisation is None:
        return None
    found = get_organisation(uow.connection, command.organisation)
    refused = None
    if found is None:
        refused = _("There is no such organisation. Choose one from the list.")
    elif found.id == report.organisation_id:
        refused = _("It is with this organisation already. Choose another one.")
    if refused:
        raise InvalidInputError([FieldError("organisation", refused, "unknown")])
    return found


def _changed(move: Move, case: _Case) -> _Change:
    report, severe = case.report, runs_by_the_clock(case.category.deadline_hours, case.report.severity)
    due = report.due_at
    if report.paused_at is not None and due is not None:
        # Whatever happens next, the question no longer holds it up.
        due = extended(due, report.paused_at, case.now, by_the_clock=severe)
    text = {"text": case.command.text} if case.command.text else {}
    same = _Change(
        state=move.to_state or report.state,
        organisation_id=report.organisation_id,
        due_at=due,
        paused_at=None,
        asked_organisation_id=report.asked_organisation_id,
        passed_by_organisation_id=None,
        details=text,
    )
    special = _SPECIAL.get(move.name)
    return special(same, case) if special else same


def _fresh_due(case: _Case) -> datetime:
    return due_at(case.now, case.category.deadline_hours, case.report.severity)


def _named(prefix: str, organisation_id: int | None, name: str | None) -> dict[str, Any]:
    # The name as it was then: the history is read long after an organisation was renamed.
    return {f"{prefix}_organisation_id": organisation_id, f"{prefix}_organisation": name}


def _transferred(same: _Change, case: _Case) -> _Change:
    """The next one gets the whole time; what the wrong one cost is counted in the history."""
    assert case.target is not None
    lost = {
        "lost_s": round((case.now - case.since).total_seconds()),
        "lost_working_s": round(working_between(case.since, case.now).total_seconds()),
    }
    said = {"reason": case.command.reason} | same.details | lost
    places = _named("from", case.report.organisation_id, case.report.organisation)
    places |= _named("to", case.target.id, case.target.name)
    return replace(
        same,
        organisation_id=case.target.id,
        due_at=_fresh_due(case),
        asked_organisation_id=None,
        passed_by_organisation_id=case.report.organisation_id,
        details=said | places,
    )


def _routed(same: _Change, case: _Case) -> _Change:
    """Only the coordination may name somebody else than the candidates."""
    assert case.target is not None
    if case.actor.role != "coordinator" and case.target.id not in case.report.candidate_ids:
        raise InvalidInputError([FieldError("organisation", _("Choose one of the organisations shown."), "unknown")])
    details = same.details | _named("to", case.target.id, case.target.name)
    return replace(same, organisation_id=case.target.id, due_at=_fresh_due(case), details=details)


def _answered(same: _Change, case: _Case) -> _Change:
    assert case.report.paused_at is not None
    paused_s = round((case.now - case.report.paused_at).total_seconds())
    return replace(same, details=same.details | {"paused_s": paused_s})


def _reopened(same: _Change, case: _Case) -> _Change:
    return replace(same, due_at=_fresh_due(case))


def _rejected(same: _Change, case: _Case) -> _Change:
    return replace(same, details={"reason": case.command.reason} | same.details)


def _asked(same: _Change, case: _Case) -> _Change:
    """The question goes to who reported it unless another organisation is named."""
    report, target = case.report, case.target
    asked_id = target.id if target else report.reporter_organisation_id
    if asked_id is None or asked_id == report.organisation_id:
        message = _("Choose whom to ask: nobody outside of your organisation reported this.")
        raise InvalidInputError([FieldError("organisation", message, "missing")])
    name = target.name if target else report.reporter_organisation
    details = same.details | _named("asked", asked_id, name)
    return replace(same, paused_at=case.now, asked_organisation_id=asked_id, details=details)


# Moves that change more than the state.
_SPECIAL: dict[str, Callable[[_Change, _Case], _Change]] = {
    "transfer": _transferred,
    "route": _routed,
    "ask": _asked,
    "answer": _answered,
    "reopen": _reopened,
    "reject": _rejected,
}


def _confirm(uow: UnitOfWork, actor: Actor, report: ReportRow, command: MoveCommand, now: datetime) -> None:
    if not moves_store.has_said(uow.connection, report.id, command.move, actor.user_id, since=now - SAME_CONFIRMATION):
        note(uow, actor, report.id, Said(command.move, now))


def note(uow: UnitOfWork, actor: Actor, report_id: UUID, said: Said) -> None:
    """Write a line into the history of a report."""
    by = {"organisation_id": actor.organisation_id, "account_id": actor.user_id, "role": actor.role}
    moves_store.add_event(uow.connection, vars(said) | by | {"report_id": report_id})


def possible_moves(report: ReportRow, actor: Actor) -> tuple[Move, ...]:
    """What this actor may do with this report now; nothing with a scope that only reads."""
    return allowed_moves(report, actor) if actor.may_write else ()


def escalate_overdue(
    uow: UnitOfWork, actor: Actor, *, now: datetime, limit: int = 5000
) -> tuple[moves_store.Late, ...]:
    """Flag up to `limit` reports whose deadline has passed (once each), for a periodic job or the command line.

    Raises:
        ForbiddenError: only the system escalates.

    """
    if actor.role != "system":
        raise ForbiddenError("only the system escalates")
    return moves_store.escalate(uow.connection, now, limit=limit)
