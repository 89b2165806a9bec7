"""Untrusted input → one frozen ConfirmationCommand, or one message per field in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from flask_babel import gettext as _
from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from app.errors import FieldError, InvalidInputError
from app.reports.commands import blank_is_none, check_moment, text_only, usual_refusal
from app.reports.workflow import MoveName
from app.web.described import Blank, IdText, MomentText

CONFIRMATION_FIELDS = ("id", "seen", "at")
# What somebody on the spot says, and the move that it is.
SEEN: dict[str, MoveName] = {"there": "still_there", "gone": "gone"}


class ConfirmationCommand(BaseModel):
    """Somebody stood there and saw it, or saw that it is gone. id: made by who sends it; at: aware, None for now."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Annotated[UUID, BeforeValidator(text_only, json_schema_input_type=IdText)]
    seen: Literal["there", "gone"]
    at: Annotated[
        datetime | None,
        BeforeValidator(text_only),
        BeforeValidator(blank_is_none, json_schema_input_type=MomentText | Blank | None),
    ] = None


def parse_confirmation(raw: Mapping[str, Any], now: datetime) -> ConfirmationCommand:
    """Read one confirmation from JSON.

    Raises:
        InvalidInputError: every refused field with its message.

    """
    try:
        command = ConfirmationCommand.model_validate(dict(raw))
    except ValidationError as error:
        refused = error.errors(include_input=False)
        raise InvalidInputError(
            [_message(str(one["loc"][0]), one["type"], one.get("ctx", {})) for one in refused]
        ) from None
    if command.at is not None and (errors := check_moment(command.at, now, "at")):
        raise InvalidInputError(errors)
    return command


def _message(field: str, kind: str, context: Mapping[str, Any]) -> FieldError:
    if usual := usual_refusal(field, kind, context):
        return usual
    by_field = {
        "id": _("Give a UUID, for example 018f3f0e-5c1d-7c5a-9d3e-1f2a3b4c5d6e."),
        "seen": _("Say what you saw: there or gone."),
        "at": _("Give a date and time, for example 2026-05-04T18:30:00+02:00."),
    }
    return FieldError(field, by_field[field], kind)
