"""One report goes to another city's server: once, as far as the protocol lets anybody know.

GeoReport v2 has no transaction and no client-made id. So the row says "begun" before anything leaves, and only a clear
answer takes that back. While it stands, the remote may have the report: it is looked up there before it is sent again.
The window that remains (docs/decisions/0024): a remote that took it, but does not list it yet when it is looked up.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from uuid import UUID

from flask_babel import gettext as _

from app.db.session import unit_of_work
from app.errors import NotFoundError
from app.jobs.alone import alone
from app.jobs.registry import Work
from app.nomenclature.store import Nomenclature, load_nomenclature
from app.open311 import remotes_store as store
from app.open311.client import HOPELESS, Made, RemoteError, Server, Theirs
from app.open311.remotes_store import Push, Remote
from app.people.actor import SYSTEM, Actor
from app.people.sealed import UnreadableSecretError, unseal
from app.photos.actions import archive
from app.photos.store import SUBJECTS, list_photos
from app.reports import actions as reports
from app.reports.moves import Said, note
from app.reports.rules import OPEN_STATES
from app.reports.store import ReportRow
from app.web.outgoing import FAILURES, BlockedError, described

PURPOSE = "open311 api keys"
CONTACT_ERRORS = (RemoteError, BlockedError, *FAILURES)
# Clocks differ, and some servers round the position that they are given.
LOOK_BACK = timedelta(minutes=15)
SAME_DEGREES = 1e-4


class NotSentError(Exception):
    """It failed and is tried again; the text is the reason, for the log."""


class _WithheldError(Exception):
    """It is not sent at all; the text is the reason's code (app/open311/words.py)."""


def server_of(remote: Remote, secret_key: str, *, allow_private: bool) -> Server:
    """The remote as a client asks it.

    Raises:
        UnreadableSecretError

    """
    stored = remote.api_key_encrypted
    api_key = None if stored is None else unseal(secret_key, PURPOSE, stored)
    return Server(remote.base_url, remote.jurisdiction_id, api_key, allow_private)


def as_partner(remote: Remote) -> Actor:
    """In whose name the remote's doings are written down: the organisation's own machine."""
    return Actor("partner", remote.account_id, remote.organisation_id)


def push(work: Work, push_id: UUID) -> None:
    """Send it, unless that was done or is being done.

    Raises:
        NotSentError: the queue tries again later.

    """
    with alone(work.engine, f"open311 push {push_id}") as is_alone:
        if not is_alone:
            raise NotSentError("another worker is sending it")
        with unit_of_work(work.engine, SYSTEM) as uow:
            found = store.get_push(uow.connection, push_id)
            remote = None if found is None else store.get_remote(uow.connection, found.remote_id)
            nomenclature = load_nomenclature(uow.connection)
        if found is None or remote is None or found.state in {"sent", "withheld"}:
            return
        try:
            _push(work, found, remote, nomenclature)
        except _WithheldError as withheld:
            _end(work, found, "withheld", str(withheld), may_be_there=found.begun_at is not None)


def _push(work: Work, found: Push, remote: Remote, nomenclature: Nomenclature) -> None:
    server = _server(work, remote)
    row = _report(work, found, remote)
    values = _values(row, remote, nomenclature)
    may_be_there = found.begun_at is not None
    try:
        if found.begun_at is not None:
            known = _looked_up(work, remote, server.since(values["service_code"], found.begun_at - LOOK_BACK), values)
            if known is not None:
                _note_sent(work, found, remote, Made(known, None))
                return
        _refuse_moved_on(row, remote)
        photo = _photo(work, row, remote)
        with unit_of_work(work.engine, SYSTEM) as uow:
            store.begin(uow.connection, found.id, now=datetime.now(UTC))
        may_be_there = True
        made = server.post(values, key=str(found.id), photo=photo)
    except CONTACT_ERRORS as failed:
        _failed(work, found, failed, may_be_there=may_be_there)
        return
    _note_sent(work, found, remote, made)


def _server(work: Work, remote: Remote) -> Server:
    if remote.removed_at is not None or not remote.active:
        raise _WithheldError("switched_off")
    if remote.is_synthetic and not work.settings.demo_sends:
        raise _WithheldError("synthetic")
    try:
        return server_of(remote, work.settings.secret_key, allow_private=work.settings.webhook_private)
    except UnreadableSecretError:
        raise _WithheldError("unreadable_secret") from None


def _report(work: Work, found: Push, remote: Remote) -> ReportRow:
    """The report as the organisation sees it now: row-level security decides, as for one of its partners."""
    try:
        with unit_of_work(work.engine, Actor("partner", None, remote.organisation_id, "read")) as uow:
            row = reports.read(uow, found.report_id)
    except NotFoundError:
        raise _WithheldError("not_visible") from None
    if row.visibility == "restricted":
        raise _WithheldError("not_visible")
    if row.category not in remote.services:
        raise _WithheldError("no_service")
    return row


def _refuse_moved_on(row: ReportRow, remote: Remote) -> None:
    if row.organisation_id != remote.organisation_id or row.state not in OPEN_STATES:
        raise _WithheldError("moved_on")


def _values(row: ReportRow, remote: Remote, nomenclature: Nomenclature) -> dict[str, str]:
    """What is said of a place and a thing. Of persons GeoReport has fields, and they stay empty."""
    label = nomenclature.category_by_code[row.category].label("fr")
    values = {
        "service_code": remote.services[row.category],
        "lat": repr(row.lat),
        "long": repr(row.lon),
        # Many servers want one.
        "description": row.description or label,
    }
    return values | ({"address_string": row.place} if row.place else {})


def _photo(work: Work, row: ReportRow, remote: Remote) -> bytes | None:
    """The first photo that was looked at and published: another city may show it to everybody."""
    with unit_of_work(work.engine, Actor("partner", None, remote.organisation_id, "read")) as uow:
        photos = list_photos(uow.connection, SUBJECTS["reports"], row.id)
    first = next((one for one in photos if one.state == "published" and one.sha256 is not None), None)
    if first is None or first.sha256 is None:
        return None
    try:
        return archive(work.engine, work.settings.var_dir).files.path(first.sha256).read_bytes()
    except FileNotFoundError:
        return None


def _looked_up(work: Work, remote: Remote, listed: tuple[Theirs, ...], sent: Mapping[str, str]) -> str | None:
    """The id under which an earlier attempt has arrived: the same words at the same point, not known as another."""
    alike = [one.service_request_id for one in listed if one.service_request_id and _is_alike(one, sent)]
    with unit_of_work(work.engine, SYSTEM) as uow:
        taken = store.known_ids(uow.connection, remote.id, alike)
    free = [one for one in alike if one not in taken]
    return free[-1] if free else None  # the newest come first: ours was the first


def _is_alike(theirs: Theirs, sent: Mapping[str, str]) -> bool:
    if theirs.lat is None or theirs.lon is None:
        return False
    is_there = (
        abs(theirs.lat - float(sent["lat"])) <= SAME_DEGREES and abs(theirs.lon - float(sent["long"])) <= SAME_DEGREES
    )
    return is_there and " ".join(theirs.description.split()) == " ".join(sent["description"].split())


def _failed(work: Work, found: Push, failed: Exception, *, may_be_there: bool) -> None:
    """Note it; raise to have it tried again unless that is hopeless or was the last time."""
    said = str(failed) if isinstance(failed, RemoteError) else described(failed)
    is_refused = isinstance(failed, RemoteError) and failed.status in HOPELESS
    never_left = isinstance(failed, (BlockedError, ConnectionRefusedError))
    is_given_up = is_refused or work.is_last
    _end(
        work,
        found,
        "failed" if is_given_up else "waiting",
        said[:300],
        # A refusal and a closed door are clear: it is not there, unless an attempt before this one was not clear.
        may_be_there=may_be_there and not (found.begun_at is None and (is_refused or never_left)),
    )
    if not is_given_up:
        raise NotSentError(said)


def _end(work: Work, found: Push, state: str, error: str, *, may_be_there: bool) -> None:
    with unit_of_work(work.engine, SYSTEM) as uow:
        store.end_without(uow.connection, found.id, state, error, may_be_there=may_be_there)


def _note_sent(work: Work, found: Push, remote: Remote, made: Made) -> None:
    """It is there, and its history says so, in one transaction."""
    now = datetime.now(UTC)
    said = _("Sent to %(remote)s.", remote=remote.name)
    details = {"text": said, "remote": remote.name, "service_request_id": made.service_request_id or made.token}
    with unit_of_work(work.engine, SYSTEM) as uow:
        store.note_sent(uow.connection, found.id, service_request_id=made.service_request_id, token=made.token, now=now)
        note(uow, as_partner(remote), found.report_id, Said("open311_sent", now, details=details))
