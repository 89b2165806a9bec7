"""Untrusted input → one frozen command about an intervention, or one message per field in the reader's language."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, TypeVar
from uuid import UUID

from flask_babel import gettext as _
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import PydanticCustomError

from app.errors import FieldError, InvalidInputError
from app.interventions.geometry import GeometryError, canonical, from_points, points_of
from app.interventions.messages import refusal
from app.reports.commands import (
    CLOCK_SKEW,
    OLDEST,
    Territory,
    blank_is_none,
    check_position,
    plain_text,
    with_local_zone,
)
from app.web.bodies import check_zone
from app.web.described import AmountText, Blank, DrawnGeometry, IdText, MomentText, PlainText, PositiveText
from app.web.described import Version as VersionNumber

MOST_REPORTS = 100
MOMENTS = ("planned_start", "planned_end", "done_start", "done_end")
DETAILS = (
    "kind", "geometry", *MOMENTS, "teams", "team_size", "cost_eur", "hours", "description", "visibility",
)  # fmt: skip
FIELDS = ("id", "organisation", "state", "reports", *DETAILS)
EDIT_FIELDS = ("version", *DETAILS)
MOVE_FIELDS = ("move", "version", "text", "done_start", "done_end", "resolve")


@dataclass(frozen=True)
class Checks:
    """What an intervention is checked against besides its own shape."""

    kinds: Collection[str]
    teams: Collection[str]
    territory: Territory
    now: datetime


def _geometry(value: object) -> object:
    try:
        return canonical(value)
    except GeometryError as error:
        raise PydanticCustomError("geometry", "{code}", {"code": error.code}) from None


def _amount(value: object) -> object:
    """1 234,50 € as a French keyboard types it; a JSON number by its shortest spelling."""
    if value is None or isinstance(value, bool):
        return None if value is None else "no"
    if isinstance(value, str):
        plain = value.strip().replace("\u00a0", "").replace("\u202f", "").replace(" ", "").removesuffix("€")
        return plain.replace(",", ".") or None
    return str(value) if isinstance(value, (int, float)) else value


def _moment(value: object) -> object:
    if value is not None and not isinstance(value, (str, datetime)):
        raise PydanticCustomError("moment", "")
    return blank_is_none(value)


def _number(value: object) -> object:
    if isinstance(value, bool):
        raise PydanticCustomError("number", "")
    return value


def _list(value: object) -> object:
    if value is None:
        return ()
    if not isinstance(value, (list, tuple)):
        raise PydanticCustomError("list", "")
    return tuple(value)


Moment = Annotated[datetime | None, BeforeValidator(_moment, json_schema_input_type=MomentText | Blank | None)]
_Ids = Annotated[list[IdText], Field(max_length=MOST_REPORTS)]
Ids = Annotated[
    tuple[UUID, ...], Field(max_length=MOST_REPORTS), BeforeValidator(_list, json_schema_input_type=_Ids | None)
]
Version = Annotated[
    int, Field(ge=1, lt=2**31), BeforeValidator(_number, json_schema_input_type=VersionNumber | PositiveText)
]
TextOfIt = Annotated[str | None, BeforeValidator(plain_text, json_schema_input_type=PlainText | None)]
_People = Annotated[int, Field(ge=1, le=500)]
_Euros = Annotated[float, Field(ge=0, lt=1e10, multiple_of=0.01)]
_Hours = Annotated[float, Field(ge=0, lt=1e6, multiple_of=0.01)]
_Teams = Annotated[list[Annotated[str, Field(min_length=1, max_length=64)]], Field(max_length=10)]
Code = Annotated[str, Field(min_length=1, max_length=64)]


class _Command(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Details(_Command):
    """What can be said of an intervention. geometry: canonical GeoJSON in EPSG:4326; times aware; money in euros."""

    kind: Code
    geometry: Annotated[str, BeforeValidator(_geometry, json_schema_input_type=DrawnGeometry)]
    planned_start: Moment = None
    planned_end: Moment = None
    done_start: Moment = None
    done_end: Moment = None
    teams: Annotated[
        tuple[Code, ...], Field(max_length=10), BeforeValidator(_list, json_schema_input_type=_Teams | None)
    ] = ()
    team_size: Annotated[
        int | None,
        Field(ge=1, le=500),
        BeforeValidator(_number),
        BeforeValidator(blank_is_none, json_schema_input_type=_People | PositiveText | Blank | None),
    ] = None
    cost_eur: Annotated[
        Decimal | None,
        Field(ge=0, max_digits=12, decimal_places=2),
        BeforeValidator(_amount, json_schema_input_type=_Euros | AmountText | Blank | None),
    ] = None
    hours: Annotated[
        Decimal | None,
        Field(ge=0, max_digits=8, decimal_places=2),
        BeforeValidator(_amount, json_schema_input_type=_Hours | AmountText | Blank | None),
    ] = None
    description: TextOfIt = None
    visibility: Annotated[Literal["public", "partner", "restricted"] | None, BeforeValidator(blank_is_none)] = None


class InterventionCommand(_Details):
    """One intervention as somebody sent it. organisation: a slug, None for one's own; reports: what it answers."""

    id: UUID
    organisation: Annotated[str | None, Field(max_length=120), BeforeValidator(blank_is_none)] = None
    state: Literal["planned", "in_progress", "done"] = "planned"
    reports: Ids = ()

    def body_sha256(self) -> bytes:
        """What makes two bodies the same: the accepted values, not their spelling."""
        return hashlib.sha256(json.dumps(self.model_dump(mode="json"), sort_keys=True).encode()).digest()


class EditCommand(_Details):
    """New details of an intervention, and the version that its editor saw."""

    version: Version


class MoveCommand(_Command):
    """One move. version: the intervention as its mover saw it; resolve: linked reports to resolve with it."""

    move: Literal["start", "finish", "verify", "resume", "cancel", "replan"]
    version: Version
    text: TextOfIt = None
    done_start: Moment = None
    done_end: Moment = None
    resolve: Ids = ()


_C = TypeVar("_C", bound=_Command)


def parse_intervention(raw: Mapping[str, Any], checks: Checks, *, from_form: bool = False) -> InterventionCommand:
    """Read a new intervention from JSON or form values. from_form: `shape` and lines of coordinates, local times.

    Raises:
        InvalidInputError: every refused field with its message.

    """
    command, errors = _read(InterventionCommand, raw, from_form=from_form)
    if command is not None:
        errors += _check_details(command, checks) + _check_state(command)
    return _settled(command, errors)


def parse_edit(raw: Mapping[str, Any], checks: Checks, *, from_form: bool = False) -> EditCommand:
    """Read changed details.

    Raises:
        InvalidInputError: every refused field with its message.

    """
    command, errors = _read(EditCommand, raw, from_form=from_form)
    if command is not None:
        errors += _check_details(command, checks)
    return _settled(command, errors)


def parse_move(raw: Mapping[str, Any], *, now: datetime, from_form: bool = False) -> MoveCommand:
    """Read one move.

    Raises:
        InvalidInputError: every refused field with its message.

    """
    command, errors = _read(MoveCommand, raw, from_form=from_form)
    if command is None:
        return _settled(command, errors)
    errors += _check_moments(command, now)
    if command.move not in {"start", "finish"}:
        unused = [name for name in ("done_start", "done_end") if getattr(command, name) is not None]
        errors += [FieldError(name, _("This move takes no such value."), "unused") for name in unused]
    if command.move == "start" and command.done_end is not None:
        errors.append(FieldError("done_end", _("This move takes no such value."), "unused"))
    if command.resolve and command.move != "finish":
        errors.append(FieldError("resolve", _("This move takes no such value."), "unused"))
    if command.text is None and (command.move in {"resume", "cancel"} or command.resolve):
        said = _("Say in a few words what was done.") if command.resolve else _("Say it in a few words.")
        errors.append(FieldError("text", said, "missing"))
    return _settled(command, errors)


def _settled(command: _C | None, errors: list[FieldError]) -> _C:
    if errors or command is None:
        raise InvalidInputError(errors)
    return command


def _read(model: type[_C], raw: Mapping[str, Any], *, from_form: bool) -> tuple[_C | None, list[FieldError]]:
    values = dict(raw)
    errors: list[FieldError] = []
    if from_form:
        values, errors = _from_form(values)
    try:
        return model.model_validate(values), errors
    except ValidationError as failed:
        refused = {error.field for error in errors}
        more = [refusal(e["loc"], e["type"], e.get("ctx", {})) for e in failed.errors(include_input=False)]
        return None, errors + [error for error in more if error.field not in refused]


def _from_form(values: dict[str, Any]) -> tuple[dict[str, Any], list[FieldError]]:
    """Coordinates typed line by line become GeoJSON; times without offset are meant in Europe/Paris."""
    errors: list[FieldError] = []
    shape, text = values.pop("shape", None), values.get("geometry")
    if isinstance(text, str) and not text.lstrip().startswith("{"):
        try:
            values["geometry"] = from_points(str(shape or ""), text)
        except GeometryError as error:
            errors.append(refusal(("geometry",), "geometry", {"code": error.code}))
    for name in MOMENTS:
        values[name] = with_local_zone(values[name]) if name in values else None
    return {name: value for name, value in values.items() if value is not None}, errors


def _check_details(command: _Details, checks: Checks) -> list[FieldError]:
    errors: list[FieldError] = []
    if command.kind not in checks.kinds:
        errors.append(FieldError("kind", _("Choose a kind from the list."), "unknown"))
    if not set(command.teams) <= set(checks.teams):
        errors.append(FieldError("teams", _("Choose teams from the list."), "unknown"))
    for lon, lat in points_of(command.geometry):
        outside = check_position(lon, lat, checks.territory)
        if outside:
            errors.append(FieldError("geometry", outside[0].message, outside[0].code))
            break
    return errors + _check_moments(command, checks.now) + _check_order(command)


def _check_moments(command: _Details | MoveCommand, now: datetime) -> list[FieldError]:
    errors = []
    for name in MOMENTS:
        moment = getattr(command, name, None)
        if moment is None:
            continue
        if refused := check_zone(moment, name):
            errors += refused
        elif not OLDEST <= moment <= now.replace(year=now.year + 20, day=1):
            errors.append(FieldError(name, _("This time lies too far from now."), "range"))
        elif name.startswith("done_") and moment > now + CLOCK_SKEW:
            message = _("This time lies in the future. Choose now or earlier.")
            errors.append(FieldError(name, message, "future"))
    return errors


def _check_order(command: _Details) -> list[FieldError]:
    errors = []
    for start, end in (("planned_start", "planned_end"), ("done_start", "done_end")):
        first, last = getattr(command, start), getattr(command, end)
        if last is None or last.tzinfo is None:
            continue
        if first is None:
            errors.append(FieldError(start, _("Give the start too."), "missing"))
        elif first.tzinfo is not None and last < first:
            errors.append(FieldError(end, _("The end lies before the start."), "order"))
    return errors


def _check_state(command: InterventionCommand) -> list[FieldError]:
    errors = []
    if command.state == "planned" and command.planned_start is None:
        errors.append(FieldError("planned_start", _("Say when it is planned."), "missing"))
    if command.state == "planned" and command.done_start is not None:
        message = _("What is only planned has not begun: leave this out, or choose another state.")
        errors.append(FieldError("done_start", message, "unused"))
    if command.state != "done" and command.done_end is not None:
        message = _("What has an end is done: choose the state “done”, or leave this out.")
        errors.append(FieldError("done_end", message, "unused"))
    return errors
