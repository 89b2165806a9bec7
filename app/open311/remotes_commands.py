"""Untrusted input about servers of others → one frozen command, or one message a field."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _

from app.errors import FieldError, InvalidInputError
from app.nomenclature.store import Nomenclature
from app.web.outgoing import wrong_url

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
NAME_CHARACTERS = 40
CODE_CHARACTERS = 200
KEY_CHARACTERS = 500


@dataclass(frozen=True)
class RemoteCommand:
    """A server to add. organisation: whose reports go there (a slug); services: our category → their service_code."""

    name: str
    base_url: str
    organisation: str
    jurisdiction_id: str | None
    api_key: str | None
    services: Mapping[str, str]


def parse_remote(values: Mapping[str, Any], nomenclature: Nomenclature, *, allow_private: bool) -> RemoteCommand:
    """Read name, url, organisation, jurisdiction_id, api_key and services (lines of category=code).

    Raises:
        InvalidInputError: one message a field.

    """
    text = {key: str(value or "").strip() for key, value in values.items()}
    errors: list[FieldError] = []
    name = text.get("name", "")
    if not _NAME.fullmatch(name) or len(name) > NAME_CHARACTERS:
        message = _("Up to 40 small letters, digits and hyphens, for example ville-voisine.")
        errors.append(FieldError("name", message))
    url = text.get("url", "").rstrip("/")
    if wrong := wrong_url(url, allow_private=allow_private):
        errors.append(FieldError("url", wrong))
    elif "?" in url:
        errors.append(FieldError("url", _("The address up to and without /services.xml, please.")))
    for field, most in (("jurisdiction_id", CODE_CHARACTERS), ("api_key", KEY_CHARACTERS)):
        given = text.get(field, "")
        if len(given) > most or not given.isprintable():
            errors.append(FieldError(field, _("At most %(count)s characters, please.", count=most)))
    if not text.get("organisation"):
        errors.append(FieldError("organisation", _("Choose an organisation from the list.")))
    services = _services(text.get("services", ""), nomenclature, errors)
    if errors:
        raise InvalidInputError(errors)
    return RemoteCommand(
        name=name,
        base_url=url,
        organisation=text["organisation"],
        jurisdiction_id=text.get("jurisdiction_id") or None,
        api_key=text.get("api_key") or None,
        services=services,
    )


def _services(written: str, nomenclature: Nomenclature, errors: list[FieldError]) -> dict[str, str]:
    """A line each: category=code; the category alone stands for the same code there."""
    found: dict[str, str] = {}
    for line in filter(None, (one.strip() for one in written.splitlines())):
        category, _equals, code = (part.strip() for part in line.partition("="))
        if category not in nomenclature.category_by_code:
            errors.append(FieldError("services", _("“%(value)s” is not a category.", value=category[:40])))
        elif len(code) > CODE_CHARACTERS or not code.isprintable():
            errors.append(FieldError("services", _("The code of “%(value)s” cannot be read.", value=category)))
        else:
            found[category] = code or category
    if not found and not any(error.field == "services" for error in errors):
        errors.append(FieldError("services", _("Name at least one category and its code there.")))
    return found
