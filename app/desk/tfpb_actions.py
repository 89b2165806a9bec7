"""Use cases of the TFPB ledger: a landlord keeps its own, the coordination sees all."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import groupby
from uuid import UUID

from flask_babel import gettext as _

from app.db.session import UnitOfWork
from app.desk import tfpb_store as store
from app.desk.tfpb_commands import EntryCommand
from app.desk.tfpb_store import Entry
from app.errors import ConflictError, FieldError, ForbiddenError, InvalidInputError
from app.interventions import actions as interventions
from app.interventions.store import InterventionRow
from app.people.actor import Actor
from app.people.guards import require_role, require_write
from app.people.store import Organisation, list_organisations


@dataclass(frozen=True)
class Line:
    """One line of the yearly table: landlord × QPV × axis, with the entries behind it."""

    organisation: str
    qpv_code: str | None
    qpv: str | None
    axis_fr: str
    axis_en: str
    entries: tuple[Entry, ...]

    def axis_label(self, locale: str) -> str:
        """The axis in the reader's language."""
        return self.axis_en if locale == "en" else self.axis_fr

    @property
    def amount_eur(self) -> Decimal:
        """What was spent."""
        return sum((entry.amount_eur for entry in self.entries), Decimal(0))

    @property
    def reports(self) -> int:
        """Links to reports; one that several interventions answer counts for each."""
        return sum(entry.reports for entry in self.entries)

    @property
    def photos(self) -> int:
        """Photos of the interventions."""
        return sum(entry.photos for entry in self.entries)


@dataclass(frozen=True)
class Ledger:
    """One year as the actor may see it."""

    year: int
    lines: tuple[Line, ...]

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Every entry, in the order of the lines."""
        return tuple(entry for line in self.lines for entry in line.entries)

    @property
    def amount_eur(self) -> Decimal:
        """The year's sum."""
        return sum((line.amount_eur for line in self.lines), Decimal(0))

    def by_landlord(self) -> tuple[tuple[str, tuple[Line, ...]], ...]:
        """The lines of each landlord."""
        return tuple((name, tuple(lines)) for name, lines in groupby(self.lines, key=lambda line: line.organisation))


def lines_of(entries: Iterable[Entry]) -> tuple[Line, ...]:
    """Entries, sorted by landlord, QPV and axis, as lines."""
    made = []
    grouped = groupby(entries, key=lambda e: (e.organisation_slug, e.qpv_place_id, e.axis))
    for _key, group in grouped:
        kept = tuple(group)
        one = kept[0]
        made.append(Line(one.organisation, one.qpv_code, one.qpv, one.axis_fr, one.axis_en, kept))
    return tuple(made)


def landlords(uow: UnitOfWork, actor: Actor) -> tuple[Organisation, ...]:
    """The landlords whose ledger the actor may see: its own organisation's, or all for the coordination.

    Raises:
        NotSignedInError
        ForbiddenError: neither a landlord nor the coordination.

    """
    require_role(actor, "partner", "coordinator")
    known = list_organisations(uow.connection, "landlord")
    if actor.role == "partner":
        known = tuple(one for one in known if one.id == actor.organisation_id)
        if not known:
            raise ForbiddenError("only landlords and the coordination keep the ledger")
    return known


def ledger(uow: UnitOfWork, actor: Actor, year: int, organisation: str | None) -> Ledger:
    """The yearly table, of one landlord (a slug) or of all that the actor may see.

    Raises:
        NotSignedInError, ForbiddenError
        InvalidInputError: no such landlord, or none of the actor's.

    """
    known = landlords(uow, actor)
    if organisation and organisation not in {one.slug for one in known}:
        raise InvalidInputError([FieldError("organisation", _("Choose a landlord from the list."), "unknown")])
    return Ledger(year, lines_of(store.entries(uow.connection, year, organisation or None)))


def may_enter(row: InterventionRow, actor: Actor) -> bool:
    """Whether this actor keeps the ledger's entry of an intervention."""
    is_own = actor.role == "partner" and row.organisation_id == actor.organisation_id
    return row.organisation_kind == "landlord" and (is_own or actor.role == "coordinator")


def _require_entering(uow: UnitOfWork, actor: Actor, intervention_id: UUID) -> InterventionRow:
    row = interventions.read(uow, actor, intervention_id)
    require_role(actor, "partner", "coordinator")
    require_write(actor)
    if not may_enter(row, actor):
        raise ForbiddenError("only the landlord that did the work and the coordination enter it")
    return row


def enter(uow: UnitOfWork, actor: Actor, intervention_id: UUID, command: EntryCommand, *, now: datetime) -> Entry:
    """Claim an intervention for an axis and a year, or change what was claimed.

    Raises:
        NotSignedInError, NotFoundError, ForbiddenError
        ConflictError: it was cancelled, or somebody else changed the entry meanwhile.
        InvalidInputError: the place is no priority neighbourhood.

    """
    row = _require_entering(uow, actor, intervention_id)
    if row.state == "cancelled":
        raise ConflictError(_("A cancelled intervention cannot be claimed."))
    if command.qpv_place_id is not None and not store.is_qpv(uow.connection, command.qpv_place_id):
        message = _("Choose a priority neighbourhood from the list, or none.")
        raise InvalidInputError([FieldError("qpv_place_id", message, "unknown")])
    values = vars(command) | {"id": row.id, "organisation_id": row.organisation_id, "now": now}
    if not store.save(uow.connection, values):
        raise ConflictError(_("Somebody else has just changed this entry. Look again, then decide."))
    interventions.note(uow, actor, row.id, "tfpb_set", now=now)
    entry = store.get(uow.connection, row.id)
    assert entry is not None
    return entry


def take_out(uow: UnitOfWork, actor: Actor, intervention_id: UUID, *, now: datetime) -> None:
    """Claim it no longer; no error when it was not claimed.

    Raises:
        NotSignedInError, NotFoundError, ForbiddenError

    """
    row = _require_entering(uow, actor, intervention_id)
    if store.remove(uow.connection, row.id):
        interventions.note(uow, actor, row.id, "tfpb_removed", now=now)
