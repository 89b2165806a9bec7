"""Pages of lists by keyset: where one ended, as the query of the next has it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode
from uuid import UUID

from flask import request
from flask_babel import gettext as _

from app.errors import BadRequestError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flask import Response

_LIMIT_DIGITS = 6


def write_keyset(moment: datetime, last_id: UUID) -> str:
    """The last row's time and id as one parameter."""
    return f"{moment.isoformat()}~{last_id}"


def read_keyset(value: str) -> tuple[datetime, UUID] | None:
    """The time and id of `after`; None for the first page.

    Raises:
        BadRequestError: it is not one of ours.

    """
    if not value:
        return None
    moment, _separator, last_id = value.partition("~")
    try:
        return read_moment(moment), UUID(last_id)
    except (ValueError, OverflowError):
        raise BadRequestError("after", _("this page link is broken: start from the first page")) from None


def read_moment(value: str) -> datetime:
    """The time of a page link in UTC, which it is also without a zone.

    Raises:
        ValueError, OverflowError: it is none, or none that the database reads.

    """
    at = datetime.fromisoformat(value)
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)


def asked_limit(usual: int, most: int) -> int:
    """`limit` of this request's query: from 1 to `most`, `usual` when it was left out.

    Raises:
        BadRequestError: it is no such number.

    """
    value = request.args.get("limit", "").strip()
    if not value:
        return usual
    # Plain digits only: int() would also take "1_5", "+1" and other scripts' digits.
    if value.isascii() and value.isdigit() and len(value) <= _LIMIT_DIGITS and 1 <= int(value) <= most:
        return int(value)
    raise BadRequestError("limit", _("choose a whole number from 1 to %(most)s", most=most))


def next_page(query: Mapping[str, Any]) -> str:
    """The address of the next page of this list: the path that was asked, with the query that leads on."""
    kept = {"limit": request.args["limit"]} if request.args.get("limit", "").strip() else {}
    return f"{request.script_root}{request.path}?{urlencode(dict(query) | kept)}"


def with_next(response: Response, following: str | None) -> Response:
    """The answer with the Link header (RFC 8288) that leads on, when there is more."""
    if following is not None:
        response.headers["Link"] = f'<{following}>; rel="next"'
    return response


def refuse_unknown(*known: str) -> None:
    """A parameter of the query that is not known is refused, not ignored; so is one given twice.

    Raises:
        BadRequestError: names the parameter.

    """
    for name, values in request.args.lists():
        if name not in known:
            raise BadRequestError(name[:40], _("there is no such parameter"))
        if len(values) > 1:
            raise BadRequestError(name, _("given more than once; separate several values by commas"))
