"""Use cases of patrols: one each, inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from flask_babel import format_date
from flask_babel import gettext as _

from app.db.session import UnitOfWork
from app.errors import ChangedError, ConflictError, FieldError, ForbiddenError, InvalidInputError, NotFoundError
from app.nomenclature.store import Nomenclature
from app.patrols import store
from app.patrols.commands import MoveCommand, PassageCommand, PatrolCommand, StopCommand
from app.patrols.rules import MOVES, WALKERS, Move, allowed_moves, is_own, may_pass, may_walk
from app.patrols.store import ChoosablePlace, Cursor, PassageRow, PatrolRow, StopRow
from app.patrols.words import kind_label, state_label
from app.people.actor import Actor
from app.people.guards import require_role, require_signed_in, require_write
from app.places.lattice import cells_of
from app.reports.actions import submit
from app.reports.commands import ReportCommand
from app.reports.filters import LOCAL_ZONE
from app.reports.store import EventRow, ReportRow

PAGE = 50
LISTED_MOST = 200


@dataclass(frozen=True)
class Page:
    """One page of a list; `after` leads to the next one, None on the last."""

    rows: tuple[PatrolRow, ...]
    after: Cursor | None


@dataclass(frozen=True)
class Whole:
    """A patrol with everything on it, as one actor may see it."""

    row: PatrolRow
    stops: tuple[StopRow, ...]
    passages: tuple[PassageRow, ...]
    reports: dict[UUID, ReportRow]

    @property
    def passages_of_stop(self) -> dict[int, list[PassageRow]]:
        """Stop id → its passages in time order."""
        found: dict[int, list[PassageRow]] = {}
        for passage in self.passages:
            if passage.stop_id is not None:
                found.setdefault(passage.stop_id, []).append(passage)
        return found

    @property
    def left(self) -> list[StopRow]:
        """The stops where nobody has looked yet."""
        seen = self.passages_of_stop
        return [stop for stop in self.stops if stop.id not in seen]


def require_walking(actor: Actor) -> None:
    """Who may go on patrol: agents, partners and coordinators, with a scope that writes.

    Raises:
        NotSignedInError, ForbiddenError

    """
    require_role(actor, *WALKERS)  # type: ignore[arg-type]
    require_write(actor)


def require_looking(actor: Actor) -> None:
    """Who may look at patrols: those who go, and planners.

    Raises:
        NotSignedInError, ForbiddenError

    """
    require_role(actor, "agent", "partner", "coordinator", "planner")


def record(
    uow: UnitOfWork, actor: Actor, command: PatrolCommand, *, source: str, now: datetime
) -> tuple[PatrolRow, bool]:
    """Store a patrol of the actor's organisation once. Returns it and whether it is new.

    Raises:
        NotSignedInError, ForbiddenError
        ConflictError: the id is taken by something else.
        InvalidInputError: a stop's place is unknown or closed.

    """
    require_walking(actor)
    body_sha256 = command.body_sha256()
    stops = _stops(uow, actor, command.stops)
    planned_at = command.planned_at or now
    values = {
        "id": command.id,
        "kind": command.kind,
        "title": command.title or _title(command.kind, planned_at),
        "state": command.state,
        "planned_at": planned_at,
        "started_at": min(planned_at, now) if command.state == "open" else None,
        "ended_at": None,
        "note": command.note,
        "organisation_id": actor.organisation_id,
        "author_account_id": actor.user_id,
        "source": source,
        "is_synthetic": False,
        "body_sha256": body_sha256,
        "now": now,
    }
    if not store.add(uow.connection, values):
        if not store.is_same_body(uow.connection, command.id, body_sha256, actor.user_id):
            raise ConflictError(_("This id already belongs to another patrol."))
        return read(uow, actor, command.id), False
    store.add_stops(uow.connection, [stop | {"patrol_id": command.id} for stop in stops])
    store.add_participants(uow.connection, command.id, command.participants)
    note(uow, actor, command.id, "created", now=now, to_state=command.state, details={"source": source})
    return read(uow, actor, command.id), True


def _title(kind: str, day: datetime) -> str:
    return f"{kind_label(kind)} · {format_date(day.astimezone(LOCAL_ZONE).date(), 'd MMMM y')}"


def _stops(uow: UnitOfWork, actor: Actor, wanted: Sequence[StopCommand]) -> list[dict[str, Any]]:
    ids = [stop.place_id for stop in wanted if stop.place_id is not None]
    known = store.places(uow.connection, ids, actor.organisation_id) if ids else {}
    rows: list[dict[str, Any]] = []
    for position, stop in enumerate(wanted, 1):
        lon, lat, name = stop.lon, stop.lat, stop.name
        if stop.place_id is not None:
            place = _known(known, stop.place_id, "stops")
            lon, lat, name = place.lon, place.lat, name or place.name
        where = {"place_id": stop.place_id, "name": name, "lon": lon, "lat": lat}
        rows.append({"position": position, "note": stop.note} | where)
    return rows


def _known(known: dict[int, ChoosablePlace], place_id: int, field: str) -> ChoosablePlace:
    if place_id not in known:
        message = _("Place %(id)s is not known, or closed. Choose another one.", id=place_id)
        raise InvalidInputError([FieldError(field, message, "unknown")])
    return known[place_id]


def read(uow: UnitOfWork, actor: Actor, patrol_id: UUID) -> PatrolRow:
    """One patrol.

    Raises:
        NotSignedInError
        NotFoundError: there is none, or none that the actor may see.

    """
    require_signed_in(actor)
    row = store.get(uow.connection, patrol_id)
    if row is None:
        raise NotFoundError("patrol", patrol_id)
    return row


def read_whole(uow: UnitOfWork, actor: Actor, patrol_id: UUID) -> Whole:
    """One patrol with its stops, passages and reports.

    Raises:
        NotSignedInError
        NotFoundError: there is none, or none that the actor may see.

    """
    row = read(uow, actor, patrol_id)
    connection = uow.connection
    reports = {report.id: report for report in store.reports_of(connection, patrol_id)}
    return Whole(row, store.stops(connection, patrol_id), store.passages(connection, patrol_id), reports)


def history(uow: UnitOfWork, patrol_id: UUID) -> tuple[EventRow, ...]:
    """Everything that happened to a patrol, oldest first."""
    return store.events(uow.connection, patrol_id)


def list_page(uow: UnitOfWork, actor: Actor, *, state: str, kind: str, after: Cursor | None, limit: int = PAGE) -> Page:
    """So many patrols that the actor may see, the latest first.

    Raises:
        NotSignedInError, ForbiddenError

    """
    require_looking(actor)
    rows = store.listed(uow.connection, limit=limit + 1, state=state, kind=kind, after=after)
    kept = rows[:limit]
    return Page(kept, Cursor(kept[-1].starts_at, kept[-1].id) if len(rows) > limit else None)


def possible_moves(row: PatrolRow, actor: Actor) -> tuple[Move, ...]:
    """What this actor may do with it now; nothing with a scope that only reads."""
    return allowed_moves(row, actor) if actor.may_write else ()


def make_move(uow: UnitOfWork, actor: Actor, patrol_id: UUID, command: MoveCommand, *, now: datetime) -> PatrolRow:
    """Start, end or cancel.

    Raises:
        NotSignedInError, NotFoundError
        ForbiddenError: another organisation's.
        ConflictError: it changed since it was looked at, or its state does not allow the move.

    """
    row, move = _own(uow, actor, patrol_id), MOVES[command.move]
    if row.version != command.version:
        raise changed_meanwhile(row)
    if row.state not in move.from_states:
        raise ConflictError(_not_while(row))
    started_at = now if command.move == "start" else row.started_at
    values = {
        "id": row.id,
        "version": row.version,
        "state": move.to_state,
        "started_at": started_at,
        "ended_at": max(now, started_at or now) if command.move == "finish" else None,
        "note": command.note or row.note,
    }
    if not store.move(uow.connection, values):
        raise changed_meanwhile(row)
    note(uow, actor, row.id, command.move, now=now, from_state=row.state, to_state=move.to_state)
    return read(uow, actor, row.id)


def _own(uow: UnitOfWork, actor: Actor, patrol_id: UUID) -> PatrolRow:
    row = read(uow, actor, patrol_id)
    require_walking(actor)
    if not is_own(row, actor):
        raise ForbiddenError("only the organisation that goes on this patrol may do this")
    return row


def pass_by(
    uow: UnitOfWork, actor: Actor, patrol_id: UUID, command: PassageCommand, *, now: datetime
) -> tuple[PassageRow, bool]:
    """Store a passage once; the same body sent again gives the stored one, also after the end of the patrol.

    The first one begins a patrol that was planned: without a network nobody could start it.
    A report that is named need not have arrived yet: without a network the passage may come first.

    Raises:
        NotSignedInError, NotFoundError, ForbiddenError
        ConflictError: the id is taken by something else, the passage was taken back, or the patrol has ended.
        InvalidInputError: the stop or the place is unknown.

    """
    row = _own(uow, actor, patrol_id)
    body_sha256 = command.body_sha256()
    if store.is_same_passage(uow.connection, patrol_id, command.id, body_sha256):
        return _passage(uow, patrol_id, command.id), False
    if not may_pass(row, actor):
        raise ConflictError(_not_while(row))
    if store.was_removed(uow.connection, patrol_id, command.id):  # a phone that did not get the answer sends it again
        raise ConflictError(_("This passage was taken back. If somebody passed there, record it anew."))
    passed_at = command.passed_at or now
    place = _place_of(uow, actor, patrol_id, command)
    if row.state == "planned":
        _begin(uow, actor, row, started_at=min(passed_at, now), now=now)
    values = place | {
        "id": command.id,
        "patrol_id": patrol_id,
        "passed_at": passed_at,
        "outcome": command.outcome,
        "note": command.note,
        "body_sha256": body_sha256,
        "now": now,
    }
    if not store.add_passage(uow.connection, values, list(dict.fromkeys(command.reports))):
        if store.is_same_passage(uow.connection, patrol_id, command.id, body_sha256):  # sent twice at the same moment
            return _passage(uow, patrol_id, command.id), False
        raise ConflictError(_("This id already belongs to another passage."))
    return _passage(uow, patrol_id, command.id), True


def _begin(uow: UnitOfWork, actor: Actor, row: PatrolRow, *, started_at: datetime, now: datetime) -> None:
    values = {"id": row.id, "version": row.version, "state": "open", "started_at": started_at, "ended_at": None}
    if store.move(uow.connection, values | {"note": row.note}):
        return note(uow, actor, row.id, "start", now=now, from_state="planned", to_state="open")
    meanwhile = read(uow, actor, row.id)  # another phone began it at the same moment, or it was cancelled
    if not may_walk(meanwhile, actor):
        raise ConflictError(_not_while(meanwhile))
    return None


def _passage(uow: UnitOfWork, patrol_id: UUID, passage_id: UUID) -> PassageRow:
    found = store.get_passage(uow.connection, patrol_id, passage_id)
    assert found is not None
    return found


def _place_of(uow: UnitOfWork, actor: Actor, patrol_id: UUID, command: PassageCommand) -> dict[str, Any]:
    stop_id, place_id, name = None, command.place_id, None
    if command.stop is not None:
        stop = next((one for one in store.stops(uow.connection, patrol_id) if one.position == command.stop), None)
        if stop is None:
            message = _("This round has no stop number %(number)s.", number=command.stop)
            raise InvalidInputError([FieldError("stop", message, "unknown")])
        stop_id, place_id, lon, lat = stop.id, stop.place_id, stop.lon, stop.lat
    elif place_id is not None:
        place = _known(store.places(uow.connection, [place_id], actor.organisation_id), place_id, "place_id")
        name, lon, lat = place.name, place.lon, place.lat
    if command.lon is not None and command.lat is not None:  # where the phone really was
        lon, lat = command.lon, command.lat
    cell_25m = int(cells_of([lon], [lat])[0])  # type: ignore[arg-type]
    return {"stop_id": stop_id, "place_id": place_id, "name": name, "lon": lon, "lat": lat, "cell_25m": cell_25m}


def observe(
    uow: UnitOfWork, actor: Actor, patrol_id: UUID, passage: PassageCommand, report: ReportCommand, *,
    nomenclature: Nomenclature, now: datetime,
) -> PassageRow:  # fmt: skip
    """Store a report and the passage on which it was made: both or neither.

    Raises:
        as pass_by and app.reports.actions.submit

    """
    submit(uow, actor, report, nomenclature=nomenclature, source="form", now=now)
    return pass_by(uow, actor, patrol_id, passage, now=now)[0]


def take_back(uow: UnitOfWork, actor: Actor, patrol_id: UUID, passage_id: UUID, *, now: datetime) -> PassageRow:
    """Remove a passage recorded by mistake, while the patrol is under way. Its reports stay. Gives what it was.

    Raises:
        NotSignedInError, NotFoundError, ForbiddenError
        ConflictError: the patrol has ended.

    """
    row = _own(uow, actor, patrol_id)
    if not may_walk(row, actor):
        raise ConflictError(_not_while(row))
    passage = store.get_passage(uow.connection, patrol_id, passage_id)
    if passage is None or not store.remove_passage(uow.connection, patrol_id, passage_id):
        raise NotFoundError("passage", passage_id)
    details = {
        "passage": str(passage_id),
        "name": passage.name,
        "outcome": passage.outcome,
        "passed_at": passage.passed_at.isoformat(),
    }
    note(uow, actor, patrol_id, "passage_removed", now=now, details=details)
    return passage


def _not_while(row: PatrolRow) -> str:
    return str(_("This is not possible while the patrol is “%(state)s”.", state=state_label(row.state)))


def changed_meanwhile(row: PatrolRow) -> ChangedError:
    """What to say when the version is another one."""
    message = _(
        "Somebody else changed this patrol in the meantime: it is now “%(state)s”. Nothing of yours was stored; look at"
        " it again.",
        state=state_label(row.state),
    )
    return ChangedError(message)


def note(
    uow: UnitOfWork, actor: Actor, patrol_id: UUID, kind: str, *, now: datetime, from_state: str | None = None,
    to_state: str | None = None, details: dict[str, Any] | None = None,
) -> None:  # fmt: skip
    """One more line of history."""
    store.add_event(
        uow.connection,
        {
            "patrol_id": patrol_id,
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
