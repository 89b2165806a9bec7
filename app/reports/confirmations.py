"""Use case: somebody on the spot says that a report is still there, or gone; perhaps hours ago, without a network."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from flask_babel import gettext as _

from app.db.session import UnitOfWork
from app.errors import ConflictError
from app.people.actor import Actor
from app.people.guards import require_role, require_write
from app.reports import actions, confirmations_store
from app.reports.confirmations_commands import SEEN, ConfirmationCommand
from app.reports.confirmations_store import ConfirmationRow
from app.reports.moves import SAME_CONFIRMATION
from app.reports.words import state_label
from app.reports.workflow import MOVES, Confirmations, state_allows


def confirm(uow: UnitOfWork, actor: Actor, report_id: UUID, command: ConfirmationCommand, *, now: datetime) -> bool:
    """Write it into the history, at the time when it was seen. The report's state stays as it is.

    Returns whether something new was written: not when it was sent before, nor when the same account said the same
    within ten minutes.

    Raises:
        NotFoundError: no such report, or none that the actor may see.
        ForbiddenError: not a role that stands there.
        ConflictError: the id is taken by something else, or the report was closed.

    """
    require_role(actor, "agent", "partner", "coordinator")
    require_write(actor)
    report = actions.read(uow, report_id)
    known = confirmations_store.get_confirmation(uow.connection, command.id)
    if known is not None:
        _require_same(known, actor, report_id, command)
        return False
    move = MOVES[SEEN[command.seen]]
    if not state_allows(move, report):
        message = _("This is not possible while the report is “%(state)s”.", state=state_label(report.state))
        raise ConflictError(message)
    # A clock that is wrong must not put it before the report itself, or after now.
    at = min(now, max(report.received_at, command.at or now))
    values = {
        "report_id": report_id,
        "kind": move.name,
        "at": at,
        "organisation_id": actor.organisation_id,
        "account_id": actor.user_id,
        "role": actor.role,
        "details": {"confirmation": str(command.id), "received_at": now.isoformat(), "at": _sent(command)},
    }
    since, until = at - SAME_CONFIRMATION, at + SAME_CONFIRMATION
    if confirmations_store.has_said_about(uow.connection, values, since, until):
        return False
    if confirmations_store.add_confirmation(uow.connection, values):
        return True
    # The same one was stored in between, or it belongs to a report that this actor may not see.
    known = confirmations_store.get_confirmation(uow.connection, command.id)
    if known is None:
        raise _taken()
    _require_same(known, actor, report_id, command)
    return False


def _sent(command: ConfirmationCommand) -> str | None:
    return None if command.at is None else command.at.isoformat()


def _require_same(known: ConfirmationRow, actor: Actor, report_id: UUID, command: ConfirmationCommand) -> None:
    asked = ConfirmationRow(report_id, SEEN[command.seen], actor.user_id or 0, _sent(command))
    if known != asked:
        raise _taken()


def _taken() -> ConflictError:
    return ConflictError(_("This id already belongs to another confirmation."))


def looks_gone(confirmations: Confirmations) -> bool:
    """Whether the last who stood there did not find it any more."""
    last_there, last_gone = confirmations.last_still_there, confirmations.last_gone
    return last_gone is not None and (last_there is None or last_there < last_gone)
