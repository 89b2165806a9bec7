"""Untrusted input → one frozen command about a patrol, or one message per field in the reader's language."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, TypeVar
from uuid import UUID

from flask_babel import gettext as _
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, FiniteFloat, ValidationError
from pydantic_core import PydanticCustomError

from app.errors import FieldError, InvalidInputError
from app.patrols.rules import KINDS, MOST_PEOPLE, MOST_STOPS, MOVES, OUTCOMES, PARTICIPANTS
from app.reports.commands import (
    CLOCK_SKEW,
    OLDEST,
    Territory,
    blank_is_none,
    check_position,
    plain_text,
    usual_refusal,
    with_local_zone,
)
from app.reports.rules import DESCRIPTION_CHARACTERS
from app.web.bodies import check_zone
from app.web.described import (
    Blank,
    IdText,
    Latitude,
    Longitude,
    MomentText,
    NumberText,
    OrNone,
    PeopleNumber,
    PlaceNumber,
    PlainLine,
    PlainText,
    PositiveText,
)
from app.web.described import Version as VersionNumber

FIELDS = ("id", "kind", "title", "planned_at", "state", "note", "stops", "participants")
PASSAGE_FIELDS = ("id", "stop", "place_id", "lon", "lat", "passed_at", "outcome", "note", "reports")
MOVE_FIELDS = ("move", "version", "note")
TITLE_CHARACTERS = 120
MOST_REPORTS = 20
_POINT = re.compile(r"(-?\d{1,3}(?:[.,]\d+)?)[\s;]+(-?\d{1,2}(?:[.,]\d+)?)[\s;]+(\S.*)", re.ASCII)
# A round is planned for some months ahead, not for ever.
AHEAD = timedelta(days=800)


@dataclass(frozen=True)
class Checks:
    """What a command is checked against besides its own shape."""

    territory: Territory
    now: datetime


def _number(value: object) -> object:
    if isinstance(value, bool):
        raise PydanticCustomError("number", "")
    # A French keyboard types 2,30.
    return blank_is_none(value.strip().replace(",", ".")) if isinstance(value, str) else value


def _moment(value: object) -> object:
    if value is not None and not isinstance(value, (str, datetime)):
        raise PydanticCustomError("moment", "")
    return blank_is_none(value)


def _line(value: object) -> object:
    """A short text of one line."""
    text = plain_text(value)
    if isinstance(text, str):
        text = " ".join(text.split())
        if len(text) > TITLE_CHARACTERS:
            raise PydanticCustomError("too_long_line", "{length}", {"length": len(text)})
    return text


def _id(value: object) -> object:
    if not isinstance(value, (str, UUID)):
        raise PydanticCustomError("id", "")
    return value


def _state(value: object) -> object:
    return "planned" if value is None or blank_is_none(value) is None else value


def _counts(value: object) -> object:
    """Role → how many; none, blank and 0 are left out."""
    if value is None:
        return {}
    if not isinstance(value, Mapping) or not set(value) <= set(PARTICIPANTS):
        raise PydanticCustomError("roles", "")
    counts = {}
    for role, number in value.items():
        text = str(number).strip() if not isinstance(number, bool) and number is not None else ""
        if number is True or number is False or (text and not (text.isascii() and text.isdigit() and len(text) <= 3)):  # noqa: PLR2004
            raise PydanticCustomError("roles", "")
        if text and int(text) > MOST_PEOPLE:
            raise PydanticCustomError("roles", "")
        if text and int(text):
            counts[role] = int(text)
    return counts


_PlaceInput = PlaceNumber | PositiveText | Blank | None
_Stop = Annotated[int, Field(ge=1, le=MOST_STOPS)]
_People = dict[Annotated[str, Field(pattern=f"^({'|'.join(PARTICIPANTS)})$")], PeopleNumber | NumberText | Blank | None]
Moment = Annotated[datetime | None, BeforeValidator(_moment, json_schema_input_type=MomentText | Blank | None)]
Line = Annotated[str | None, BeforeValidator(_line, json_schema_input_type=PlainLine | None)]
Text = Annotated[str | None, BeforeValidator(plain_text, json_schema_input_type=PlainText | None)]
PlaceId = Annotated[int | None, Field(ge=1, lt=2**63), BeforeValidator(_number, json_schema_input_type=_PlaceInput)]
Lon = Annotated[
    FiniteFloat | None,
    Field(ge=-180, le=180),
    BeforeValidator(_number, json_schema_input_type=Longitude | NumberText | Blank | None),
]
Lat = Annotated[
    FiniteFloat | None,
    Field(ge=-90, le=90),
    BeforeValidator(_number, json_schema_input_type=Latitude | NumberText | Blank | None),
]
Version = Annotated[
    int, Field(ge=1, lt=2**31), BeforeValidator(_number, json_schema_input_type=VersionNumber | PositiveText)
]
State = Literal["planned", "open"]


class _Command(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    def body_sha256(self) -> bytes:
        """What makes two bodies the same: the accepted values, not their spelling."""
        return hashlib.sha256(json.dumps(self.model_dump(mode="json"), sort_keys=True).encode()).digest()


class StopCommand(_Command):
    """One stop: a place of the reference geography, or a point in EPSG:4326 degrees with a name."""

    place_id: PlaceId = None
    lon: Lon = None
    lat: Lat = None
    name: Line = None
    note: Text = None


class PatrolCommand(_Command):
    """One patrol as somebody sent it. participants: role → number of people; planned_at aware, None: now."""

    id: Annotated[UUID, BeforeValidator(_id, json_schema_input_type=IdText)]
    kind: Literal["round", "walk", "free"]
    title: Line = None
    planned_at: Moment = None
    state: Annotated[
        State,
        BeforeValidator(_state, json_schema_input_type=State | Blank | None),
    ] = "planned"
    note: Text = None
    stops: Annotated[tuple[StopCommand, ...], Field(max_length=MOST_STOPS), OrNone] = ()
    participants: Annotated[dict[str, int], BeforeValidator(_counts, json_schema_input_type=_People | None)] = {}


class PassageCommand(_Command):
    """Somebody looked: at stop number `stop` of the patrol, or at a place, or at a point (EPSG:4326 degrees)."""

    id: Annotated[UUID, BeforeValidator(_id, json_schema_input_type=IdText)]
    outcome: Literal["nothing", "found"]
    stop: Annotated[
        int | None,
        Field(ge=1, le=MOST_STOPS),
        BeforeValidator(_number, json_schema_input_type=_Stop | PositiveText | Blank | None),
    ] = None
    place_id: PlaceId = None
    lon: Lon = None
    lat: Lat = None
    passed_at: Moment = None
    note: Text = None
    reports: Annotated[tuple[UUID, ...], Field(max_length=MOST_REPORTS), OrNone] = ()


class MoveCommand(_Command):
    """One move. version: the patrol as its mover saw it; note: what is said at the end."""

    move: Literal["start", "finish", "cancel"]
    version: Version
    note: Text = None


_C = TypeVar("_C", bound=_Command)


def parse_patrol(raw: Mapping[str, Any], checks: Checks, *, from_form: bool = False) -> PatrolCommand:
    """Read one patrol. from_form: a time without offset is meant in Europe/Paris.

    Raises:
        InvalidInputError: every refused field with its message.

    """
    values = dict(raw)
    if from_form:
        values["planned_at"] = with_local_zone(values.get("planned_at"))
    command, errors = _read(PatrolCommand, values)
    if command is not None:
        errors = _check_moment("planned_at", command.planned_at, checks.now + AHEAD, checks.now)
        errors += [error for stop in command.stops for error in _check_stop(stop, checks)][:1]
        if command.kind == "round" and not command.stops:
            errors.append(FieldError("stops", _("Choose at least one stop, or a free round."), "missing"))
    return _settled(command, errors)


def points_of(text: str) -> list[dict[str, str]]:
    """Stops typed one a line: longitude, latitude, and what the point is called; as a stop of parse_patrol.

    Raises:
        InvalidInputError: field `points`.

    """
    points = []
    for line in filter(None, map(str.strip, text.splitlines())):
        found = _POINT.fullmatch(line)
        if found is None:
            message = _("Write each point on a line: longitude, latitude, name, for example 2.2957 49.8942 Square.")
            raise InvalidInputError([FieldError("points", message, "unknown")])
        lon, lat, name = found.groups()
        points.append({"lon": lon, "lat": lat, "name": name})
    return points


def parse_passage(raw: Mapping[str, Any], checks: Checks) -> PassageCommand:
    """Read one passage.

    Raises:
        InvalidInputError: every refused field with its message.

    """
    command, errors = _read(PassageCommand, raw)
    if command is not None:
        errors = _check_moment("passed_at", command.passed_at, checks.now + CLOCK_SKEW, checks.now)
        errors += _check_where(command, checks)
        if command.outcome == "nothing" and command.reports:
            message = _("Where something was reported, something was found: choose “found”, or leave the reports out.")
            errors.append(FieldError("reports", message, "unused"))
    return _settled(command, errors)


def parse_move(raw: Mapping[str, Any]) -> MoveCommand:
    """Read one move.

    Raises:
        InvalidInputError: every refused field with its message.

    """
    return _settled(*_read(MoveCommand, raw))


def _read(model: type[_C], raw: Mapping[str, Any]) -> tuple[_C | None, list[FieldError]]:
    try:
        return model.model_validate({name: value for name, value in raw.items() if value is not None}), []
    except ValidationError as failed:
        found: dict[str, FieldError] = {}
        for error in failed.errors(include_input=False):
            refused = _refusal(error["loc"], error["type"], error.get("ctx", {}))
            found.setdefault(refused.field, refused)
        return None, list(found.values())


def _settled(command: _C | None, errors: list[FieldError]) -> _C:
    if errors or command is None:
        raise InvalidInputError(errors)
    return command


def _check_moment(field: str, moment: datetime | None, latest: datetime, now: datetime) -> list[FieldError]:
    if moment is None:
        return []
    if refused := check_zone(moment, field):
        return refused
    if moment > latest and latest <= now + CLOCK_SKEW:
        return [FieldError(field, _("This time lies in the future. Choose now or earlier."), "future")]
    if not OLDEST <= moment <= latest:
        return [FieldError(field, _("This time lies too far from now."), "range")]
    return []


def _check_stop(stop: StopCommand, checks: Checks) -> list[FieldError]:
    if stop.place_id is not None:
        return []
    if stop.lon is None or stop.lat is None or stop.name is None:
        message = _("Give each stop a place_id, or lon, lat and a name.")
        return [FieldError("stops", message, "missing")]
    outside = check_position(stop.lon, stop.lat, checks.territory)
    return [FieldError("stops", f"{stop.name}: {outside[0].message}", outside[0].code)] if outside else []


def _check_where(command: PassageCommand, checks: Checks) -> list[FieldError]:
    if command.stop is not None or command.place_id is not None:
        return []
    if command.lon is None or command.lat is None:
        message = _("Say where you passed: a stop of the round, a place, or longitude and latitude.")
        return [FieldError("stop" if command.lon is None and command.lat is None else "lon", message, "missing")]
    return check_position(command.lon, command.lat, checks.territory)


def _refusal(where: Sequence[int | str], kind: str, context: Mapping[str, Any]) -> FieldError:
    """Pydantic's error → a sentence that names the fix."""
    field = str(where[0])
    most = TITLE_CHARACTERS if kind == "too_long_line" else DESCRIPTION_CHARACTERS
    return usual_refusal(field, kind, context, most) or FieldError(field, _by_field(field), kind)


def _by_field(field: str) -> str:
    moment = _("Give a date and time, for example 2026-05-04T18:30:00+02:00.")
    words: dict[str, str] = {
        "id": _("Give a UUID, for example 018f3f0e-5c1d-7c5a-9d3e-1f2a3b4c5d6e."),
        "kind": _("Choose a kind: %(kinds)s.", kinds=", ".join(KINDS)),
        "state": _("Choose a state: %(states)s.", states="planned, open"),
        "move": _("Choose a move: %(moves)s.", moves=", ".join(MOVES)),
        "outcome": _("Choose what was seen: %(outcomes)s.", outcomes=", ".join(OUTCOMES)),
        "version": _("Say which version of the patrol you saw: a whole number (the ETag of GET has it)."),
        "planned_at": moment,
        "passed_at": moment,
        "stop": _("Give the number of a stop of this round."),
        "place_id": _("Choose a place from the list, or none."),
        "lon": _("Give the longitude in degrees, between -180 and 180."),
        "lat": _("Give the latitude in degrees, between -90 and 90."),
        "stops": _("Give at most %(most)s stops, each with a place_id, or lon, lat and a name.", most=MOST_STOPS),
        "participants": _(
            "Give numbers of people from 0 to %(most)s by role: %(roles)s.",
            most=MOST_PEOPLE, roles=", ".join(PARTICIPANTS),
        ),
        "reports": _("Give the ids of at most %(most)s reports.", most=MOST_REPORTS),
        "title": _("Give a text, or leave it out."),
        "note": _("Give a text, or leave it out."),
    }  # fmt: skip
    return words.get(field, str(_("This value cannot be read.")))
