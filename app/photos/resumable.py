"""A picture that comes in pieces over a bad network: what has arrived stays, and the next piece goes on from there."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from flask_babel import gettext as _

from app.db.session import unit_of_work
from app.errors import BadRequestError, ConflictError, FieldError, InvalidInputError, NotFoundError
from app.people.actor import Actor
from app.photos import actions, store
from app.photos.actions import Archive
from app.photos.commands import UploadCommand, parse_upload, upload_sha256
from app.photos.decode import MAX_BYTES
from app.photos.files import WAITING, StorageError
from app.photos.store import SUBJECTS, PhotoRow

# Unfinished pictures of one account at once: a queue of some days, not a disk.
MOST_WAITING_BYTES = 100_000_000
_RANGE = re.compile(r"bytes (?:(\d{1,9})-(\d{1,9})|\*)/(\d{1,9})", re.ASCII)
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True)
class Piece:
    """Bytes of one picture from `offset` on; None: only asking how far it is. `sha256` is the whole picture's."""

    command: UploadCommand
    sha256: bytes
    total: int
    offset: int | None


def parse_piece(values: Mapping[str, Any], content_range: str, raw: bytes, *, now: datetime) -> Piece:
    """Read `Content-Range: bytes FIRST-LAST/TOTAL` (or `bytes */TOTAL`) and what is said about the picture.

    Raises:
        BadRequestError: the range cannot be read or is not that of the body.
        InvalidInputError: one message a field.

    """
    found = _RANGE.fullmatch(content_range)
    if found is None:
        raise BadRequestError("Content-Range", _("write bytes FIRST-LAST/TOTAL, or bytes */TOTAL to ask how far it is"))
    total = int(found[3])
    offset = None if found[1] is None else int(found[1])
    if offset is None:
        is_right = not raw
    else:
        is_right = len(raw) == int(found[2]) - offset + 1 and offset + len(raw) <= total and bool(raw)
    if not is_right:
        raise BadRequestError("Content-Range", _("the range is not that of the body"))
    if not 0 < total <= MAX_BYTES:
        raise InvalidInputError([FieldError("photo", _("This picture is too large: 12 MB at most."), "too_many_bytes")])
    sha256 = str(values.get("sha256", ""))
    if not _SHA256.fullmatch(sha256):
        message = _("Give the SHA-256 of the whole picture, as 64 hexadecimal digits.")
        raise InvalidInputError([FieldError("sha256", message, "sha256")])
    return Piece(parse_upload(values, raw or b"?", now=now), bytes.fromhex(sha256), total, offset)


def receive(
    kept: Archive, actor: Actor, subject: str, subject_id: UUID, piece: Piece, *, now: datetime
) -> tuple[PhotoRow, bool] | int:
    """Take one piece. The stored photo and whether it is new once all of it is there; else from which byte to go on.

    The same picture again gives the stored one, whatever the offset.

    Raises:
        NotFoundError: no such report, or none that the actor may see.
        InvalidInputError: the bytes are no picture that we take.
        ConflictError: the id is taken, there are six photos already, or too much is unfinished.
        sandbox.SandboxBusyError, StorageError

    """
    actions.require_adding(actor)
    body_sha256 = upload_sha256(piece.command, subject, subject_id, piece.sha256)
    with unit_of_work(kept.engine, actor) as uow:
        if not store.find_subject(uow.connection, SUBJECTS[subject], subject_id):
            raise NotFoundError(subject, subject_id)
        known = store.find_known(uow.connection, piece.command.id, body_sha256, actor.user_id)
    if known is not None and known.state != "removed":
        return known, False
    path = kept.files.root / WAITING / f"part-{actor.user_id}-{body_sha256.hex()}-{piece.command.id}"
    if piece.offset is None:
        return _size(path)
    if _waiting_bytes(path.parent, actor) > MOST_WAITING_BYTES:
        raise ConflictError(_("Too many pictures of yours are unfinished. Finish them, or try again tomorrow."))
    try:
        arrived = _append(path, piece)
        if arrived < piece.total:
            return arrived
        raw = path.read_bytes()
    except FileNotFoundError:  # another request has just finished it, or swept it
        return 0
    except OSError as error:
        raise StorageError(str(error)) from error
    return _whole(kept, actor, (subject, subject_id), piece, (path, raw), now=now)


def _whole(
    kept: Archive, actor: Actor, about: tuple[str, UUID], piece: Piece, file: tuple[Path, bytes], *, now: datetime
) -> tuple[PhotoRow, bool] | int:
    path, raw = file
    if hashlib.sha256(raw).digest() != piece.sha256:  # a power cut in between: from the start again
        path.unlink(missing_ok=True)
        return 0
    command = UploadCommand(piece.command.id, piece.command.stage, piece.command.taken_at, raw)
    try:
        answer = actions.upload(kept, actor, *about, command, now=now)
    except (InvalidInputError, ConflictError):
        path.unlink(missing_ok=True)  # it will not become better
        raise
    path.unlink(missing_ok=True)
    return answer


def _append(path: Path, piece: Piece) -> int:
    """Write the piece if it goes on where the file ends; how much is there then. One request at a time."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        size = os.fstat(file.fileno()).st_size
        if size != piece.offset:
            return size
        file.write(piece.command.raw)
        return size + len(piece.command.raw)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _waiting_bytes(folder: Path, actor: Actor) -> int:
    total = 0
    for path in folder.glob(f"part-{actor.user_id}-*"):
        with suppress(FileNotFoundError):
            total += path.stat().st_size
    return total
