"""Use cases of the workflow of interventions: one move at a time, and the reports that are resolved with it."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from flask_babel import gettext as _

from app.db.session import UnitOfWork
from app.errors import ConflictError, FieldError, ForbiddenError, InvalidInputError
from app.interventions import actions, store
from app.interventions.commands import MoveCommand
from app.interventions.rules import MOVES, Move, allowed_moves, relations, role_may
from app.interventions.store import InterventionRow
from app.nomenclature.store import Nomenclature
from app.people.actor import Actor
from app.people.guards import require_role, require_write
from app.reports.moves import make_move as move_report
from app.reports.moves_commands import MoveCommand as ReportMove
from app.reports.rules import OPEN_STATES
from app.reports.store import ReportRow
from app.reports.workflow import MOVES as REPORT_MOVES
from app.reports.workflow import relations as report_relations
from app.reports.workflow import role_may as report_role_may


def possible_moves(row: InterventionRow, actor: Actor) -> tuple[Move, ...]:
    """What this actor may do with it now; nothing with a scope that only reads."""
    return allowed_moves(row, actor) if actor.may_write else ()


def make_move(
    uow: UnitOfWork, actor: Actor, intervention_id: UUID, command: MoveCommand, *, nomenclature: Nomenclature,
    now: datetime,
) -> InterventionRow:  # fmt: skip
    """Make one move, and with `finish` resolve the linked reports that are named: all of it or nothing.

    Raises:
        NotSignedInError, NotFoundError
        ForbiddenError: not this role's or organisation's move.
        ConflictError: it or a report changed since it was looked at, or the state does not allow the move.
        InvalidInputError: a report to resolve is not linked, or not the actor's to resolve; an end before its start.

    """
    move, row = MOVES[command.move], actions.read(uow, actor, intervention_id)
    require_role(actor, "agent", "partner", "coordinator")
    require_write(actor)
    actions.require_version(row, command.version)
    if not role_may(move, actor.role, relations(row, actor.organisation_id)):
        raise ForbiddenError(f"{move.name} is not a move of this role and organisation")
    if row.state not in move.from_states:
        raise ConflictError(actions.not_while(row))
    times = _times_after(move, row, command, now)
    if not store.move(uow.connection, times | {"id": row.id, "version": row.version, "state": move.to_state}):
        raise actions.changed_meanwhile(row)
    details: dict[str, Any] = {"text": command.text} if command.text else {}
    if command.resolve:
        resolve(uow, actor, row, command, nomenclature=nomenclature, now=now)
        details["resolved"] = len(command.resolve)
    actions.note(
        uow, actor, row.id, command.move, now=now, from_state=row.state, to_state=move.to_state, details=details
    )
    return actions.read(uow, actor, row.id)


def _times_after(move: Move, row: InterventionRow, command: MoveCommand, now: datetime) -> dict[str, Any]:
    start, end = row.done_start, row.done_end
    match move.name:
        case "start":
            start = command.done_start or now
        case "finish":
            end = command.done_end or now
            start = command.done_start or start or min(end, now)
            if end < start:
                raise InvalidInputError([FieldError("done_end", _("The end lies before the start."), "order")])
        case "resume":
            end = None
        case "replan":
            start = end = None
        case _:
            pass
    return {"done_start": start, "done_end": end}


def resolvable(report: ReportRow, actor: Actor) -> bool:
    """Whether this actor may resolve a linked report together with the intervention."""
    held = report_relations(report, actor.organisation_id)
    is_theirs = report_role_may(REPORT_MOVES["resolve"], actor.role, held, report.state)
    return actor.may_write and report.state in OPEN_STATES and is_theirs


def resolve(
    uow: UnitOfWork, actor: Actor, row: InterventionRow, command: MoveCommand, *, nomenclature: Nomenclature,
    now: datetime,
) -> None:  # fmt: skip
    """Move the named reports to resolved through their own workflow; one that nobody acknowledged is so first."""
    linked = {report.id: report for report in store.linked_reports(uow.connection, row.id)}
    for report_id in dict.fromkeys(command.resolve):
        report = linked.get(report_id)
        if report is None or not resolvable(report, actor):
            message = _("Report %(id)s is not linked, or not yours to resolve.", id=report_id)
            raise InvalidInputError([FieldError("resolve", message, "unknown")])
        if report.state in {"new", "reopened"}:
            first = ReportMove(move="acknowledge", version=report.version)
            report = move_report(uow, actor, report_id, first, nomenclature=nomenclature, now=now)
        last = ReportMove(move="resolve", version=report.version, text=command.text)
        move_report(uow, actor, report_id, last, nomenclature=nomenclature, now=now)
