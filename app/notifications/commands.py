"""Untrusted input about notifications → one frozen command each, or one message a field."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from flask_babel import gettext as _

from app.errors import FieldError, InvalidInputError
from app.notifications.rules import MAIL_KINDS, WEBHOOK_KINDS, MailKind, WebhookKind
from app.people.commands import normalise_email
from app.web.outgoing import wrong_url

MOST_ADDRESSES = 5
_SEPARATORS = re.compile(r"[\s,;]+")


@dataclass(frozen=True)
class SettingCommand:
    """What an organisation wants by mail."""

    emails: tuple[str, ...]
    kinds: tuple[MailKind, ...]
    digest: bool
    language: Literal["fr", "en"]


@dataclass(frozen=True)
class WebhookCommand:
    """A webhook to add."""

    url: str
    kinds: tuple[WebhookKind, ...]


def parse_setting(values: dict[str, Any]) -> SettingCommand:
    """Read the form: emails (one a line), kinds (list), digest, language.

    Raises:
        InvalidInputError: one message per field.

    """
    errors: list[FieldError] = []
    emails = _emails(str(values.get("emails", "")), errors)
    kinds = _kinds(values.get("kinds", ()), MAIL_KINDS, errors)
    language = values.get("language", "fr")
    if language not in {"fr", "en"}:
        errors.append(FieldError("language", _("Choose French or English.")))
    if errors:
        raise InvalidInputError(errors)
    return SettingCommand(
        emails, cast("tuple[MailKind, ...]", kinds), bool(values.get("digest")), cast("Literal['fr', 'en']", language)
    )


def _emails(written: str, errors: list[FieldError]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for one in filter(None, _SEPARATORS.split(written)):
        try:
            found[normalise_email(one)] = None
        except ValueError:
            errors.append(FieldError("emails", _("“%(value)s” is not an e-mail address.", value=one[:60])))
    if len(found) > MOST_ADDRESSES:
        errors.append(FieldError("emails", _("At most %(count)s addresses, please.", count=MOST_ADDRESSES)))
    return tuple(found)


def _kinds(given: Sequence[str], known: Sequence[str], errors: list[FieldError]) -> tuple[str, ...]:
    unknown = [one for one in given if one not in known]
    errors.extend(FieldError("kinds", _("“%(value)s” is not known", value=one[:40])) for one in unknown)
    return tuple(kind for kind in known if kind in given)


def parse_webhook(values: dict[str, Any], *, allow_private: bool) -> WebhookCommand:
    """Read the form: url, kinds (list).

    Raises:
        InvalidInputError: one message per field.

    """
    errors: list[FieldError] = []
    url = str(values.get("url", "")).strip()
    wrong = wrong_url(url, allow_private=allow_private)
    if wrong:
        errors.append(FieldError("url", wrong))
    kinds = _kinds(values.get("kinds", ()), WEBHOOK_KINDS, errors)
    if not kinds and not errors:
        errors.append(FieldError("kinds", _("Choose at least one.")))
    if errors:
        raise InvalidInputError(errors)
    return WebhookCommand(url, cast("tuple[WebhookKind, ...]", kinds))
