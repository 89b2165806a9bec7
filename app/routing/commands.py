"""Untrusted input → one frozen RuleCommand, or one message per field in the reader's language."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, time
from typing import Annotated, Any

import shapely
from flask_babel import gettext as _
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError
from shapely.geometry import MultiPolygon, Polygon, shape

from app.errors import BadRequestError, FieldError, InvalidInputError
from app.nomenclature.store import Nomenclature
from app.routing.deadlines import LOCAL_ZONE

PLACE_KINDS = ("stop", "line", "residence", "school", "qpv", "neighbourhood", "iris", "commune")
WEEKDAYS = (1, 2, 3, 4, 5, 6, 7)
MOST_VERTICES = 2000
LABEL_CHARACTERS = 120
_UNREADABLE = (ValueError, TypeError, AttributeError, KeyError, IndexError, OverflowError, RecursionError)


def _blank_is_none(value: object) -> object:
    return None if isinstance(value, str) and not value.strip() else value


def _clock(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return time.fromisoformat(value.strip())
    except ValueError:
        raise PydanticCustomError("clock", "") from None


def _label(value: object) -> object:
    text = value.strip() if isinstance(value, str) else ""
    if not text or len(text) > LABEL_CHARACTERS or not text.isprintable() or "<" in text:
        raise PydanticCustomError("label", "")
    return text


def _finite(digits: str) -> float:
    """JSON knows no NaN, but Python reads it; and 1e400 is more than a number can be."""
    if not math.isfinite(number := float(digits)):
        raise ValueError(digits)
    return number


def _zone(value: object) -> object:
    """GeoJSON of a polygon or multipolygon → the GeoJSON of one valid MultiPolygon."""
    try:
        geometry = shape(json.loads(str(value), parse_constant=_finite, parse_float=_finite))
    except (*_UNREADABLE, shapely.errors.ShapelyError):
        raise PydanticCustomError("zone", "") from None
    if not isinstance(geometry, (Polygon, MultiPolygon)) or geometry.is_empty:
        raise PydanticCustomError("zone", "")
    if shapely.get_num_coordinates(geometry) > MOST_VERTICES:
        raise PydanticCustomError("zone_large", "")
    west, south, east, north = geometry.bounds
    # Written as a condition that a nan fails as well.
    if not (west >= -180 and east <= 180 and south >= -90 and north <= 90):  # noqa: PLR2004
        raise PydanticCustomError("zone", "")
    if not geometry.is_valid:
        raise PydanticCustomError("zone_crossed", "")
    flat = shapely.force_2d(geometry)
    return shapely.to_geojson(flat if isinstance(flat, MultiPolygon) else MultiPolygon([flat]))


class RuleCommand(BaseModel):
    """One routing rule. Times are of Europe/Paris, weekdays ISO (1 Monday); zone is GeoJSON in EPSG:4326 degrees."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    label: Annotated[str, BeforeValidator(_label)]
    organisation: Annotated[str, Field(min_length=1, max_length=120)]
    category: Annotated[str | None, BeforeValidator(_blank_is_none)] = None
    theme: Annotated[str | None, BeforeValidator(_blank_is_none)] = None
    place_kind: Annotated[str | None, BeforeValidator(_blank_is_none)] = None
    zone_place_id: Annotated[int | None, Field(ge=1, lt=2**63), BeforeValidator(_blank_is_none)] = None
    zone: Annotated[str | None, BeforeValidator(lambda v: None if _blank_is_none(v) is None else _zone(v))] = None
    weekdays: Annotated[tuple[int, ...], Field(max_length=7)] = ()
    from_time: Annotated[time | None, BeforeValidator(_clock), BeforeValidator(_blank_is_none)] = None
    to_time: Annotated[time | None, BeforeValidator(_clock), BeforeValidator(_blank_is_none)] = None
    active: bool = True
    position: Annotated[int | None, Field(ge=1, le=10_000), BeforeValidator(_blank_is_none)] = None
    version: Annotated[int | None, Field(ge=1, lt=2**31), BeforeValidator(_blank_is_none)] = None

    @model_validator(mode="after")
    def _fits_together(self) -> RuleCommand:
        if self.category and self.theme:
            raise PydanticCustomError("both", "", {"field": "category"})
        if self.zone_place_id and self.zone:
            raise PydanticCustomError("both", "", {"field": "zone"})
        if (self.from_time is None) != (self.to_time is None):
            raise PydanticCustomError("half", "", {"field": "to_time" if self.to_time is None else "from_time"})
        if self.from_time is not None and self.from_time == self.to_time:
            raise PydanticCustomError("same", "", {"field": "to_time"})
        return self


def parse_rule(raw: Mapping[str, Any], nomenclature: Nomenclature) -> RuleCommand:
    """Read one rule from JSON or form values.

    Raises:
        InvalidInputError: every refused field with its message.

    """
    try:
        command = RuleCommand.model_validate(dict(raw))
    except ValidationError as error:
        refused = error.errors(include_input=False)
        raise InvalidInputError([_message(e["loc"], e["type"], e.get("ctx", {})) for e in refused]) from None
    errors = [
        *_known("category", command.category, nomenclature.category_by_code),
        *_known("theme", command.theme, nomenclature.theme_by_code),
        *_known("place_kind", command.place_kind, PLACE_KINDS),
        *(_known("weekdays", day, WEEKDAYS)[0] for day in command.weekdays if day not in WEEKDAYS),
    ]
    if errors:
        raise InvalidInputError(errors)
    return command


def _known(field: str, value: object, known: Collection[object]) -> list[FieldError]:
    if value is None or value in known:
        return []
    return [FieldError(field, _("“%(value)s” is not known", value=str(value)[:40]), "unknown")]


def _message(loc: Sequence[Any], kind: str, context: Mapping[str, Any]) -> FieldError:
    field = str(context.get("field") or (loc[0] if loc else "rule"))
    if kind == "extra_forbidden":
        return FieldError(field[:64], _("There is no such field."), "unknown_field")
    by_kind = {
        "both": _("Choose one of the two, not both."),
        "half": _("Give both times, or none."),
        "same": _("The two times are the same. Leave both out for the whole day."),
        "zone_large": _("This area has more than %(most)s points. Simplify it.", most=MOST_VERTICES),
        "zone_crossed": _("The border of this area crosses itself. Draw it again."),
    }
    by_field = {
        "label": _("Give a short name of up to %(most)s characters, plain text.", most=LABEL_CHARACTERS),
        "organisation": _("Choose an organisation from the list."),
        "zone": _("Draw an area, or write a GeoJSON polygon in degrees (longitude, latitude)."),
        "zone_place_id": _("Choose a place from the list, or none."),
        "weekdays": _("Choose days from 1 (Monday) to 7 (Sunday)."),
        "from_time": _("Write the time as HH:MM."),
        "to_time": _("Write the time as HH:MM."),
        "position": _("Give the place in the order: 1 is first."),
        "version": _("Give the rule's version: a whole number."),
    }
    return FieldError(field, by_kind.get(kind) or by_field.get(field, _("This value cannot be read.")), kind)


class TryCommand(BaseModel):
    """A made-up report for the dry run: EPSG:4326 degrees, aware time."""

    model_config = ConfigDict(frozen=True)

    category: str
    lon: float
    lat: float
    at: datetime


def parse_try(args: Mapping[str, str], nomenclature: Nomenclature, now: datetime) -> TryCommand | None:
    """Read a dry run from query parameters; None when nothing was asked yet.

    Raises:
        BadRequestError: names the parameter.

    """
    if not any(args.get(name, "").strip() for name in ("category", "lon", "lat")):
        return None
    category = args.get("category", "").strip()
    if category not in nomenclature.category_by_code:
        raise BadRequestError("category", _("Choose a category."))
    return TryCommand(
        category=category, lon=_degrees(args, "lon", 180), lat=_degrees(args, "lat", 90), at=_at(args, now)
    )


def _degrees(args: Mapping[str, str], name: str, most: int) -> float:
    try:
        value = float(args.get(name, "").strip().replace(",", "."))
    except ValueError:
        value = float("nan")
    if not -most <= value <= most:
        raise BadRequestError(name, _("Give a number of degrees between -%(most)s and %(most)s.", most=most))
    return value


def _at(args: Mapping[str, str], now: datetime) -> datetime:
    value = args.get("at", "").strip()
    if not value:
        return now
    try:
        moment = datetime.fromisoformat(value)
        return (moment if moment.tzinfo else moment.replace(tzinfo=LOCAL_ZONE)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadRequestError("at", _("Give a date and time, for example 2026-05-04T18:30.")) from None
