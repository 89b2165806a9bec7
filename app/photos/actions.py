"""Use cases of photos. Files and rows do not share a transaction, so each of these owns its own, in this order:

the file first, then the row that needs it; the row away first, then the file that nobody needs any more. Whatever is
killed in between leaves a file too many (`quietude photos clean`), never a row whose picture is missing.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from flask_babel import gettext as _
from sqlalchemy import Engine

from app.db.session import UnitOfWork, unit_of_work
from app.errors import ConflictError, FieldError, ForbiddenError, InvalidInputError, NotFoundError
from app.people.actor import SYSTEM, Actor
from app.people.guards import require_role, require_signed_in, require_write
from app.photos import sandbox, store
from app.photos.commands import CoverCommand, UploadCommand
from app.photos.decode import Picture, PictureError
from app.photos.files import PhotoFiles
from app.photos.rules import EVENT_OF_STATE, TRANSITIONS, may_change
from app.photos.store import SUBJECTS, PhotoRow

COVER_TRIES = 3


@dataclass(frozen=True)
class Archive:
    """Where photos are kept: the database and the folder."""

    engine: Engine
    files: PhotoFiles


def archive(engine: Engine, var_dir: Path) -> Archive:
    """The archive of this installation."""
    return Archive(engine, PhotoFiles(var_dir / "photos"))


def require_adding(actor: Actor) -> None:
    """Who may add photos: agents, partners and coordinators, with a scope that writes.

    Raises:
        NotSignedInError, ForbiddenError

    """
    require_role(actor, "agent", "partner", "coordinator")
    require_write(actor)


def upload(
    kept: Archive, actor: Actor, subject: str, subject_id: UUID, command: UploadCommand, *, now: datetime
) -> tuple[PhotoRow, bool]:
    """Store one picture once, hidden. Returns it and whether it is new; the same sent again gives the stored one.

    Raises:
        NotFoundError: no such report, or none that the actor may see.
        InvalidInputError: the bytes are no picture that we take (field `photo`).
        ConflictError: the id is taken by something else, or there are six photos already.
        sandbox.SandboxBusyError: too much at once.

    """
    require_adding(actor)
    body_sha256 = command.body_sha256(subject, subject_id)
    with unit_of_work(kept.engine, actor) as uow:
        if not store.find_subject(uow.connection, SUBJECTS[subject], subject_id):
            raise NotFoundError(subject, subject_id)
        known = store.find_known(uow.connection, command.id, body_sha256, actor.user_id)
        taken = known or store.get_photo(uow.connection, command.id)
    if taken is not None:  # said before the picture is decoded: a retry costs nothing
        return _same(known), False
    picture = _decoded(command.raw)
    sha256 = hashlib.sha256(picture.jpeg).digest()
    values = {
        "id": command.id,
        "subject_id": subject_id,
        "stage": command.stage,
        "sha256": sha256,
        "width_px": picture.width_px,
        "height_px": picture.height_px,
        "size_bytes": len(picture.jpeg),
        "body_sha256": body_sha256,
        "taken_at": command.taken_at,
        "now": now,
        "organisation_id": actor.organisation_id,
        "account_id": actor.user_id,
    }
    with unit_of_work(kept.engine, actor) as uow:
        store.lock_file(uow.connection, sha256)
        kept.files.write(sha256, picture)
        is_new = store.add_photo(uow.connection, SUBJECTS[subject], values)
        if is_new:
            _note(uow, actor, (subject, subject_id), "photo_added", {"photo_id": str(command.id)}, now=now)
            return read(uow, actor, command.id), True
        known = store.find_known(uow.connection, command.id, body_sha256, actor.user_id)
        is_full = known is None and store.get_photo(uow.connection, command.id) is None
    _forget_file(kept, sha256)
    if is_full:
        raise ConflictError(_("There are six photos already, or this id is taken."))
    return _same(known), False


def hold(kept: Archive, raw: bytes) -> bytes:
    """Clean a picture and keep its file before anything is there that it belongs to (app/photos/held.py).

    Returns its SHA-256. Nobody needs the file yet: `clean` takes it away a day later.

    Raises:
        InvalidInputError: the bytes are no picture that we take (field `photo`).
        sandbox.SandboxBusyError: too much at once.

    """
    picture = _decoded(raw)
    sha256 = hashlib.sha256(picture.jpeg).digest()
    with unit_of_work(kept.engine, SYSTEM) as uow:
        store.lock_file(uow.connection, sha256)
        kept.files.write(sha256, picture)
    return sha256


def let_go(kept: Archive, sha256: bytes) -> None:
    """A held picture has become a photo, or nothing: its file goes unless some photo needs it."""
    _forget_file(kept, sha256)


def _same(known: PhotoRow | None) -> PhotoRow:
    if known is None or known.state == "removed":
        raise ConflictError(_("This id already belongs to another photo, or to one that was removed."))
    return known


def _decoded(raw: bytes) -> Picture:
    try:
        return sandbox.decode(raw)
    except PictureError as error:
        raise InvalidInputError([FieldError("photo", _refusal(error.code), error.code)]) from None


def _refusal(code: str) -> str:
    messages: dict[str, str] = {
        "empty": _("Choose a picture: this file is empty."),
        "too_many_bytes": _("This picture is too large: 12 MB at most."),
        "heic": _(
            "HEIC pictures cannot be read here: send JPEG, PNG or WebP."
            " On an iPhone: Settings, Camera, Formats, Most Compatible."
        ),
        "not_a_picture": _("This is not a picture that can be read here: send JPEG, PNG or WebP."),
        "too_many_pixels": _("This picture has too many pixels: 50 million at most."),
    }
    damaged: str = _("This picture is damaged or incomplete. Send it again, or take another one.")
    return messages.get(code, damaged)


def read(uow: UnitOfWork, actor: Actor, photo_id: UUID) -> PhotoRow:
    """One photo with its picture.

    Raises:
        NotSignedInError: nobody is signed in.
        NotFoundError: there is none, none that the actor may see, or its picture was removed.

    """
    require_signed_in(actor)
    row = store.get_photo(uow.connection, photo_id)
    if row is None or row.state == "removed":
        raise NotFoundError("photo", photo_id)
    return row


def of_subject(uow: UnitOfWork, subject: str, subject_id: UUID) -> tuple[PhotoRow, ...]:
    """The gallery of a report: what the actor may see of it."""
    return store.list_photos(uow.connection, SUBJECTS[subject], subject_id)


def listed(uow: UnitOfWork, actor: Actor, subject: str, subject_id: UUID) -> tuple[PhotoRow, ...]:
    """The gallery of one that exists for the actor.

    Raises:
        NotSignedInError
        NotFoundError: no such report, or none that the actor may see.

    """
    require_signed_in(actor)
    if not store.find_subject(uow.connection, SUBJECTS[subject], subject_id):
        raise NotFoundError(subject, subject_id)
    return of_subject(uow, subject, subject_id)


def changeable(uow: UnitOfWork, actor: Actor, photo_id: UUID) -> PhotoRow:
    """One photo that the actor may cover, publish, hide and remove.

    Raises:
        NotSignedInError, NotFoundError
        ForbiddenError: it is another organisation's, or the token may only read.

    """
    row = read(uow, actor, photo_id)
    require_write(actor)
    if not may_change(actor.role, actor.organisation_id, row.organisation_id):
        raise ForbiddenError("only coordinators and the organisation that added a photo may change it")
    return row


def change_state(kept: Archive, actor: Actor, photo_id: UUID, state: str, *, now: datetime) -> PhotoRow | None:
    """Publish, hide or remove a photo; None once it is removed. The state that it has already is no error.

    Raises:
        NotSignedInError, NotFoundError, ForbiddenError
        ConflictError: somebody else has just changed it.

    """
    with unit_of_work(kept.engine, actor) as uow:
        row = changeable(uow, actor, photo_id)
        if row.state == state:
            return row
        if state not in TRANSITIONS[row.state] or not store.set_state(uow.connection, photo_id, row.state, state):
            raise ConflictError(_("Somebody else has just changed this photo. Look again, then decide."))
        _note(uow, actor, row.subject, EVENT_OF_STATE[state], {"photo_id": str(photo_id)}, now=now)
        if state != "removed":
            return read(uow, actor, photo_id)
    assert row.sha256 is not None
    _forget_file(kept, row.sha256)
    return None


def cover(kept: Archive, actor: Actor, photo_id: UUID, command: CoverCommand, *, now: datetime) -> PhotoRow:
    """Make areas of a photo unreadable, for good: the file without the cover is removed.

    Two people at once cover one after the other: the second works on what the first has left.

    Raises:
        NotSignedInError, NotFoundError, ForbiddenError
        InvalidInputError: a rectangle lies outside the picture.
        ConflictError: it was changed several times meanwhile.
        sandbox.SandboxBusyError: too much at once.

    """
    for _attempt in range(COVER_TRIES):
        with unit_of_work(kept.engine, actor) as uow:
            row = changeable(uow, actor, photo_id)
        _refuse_outside(command, row)
        assert row.sha256 is not None
        try:
            picture = sandbox.cover(kept.files.path(row.sha256).read_bytes(), command.areas, command.mode)
        except FileNotFoundError:  # covered or removed by somebody else just now, or lost: then it is not found
            continue
        covered = _replaced(kept, actor, row, picture, command, now=now)
        if covered is not None:
            _forget_file(kept, row.sha256)
            return covered
    raise ConflictError(_("Somebody else has just changed this photo. Look again, then decide."))


def _replaced(
    kept: Archive, actor: Actor, row: PhotoRow, picture: Picture, command: CoverCommand, *, now: datetime
) -> PhotoRow | None:
    sha256 = hashlib.sha256(picture.jpeg).digest()
    values = {
        "id": row.id,
        "old_sha256": row.sha256,
        "sha256": sha256,
        "width_px": picture.width_px,
        "height_px": picture.height_px,
        "size_bytes": len(picture.jpeg),
        "now": now,
    }
    with unit_of_work(kept.engine, actor) as uow:
        store.lock_file(uow.connection, sha256)
        kept.files.write(sha256, picture)
        if store.replace_picture(uow.connection, values):
            details = {"photo_id": str(row.id), "areas": len(command.areas), "mode": command.mode}
            _note(uow, actor, row.subject, "photo_covered", details, now=now)
            return read(uow, actor, row.id)
    _forget_file(kept, sha256)
    return None


def _refuse_outside(command: CoverCommand, row: PhotoRow) -> None:
    errors = [
        FieldError("areas", _("Rectangle %(number)s lies outside the picture.", number=number), "outside")
        for number, area in enumerate(command.areas, start=1)
        if area.x_px >= row.width_px or area.y_px >= row.height_px
    ]
    if errors:
        raise InvalidInputError(errors)


def _note(
    uow: UnitOfWork, actor: Actor, about: tuple[str, UUID], kind: str, details: dict[str, object], *, now: datetime
) -> None:
    subject, subject_id = about
    values = {
        "subject_id": subject_id,
        "now": now,
        "kind": kind,
        "organisation_id": actor.organisation_id,
        "account_id": actor.user_id,
        "role": actor.role,
    }
    store.add_event(uow.connection, SUBJECTS[subject], values, details)


def _forget_file(kept: Archive, sha256: bytes) -> bool:
    """Remove a file unless some row needs it: two photos may be the same picture. Returns whether it went."""
    with unit_of_work(kept.engine, SYSTEM) as uow:
        store.lock_file(uow.connection, sha256)
        if store.is_needed(uow.connection, sha256):
            return False
        kept.files.remove(sha256)
        return True


@dataclass(frozen=True)
class Cleaning:
    """What `clean` found: files that it removed, photos whose file is missing."""

    removed: int
    missing: tuple[UUID, ...]


def clean(kept: Archive, *, older_than_s: float, now_s: float, dry_run: bool = False) -> Cleaning:
    """Remove files that no row needs, once they are old enough; say which rows lack their file. Safe while serving.

    older_than_s: seconds; now_s: Unix time.
    """
    with unit_of_work(kept.engine, SYSTEM) as uow:
        needed = store.needed_files(uow.connection)
    orphans = {sha256 for sha256, at in kept.files.stored() if sha256 not in needed and now_s - at > older_than_s}
    unfinished = [path for path, at in kept.files.unfinished() if now_s - at > older_than_s]
    if dry_run:
        removed = len(orphans) + len(unfinished)
    else:
        removed = sum(_forget_file(kept, sha256) for sha256 in orphans) + len(unfinished)
        for path in unfinished:
            path.unlink(missing_ok=True)
    suspects = [sha256 for sha256 in needed if not kept.files.has(sha256)]
    with unit_of_work(kept.engine, SYSTEM) as uow:  # again: one may have been covered or removed meanwhile
        missing = tuple(needed[sha256] for sha256 in suspects if store.is_needed(uow.connection, sha256))
    return Cleaning(removed, missing)
