"""Use cases of interventions: one each, inside the caller's transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from flask_babel import gettext as _
from sqlalchemy import Engine

from app.db.session import UnitOfWork, unit_of_work
from app.errors import ChangedError, ConflictError, FieldError, ForbiddenError, InvalidInputError, NotFoundError
from app.interventions import store
from app.interventions.commands import EditCommand, InterventionCommand
from app.interventions.filters import InterventionFilter
from app.interventions.geometry import inner_point
from app.interventions.rules import may_edit, strictest
from app.interventions.store import Cursor, InterventionRow
from app.interventions.words import state_label
from app.people.actor import SYSTEM, Actor
from app.people.guards import require_role, require_signed_in, require_write
from app.people.store import get_organisation
from app.places.lattice import cells_of
from app.reports import moves_store
from app.reports import store as reports_store
from app.reports.store import EventRow, ReportRow

PAGE = 50
WINDOW = 500
LISTED_MOST = 1000


@dataclass(frozen=True)
class Page:
    """One page of a list; `after` leads to the next one, None on the last."""

    rows: tuple[InterventionRow, ...]
    after: Cursor | None


def locate_again(engine: Engine) -> int:
    """After new reference geography: every intervention finds its neighbourhood and QPV again."""
    with unit_of_work(engine, SYSTEM) as uow:
        return store.locate_again(uow.connection)


def require_recording(actor: Actor) -> None:
    """Who may record interventions: partners and coordinators, with a scope that writes.

    Raises:
        NotSignedInError, ForbiddenError

    """
    require_role(actor, "partner", "coordinator")
    require_write(actor)


def record(
    uow: UnitOfWork, actor: Actor, command: InterventionCommand, *, source: str, now: datetime
) -> tuple[InterventionRow, bool]:
    """Store an intervention once. Returns it and whether it is new; the same body sent again gives the stored one.

    Raises:
        NotSignedInError, ForbiddenError
        ConflictError: the id is taken by something else.
        InvalidInputError: the organisation or a report is unknown, or is none of the actor's.

    """
    require_recording(actor)
    body_sha256 = command.body_sha256()
    organisation_id = _organisation(uow, actor, command.organisation)
    linked = _reports(uow, command.reports)
    values = _details(command) | {
        "id": command.id,
        "state": command.state,
        "visibility": _visibility(command.visibility, linked),
        "organisation_id": organisation_id,
        "author_organisation_id": actor.organisation_id,
        "author_account_id": actor.user_id,
        "source": source,
        "is_synthetic": False,
        "body_sha256": body_sha256,
        "now": now,
    }
    if not store.add(uow.connection, _with_times(values, now)):
        if not store.is_same_body(uow.connection, command.id, body_sha256, actor.user_id):
            raise ConflictError(_("This id already belongs to another intervention."))
        return read(uow, actor, command.id), False
    note(uow, actor, command.id, "created", now=now, to_state=command.state, details={"source": source})
    for report in linked:
        _link(uow, actor, command.id, report.id, now=now)
    return read(uow, actor, command.id), True


def _with_times(values: dict[str, Any], now: datetime) -> dict[str, Any]:
    """What is under way began, and what is done ended, at the latest now."""
    if values["state"] == "done":
        end = values["done_end"] or max(now, values["done_start"] or now)
        return values | {"done_end": end, "done_start": values["done_start"] or min(end, now)}
    if values["state"] == "in_progress":
        return values | {"done_start": values["done_start"] or now}
    return values


def _organisation(uow: UnitOfWork, actor: Actor, slug: str | None) -> int:
    if slug is None:
        assert actor.organisation_id is not None
        return actor.organisation_id
    found = get_organisation(uow.connection, slug)
    if found is None:
        message = _("There is no such organisation. Choose one from the list.")
        raise InvalidInputError([FieldError("organisation", message, "unknown")])
    if actor.role != "coordinator" and found.id != actor.organisation_id:
        message = _("Only the coordination records for other organisations: leave this out.")
        raise InvalidInputError([FieldError("organisation", message, "foreign")])
    return found.id


def _reports(uow: UnitOfWork, ids: tuple[UUID, ...], field: str = "reports") -> tuple[ReportRow, ...]:
    found = []
    for report_id in dict.fromkeys(ids):
        row = reports_store.get_report(uow.connection, report_id)
        if row is None:
            message = _("There is no report %(id)s, or none that you may see.", id=report_id)
            raise InvalidInputError([FieldError(field, message, "unknown")])
        found.append(row)
    return tuple(found)


def _visibility(wanted: str | None, linked: tuple[ReportRow, ...]) -> str:
    least = strictest([report.visibility for report in linked])
    if wanted is None:
        return least
    if least == "restricted" and wanted != "restricted":
        message = _("One of its reports is restricted: choose restricted.")
        raise InvalidInputError([FieldError("visibility", message, "too_open")])
    return wanted


def _details(command: InterventionCommand | EditCommand) -> dict[str, Any]:
    lon, lat = inner_point(command.geometry)
    values = command.model_dump(include=set(EditCommand.model_fields) - {"version", "teams"})
    return values | {"teams": list(command.teams), "cell_25m": int(cells_of([lon], [lat])[0])}  # type: ignore[arg-type]


def read(uow: UnitOfWork, actor: Actor, intervention_id: UUID) -> InterventionRow:
    """One intervention.

    Raises:
        NotSignedInError
        NotFoundError: there is none, or none that the actor may see.

    """
    require_signed_in(actor)
    row = store.get(uow.connection, intervention_id)
    if row is None:
        raise NotFoundError("intervention", intervention_id)
    return row


def history(uow: UnitOfWork, intervention_id: UUID) -> tuple[EventRow, ...]:
    """Everything that happened to an intervention, oldest first."""
    return store.events(uow.connection, intervention_id)


def list_page(uow: UnitOfWork, chosen: InterventionFilter, after: Cursor | None, *, limit: int = PAGE) -> Page:
    """So many interventions that the actor may see, the latest first."""
    rows = store.listed(uow.connection, chosen, after=after, limit=limit + 1)
    kept = rows[:limit]
    return Page(kept, Cursor(kept[-1].starts_at, kept[-1].id) if len(rows) > limit else None)


def window(uow: UnitOfWork, chosen: InterventionFilter) -> tuple[tuple[InterventionRow, ...], bool]:
    """Up to 500 interventions of the filter, and whether there are more."""
    rows = store.listed(uow.connection, chosen, limit=WINDOW + 1)
    return rows[:WINDOW], len(rows) > WINDOW


def edit(
    uow: UnitOfWork, actor: Actor, intervention_id: UUID, command: EditCommand, *, now: datetime
) -> InterventionRow:
    """Change the details.

    Raises:
        NotSignedInError, NotFoundError, ForbiddenError
        ConflictError: it changed since it was looked at, or its state allows no edit.
        InvalidInputError: less hidden than one of its reports, or no end although it is done.

    """
    row = read(uow, actor, intervention_id)
    require_recording(actor)
    _require_own(row, actor)
    require_version(row, command.version)
    if not may_edit(row, actor):
        raise ConflictError(not_while(row))
    linked = store.linked_reports(uow.connection, row.id)
    values = _details(command) | {"id": row.id, "version": row.version}
    values["visibility"] = row.visibility if command.visibility is None else _visibility(command.visibility, linked)
    if row.state == "done" and command.done_end is None:
        raise InvalidInputError([FieldError("done_end", _("It is done: say when it ended."), "missing")])
    if not store.change(uow.connection, values):
        raise changed_meanwhile(row)
    note(uow, actor, row.id, "edited", now=now, details={"fields": _changed_fields(row, values)})
    return read(uow, actor, row.id)


def _changed_fields(row: InterventionRow, values: dict[str, Any]) -> list[str]:
    names = (
        "kind", "geometry", "planned_start", "planned_end", "done_start", "done_end", "teams", "team_size", "cost_eur",
        "hours", "description", "visibility",
    )  # fmt: skip
    return [name for name in names if getattr(row, name) != values[name]]


def _require_own(row: InterventionRow, actor: Actor) -> None:
    if actor.role != "coordinator" and row.organisation_id != actor.organisation_id:
        raise ForbiddenError("only the organisation that does the work and the coordination may do this")


def require_version(row: InterventionRow, seen: int) -> None:
    if row.version != seen:
        raise changed_meanwhile(row)


def not_while(row: InterventionRow) -> str:
    return str(_("This is not possible while the intervention is “%(state)s”.", state=state_label(row.state)))


def changed_meanwhile(row: InterventionRow) -> ChangedError:
    message = _(
        "Somebody else changed this intervention in the meantime: it is now “%(state)s”. Nothing of yours was stored;"
        " look at it again.",
        state=state_label(row.state),
    )
    return ChangedError(message)


# ── links ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def link_reports(
    uow: UnitOfWork, actor: Actor, intervention_id: UUID, report_ids: tuple[UUID, ...], *, now: datetime
) -> InterventionRow:
    """Say that it answers these reports too; those it has already stay. A restricted report makes it restricted.

    Raises:
        NotSignedInError, NotFoundError, ForbiddenError
        ConflictError: it is verified or cancelled.
        InvalidInputError: a report is unknown.

    """
    row = _linkable(uow, actor, intervention_id)
    for report in _reports(uow, report_ids):
        if _link(uow, actor, row.id, report.id, now=now) and report.visibility == "restricted":
            store.hide(uow.connection, row.id)
    return read(uow, actor, row.id)


def unlink_report(
    uow: UnitOfWork, actor: Actor, intervention_id: UUID, report_id: UUID, *, now: datetime
) -> InterventionRow:
    """Say that it does not answer this report; no error when it did not.

    Raises:
        NotSignedInError, NotFoundError, ForbiddenError
        ConflictError: it is verified or cancelled.

    """
    row = _linkable(uow, actor, intervention_id)
    if store.unlink(uow.connection, row.id, report_id):
        note(uow, actor, row.id, "report_unlinked", now=now, details={"report_id": str(report_id)})
        _note_on_report(uow, actor, report_id, "intervention_unlinked", row.id, now=now)
    return row


def _linkable(uow: UnitOfWork, actor: Actor, intervention_id: UUID) -> InterventionRow:
    row = read(uow, actor, intervention_id)
    require_recording(actor)
    _require_own(row, actor)
    if not may_edit(row, actor):
        raise ConflictError(not_while(row))
    return row


def _link(uow: UnitOfWork, actor: Actor, intervention_id: UUID, report_id: UUID, *, now: datetime) -> bool:
    if not store.link(uow.connection, intervention_id, report_id, now):
        return False
    note(uow, actor, intervention_id, "report_linked", now=now, details={"report_id": str(report_id)})
    _note_on_report(uow, actor, report_id, "intervention_linked", intervention_id, now=now)
    return True


def note(
    uow: UnitOfWork, actor: Actor, intervention_id: UUID, kind: str, *, now: datetime, from_state: str | None = None,
    to_state: str | None = None, details: dict[str, Any] | None = None,
) -> None:  # fmt: skip
    store.add_event(
        uow.connection,
        {
            "intervention_id": intervention_id,
            "at": now,
            "kind": kind,
            "from_state": from_state,
            "to_state": to_state,
            "organisation_id": actor.organisation_id,
            "account_id": actor.user_id,
            "role": actor.role,
            "details": details or {},
        },
    )


def _note_on_report(
    uow: UnitOfWork, actor: Actor, report_id: UUID, kind: str, intervention_id: UUID, *, now: datetime
) -> None:
    moves_store.add_event(
        uow.connection,
        {
            "report_id": report_id,
            "at": now,
            "kind": kind,
            "from_state": None,
            "to_state": None,
            "organisation_id": actor.organisation_id,
            "account_id": actor.user_id,
            "role": actor.role,
            "details": {"intervention_id": str(intervention_id)},
        },
    )
