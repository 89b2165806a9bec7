"""Use cases of routing: coordinators edit the rules, try them out, and see beforehand what a change would do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from flask_babel import gettext as _

from app.db.session import UnitOfWork
from app.errors import ConflictError, FieldError, InvalidInputError, NotFoundError
from app.people.actor import Actor
from app.people.guards import require_role, require_write
from app.people.store import get_organisation
from app.routing import store
from app.routing.commands import RuleCommand, TryCommand
from app.routing.store import RecentReport, Routed, RuleRow

PREVIEW = timedelta(days=30)
PREVIEW_MOST = 5000


@dataclass(frozen=True)
class Moved:
    """A report that would go elsewhere."""

    before: RecentReport
    after: RecentReport


@dataclass(frozen=True)
class Preview:
    """What a change would have done to the reports of the last thirty days, the newest first."""

    looked_at: int
    is_cut: bool
    moved: tuple[Moved, ...]


def require_coordinator(actor: Actor, *, write: bool = False) -> None:
    """Who makes the rules.

    Raises:
        NotSignedInError, ForbiddenError

    """
    require_role(actor, "coordinator")
    if write:
        require_write(actor)


def rules(uow: UnitOfWork, actor: Actor) -> tuple[RuleRow, ...]:
    """Every rule in the order in which they are tried."""
    require_coordinator(actor)
    return store.list_rules(uow.connection)


def read_rule(uow: UnitOfWork, actor: Actor, rule_id: int) -> RuleRow:
    """One rule.

    Raises:
        NotFoundError

    """
    require_coordinator(actor)
    found = store.get_rule(uow.connection, rule_id)
    if found is None:
        raise NotFoundError("routing rule", rule_id)
    return found


def save_rule(uow: UnitOfWork, actor: Actor, rule_id: int | None, command: RuleCommand) -> int:
    """Add a rule (rule_id None) or change one; its id.

    Raises:
        NotFoundError: there is no such rule.
        ConflictError: somebody else changed it since it was looked at.
        InvalidInputError: the organisation or the place is not known.

    """
    require_coordinator(actor, write=True)
    organisation = get_organisation(uow.connection, command.organisation)
    errors = []
    if organisation is None:
        message = _("There is no such organisation. Choose one from the list.")
        errors.append(FieldError("organisation", message, "unknown"))
    if command.zone_place_id is not None and command.zone_place_id not in {
        p.id for p in store.zone_places(uow.connection)
    }:
        errors.append(FieldError("zone_place_id", _("Choose a place from the list, or none."), "unknown"))
    if errors or organisation is None:
        raise InvalidInputError(errors)
    if rule_id is None:
        rule_id = store.add_rule(uow.connection, command, organisation.id)
    else:
        read_rule(uow, actor, rule_id)
        if not store.change_rule(uow.connection, rule_id, command, organisation.id):
            raise ConflictError(_("Somebody else changed this rule in the meantime. Look at it again before you save."))
    if command.position is not None:
        _put(uow, rule_id, command.position - 1)
    return rule_id


def _put(uow: UnitOfWork, rule_id: int, index: int) -> None:
    ids = [one for one in store.lock_order(uow.connection) if one != rule_id]
    ids.insert(max(index, 0), rule_id)
    store.set_order(uow.connection, ids)


def shift_rule(uow: UnitOfWork, actor: Actor, rule_id: int, *, up: bool) -> None:
    """One step up or down in the order; the first stays first, the last last.

    Raises:
        NotFoundError

    """
    require_coordinator(actor, write=True)
    ids = store.lock_order(uow.connection)
    if rule_id not in ids:
        raise NotFoundError("routing rule", rule_id)
    _put(uow, rule_id, ids.index(rule_id) + (-1 if up else 1))


def switch_rule(uow: UnitOfWork, actor: Actor, rule_id: int, *, active: bool) -> None:
    """Switch a rule on or off.

    Raises:
        NotFoundError

    """
    require_coordinator(actor, write=True)
    if not store.switch_rule(uow.connection, rule_id, active=active):
        raise NotFoundError("routing rule", rule_id)


def preview(uow: UnitOfWork, actor: Actor, rule_id: int | None, command: RuleCommand, *, now: datetime) -> Preview:
    """What saving would have done: really saved, looked at by the same function that routes, and taken back.

    Raises:
        As save_rule.

    """
    before = store.recent_reports(uow.connection, now - PREVIEW, limit=PREVIEW_MOST + 1)
    savepoint = uow.connection.begin_nested()
    try:
        save_rule(uow, actor, rule_id, command)
        after = {row.id: row for row in store.recent_reports(uow.connection, now - PREVIEW, limit=PREVIEW_MOST + 1)}
    finally:
        savepoint.rollback()
    kept = before[:PREVIEW_MOST]
    pairs = ((row, after[row.id]) for row in kept if row.id in after)
    moved = tuple(Moved(old, new) for old, new in pairs if _answer(old) != _answer(new))
    return Preview(len(kept), len(before) > PREVIEW_MOST, moved)


def _answer(row: RecentReport) -> tuple[object, ...]:
    """Who answers: one organisation, or the candidates."""
    return (row.organisation_id, *(one["organisation_id"] for one in row.details.get("candidates", ())))


def try_out(uow: UnitOfWork, actor: Actor, wanted: TryCommand) -> Routed:
    """Where a made-up report would go, and why."""
    require_coordinator(actor)
    return store.route(uow.connection, wanted)
