"""Pages of lists by keyset: where one ended, as the query of the next has it."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from flask_babel import gettext as _

from app.errors import BadRequestError


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
        at = datetime.fromisoformat(moment)
        at.astimezone(UTC)  # out of range: said here, before the database does
        return at.replace(tzinfo=at.tzinfo or UTC), UUID(last_id)
    except (ValueError, OverflowError):
        raise BadRequestError("after", _("this page link is broken: start from the first page")) from None
