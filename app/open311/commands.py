"""Untrusted GeoReport parameters → one frozen query, or the values of a report as app/reports reads them."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from flask_babel import gettext as _

from app.errors import BadRequestError, FieldError
from app.nomenclature.store import Nomenclature
from app.open311.rules import MOST_PAGES, MOST_REQUESTS, SPAN, STATUSES

# In a query a + is a space: an offset that a client forgot to escape still means what it meant.
_LOST_PLUS = re.compile(r"(T\d\d:?\d\d(?::?\d\d(?:\.\d+)?)?) (\d\d:?\d\d)$")
# Ours → GeoReport's name of what was wrong.
_FIELD_NAMES = {"category": "service_code", "lon": "long", "id": "Idempotency-Key"}
ATTRIBUTES = ("severity", "observed_at", "place_id")
_SAID = ("service_code", "lat", "long", "description")
_ATTRIBUTE = re.compile(r"attribute\[([a-z_]{1,64})\](?:\[\])?")
KEY_CHARACTERS = 255


@dataclass(frozen=True)
class Window:
    """From and to, both inclusive; aware."""

    start: datetime
    end: datetime


@dataclass(frozen=True)
class RequestQuery:
    """Which requests. ids given: those, whatever the other parameters say."""

    ids: tuple[UUID, ...] | None = None
    codes: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    requested: Window | None = None
    updated: Window | None = None
    page: int = 1
    page_size: int = MOST_REQUESTS
    extensions: bool = False


def parse_query(args: Mapping[str, str], nomenclature: Nomenclature, now: datetime) -> RequestQuery:
    """Read the parameters of GET requests. What the specification does not know is ignored, as it asks for.

    Raises:
        BadRequestError: names the parameter.

    """
    extensions = args.get("extensions", "").strip().lower() in {"true", "1"}
    if given := _list(args, "service_request_id"):
        if len(given) > MOST_REQUESTS:
            raise BadRequestError("service_request_id", _("at most %(most)s at once", most=MOST_REQUESTS))
        return RequestQuery(ids=_ids(given), extensions=extensions)
    updated = _window(args, "updated_after", "updated_before", now)
    requested = _window(args, "start_date", "end_date", now)
    if requested is None and updated is None:
        requested = Window(now - SPAN, now + timedelta(days=1))
    return RequestQuery(
        codes=_codes(args, nomenclature),
        states=_states(args),
        requested=requested,
        updated=updated,
        page=_whole(args, "page", 1, MOST_PAGES),
        page_size=_whole(args, "page_size", MOST_REQUESTS, None),
        extensions=extensions,
    )


def _list(args: Mapping[str, str], name: str) -> tuple[str, ...]:
    parts = (part.strip() for part in args.get(name, "").split(","))
    return tuple(dict.fromkeys(part for part in parts if part))


def _ids(given: tuple[str, ...]) -> tuple[UUID, ...]:
    """What is no id of ours is none of our requests."""
    return tuple(found for one in given if (found := request_id(one)) is not None)


def request_id(text: str) -> UUID | None:
    """A service_request_id of ours, else None."""
    try:
        return UUID(text)
    except ValueError:
        return None


def _codes(args: Mapping[str, str], nomenclature: Nomenclature) -> tuple[str, ...]:
    codes = _list(args, "service_code")
    for code in codes:
        if code not in nomenclature.category_by_code:
            raise BadRequestError("service_code", _("“%(value)s” is not known", value=code[:40]))
    return codes


def _states(args: Mapping[str, str]) -> tuple[str, ...]:
    states: tuple[str, ...] = ()
    for status in _list(args, "status"):
        if status.lower() not in STATUSES:
            raise BadRequestError("status", _("choose open or closed"))
        states += STATUSES[status.lower()]
    return states


def _whole(args: Mapping[str, str], name: str, usual: int, most: int | None) -> int:
    """A whole number from 1; above `most` refused, without one a thousand at most."""
    text = args.get(name, "").strip()
    if not text:
        return usual
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else 0  # noqa: PLR2004
    if number < 1 or (most is not None and number > most):
        raise BadRequestError(name, _("give a whole number from 1"))
    return number if most is not None else min(number, MOST_REQUESTS)


def _window(args: Mapping[str, str], start_name: str, end_name: str, now: datetime) -> Window | None:
    """A span of 90 days at most; with one end only, the 90 days from it or up to it."""
    start, end = _moment(args, start_name), _moment(args, end_name)
    if start is None and end is None:
        return None
    try:
        start = start or (end or now) - SPAN
        end = end or min(start + SPAN, max(start, now + timedelta(days=1)))
    except OverflowError:
        raise BadRequestError(start_name, _("this time is out of range")) from None
    if start > end:
        raise BadRequestError(end_name, _("the end lies before the start"))
    if end - start > SPAN:
        raise BadRequestError(end_name, _("ask for 90 days at most"))
    return Window(start, end)


def _moment(args: Mapping[str, str], name: str) -> datetime | None:
    text = _LOST_PLUS.sub(r"\1+\2", args.get(name, "").strip())
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
        utc = moment.astimezone(UTC)
    except (ValueError, OverflowError):
        message = _("give a date and time with its zone, for example 2026-05-04T18:30:00+02:00")
        raise BadRequestError(name, message) from None
    if moment.tzinfo is None:
        raise BadRequestError(name, _("add the time zone, for example 2026-05-04T18:30:00+02:00 or …Z"))
    return utc


# ── a new request ───────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Post:
    """A new request: a report's values but for its id, and what makes two posts the same."""

    values: Mapping[str, Any]
    digest: bytes


def parse_post(given: Mapping[str, Any]) -> Post:
    """Take from a post what a report has. Everything about a person stays behind here: nothing below ever sees it.

    Raises:
        BadRequestError: the service or the place is missing, or an attribute is unknown.

    """
    attributes = _attributes(given)
    for name in attributes:
        if name not in ATTRIBUTES:
            known = ", ".join(ATTRIBUTES)
            raise BadRequestError(f"attribute[{name}]", _("there is no such attribute: %(known)s", known=known))
    if _is_blank(given.get("service_code")):
        raise BadRequestError("service_code", _("choose one of /open311/v2/services"))
    if _is_blank(given.get("lat")) or _is_blank(given.get("long")):
        message = _("give lat and long in degrees: addresses alone cannot be placed here")
        raise BadRequestError("lat", message)
    names = {"service_code": "category", "long": "lon"}
    values = {names.get(name, name): given.get(name) for name in _SAID} | attributes
    said = json.dumps({name: str(value) for name, value in values.items()}, sort_keys=True)
    return Post(values, hashlib.sha256(said.encode("utf-8", "surrogatepass")).digest())


def _is_blank(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _attributes(given: Mapping[str, Any]) -> dict[str, Any]:
    """`attribute[code]=value` of a form, and `{"attribute": {"code": value}}` of JSON; what is blank was not given."""
    nested = given.get("attribute")
    found = {str(code)[:64]: value for code, value in nested.items()} if isinstance(nested, Mapping) else {}
    for name, value in given.items():
        if match := _ATTRIBUTE.fullmatch(name):
            found[match[1]] = value
    return {code: value for code, value in found.items() if not _is_blank(value)}


def parse_key(text: str | None) -> str | None:
    """The client's Idempotency-Key.

    Raises:
        BadRequestError: it is too long.

    """
    key = (text or "").strip()
    if len(key) > KEY_CHARACTERS:
        raise BadRequestError("Idempotency-Key", _("at most %(most)s characters", most=KEY_CHARACTERS))
    return key or None


def as_georeport(error: FieldError) -> str:
    """A refused field of a report by GeoReport's name for it, with the message that the form has."""
    name = f"attribute[{error.field}]" if error.field in ATTRIBUTES else _FIELD_NAMES.get(error.field, error.field)
    return f"{name}: {error.message}"
