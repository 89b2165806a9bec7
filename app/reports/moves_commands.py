"""Untrusted input → one frozen MoveCommand, or one message per field in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from flask_babel import gettext as _
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from app.errors import FieldError, InvalidInputError
from app.reports.commands import blank_is_none, plain_text, usual_refusal
from app.reports.words import reason_label
from app.reports.workflow import CONFIRMATIONS, MOVES, MoveName
from app.web.described import Blank, PlainText, PositiveText, Version

MOVE_FIELDS = ("move", "version", "organisation", "reason", "text")


class MoveCommand(BaseModel):
    """One move as somebody sent it. version: the report as they saw it; organisation: a slug."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    move: MoveName
    version: Annotated[
        int | None,
        Field(ge=1, lt=2**31),
        BeforeValidator(blank_is_none, json_schema_input_type=Version | PositiveText | Blank | None),
    ] = None
    organisation: Annotated[str | None, Field(max_length=120), BeforeValidator(blank_is_none)] = None
    reason: Annotated[str | None, Field(max_length=40), BeforeValidator(blank_is_none)] = None
    text: Annotated[str | None, BeforeValidator(plain_text, json_schema_input_type=PlainText | None)] = None


def parse_move(raw: Mapping[str, Any]) -> MoveCommand:
    """Read one move from JSON or form values.

    Raises:
        InvalidInputError: every refused field with its message.

    """
    try:
        command = MoveCommand.model_validate(dict(raw))
    except ValidationError as error:
        refused = error.errors(include_input=False)
        raise InvalidInputError([_message(str(e["loc"][0]), e["type"], e.get("ctx", {})) for e in refused]) from None
    errors = [*_missing(command), *_unasked(command)]
    if errors:
        raise InvalidInputError(errors)
    return command


def _missing(command: MoveCommand) -> list[FieldError]:
    move = MOVES[command.move]
    errors = []
    if command.version is None and move.name not in CONFIRMATIONS:
        message = _("Say which version of the report you saw (the ETag of GET, or its version).")
        errors.append(FieldError("version", message, "missing"))
    if "organisation" in move.needs and command.organisation is None:
        errors.append(FieldError("organisation", _("Choose an organisation from the list."), "missing"))
    if "reason" in move.needs and command.reason not in move.reasons:
        given = _("Choose a reason from the list: %(reasons)s.", reasons=", ".join(move.reasons))
        code = "missing" if command.reason is None else "unknown"
        errors.append(FieldError("reason", given, code))
    if "text" in move.needs and command.text is None:
        errors.append(FieldError("text", _text_wanted(command.move), "missing"))
    elif command.reason == "other" and command.text is None and "reason" in move.needs:
        message = _(
            "Say the reason in a few words, or choose another one than “%(other)s”.", other=reason_label("other")
        )
        errors.append(FieldError("text", message, "missing"))
    return errors


def _unasked(command: MoveCommand) -> list[FieldError]:
    """A value that this move does not use is a mistake, not something to drop silently."""
    known = set(MOVES[command.move].needs) | set(MOVES[command.move].takes)
    given = {name for name in ("organisation", "reason", "text") if getattr(command, name) is not None}
    return [FieldError(name, _("This move takes no such value."), "unused") for name in sorted(given - known)]


def _text_wanted(move: str) -> str:
    words: dict[str, str] = {
        "resolve": _("Say in a few words what was done."),
        "reopen": _("Say in a few words what is still wrong."),
        "ask": _("Write the question."),
        "answer": _("Write the answer."),
    }
    return words.get(move, str(_("Say it in a few words.")))


def _message(field: str, kind: str, context: Mapping[str, Any]) -> FieldError:
    if field == "move" and kind != "extra_forbidden":
        message = _("Choose a move: %(moves)s.", moves=", ".join(MOVES))
        return FieldError(field, message, "missing" if kind == "missing" else "unknown")
    if usual := usual_refusal(field, kind, context):
        return usual
    by_field = {
        "version": _("Give the report's version: a whole number."),
        "organisation": _("Choose an organisation from the list."),
        "reason": _("Choose a reason from the list."),
        "text": _("Give a text, or leave it out."),
    }
    return FieldError(field, by_field.get(field, _("This value cannot be read.")), kind)
