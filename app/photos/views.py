"""What other domains' pages need: the gallery of a report, and the pictures that came with a form."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from flask import flash, request
from flask_babel import gettext as _

from app.db.session import UnitOfWork
from app.errors import ConflictError, InvalidInputError
from app.people.actor import Actor
from app.photos import actions
from app.photos.actions import Archive
from app.photos.commands import parse_upload
from app.photos.files import StorageError
from app.photos.rules import MOST_PER_SUBJECT, may_change
from app.photos.sandbox import SandboxBusyError
from app.photos.store import PhotoRow
from app.web.logs import get_logger

# The name of the file control in forms.
FIELD = "photos"


@dataclass(frozen=True)
class Shown:
    """One photo of a gallery, and whether this reader may cover, publish, hide and remove it."""

    photo: PhotoRow
    may_change: bool


@dataclass(frozen=True)
class Gallery:
    """The photos of one report that this reader sees, and how many more it may add."""

    photos: tuple[Shown, ...]
    room: int


def gallery(uow: UnitOfWork, actor: Actor, subject: str, subject_id: UUID) -> Gallery:
    """The gallery as this actor sees it. The report itself was already found."""
    rows = actions.of_subject(uow, subject, subject_id)
    shown = tuple(
        Shown(row, actor.may_write and may_change(actor.role, actor.organisation_id, row.organisation_id))
        for row in rows
    )
    may_add = actor.may_write and actor.role in {"agent", "partner", "coordinator"}
    return Gallery(shown, max(0, MOST_PER_SUBJECT - len(rows)) if may_add else 0)


def has_chosen() -> bool:
    """Whether the form of this request came with pictures."""
    return any(file.filename for file in request.files.getlist(FIELD))


def store_chosen(
    kept: Archive, actor: Actor, subject: str, subject_id: UUID, *, now: datetime, stage: str = "none"
) -> int:
    """Add the pictures of this request's form; what is refused is said on the next page. Returns how many were added.

    stage: none, before or after, for all of them.

    Raises:
        NotSignedInError, ForbiddenError, NotFoundError

    """
    added = 0
    for name, raw in chosen():
        with refusals_said(name):
            command = parse_upload({"id": str(uuid4()), "stage": stage}, raw, now=now)
            actions.upload(kept, actor, subject, subject_id, command, now=now)
            added += 1
    return added


def chosen() -> Iterator[tuple[str, bytes]]:
    """The pictures of this request's form: name and bytes, one read at a time."""
    for file in request.files.getlist(FIELD):
        if file.filename:
            yield file.filename.replace("\\", "/").rpartition("/")[2][:60], file.read()


@contextmanager
def refusals_said(name: str) -> Iterator[None]:
    """One picture of several is refused: it is said on the next page, and the others go on."""
    try:
        yield
    except InvalidInputError as error:
        flash(f"{name} : {error.errors[0].message}", "error")
    except ConflictError:
        flash(_("%(name)s was not added: six photos at most.", name=name), "error")
    except SandboxBusyError:
        flash(_("%(name)s was not added: many pictures are coming in at once. Try again.", name=name), "error")
    except StorageError as error:
        get_logger().error("photo not stored", error=str(error))
        flash(_("%(name)s was not added: the service has no room for pictures just now.", name=name), "error")
