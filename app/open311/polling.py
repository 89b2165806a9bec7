"""What remotes say of the reports that went there, made into moves of our own workflow. Never backwards."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from flask_babel import gettext as _

from app.db.session import UnitOfWork, unit_of_work
from app.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError
from app.jobs.alone import alone
from app.jobs.registry import Work
from app.nomenclature.store import Nomenclature, load_nomenclature
from app.open311 import remotes_store as store
from app.open311.client import RemoteError, Server, Theirs
from app.open311.following import Target, Way, fit_to_keep, target_of, way_to
from app.open311.pushing import CONTACT_ERRORS, as_partner, server_of
from app.open311.remotes_store import Push, Remote
from app.people.actor import SYSTEM
from app.people.sealed import UnreadableSecretError
from app.reports import actions as reports
from app.reports.moves import Said, make_move, note
from app.reports.moves_commands import parse_move
from app.reports.workflow import MoveName
from app.web.logs import get_logger
from app.web.outgoing import described

# Ids in one request: an address stays well under two thousand characters.
AT_ONCE = 40
# A remote may take up again what it had closed; after so long nobody asks any more.
FOLLOWED_AFTER_CLOSING = timedelta(days=30)


def poll_all(work: Work) -> None:
    """Ask every remote how far it is."""
    with unit_of_work(work.engine, SYSTEM) as uow:
        remotes = store.list_remotes(uow.connection)
        nomenclature = load_nomenclature(uow.connection)
    for remote in remotes:
        if remote.active and not (remote.is_synthetic and not work.settings.demo_sends):
            poll(work, remote, nomenclature)


def poll(work: Work, remote: Remote, nomenclature: Nomenclature) -> None:
    """Ask one remote about all that is there and not over. What goes wrong is noted at the remote."""
    with alone(work.engine, f"open311 poll {remote.id}") as is_alone:
        if not is_alone:
            return
        error: str | None = None
        try:
            server = server_of(remote, work.settings.secret_key, allow_private=work.settings.webhook_private)
            _ask(work, remote, server, nomenclature)
        except UnreadableSecretError:
            error = "unreadable_secret"
        except CONTACT_ERRORS as failed:
            error = str(failed) if isinstance(failed, RemoteError) else described(failed)
        now = datetime.now(UTC)
        with unit_of_work(work.engine, SYSTEM) as uow:
            store.note_contact(uow.connection, remote.id, error and error[:300], now=None if error else now)
            store.end_following(uow.connection, remote.id, now - FOLLOWED_AFTER_CLOSING)


def _ask(work: Work, remote: Remote, server: Server, nomenclature: Nomenclature) -> None:
    with unit_of_work(work.engine, SYSTEM) as uow:
        pushes = store.followed(uow.connection, remote.id)
    by_id = _by_id(work, server, pushes)
    for ids in batched_ids(tuple(by_id)):
        for theirs in server.changed(ids):
            for push in by_id.get(theirs.service_request_id, ()):
                follow(work, remote, push, theirs, nomenclature)


def batched_ids(ids: Sequence[str]) -> list[tuple[str, ...]]:
    """The ids in groups that one address can hold."""
    return [tuple(ids[start : start + AT_ONCE]) for start in range(0, len(ids), AT_ONCE)]


def _by_id(work: Work, server: Server, pushes: Sequence[Push]) -> dict[str, list[Push]]:
    """The pushes by the remote's id; tokens are exchanged for ids where that is possible by now."""
    found: dict[str, list[Push]] = {}
    for push in pushes:
        request_id = push.service_request_id
        if request_id is None and push.token is not None:
            try:
                request_id = server.id_of(push.token)
            except RemoteError:  # not yet: the specification leaves open how that is said
                continue
            if request_id is not None:
                with unit_of_work(work.engine, SYSTEM) as uow:
                    store.note_id(uow.connection, push.id, request_id[:200])
        if request_id is not None:
            found.setdefault(request_id, []).append(push)
    return found


def follow(work: Work, remote: Remote, push: Push, theirs: Theirs, nomenclature: Nomenclature) -> None:
    """Bring our report to where theirs is, once for each thing that the remote says."""
    heard = "/".join(part for part in (theirs.status.strip().lower(), theirs.state) if part)[:100]
    if heard == push.remote_state:
        return
    now = datetime.now(UTC)
    target = target_of(theirs.status, theirs.state)
    try:
        with unit_of_work(work.engine, as_partner(remote)) as uow:
            contradicts = _move(uow, remote, push, target, theirs, nomenclature, now=now)
    except ConflictError as conflict:  # somebody moved it at this very moment: looked at again with the next poll
        get_logger().info("open311 report changed meanwhile", report=str(push.report_id), said=conflict.message)
        return
    except (ForbiddenError, NotFoundError, InvalidInputError):  # transferred, or out of its organisation's sight
        contradicts = target != "open"
    with unit_of_work(work.engine, SYSTEM) as uow:
        store.note_heard(uow.connection, push.id, heard, now=now)
        if contradicts:
            said = _("%(remote)s says: %(status)s.", remote=remote.name, status=fit_to_keep(theirs.notes) or heard)
            details = {"text": said, "remote": remote.name, "status": heard}
            note(uow, as_partner(remote), push.report_id, Said("open311_conflict", now, details=details))


def _move(  # noqa: PLR0917
    uow: UnitOfWork,
    remote: Remote,
    push: Push,
    target: Target,
    theirs: Theirs,
    nomenclature: Nomenclature,
    *,
    now: datetime,
) -> bool:
    """All moves of the way in one transaction; whether the remote contradicts us instead."""
    row = reports.read(uow, push.report_id)
    way: Way = way_to(target, row.state, push.remote_state)
    if way.moves and row.organisation_id != remote.organisation_id:
        return True
    for name in way.moves:
        command = parse_move({"move": name, "version": row.version} | _said(name, remote, theirs))
        row = make_move(uow, as_partner(remote), push.report_id, command, nomenclature=nomenclature, now=now)
    return way.contradicts


def _said(name: MoveName, remote: Remote, theirs: Theirs) -> dict[str, Any]:
    """What the move needs besides."""
    if name not in {"resolve", "reject"}:
        return {}
    notes = fit_to_keep(theirs.notes)
    text = fit_to_keep(f"{remote.name}: {notes}") if notes else _("Closed at %(remote)s.", remote=remote.name)
    return {"text": text} | ({"reason": "other"} if name == "reject" else {})
