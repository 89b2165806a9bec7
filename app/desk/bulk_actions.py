"""Use cases of moves on many reports: each report's own move, one after another, and taking them back.

Every report is a transaction of its own, so that no two people who work on the same reports wait for each other in a
circle, and what was done before a failure stays done and can be taken back.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from flask_babel import gettext as _

from app.db.session import UnitOfWork
from app.desk import bulk_store as store
from app.desk.bulk_store import Bulk, Outcome
from app.desk.desk_commands import BulkCommand, Ticked
from app.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError
from app.nomenclature.store import Nomenclature
from app.people.actor import Actor
from app.people.guards import require_role, require_write
from app.reports import moves, moves_store

UNDO_WITHIN = timedelta(minutes=10)


def open_bulk(uow: UnitOfWork, actor: Actor, command: BulkCommand, *, now: datetime) -> bool:
    """Begin; False when this very form was sent before, and nothing is to be done again.

    Raises:
        NotSignedInError, ForbiddenError
        ConflictError: the id is somebody else's.

    """
    require_role(actor, "agent", "partner", "coordinator")
    require_write(actor)
    values = {"id": command.id, "account_id": actor.user_id, "organisation_id": actor.organisation_id}
    is_new = store.open_bulk(uow.connection, values | {"move": command.move, "at": now})
    if not is_new and store.get_bulk(uow.connection, command.id) is None:
        raise ConflictError(_("Open the desk again: this form cannot be read."))
    return is_new


def move_one(
    uow: UnitOfWork, actor: Actor, command: BulkCommand, one: Ticked, *, nomenclature: Nomenclature, now: datetime
) -> None:
    """Make the move of one report, or note why not. A report that the actor cannot see leaves no trace."""
    connection = uow.connection
    seen = store.before(connection, one.id)
    if seen is None:
        return
    version, was = seen
    if version != one.version:
        store.note(connection, command.id, one.id, refused="changed")
        return
    refused = None
    try:
        with connection.begin_nested():
            row = moves.make_move(uow, actor, one.id, command.of(one), nomenclature=nomenclature, now=now)
    except ForbiddenError:
        refused = "forbidden"
    except ConflictError:
        # Somebody may have been quicker since we looked.
        since = store.before(connection, one.id)
        refused = "state" if since is not None and since[0] == version else "changed"
    except InvalidInputError:
        refused = "input"
    if refused:
        store.note(connection, command.id, one.id, refused=refused)
    else:
        store.note(connection, command.id, one.id, was=was, version=row.version)


def outcomes(uow: UnitOfWork, actor: Actor, bulk_id: UUID) -> tuple[Bulk, tuple[Outcome, ...]]:
    """What became of one's own move.

    Raises:
        NotSignedInError, ForbiddenError, NotFoundError

    """
    require_role(actor, "agent", "partner", "coordinator")
    bulk = store.get_bulk(uow.connection, bulk_id)
    if bulk is None:
        raise NotFoundError("bulk move", bulk_id)
    return bulk, store.outcomes(uow.connection, bulk_id)


def may_undo(bulk: Bulk, told: tuple[Outcome, ...], *, now: datetime) -> bool:
    """Whether there is still something to take back, and time for it."""
    left = any(one.refused is None and one.undone is None for one in told)
    return left and bulk.undone_at is None and now - bulk.at <= UNDO_WITHIN


def to_undo(uow: UnitOfWork, actor: Actor, bulk_id: UUID, *, now: datetime) -> tuple[Bulk, tuple[UUID, ...]]:
    """The reports to take back.

    Raises:
        NotSignedInError, ForbiddenError, NotFoundError
        ConflictError: it is too late.

    """
    require_write(actor)
    bulk, told = outcomes(uow, actor, bulk_id)
    if now - bulk.at > UNDO_WITHIN:
        raise ConflictError(_("It is too late to undo this: more than ten minutes have passed."))
    return bulk, tuple(one.report_id for one in told if one.refused is None and one.undone is None)


def undo_one(uow: UnitOfWork, actor: Actor, bulk: Bulk, report_id: UUID, *, now: datetime) -> None:
    """Take one report's move back unless somebody has moved it since; the history gets one more line."""
    connection = uow.connection
    was = next(one for one in store.outcomes(connection, bulk.id) if one.report_id == report_id)
    if store.undo(connection, bulk.id, report_id, now - UNDO_WITHIN) != "done":
        return
    moves_store.add_event(
        connection,
        {
            "report_id": report_id,
            "at": now,
            "kind": "undo",
            "from_state": was.state if was.state != was.before_state else None,
            "to_state": was.before_state if was.state != was.before_state else None,
            "organisation_id": actor.organisation_id,
            "account_id": actor.user_id,
            "role": actor.role,
            "details": {"move": bulk.move},
        },
    )


def close_undo(uow: UnitOfWork, bulk: Bulk, *, now: datetime) -> None:
    """Note that all of it was taken back as far as possible."""
    store.mark_undone(uow.connection, bulk.id, now)
