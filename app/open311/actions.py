"""Use cases of GeoReport: read requests, post one. Who sees what is row-level security's matter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import NAMESPACE_URL, UUID, uuid5

from flask_babel import gettext as _

from app.db.session import UnitOfWork
from app.errors import ForbiddenError, NotFoundError, NotSignedInError
from app.nomenclature.store import Nomenclature
from app.open311 import store
from app.open311.commands import Post, RequestQuery
from app.open311.rules import RESIDENT_SOURCE, SAME_POST, SOURCE, without_contacts
from app.open311.store import Setting
from app.people.actor import PUBLIC, Actor
from app.people.guards import require_role
from app.people.store import get_organisation
from app.photos.store import SUBJECTS, first_photos
from app.reports import actions as reports
from app.reports.commands import Checks, parse_report
from app.reports.filters import LOCAL_ZONE
from app.reports.store import ReportRow, get_report


class TooManyTodayError(Exception):
    """Residents have sent as many reports today as the setting allows."""


@dataclass(frozen=True)
class Found:
    """One report, when something last happened to it, and its first photo that the reader may see."""

    row: ReportRow
    updated_at: datetime
    photo_id: UUID | None


@dataclass(frozen=True)
class Sender:
    """In whose name a post is stored; a resident's has no account of their own."""

    actor: Actor
    is_resident: bool = False


def check_jurisdiction(uow: UnitOfWork, jurisdiction_id: str) -> None:
    """Blank, or one of the territory's communes.

    Raises:
        NotFoundError: it is another's.

    """
    wanted = jurisdiction_id.strip().upper()
    if wanted and wanted not in store.jurisdictions(uow.connection):
        raise NotFoundError("jurisdiction_id", wanted[:40])


def find(uow: UnitOfWork, actor: Actor, query: RequestQuery) -> tuple[Found, ...]:
    """The reports that the query asks for, as far as the actor may see; the public sees none, only the heat map."""
    if actor == PUBLIC:
        return ()
    return _with_details(uow, store.find_requests(uow.connection, query))


def read(uow: UnitOfWork, report_id: UUID) -> Found:
    """One report.

    Raises:
        NotFoundError

    """
    return _with_details(uow, [reports.read(uow, report_id)])[0]


def _with_details(uow: UnitOfWork, rows: Sequence[ReportRow]) -> tuple[Found, ...]:
    if not rows:
        return ()
    ids = [row.id for row in rows]
    changed = store.last_changes(uow.connection, ids)
    photos = first_photos(uow.connection, SUBJECTS["reports"], ids)
    return tuple(Found(row, changed.get(row.id, row.received_at), photos.get(row.id)) for row in rows)


def sender_of(uow: UnitOfWork, actor: Actor) -> Sender:
    """Who posts: an account that may report, or residents where that is switched on.

    Raises:
        NotSignedInError: no key, and residents may not report.
        ForbiddenError: this account, or its token, may not.

    """
    if actor != PUBLIC:
        reports.require_reporting(actor)
        return Sender(actor)
    setting = store.get_setting(uow.connection)
    if not setting.residents:
        raise NotSignedInError
    return Sender(Actor("agent", setting.account_id, setting.organisation_id), is_resident=True)


def create(
    uow: UnitOfWork, sender: Sender, post: Post, checks: Checks, *, key: str | None
) -> tuple[ReportRow, bool, tuple[str, ...]]:
    """Store what was posted, once: the report, whether it is new, and what the sender should know.

    The same Idempotency-Key, or without one the same words at the same point within a minute, is the same report.

    Raises:
        InvalidInputError: by the names of a report's fields (commands.as_georeport has GeoReport's).
        ConflictError: the key stands for something else.
        TooManyTodayError

    """
    nomenclature = checks.nomenclature
    notices: tuple[str, ...] = ()
    if sender.is_resident:
        post, notices = _screened(post)
        nomenclature = _as_residents_report(nomenclature)
    actor, now = sender.actor, checks.now
    account = f"{actor.user_id}/{key if key is not None else post.digest.hex()}"
    # Two posts at once of the same: one after the other.
    store.lock(uow.connection, account)
    this_minute, last_minute = _ids(account, now, has_key=key is not None)
    command = parse_report({**post.values, "id": str(this_minute)}, checks)
    known = get_report(uow.connection, last_minute) if key is None else None
    if known is not None and known.received_at > now - SAME_POST:
        return known, False, notices
    if sender.is_resident:
        _refuse_restricted(checks.nomenclature, command.category)
        _refuse_too_many(uow, now)
    source = RESIDENT_SOURCE if sender.is_resident else SOURCE
    row, is_new = reports.submit(uow, actor, command, nomenclature=nomenclature, source=source, now=now)
    return row, is_new, notices


def _ids(account: str, now: datetime, *, has_key: bool) -> tuple[UUID, UUID]:
    """The report's id now, and what it would have been a minute ago."""
    if has_key:
        made = uuid5(NAMESPACE_URL, f"urn:quietude:open311:key:{account}")
        return made, made
    minute = int(now.timestamp() // SAME_POST.total_seconds())
    this, last = (uuid5(NAMESPACE_URL, f"urn:quietude:open311:{account}:{one}") for one in (minute, minute - 1))
    return this, last


def _screened(post: Post) -> tuple[Post, tuple[str, ...]]:
    """A resident's words without what an account's post would be refused for: nobody is there to correct it."""
    description = post.values.get("description")
    if not isinstance(description, str):
        return post, ()
    cleaned, was_changed = without_contacts(description)
    if not was_changed:
        return post, ()
    notice = _("Mail addresses, telephone numbers and number plates were taken out of the text.")
    return replace(post, values={**post.values, "description": cleaned}), (notice,)


def _as_residents_report(nomenclature: Nomenclature) -> Nomenclature:
    """What strangers write is for partners to read, also where the category is public."""
    return replace(
        nomenclature, categories=tuple(replace(one, visibility="partner") for one in nomenclature.categories)
    )


def _refuse_restricted(nomenclature: Nomenclature, category: str) -> None:
    if nomenclature.category_by_code[category].visibility == "restricted":
        raise ForbiddenError(_("this service is not open to residents"))


def _refuse_too_many(uow: UnitOfWork, now: datetime) -> None:
    """A day is one of Amiens."""
    store.lock(uow.connection, RESIDENT_SOURCE)
    midnight = now.astimezone(LOCAL_ZONE).replace(hour=0, minute=0, second=0, microsecond=0)
    if store.residents_since(uow.connection, midnight) >= store.get_setting(uow.connection).most_a_day:
        raise TooManyTodayError


# ── the setting ─────────────────────────────────────────────────────────────────────────────────────────────────────


def require_admin(actor: Actor) -> None:
    """Who looks after Open311.

    Raises:
        NotSignedInError, ForbiddenError

    """
    require_role(actor, "admin")


def open_to_residents(uow: UnitOfWork, actor: Actor, organisation: str, *, most_a_day: int) -> Setting:
    """Let residents report without an account; their reports count as this organisation's (a slug).

    Raises:
        NotFoundError: there is no such organisation.

    """
    require_admin(actor)
    found = get_organisation(uow.connection, organisation)
    if found is None:
        raise NotFoundError("organisation", organisation)
    account_id = service_account(uow, f"residents-{found.slug}", _("Residents (Open311)"), "agent", found.id)
    store.save_setting(uow.connection, residents=True, account_id=account_id, most_a_day=most_a_day)
    return store.get_setting(uow.connection)


def close_to_residents(uow: UnitOfWork, actor: Actor) -> None:
    """Only who has an account may report."""
    require_admin(actor)
    setting = store.get_setting(uow.connection)
    store.save_setting(uow.connection, residents=False, account_id=setting.account_id, most_a_day=setting.most_a_day)


def service_account(uow: UnitOfWork, name: str, display_name: str, role: str, organisation_id: int) -> int:
    """An account that stands in the history for a machine. `.invalid` (RFC 2606): no mail can ever reach it."""
    return store.service_account(
        uow.connection,
        email=f"open311-{name}@quietude.invalid",
        display_name=display_name,
        role=role,
        organisation_id=organisation_id,
        uniquifier=uuid5(NAMESPACE_URL, f"urn:quietude:open311:account:{name}:{organisation_id}").hex,
    )


def today_until(now: datetime) -> int:
    """Seconds until Amiens has its next day."""
    tomorrow = (now.astimezone(LOCAL_ZONE) + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    return max(1, round((tomorrow - now).total_seconds()))
