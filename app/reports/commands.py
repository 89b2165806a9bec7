"""Untrusted input → one frozen ReportCommand, or one message per field in the reader's language."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Protocol
from uuid import UUID

from flask_babel import format_decimal, ngettext
from flask_babel import gettext as _
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, FiniteFloat, ValidationError
from pydantic_core import PydanticCustomError

from app.errors import FieldError, InvalidInputError
from app.nomenclature.store import Nomenclature
from app.reports.filters import LOCAL_ZONE
from app.reports.rules import DESCRIPTION_CHARACTERS, holds_control_characters, holds_markup
from app.reports.screening import certain_finds
from app.reports.screening_words import refusal
from app.web.bodies import check_zone
from app.web.described import (
    Blank,
    IdText,
    Latitude,
    Longitude,
    MomentText,
    NumberText,
    PlaceNumber,
    PlainText,
    PositiveText,
    Severity,
    SeverityText,
)

CLOCK_SKEW = timedelta(minutes=10)
# json.dumps() would make one for each report.
_SORTED = json.JSONEncoder(sort_keys=True)
OLDEST = datetime(2000, 1, 1, tzinfo=UTC)
FIELDS = ("id", "category", "lon", "lat", "severity", "observed_at", "description", "place_id")


class Territory(Protocol):
    """The commune polygons (app.places gives it)."""

    def covers(self, lon: float, lat: float) -> bool: ...
    def distance_m(self, lon: float, lat: float) -> float: ...


@dataclass(frozen=True)
class Checks:
    """What a report is checked against besides its own shape."""

    nomenclature: Nomenclature
    territory: Territory
    now: datetime


def _number(value: object) -> object:
    if isinstance(value, bool):
        raise PydanticCustomError("number", "")
    # A French keyboard types 2,30.
    return value.strip().replace(",", ".") if isinstance(value, str) else value


def blank_is_none(value: object) -> object:
    """A field of a form that was left empty was not given."""
    return None if isinstance(value, str) and not value.strip() else value


def text_only(value: object) -> object:
    """An id or a time must come as a text."""
    if value is not None and not isinstance(value, (str, UUID, datetime)):
        raise PydanticCustomError("text", "")
    return value


def plain_text(value: object) -> object:
    """Trimmed text without markup, control characters and what is certainly of a person (screening); blank is None."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise PydanticCustomError("text", "")
    text = value.replace("\r\n", "\n").replace("\r", "\n").strip()
    if len(text) > DESCRIPTION_CHARACTERS:
        raise PydanticCustomError("too_long", "{length}", {"length": len(text)})
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise PydanticCustomError("control", "") from None
    if holds_control_characters(text):
        raise PydanticCustomError("control", "")
    if holds_markup(text):
        raise PydanticCustomError("markup", "")
    if finds := certain_finds(text):
        raise PydanticCustomError("person", "{kind}", {"kind": finds[0].kind, "found": finds[0].found})
    return text or None


class ReportCommand(BaseModel):
    """One report as somebody sent it. Degrees are EPSG:4326; observed_at is aware."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Annotated[UUID, BeforeValidator(text_only, json_schema_input_type=IdText)]
    category: Annotated[str, Field(min_length=1, max_length=64)]
    lon: Annotated[
        FiniteFloat, Field(ge=-180, le=180), BeforeValidator(_number, json_schema_input_type=Longitude | NumberText)
    ]
    lat: Annotated[
        FiniteFloat, Field(ge=-90, le=90), BeforeValidator(_number, json_schema_input_type=Latitude | NumberText)
    ]
    severity: Annotated[
        int | None,
        Field(ge=1, le=4),
        BeforeValidator(_number),
        BeforeValidator(blank_is_none, json_schema_input_type=Severity | SeverityText | Blank | None),
    ] = None
    observed_at: Annotated[
        datetime | None,
        BeforeValidator(text_only),
        BeforeValidator(blank_is_none, json_schema_input_type=MomentText | Blank | None),
    ] = None
    description: Annotated[str | None, BeforeValidator(plain_text, json_schema_input_type=PlainText | None)] = None
    place_id: Annotated[
        int | None,
        Field(ge=1, lt=2**63),
        BeforeValidator(_number),
        BeforeValidator(blank_is_none, json_schema_input_type=PlaceNumber | PositiveText | Blank | None),
    ] = None

    def body_sha256(self) -> bytes:
        """What makes two bodies the same: the accepted values, not their spelling."""
        return hashlib.sha256(_SORTED.encode(self.model_dump(mode="json")).encode()).digest()


def parse_report(raw: Mapping[str, Any], checks: Checks, *, local_times: bool = False) -> ReportCommand:
    """Read one report from JSON or form values.

    local_times: an observed_at without offset is meant in Europe/Paris (what `datetime-local` sends); else refused.

    Raises:
        InvalidInputError: every refused field with its message.

    """
    errors: list[FieldError] = []
    values = dict(raw)
    if local_times:
        values["observed_at"] = with_local_zone(values.get("observed_at"))
    try:
        command = ReportCommand.model_validate(values)
    except ValidationError as error:
        errors = [_message(str(e["loc"][0]), e["type"], e.get("ctx", {})) for e in error.errors(include_input=False)]
        command = None
    refused = {error.field for error in errors}
    errors += _check(values, command, refused, checks)
    if errors or command is None:
        raise InvalidInputError(errors)
    return command


def with_local_zone(value: object) -> object:
    """A time without offset as one of Europe/Paris (what `datetime-local` sends); anything else as it is."""
    if not isinstance(value, str):
        return value
    try:
        moment = datetime.fromisoformat(value.strip())
    except ValueError:
        return value
    return moment.replace(tzinfo=LOCAL_ZONE).isoformat() if moment.tzinfo is None else value


def _check(
    values: Mapping[str, Any], command: ReportCommand | None, refused: set[str], checks: Checks
) -> list[FieldError]:
    """The checks against the nomenclature, the clock and the territory, for the fields that are well-formed."""
    errors: list[FieldError] = []
    category = values.get("category")
    if "category" not in refused and isinstance(category, str):
        known = checks.nomenclature.category_by_code.get(category)
        if known is None or not known.active:
            message = _("This category does not exist. Choose one from the list.")
            errors.append(FieldError("category", message, "unknown"))
    if command is not None and command.observed_at is not None:
        errors += check_moment(command.observed_at, checks.now)
    if not refused & {"lon", "lat"}:
        lon, lat = (float(_number(values[name])) for name in ("lon", "lat"))  # type: ignore[arg-type]
        errors += check_position(lon, lat, checks.territory)
    return errors


def check_moment(moment: datetime, now: datetime, field: str = "observed_at") -> list[FieldError]:
    """A time of something seen: with its zone, not in the future, not before 2000."""
    if refused := check_zone(moment, field):
        return refused
    if moment > now + CLOCK_SKEW:
        return [FieldError(field, _("This time lies in the future. Choose now or earlier."), "future")]
    if moment < OLDEST:
        return [FieldError(field, _("This time is too long ago (before 2000)."), "too_old")]
    return []


def check_position(lon: float, lat: float, territory: Territory) -> list[FieldError]:
    """Inside the territory, or the message that says how far outside, or that the two numbers look swapped."""
    if territory.covers(lon, lat):
        return []
    if -90 <= lon <= 90 and territory.covers(lat, lon):  # noqa: PLR2004
        message = _("Longitude and latitude look swapped: %(lon)s, %(lat)s would be inside.", lon=lat, lat=lon)
        return [FieldError("lon", message, "swapped"), FieldError("lat", message, "swapped")]
    distance_km = max(territory.distance_m(lon, lat) / 1000, 0.1)
    shown = format_decimal(distance_km, "#,##0.0" if distance_km < 10 else "#,##0")  # noqa: PLR2004
    message = _("This point lies outside the territory, %(km)s km from its border.", km=shown)
    return [FieldError("lon", message, "outside"), FieldError("lat", message, "outside")]


def usual_refusal(
    field: str, kind: str, context: Mapping[str, Any], most: int = DESCRIPTION_CHARACTERS
) -> FieldError | None:
    """The message of what can be wrong with any field of any form (pydantic's types and plain_text's own); else None.

    most: how many characters a text that is too long may have.
    """
    if kind == "missing":
        return FieldError(field, _("This field is required."), kind)
    if kind == "extra_forbidden":
        return FieldError(field[:64], _("There is no such field."), "unknown_field")
    if kind.startswith("too_long") and "length" in context:
        over = int(context["length"]) - most
        message = ngettext("Shorten the text by %(num)s character.", "Shorten the text by %(num)s characters.", over)
        return FieldError(field, message, kind)
    if kind == "person":
        return FieldError(field, refusal(context["kind"], context["found"]), kind)
    by_kind = {
        "control": _("Remove the invisible characters from this text."),
        "markup": _("Write plain text: no HTML, no < and > around words."),
    }
    return FieldError(field, by_kind[kind], kind) if kind in by_kind else None


def _message(field: str, kind: str, context: Mapping[str, Any]) -> FieldError:
    """Pydantic's error type → a sentence that names the fix."""
    if usual := usual_refusal(field, kind, context):
        return usual
    if kind == "finite_number":
        return FieldError(field, _("Give a number."), kind)
    by_field = {
        "id": _("Give a UUID, for example 018f3f0e-5c1d-7c5a-9d3e-1f2a3b4c5d6e."),
        "category": _("Choose a category."),
        "lon": _("Give the longitude in degrees, between -180 and 180."),
        "lat": _("Give the latitude in degrees, between -90 and 90."),
        "severity": _("Choose a severity: 1, 2, 3 or 4."),
        "observed_at": _("Give a date and time, for example 2026-05-04T18:30:00+02:00."),
        "description": _("Give a text, or leave it out."),
        "place_id": _("Choose a place from the list, or none."),
    }
    return FieldError(field, by_field.get(field, _("This value cannot be read.")), kind)
