"""Use cases of those who look after an organisation's notifications: its partners, coordinators, administrators."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from flask_babel import gettext as _

from app.db.session import UnitOfWork
from app.errors import ConflictError, FieldError, InvalidInputError, NotFoundError
from app.notifications import keys, store
from app.notifications.commands import SettingCommand, WebhookCommand
from app.notifications.rules import LOCAL_ZONE, digest_day
from app.notifications.store import Cursor, LogRow, Setting, Webhook
from app.notifications.tasks import queue_sending
from app.people.actor import Actor
from app.people.guards import require_role, require_write
from app.people.store import Organisation, get_organisation, list_organisations

PAGE = 50
MOST_WEBHOOKS = 10


@dataclass(frozen=True)
class LogPage:
    """One page of the delivery log; `after` leads to the next one."""

    rows: tuple[LogRow, ...]
    after: Cursor | None


def own_organisation(uow: UnitOfWork, actor: Actor) -> Organisation:
    """The organisation of whoever asks.

    Raises:
        NotSignedInError, ForbiddenError

    """
    require_role(actor, "partner", "coordinator", "admin")
    return next(one for one in list_organisations(uow.connection) if one.id == actor.organisation_id)


def organisation_of(uow: UnitOfWork, actor: Actor, slug: str, *, write: bool = False) -> Organisation:
    """The organisation whose notifications the actor looks after.

    Raises:
        NotSignedInError, ForbiddenError: another role, or a token that only reads.
        NotFoundError: there is none, or it is another's.

    """
    require_role(actor, "partner", "coordinator", "admin")
    if write:
        require_write(actor)
    found = get_organisation(uow.connection, slug)
    if found is None or (actor.role != "admin" and found.id != actor.organisation_id):
        raise NotFoundError("organisation", slug)
    return found


def setting_of(uow: UnitOfWork, organisation: Organisation) -> Setting:
    """What it gets by mail."""
    return store.get_setting(uow.connection, organisation.id)


def webhooks_of(uow: UnitOfWork, organisation: Organisation) -> tuple[Webhook, ...]:
    """Its webhooks."""
    return store.list_webhooks(uow.connection, organisation.id)


def save_setting(uow: UnitOfWork, organisation: Organisation, command: SettingCommand, *, now: datetime) -> None:
    """Store what it gets by mail. The first digest comes tomorrow morning, or today if it is not 07:30 yet."""
    decided = digest_day(now) or now.astimezone(LOCAL_ZONE).date() - timedelta(days=1)
    setting = Setting(list(command.emails), list(command.kinds), command.digest, command.language)
    store.save_setting(uow.connection, organisation.id, setting, decided_day=decided)


def add_webhook(uow: UnitOfWork, organisation: Organisation, command: WebhookCommand, *, secret_key: str) -> str:
    """Add a webhook; returns its secret, which is never shown again.

    Raises:
        ConflictError: there are ten already.

    """
    if len(webhooks_of(uow, organisation)) >= MOST_WEBHOOKS:
        raise ConflictError(_("There are ten webhooks already. Remove one first."))
    secret = keys.make_secret()
    values = {
        "id": uuid4(),
        "organisation_id": organisation.id,
        "url": command.url,
        "secret_encrypted": keys.encrypt(secret_key, secret),
        "kinds": list(command.kinds),
    }
    store.add_webhook(uow.connection, values)
    return secret


def _webhook_of(uow: UnitOfWork, organisation: Organisation, webhook_id: UUID) -> Webhook:
    found = store.get_webhook(uow.connection, webhook_id)
    if found is None or found.organisation_id != organisation.id or found.removed_at is not None:
        raise NotFoundError("webhook", webhook_id)
    return found


def switch_webhook(uow: UnitOfWork, organisation: Organisation, webhook_id: UUID, *, active: bool) -> None:
    """Switch it on or off.

    Raises:
        NotFoundError

    """
    store.switch_webhook(uow.connection, _webhook_of(uow, organisation, webhook_id).id, active=active)


def remove_webhook(uow: UnitOfWork, organisation: Organisation, webhook_id: UUID) -> None:
    """Nothing goes there any more; what went there stays in the log.

    Raises:
        NotFoundError

    """
    store.remove_webhook(uow.connection, _webhook_of(uow, organisation, webhook_id).id)


def try_webhook(uow: UnitOfWork, organisation: Organisation, webhook_id: UUID) -> None:
    """Send it a test.

    Raises:
        NotFoundError

    """
    hook = _webhook_of(uow, organisation, webhook_id)
    queue_sending(uow, store.add_test(uow.connection, organisation.id, str(hook.id), hook.id))


def try_mails(uow: UnitOfWork, organisation: Organisation) -> int:
    """Send a test to each address; how many.

    Raises:
        InvalidInputError: there is no address.

    """
    emails = setting_of(uow, organisation).emails
    if not emails:
        raise InvalidInputError([FieldError("emails", _("Store an address first."), "missing")])
    for address in emails:
        queue_sending(uow, store.add_test(uow.connection, organisation.id, address, None))
    return len(emails)


def log(uow: UnitOfWork, organisation: Organisation, after: Cursor | None) -> LogPage:
    """What was sent and will be, the newest first."""
    rows = store.log_page(uow.connection, organisation.id, after=after, limit=PAGE + 1)
    kept = rows[:PAGE]
    return LogPage(kept, Cursor(kept[-1].created_at, kept[-1].id) if len(rows) > PAGE else None)


def send_again(uow: UnitOfWork, organisation: Organisation, notification_id: UUID) -> None:
    """Send one once more, whatever became of it: under the same id, so that the receiver can tell.

    Raises:
        NotFoundError
        ConflictError: it waits to be sent already.

    """
    found = store.get_notification(uow.connection, notification_id)
    if found is None or found.organisation_id != organisation.id:
        raise NotFoundError("notification", notification_id)
    if found.state == "waiting":
        raise ConflictError(_("This waits to be sent already."))
    store.wait_again(uow.connection, notification_id)
    queue_sending(uow, notification_id)
