"""Use cases of duplicates: what is reported already, merging, unmerging, and what a report stands for (0016)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from flask_babel import gettext as _

from app.db.session import UnitOfWork
from app.errors import ConflictError, FieldError, ForbiddenError, InvalidInputError
from app.nomenclature.store import Nomenclature
from app.people.actor import Actor
from app.people.guards import require_role, require_signed_in, require_write
from app.photos.store import SUBJECTS, first_photos
from app.places.lattice import to_lambert93
from app.reports import actions, duplicates_store
from app.reports.duplicates_commands import MergeCommand
from app.reports.duplicates_recurrence import recurrences
from app.reports.duplicates_rules import MERGE_MOST_M, RECURRENT_FROM, can_keep, can_merge, state_after, who_may
from app.reports.duplicates_store import GroupRow, Kept, NearRow, Spot
from app.reports.moves import Said, changed_meanwhile, note
from app.reports.store import ReportRow, get_report
from app.reports.words import duration_label, state_label
from app.reports.workflow import Confirmations, State
from app.routing.deadlines import extended, runs_by_the_clock

MOST_SIMILAR = 3
MOST_MEMBERS = 50


@dataclass(frozen=True)
class Similar:
    """A report that may be of the same thing: what it stands for, and a photo of it that the actor may see."""

    row: NearRow
    group: GroupRow
    photo_id: UUID | None


@dataclass(frozen=True)
class Badge:
    """For a list: the nth report at its place (0: not worth saying), and how many were merged into it."""

    nth: int
    merged: int


@dataclass(frozen=True)
class Group:
    """What the page of a report says about duplicates."""

    merged: int
    confirmations: Confirmations
    # As far as the actor may see them, with their first photos.
    members: tuple[ReportRow, ...]
    photos: dict[UUID, UUID]
    # Of a merged one: what it counts with, and whether the actor may read that.
    kept: Kept | None
    kept_row: ReportRow | None
    # What it could be merged into, for those who may.
    candidates: tuple[Similar, ...]
    may_unmerge: bool


def similar(
    uow: UnitOfWork,
    actor: Actor,
    spot: Spot,
    *,
    leave_out: Collection[UUID] = (),
    restricted: bool | None = None,
    limit: int = MOST_SIMILAR,
) -> tuple[Similar, ...]:
    """The open reports at a spot that the actor may see: those of its very category first, then the nearest.

    Raises:
        NotSignedInError

    """
    require_signed_in(actor)
    rows = duplicates_store.open_near(uow.connection, spot, limit=limit, leave_out=leave_out, restricted=restricted)
    if not rows:
        return ()
    ids = [row.id for row in rows]
    groups = duplicates_store.groups(uow.connection, ids)
    photos = first_photos(uow.connection, SUBJECTS["reports"], ids)
    return tuple(Similar(row, groups[row.id], photos.get(row.id)) for row in rows)


def age(row: NearRow, now: datetime) -> str:
    """About how long ago it was seen, in words."""
    passed = now - row.observed_at
    return str(_("just now") if passed < timedelta(minutes=1) else _("%(time)s ago", time=duration_label(passed)))


def spot_of(row: ReportRow, nomenclature: Nomenclature) -> Spot:
    """The place that a report stands for: its theme within its category's distance."""
    category = nomenclature.category_by_code[row.category]
    return Spot(category.theme, category.code, row.lon, row.lat, category.duplicate_distance_m)


def group_of(uow: UnitOfWork, actor: Actor, row: ReportRow, nomenclature: Nomenclature) -> Group:
    """What a report that the actor has read stands for, and what may be done about duplicates of it."""
    found = duplicates_store.groups(uow.connection, [row.id])[row.id]
    members = duplicates_store.members(uow.connection, row.id, limit=MOST_MEMBERS) if found.merged else ()
    is_merged = row.state == "duplicate"
    kept = duplicates_store.kept(uow.connection, row.id) if is_merged else None
    may = actor.may_write and who_may(row, actor)
    candidates: tuple[Similar, ...] = ()
    if may and can_merge(row.state):
        leave_out = [row.id, *(member.id for member in members)]
        restricted = row.visibility == "restricted"
        spot = spot_of(row, nomenclature)
        candidates = similar(uow, actor, spot, leave_out=leave_out, restricted=restricted, limit=10)
    return Group(
        merged=found.merged,
        confirmations=found.confirmations,
        members=members,
        photos=first_photos(uow.connection, SUBJECTS["reports"], [one.id for one in members]) if members else {},
        kept=kept,
        kept_row=get_report(uow.connection, kept.id) if kept else None,
        candidates=candidates,
        may_unmerge=may and is_merged,
    )


def badges(uow: UnitOfWork, rows: Sequence[ReportRow], nomenclature: Nomenclature) -> dict[UUID, Badge]:
    """What a list says of those of its reports that stand for several or come back; two statements for a page."""
    if not rows:
        return {}
    again = recurrences(uow.connection, rows, nomenclature)
    nth = {found: one.nth for found, one in again.items() if one.nth >= RECURRENT_FROM}
    merged = {found: one.merged for found, one in duplicates_store.groups(uow.connection, [r.id for r in rows]).items()}
    made = {row.id: Badge(nth.get(row.id, 0), merged[row.id]) for row in rows}
    return {report_id: badge for report_id, badge in made.items() if badge.nth or badge.merged}


# ── merging ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def merge(
    uow: UnitOfWork, actor: Actor, report_id: UUID, command: MergeCommand, *, nomenclature: Nomenclature, now: datetime
) -> ReportRow:
    """Say that a report is of the same thing as another one, which is kept. Returns the merged one as it is then.

    When the other one is itself a duplicate, the one that it counts with is kept.

    Raises:
        NotFoundError: no such report, or none that the actor may see.
        ForbiddenError: neither the organisation that answers for it nor the coordination.
        ConflictError: it changed since it was looked at, its state or the kept one's does not allow it, or the kept one
            is already merged into it.
        InvalidInputError: `into` is no report that the actor may see, or cannot be the same thing.

    """
    require_role(actor, "partner", "coordinator")
    require_write(actor)
    # First nobody else merges, so that what is kept stays so; then nobody changes the two reports; then they are read.
    duplicates_store.lock_for_merge(uow.connection, [])
    kept_id = _kept_id(uow, report_id, command.into)
    duplicates_store.lock_for_merge(uow.connection, [report_id, kept_id])
    row = actions.read(uow, report_id)
    _require_version(row, command.version)
    if not who_may(row, actor):
        raise ForbiddenError("merging is for the organisation that answers for the report and the coordination")
    if not can_merge(row.state):
        raise ConflictError(_("A report that is “%(state)s” cannot be merged.", state=state_label(row.state)))
    kept = _keepable(uow, row, kept_id)
    _store(uow, row, "duplicate", kept.id, _stood(row, row.paused_at, nomenclature, now))
    note(uow, actor, row.id, Said("merge", now, row.state, "duplicate", {"into": str(kept.id)}))
    note(uow, actor, kept.id, Said("merge_in", now, details={"report": str(row.id)}))
    return actions.read(uow, row.id)


def unmerge(
    uow: UnitOfWork, actor: Actor, report_id: UUID, *, version: int, nomenclature: Nomenclature, now: datetime
) -> ReportRow:
    """Say that a report is of another thing after all: it is again what it was before, with the time that it had left.

    Raises:
        NotFoundError, ForbiddenError: as for merging.
        ConflictError: it changed since it was looked at, or is no duplicate.

    """
    require_role(actor, "partner", "coordinator")
    require_write(actor)
    duplicates_store.lock_for_merge(uow.connection, [report_id])
    row = actions.read(uow, report_id)
    _require_version(row, version)
    if not who_may(row, actor):
        raise ForbiddenError("unmerging is for the organisation that answers for the report and the coordination")
    if row.state != "duplicate":
        raise ConflictError(_("This report is not merged: it is “%(state)s”.", state=state_label(row.state)))
    kept, before = duplicates_store.kept(uow.connection, row.id), duplicates_store.before_merge(uow.connection, row.id)
    state = state_after(before.state if before else None)
    _store(uow, row, state, None, _stood(row, before.at if before else None, nomenclature, now))
    note(uow, actor, row.id, Said("unmerge", now, "duplicate", state, {"from": str(kept.id)} if kept else {}))
    if kept:
        note(uow, actor, kept.id, Said("merge_out", now, details={"report": str(row.id)}))
    return actions.read(uow, row.id)


def merge_all(
    uow: UnitOfWork,
    actor: Actor,
    versions: Sequence[tuple[UUID, int]],
    into: UUID,
    *,
    nomenclature: Nomenclature,
    now: datetime,
) -> int:
    """Merge several reports (id and version as seen) into one, all or nothing. Returns how many. Raises as `merge`."""
    # All at once and in one order: two such changes then wait for each other instead of blocking each other.
    duplicates_store.lock_for_merge(uow.connection, [into, *(report_id for report_id, _version in versions)])
    for report_id, version in versions:
        command = MergeCommand(into=into, version=version)
        merge(uow, actor, report_id, command, nomenclature=nomenclature, now=now)
    return len(versions)


def _require_version(row: ReportRow, seen: int) -> None:
    if seen != row.version:
        raise changed_meanwhile(row)


def _kept_id(uow: UnitOfWork, report_id: UUID, into: UUID) -> UUID:
    """The report that `into` counts with, if the actor may see both."""
    actions.read(uow, report_id)
    if into == report_id:
        raise _no_good(_("A report is not merged into itself. Choose another one."), "same")
    if get_report(uow.connection, into) is None:
        raise _no_good(_("There is no such report to keep."), "unknown")
    kept = duplicates_store.kept(uow.connection, into)
    kept_id = kept.id if kept else into
    if kept_id == report_id:
        raise ConflictError(_("The report to keep is already merged into this one. Unmerge it first."))
    return kept_id


def _keepable(uow: UnitOfWork, row: ReportRow, kept_id: UUID) -> ReportRow:
    """The report to keep, if it can be the same thing."""
    kept = get_report(uow.connection, kept_id)
    if kept is None:
        raise _no_good(_("There is no such report to keep."), "unknown")
    if (kept.visibility == "restricted") != (row.visibility == "restricted"):
        raise _no_good(_("A restricted report is merged with restricted ones only."), "restricted")
    distance_m = _distance_m(row, kept)
    if distance_m > MERGE_MOST_M:
        message = _("The two reports are %(metres)d m apart: that is not the same place.", metres=round(distance_m))
        raise _no_good(message, "far")
    if not can_keep(kept.state):
        message = _("The report to keep is “%(state)s”: keep one that is still open.", state=state_label(kept.state))
        raise ConflictError(message)
    return kept


def _no_good(message: str, code: str) -> InvalidInputError:
    return InvalidInputError([FieldError("into", message, code)])


def _distance_m(one: ReportRow, other: ReportRow) -> float:
    east, north = to_lambert93([one.lon, other.lon], [one.lat, other.lat])  # type: ignore[arg-type]
    return float(((east[0] - east[1]) ** 2 + (north[0] - north[1]) ** 2) ** 0.5)


def _stood(row: ReportRow, since: datetime | None, nomenclature: Nomenclature, now: datetime) -> dict[str, Any]:
    """What it changes that nobody was expected to work on it since then, because of a question or of a merge."""
    if since is None:
        return {"due_at": row.due_at, "stood_s": 0}
    by_the_clock = runs_by_the_clock(nomenclature.category_by_code[row.category].deadline_hours, row.severity)
    due_at = row.due_at and extended(row.due_at, since, now, by_the_clock=by_the_clock)
    return {"due_at": due_at, "stood_s": max(0, round((now - since).total_seconds()))}


def _store(uow: UnitOfWork, row: ReportRow, state: State, into: UUID | None, stood: dict[str, Any]) -> None:
    values = stood | {"state": state, "duplicate_of": into, "id": row.id, "version": row.version}
    if not duplicates_store.set_merged(uow.connection, values):
        raise changed_meanwhile(row)
