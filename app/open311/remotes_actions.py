"""Use cases of those who look after servers of others: administrators, and the command line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from flask_babel import gettext as _
from sqlalchemy import Engine

from app.db.session import UnitOfWork, unit_of_work
from app.errors import ConflictError, FieldError, InvalidInputError, NotFoundError
from app.open311 import remotes_store as store
from app.open311.actions import require_admin, service_account
from app.open311.client import RemoteError
from app.open311.pushing import CONTACT_ERRORS, PURPOSE, server_of
from app.open311.remotes_commands import RemoteCommand
from app.open311.remotes_store import Counts, Push, Remote
from app.open311.tasks import queue_push
from app.people.actor import SYSTEM, Actor
from app.people.guards import require_write
from app.people.sealed import UnreadableSecretError, seal
from app.people.store import get_organisation
from app.settings import Settings
from app.web.outgoing import described


@dataclass(frozen=True)
class Overview:
    """The remotes, how much went where, and the latest that went or did not."""

    remotes: tuple[Remote, ...]
    counts: dict[UUID, Counts]
    pushes: tuple[Push, ...]


@dataclass(frozen=True)
class Tried:
    """How a test went: what the remote takes, and which of our codes it does not know. error: it could not be asked."""

    services: int = 0
    missing: tuple[str, ...] = ()
    error: str | None = None


def overview(uow: UnitOfWork, actor: Actor, states: Sequence[str] | None = None) -> Overview:
    """Everything on one page.

    Raises:
        NotSignedInError, ForbiddenError

    """
    require_admin(actor)
    return Overview(
        store.list_remotes(uow.connection), store.counts(uow.connection), store.latest_pushes(uow.connection, states)
    )


def remote_named(uow: UnitOfWork, actor: Actor, name: str) -> Remote:
    """The remote of that name.

    Raises:
        NotSignedInError, ForbiddenError, NotFoundError

    """
    require_admin(actor)
    found = next((one for one in store.list_remotes(uow.connection) if one.name == name), None)
    if found is None:
        raise NotFoundError("remote", name)
    return found


def add_remote(uow: UnitOfWork, actor: Actor, command: RemoteCommand, *, secret_key: str) -> UUID:
    """Add one. What its organisation is given from now on goes there.

    Raises:
        NotSignedInError, ForbiddenError
        InvalidInputError: there is no such organisation.
        ConflictError: the name is taken.

    """
    require_admin(actor)
    require_write(actor)
    organisation = get_organisation(uow.connection, command.organisation)
    if organisation is None:
        message = _("There is no such organisation. Choose one from the list.")
        raise InvalidInputError([FieldError("organisation", message, "unknown")])
    shown = f"Open311: {command.name}"
    account_id = service_account(uow, f"{command.name}-{organisation.slug}", shown, "partner", organisation.id)
    values = {
        "name": command.name,
        "base_url": command.base_url,
        "jurisdiction_id": command.jurisdiction_id,
        "api_key_encrypted": None if command.api_key is None else seal(secret_key, PURPOSE, command.api_key),
        "organisation_id": organisation.id,
        "account_id": account_id,
        "services": dict(command.services),
    }
    made = store.add_remote(uow.connection, values)
    if made is None:
        raise ConflictError(_("There is a server of this name already."))
    return made


def switch_remote(uow: UnitOfWork, actor: Actor, remote_id: UUID, *, active: bool) -> None:
    """Switch it on or off.

    Raises:
        NotSignedInError, ForbiddenError, NotFoundError

    """
    require_admin(actor)
    require_write(actor)
    if not store.switch_remote(uow.connection, remote_id, active=active):
        raise NotFoundError("remote", remote_id)


def remove_remote(uow: UnitOfWork, actor: Actor, remote_id: UUID) -> None:
    """Nothing goes there any more.

    Raises:
        NotSignedInError, ForbiddenError, NotFoundError

    """
    require_admin(actor)
    require_write(actor)
    if not store.remove_remote(uow.connection, remote_id):
        raise NotFoundError("remote", remote_id)


def try_remote(engine: Engine, actor: Actor, remote_id: UUID, settings: Settings) -> Tried:
    """Ask it for its services, now; no transaction is open meanwhile.

    Raises:
        NotSignedInError, ForbiddenError, NotFoundError

    """
    require_admin(actor)
    with unit_of_work(engine, actor) as uow:
        remote = store.get_remote(uow.connection, remote_id)
    if remote is None or remote.removed_at is not None:
        raise NotFoundError("remote", remote_id)
    tried = _tried(remote, settings)
    with unit_of_work(engine, SYSTEM) as uow:
        store.note_contact(uow.connection, remote_id, tried.error, now=None)
    return tried


def _tried(remote: Remote, settings: Settings) -> Tried:
    try:
        server = server_of(remote, settings.secret_key, allow_private=settings.webhook_private)
        known = frozenset(server.services())
    except UnreadableSecretError:
        return Tried(error="unreadable_secret")
    except CONTACT_ERRORS as failed:
        return Tried(error=(str(failed) if isinstance(failed, RemoteError) else described(failed))[:300])
    missing = sorted({code for code in remote.services.values() if code not in known})
    return Tried(len(known), tuple(missing))


def push_now(engine: Engine, actor: Actor, remote: Remote, report_id: UUID | None, *, demo_sends: bool) -> int:
    """Queue one report, or all open ones of the organisation that are not there, however old; how many.

    Raises:
        NotSignedInError, ForbiddenError
        NotFoundError: this report does not go there: another's, closed, restricted, no service, or there already.

    """
    require_admin(actor)
    with unit_of_work(engine, SYSTEM) as uow:
        made = store.choose_new(
            uow.connection, with_synthetic=demo_sends, remote_id=remote.id, report_id=report_id, with_older=True
        )
        for push_id in made:
            queue_push(uow, push_id)
    if report_id is not None and not made:
        raise NotFoundError(f"report that could go to {remote.name}", report_id)
    return len(made)


def send_again(uow: UnitOfWork, actor: Actor, push_id: UUID) -> None:
    """Try one once more that had been given up. If the remote may have it, it is looked up there first.

    Raises:
        NotSignedInError, ForbiddenError, NotFoundError
        ConflictError: it is there, or waits to be sent already.

    """
    require_admin(actor)
    require_write(actor)
    if store.get_push(uow.connection, push_id) is None:
        raise NotFoundError("push", push_id)
    if not store.wait_again(uow.connection, push_id):
        raise ConflictError(_("This is there already, or waits to be sent."))
    queue_push(uow, push_id)
