"""Untrusted input of the texts to look at → frozen values: what is decided about one of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args
from uuid import UUID

from flask_babel import gettext as _
from pydantic_core import PydanticCustomError

from app.errors import FieldError, InvalidInputError
from app.reports.commands import plain_text, usual_refusal

# keep: it is no person. change: another text in its place. hide: none.
Decision = Literal["keep", "change", "hide"]
DECISIONS: tuple[Decision, ...] = get_args(Decision)
_VERSION_DIGITS = 9


@dataclass(frozen=True)
class TextCommand:
    """What is decided about the text of a report as it was seen. text: what it becomes, of `change` only."""

    decision: Decision
    version: int
    text: str | None


def field_of(report_id: UUID) -> str:
    """The id of a text's field on the page, which holds many."""
    return f"text-{report_id}"


def parse_text(form: Mapping[str, Any], report_id: UUID) -> TextCommand:
    """Read the form beside one text.

    Raises:
        InvalidInputError: says what is wrong with it.

    """
    field = field_of(report_id)
    decision = next((one for one in DECISIONS if one == form.get("decision")), None)
    version = str(form.get("version", ""))
    if decision is None or not (version.isascii() and version.isdigit() and len(version) <= _VERSION_DIGITS):
        raise InvalidInputError([FieldError(field, _("Open the list again: this form cannot be read."), "unknown")])
    if decision != "change":
        return TextCommand(decision, int(version), None)
    try:
        text = plain_text(str(form.get("text", "")))
    except PydanticCustomError as error:
        refused = usual_refusal(field, error.type, error.context or {})
        raise InvalidInputError([refused] if refused else []) from None
    if not isinstance(text, str):
        raise InvalidInputError([FieldError(field, _("Write a text, or hide it."), "missing")])
    return TextCommand(decision, int(version), text)
