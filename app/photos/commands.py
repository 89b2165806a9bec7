"""Untrusted input about photos → frozen commands, or one message per field in the reader's language."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol, cast
from uuid import UUID

from flask_babel import gettext as _

from app.errors import FieldError, InvalidInputError
from app.photos.decode import Area
from app.photos.rules import COVER_MODES, MOST_AREAS, STAGES
from app.web.bodies import check_zone

CLOCK_SKEW = timedelta(minutes=10)
MOST_PX = 100_000


class Said(Protocol):
    """What is said about a picture besides its bytes."""

    @property
    def stage(self) -> str: ...
    @property
    def taken_at(self) -> datetime | None: ...


@dataclass(frozen=True)
class UploadCommand:
    """One picture as somebody sent it; `raw` is untrusted until it is decoded."""

    id: UUID
    stage: str
    taken_at: datetime | None
    raw: bytes

    def body_sha256(self, subject: str, subject_id: UUID) -> bytes:
        """What makes two uploads the same: where to, what is said about it, and the very bytes."""
        return upload_sha256(self, subject, subject_id, hashlib.sha256(self.raw).digest())


def upload_sha256(said: Said, subject: str, subject_id: UUID, raw_sha256: bytes) -> bytes:
    """The same of a picture whose bytes are still on their way."""
    about = f"{subject}/{subject_id}/{said.stage}/{said.taken_at and said.taken_at.timestamp()}/"
    return hashlib.sha256(about.encode() + raw_sha256).digest()


@dataclass(frozen=True)
class CoverCommand:
    """What to cover, in pixels of the stored picture, and how."""

    mode: Literal["pixelate", "black"]
    areas: tuple[Area, ...]


def parse_upload(values: Mapping[str, Any], raw: bytes, *, now: datetime) -> UploadCommand:
    """Read `id`, `stage` and `taken_at` of an upload.

    Raises:
        InvalidInputError: one message a field.

    """
    errors: list[FieldError] = []
    photo_id = _uuid(values.get("id"))
    if photo_id is None:
        message = _("Give a UUID, for example 018f3f0e-5c1d-7c5a-9d3e-1f2a3b4c5d6e.")
        errors.append(FieldError("id", message, "uuid"))
    stage = values.get("stage") or "none"
    if stage not in STAGES:
        errors.append(FieldError("stage", _("Choose before, after or none."), "unknown"))
    taken_at = None
    try:
        taken_at = _moment(values.get("taken_at"), now)
    except ValueError:
        message = _("Give a date and time that is not in the future, for example 2026-05-04T18:30:00+02:00.")
        errors.append(FieldError("taken_at", message, "moment"))
    if not raw:
        errors.append(FieldError("photo", _("Choose a picture."), "missing"))
    if errors or photo_id is None:
        raise InvalidInputError(errors)
    return UploadCommand(photo_id, stage, taken_at, raw)


def _uuid(value: object) -> UUID | None:
    try:
        return UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _moment(value: object, now: datetime) -> datetime | None:
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise TypeError
    moment = datetime.fromisoformat(value.strip())
    if check_zone(moment, "taken_at") or moment > now + CLOCK_SKEW:
        raise ValueError
    return moment


def parse_cover(values: Mapping[str, Any]) -> CoverCommand:
    """Read `mode` and `areas`: objects of x_px, y_px, width_px and height_px.

    Raises:
        InvalidInputError: one message a field.

    """
    errors: list[FieldError] = []
    mode = values.get("mode", "pixelate")
    if mode not in COVER_MODES:
        errors.append(FieldError("mode", _("Choose pixelate or black."), "unknown"))
    areas = values.get("areas")
    if not isinstance(areas, Sequence) or isinstance(areas, str) or not areas:
        errors.append(FieldError("areas", _("Draw at least one rectangle."), "missing"))
        areas = ()
    elif len(areas) > MOST_AREAS:
        errors.append(FieldError("areas", _("Draw at most %(most)s rectangles.", most=MOST_AREAS), "too_many"))
        areas = ()
    read = [_area(area) for area in areas]
    for number, area in enumerate(read, start=1):
        if area is None:
            message = _("Rectangle %(number)s: give left, top, width and height in whole pixels.", number=number)
            errors.append(FieldError("areas", message, "area"))
    if errors:
        raise InvalidInputError(errors)
    return CoverCommand(cast("Literal['pixelate', 'black']", mode), tuple(area for area in read if area))


def _area(value: object) -> Area | None:
    if not isinstance(value, Mapping):
        return None
    numbers = [_pixels(value.get(name)) for name in ("x_px", "y_px", "width_px", "height_px")]
    x_px, y_px, width_px, height_px = numbers
    if x_px is None or y_px is None or not width_px or not height_px:
        return None
    return Area(x_px, y_px, width_px, height_px)


def _pixels(value: object) -> int | None:
    if isinstance(value, str):
        value = int(value) if value.strip().isascii() and value.strip().isdigit() else None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= MOST_PX:
        return None
    return int(value)
