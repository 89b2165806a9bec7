"""Use cases of the desk: what an organisation has to do, and the filters that its people keep."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from flask_babel import gettext as _

from app.db.session import UnitOfWork
from app.desk import desk_store as store
from app.desk.desk_commands import BULK_MOVES, BY_DEADLINE, After, DeskQuery, FilterCommand
from app.desk.desk_store import Counts, SavedFilter, Whose
from app.errors import BadRequestError, FieldError, ForbiddenError, InvalidInputError, NotFoundError
from app.interventions import store as interventions
from app.interventions.filters import InterventionFilter
from app.interventions.store import InterventionRow
from app.people.actor import Actor
from app.people.guards import require_role, require_write
from app.people.store import Organisation, list_organisations
from app.reports.confirmations import looks_gone
from app.reports.duplicates_store import groups
from app.reports.moves import possible_moves
from app.reports.store import ReportRow
from app.reports.workflow import Move

PAGE = 50


@dataclass(frozen=True)
class Desk:
    """One tab of one organisation's desk, with the numbers of the others."""

    organisation: Organisation
    organisations: tuple[Organisation, ...]
    counts: Counts
    rows: tuple[ReportRow, ...]
    interventions: tuple[InterventionRow, ...]
    after: After | None
    saved: tuple[SavedFilter, ...]
    # What may be done to at least one of the rows; each is checked again when it is done.
    moves: tuple[Move, ...]
    # Those that the last who stood there did not find any more.
    seen_gone: frozenset[UUID]


def show(uow: UnitOfWork, actor: Actor, asked: DeskQuery, *, now: datetime) -> Desk:
    """The desk as the actor may see it.

    Raises:
        NotSignedInError
        ForbiddenError: no role with a desk, or somebody else's desk (the coordination sees all).
        BadRequestError: no such organisation.

    """
    require_role(actor, "agent", "partner", "coordinator")
    organisations = list_organisations(uow.connection)
    organisation = _whose(actor, asked, organisations)
    whose = Whose(organisation.id, _verifies(actor, organisation))
    rows: tuple[ReportRow, ...] = ()
    recent: tuple[InterventionRow, ...] = ()
    following = None
    if asked.tab == "interventions":
        recent = interventions.listed(
            uow.connection, InterventionFilter(organisation=organisation.slug), limit=PAGE, after=None
        )
    else:
        rows = store.page(uow.connection, asked.tab, whose, asked.chosen, after=asked.after, now=now, limit=PAGE + 1)
        following = _following(asked, rows)
        rows = rows[:PAGE]
    return Desk(
        organisation=organisation,
        organisations=organisations,
        counts=store.counts(uow.connection, whose, now=now),
        rows=rows,
        interventions=recent,
        after=following,
        saved=tuple(store.saved_filters(uow.connection, actor.user_id)),
        moves=_offered(rows, actor),
        seen_gone=_seen_gone(uow, rows),
    )


def _seen_gone(uow: UnitOfWork, rows: tuple[ReportRow, ...]) -> frozenset[UUID]:
    found = groups(uow.connection, [row.id for row in rows]) if rows else {}
    return frozenset(report_id for report_id, group in found.items() if looks_gone(group.confirmations))


def _whose(actor: Actor, asked: DeskQuery, organisations: tuple[Organisation, ...]) -> Organisation:
    own = next(one for one in organisations if one.id == actor.organisation_id)
    wanted = asked.chosen.organisation
    if wanted is None or wanted == own.slug:
        return own
    if actor.role != "coordinator":
        raise ForbiddenError("only the coordination sees the desks of others")
    found = next((one for one in organisations if one.slug == wanted), None)
    if found is None:
        raise BadRequestError("organisation", _("“%(value)s” is not known", value=wanted[:40]))
    return found


def _verifies(actor: Actor, organisation: Organisation) -> str:
    if actor.role != "coordinator":
        return "own"
    return "all" if organisation.id == actor.organisation_id else "theirs"


def _following(asked: DeskQuery, rows: tuple[ReportRow, ...]) -> After | None:
    if len(rows) <= PAGE:
        return None
    last = rows[PAGE - 1]
    at = last.due_at if asked.tab in BY_DEADLINE else last.received_at
    return None if at is None else After(at, last.id)


def _offered(rows: tuple[ReportRow, ...], actor: Actor) -> tuple[Move, ...]:
    possible = {move.name: move for row in rows for move in possible_moves(row, actor)}
    return tuple(possible[name] for name in BULK_MOVES if name in possible)


def _require_keeping(actor: Actor) -> None:
    require_role(actor, "agent", "partner", "coordinator")
    require_write(actor)


def keep_filter(uow: UnitOfWork, actor: Actor, command: FilterCommand) -> None:
    """Keep a filter under a name; the same name again replaces it.

    Raises:
        NotSignedInError, ForbiddenError

    """
    _require_keeping(actor)
    store.keep_filter(
        uow.connection, vars(command) | {"account_id": actor.user_id, "organisation_id": actor.organisation_id}
    )


def rename_filter(uow: UnitOfWork, actor: Actor, filter_id: int, command: FilterCommand) -> None:
    """Change a kept filter's name and whether it is shared.

    Raises:
        NotSignedInError, ForbiddenError
        NotFoundError: no such filter of one's own.
        InvalidInputError: another one has that name.

    """
    _require_keeping(actor)
    if not store.owns_filter(uow.connection, filter_id, actor.user_id):
        raise NotFoundError("filter", filter_id)
    binds = {"id": filter_id, "account_id": actor.user_id, "name": command.name, "shared": command.shared}
    if not store.rename_filter(uow.connection, binds):
        raise InvalidInputError([FieldError("name", _("You keep another filter under this name."), "taken")])


def forget_filter(uow: UnitOfWork, actor: Actor, filter_id: int) -> None:
    """Delete a kept filter of one's own.

    Raises:
        NotSignedInError, ForbiddenError, NotFoundError

    """
    _require_keeping(actor)
    if not store.forget_filter(uow.connection, filter_id, actor.user_id):
        raise NotFoundError("filter", filter_id)
