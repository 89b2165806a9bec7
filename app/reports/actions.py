"""Use cases of reports: one each, inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from flask_babel import gettext as _
from sqlalchemy import Engine

from app.db.session import UnitOfWork, one_statement, unit_of_work
from app.errors import ConflictError, FieldError, InvalidInputError, NotFoundError, NotSignedInError
from app.nomenclature.store import Nomenclature
from app.people.actor import SYSTEM, Actor
from app.people.guards import require_role, require_write
from app.people.store import list_organisations
from app.places.lattice import cell_of
from app.reports import store
from app.reports.commands import ReportCommand
from app.reports.filters import ReportFilter
from app.reports.store import Added, Cursor, EventRow, Figures, NewReport, ReportRow, Submission
from app.routing.deadlines import due_at

PAGE = 50
# Of a list for machines: how many at once, unless asked otherwise, and at most.
LISTED, LISTED_MOST = 500, 1000


@dataclass(frozen=True)
class Page:
    """One page of a list; `after` leads to the next one, None on the last."""

    rows: tuple[ReportRow, ...]
    after: Cursor | None


def require_reporting(actor: Actor) -> None:
    """Who may report: agents, partners and coordinators, with a scope that writes.

    Raises:
        NotSignedInError, ForbiddenError

    """
    require_role(actor, "agent", "partner", "coordinator")
    require_write(actor)


def submit(
    uow: UnitOfWork, actor: Actor, command: ReportCommand, *, nomenclature: Nomenclature, source: str, now: datetime
) -> tuple[ReportRow, bool]:
    """Store a report once. Returns it and whether it is new; the same body sent again gives the stored one.

    Raises:
        ConflictError: the id is taken by something else.
        InvalidInputError: the linked place does not exist.

    """
    new = _new_report(command, nomenclature, source=source, now=now)
    stored = _stored(new, store.add_report(uow.connection, new, actor), nomenclature, actor)
    return (read(uow, command.id), False) if stored is None else (stored, True)


def submit_alone(
    carry_out: Callable[[Submission], Added],
    actor: Actor,
    command: ReportCommand,
    *,
    nomenclature: Nomenclature,
    source: str,
    now: datetime,
    token_sha256: bytes | None = None,
) -> ReportRow | None:
    """`submit` as a transaction of its own, or of a few such; None when this very body is stored already.

    carry_out: `submit_together` for this one, or for it and others that came at the same moment.
    token_sha256: of the token that the actor came with; the statement confirms that it still speaks for this actor.

    Raises:
        as submit
        NotSignedInError: the token does not speak for this actor any more.

    """
    new = _new_report(command, nomenclature, source=source, now=now)
    return _stored(new, carry_out(Submission(new, actor, token_sha256)), nomenclature, actor)


def submit_together(engine: Engine, submissions: Sequence[Submission]) -> list[Added]:
    """Store reports of several actors in one round trip and one transaction; repeating it changes nothing."""
    with one_statement(engine) as cursor:
        return store.add_reports(cursor, submissions)


def _stored(new: NewReport, added: Added, nomenclature: Nomenclature, actor: Actor) -> ReportRow | None:
    if added.outcome == "actor":
        raise NotSignedInError
    if added.outcome == "place":
        message = _("This place is not known. Choose one from the list, or none.")
        raise InvalidInputError([FieldError("place_id", message, "unknown")])
    if added.outcome == "taken":
        raise ConflictError(_("This id already belongs to another report."))
    if added.outcome == "same":
        return None
    return store.as_stored(new, added, nomenclature.category_by_code[new.category], actor)


def _new_report(command: ReportCommand, nomenclature: Nomenclature, *, source: str, now: datetime) -> NewReport:
    category = nomenclature.category_by_code[command.category]
    severity = command.severity or category.default_severity
    return NewReport(
        id=command.id,
        category=category.code,
        lon=command.lon,
        lat=command.lat,
        cell_25m=cell_of(command.lon, command.lat),
        severity=severity,
        visibility=category.visibility,
        observed_at=command.observed_at or now,
        received_at=now,
        due_at=due_at(now, category.deadline_hours, severity),
        description=command.description,
        place_id=command.place_id,
        source=source,
        body_sha256=command.body_sha256(),
    )


def read(uow: UnitOfWork, report_id: UUID) -> ReportRow:
    """One report.

    Raises:
        NotFoundError: there is none, or none that the actor may see.

    """
    row = store.get_report(uow.connection, report_id)
    if row is None:
        raise NotFoundError("report", report_id)
    return row


def candidates(uow: UnitOfWork, row: ReportRow) -> tuple[dict[str, str], ...]:
    """The organisations that might answer for a report that nobody answers for yet: slug and name."""
    if row.organisation_id is not None or not row.candidate_ids:
        return ()
    known = list_organisations(uow.connection)
    return tuple({"organisation": o.slug, "name": o.name} for o in known if o.id in row.candidate_ids)


def history(uow: UnitOfWork, report_id: UUID) -> tuple[EventRow, ...]:
    """Everything that happened to a report, oldest first."""
    return store.get_events(uow.connection, report_id)


def list_page(uow: UnitOfWork, chosen: ReportFilter, after: Cursor | None, *, limit: int = PAGE) -> Page:
    """So many reports that the actor may see, the newest first."""
    rows = store.list_reports(uow.connection, chosen, after=after, limit=limit + 1)
    more = len(rows) > limit
    kept = rows[:limit]
    return Page(kept, Cursor(kept[-1].received_at, kept[-1].id) if more else None)


def figures(uow: UnitOfWork, *, now: datetime) -> Figures:
    """What the start page says of the last thirty days."""
    return store.count_recent(uow.connection, now=now)


def locate_again(engine: Engine) -> int:
    """After new reference geography: every report finds its neighbourhood, IRIS, QPV and stop again."""
    with unit_of_work(engine, SYSTEM) as uow:
        return store.locate_again(uow.connection)
