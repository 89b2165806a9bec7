"""Bodies that machines and forms send, and how times leave: one reading for every domain."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any, overload

from flask import request
from flask_babel import gettext as _
from werkzeug.exceptions import UnsupportedMediaType

from app.errors import BadRequestError, FieldError

# More is no version, and no number for the database.
_VERSION_DIGITS = 9
_NEVER = 2**31 - 1
_FARTHEST_OFFSET = timedelta(hours=14)
FORM_TYPES = ("application/x-www-form-urlencoded", "multipart/form-data")


def is_form() -> bool:
    """Whether the request carries a form."""
    return request.mimetype in FORM_TYPES


def json_object() -> dict[str, Any]:
    """The request's body, which must be one JSON object.

    Raises:
        UnsupportedMediaType: it does not say that it is JSON.
        BadRequestError: it is not, or not an object.

    """
    if not request.is_json:
        raise UnsupportedMediaType
    try:
        # UTF-8 and nothing else (RFC 8259, 8.1), where the library would guess.
        values = _DECODER.decode(request.get_data().decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise BadRequestError("body", _("this is not JSON")) from None
    if not isinstance(values, dict):
        raise BadRequestError("body", _("send one JSON object"))
    return values


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of which no key comes twice: one reader would take the first, another the last."""
    made = dict(pairs)
    if len(made) != len(pairs):
        raise BadRequestError("body", _("a field is there twice"))
    try:
        "".join(made).encode()
    except UnicodeEncodeError:  # half a surrogate pair, which no text holds
        raise BadRequestError("body", _("the name of a field cannot be read")) from None
    return made


def with_seen_version(values: dict[str, Any]) -> dict[str, Any]:
    """The values, where If-Match (an ETag "ID-VERSION" of ours, or a bare version) stands for `version`.

    `*` names no version, and counts as none: a change must say what it was made on.

    A tag that this could never have had stands for a version that it never has: what else is wrong is said first.
    """
    # The library reads an empty tag as none at all.
    tags = {tag or "" for tag in request.if_match.as_set()}
    if not tags or "*" in tags:
        return values
    path = request.view_args or {}
    for tag in tags:
        whose, _separator, version = tag.rpartition("-")
        if version.isascii() and version.isdigit() and (not whose or whose in map(str, path.values())):
            return values | {"version": version[:_VERSION_DIGITS]}
    return values | {"version": _NEVER}


def check_zone(moment: datetime, field: str) -> list[FieldError]:
    """One message for a time without a zone, or with one that no place has (the database reads none of 16 hours)."""
    offset = moment.utcoffset()
    if offset is None:
        return [FieldError(field, _("Add the time zone, for example 2026-05-04T18:30:00+02:00."), "no_offset")]
    if abs(offset) > _FARTHEST_OFFSET:
        return [FieldError(field, _("There is no such time zone: from -14:00 to +14:00."), "offset")]
    return []


# json.loads() would make one for each body.
_DECODER = json.JSONDecoder(object_pairs_hook=_each_once)


@overload
def rfc3339(moment: datetime) -> str: ...
@overload
def rfc3339(moment: datetime | None) -> str | None: ...
def rfc3339(moment: datetime | None) -> str | None:
    """Aware time → RFC 3339 in UTC with a Z."""
    return None if moment is None else moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
