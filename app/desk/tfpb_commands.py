"""Untrusted input about the TFPB ledger → frozen values, or one message per field in the reader's language."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from flask_babel import gettext as _

from app.errors import BadRequestError, FieldError, InvalidInputError
from app.reports.filters import LOCAL_ZONE

FIRST_YEAR, LAST_YEAR = 2015, 2100
MOST_EUR = Decimal(10**10)
_DIGITS = 18


@dataclass(frozen=True)
class EntryCommand:
    """What a landlord claims for an intervention. amount_eur: what was spent in that year."""

    axis: str
    qpv_place_id: int | None
    year: int
    amount_eur: Decimal
    version: int | None


def parse_entry(raw: Mapping[str, Any], axes: Collection[str]) -> EntryCommand:
    """Read an entry of the ledger from a form.

    Raises:
        InvalidInputError: every refused field with its message.

    """
    errors: list[FieldError] = []
    axis = str(raw.get("axis", ""))
    if axis not in axes:
        errors.append(FieldError("axis", _("Choose an axis from the list."), "unknown"))
    year = _whole(raw.get("year"))
    if year is None or not FIRST_YEAR <= year <= LAST_YEAR:
        errors.append(FieldError("year", _("Give a year, for example 2026."), "range"))
    amount = _amount(raw.get("amount_eur"))
    if amount is None:
        message = _("Give an amount in euros with at most two decimals, for example 1250.50.")
        errors.append(FieldError("amount_eur", message, "amount"))
    qpv = str(raw.get("qpv_place_id", "") or "").strip()
    place_id = _whole(qpv)
    if qpv and place_id is None:
        errors.append(
            FieldError("qpv_place_id", _("Choose a priority neighbourhood from the list, or none."), "unknown")
        )
    if errors or year is None or amount is None:
        raise InvalidInputError(errors)
    return EntryCommand(axis, place_id, year, amount, _whole(raw.get("version")))


def _whole(value: object) -> int | None:
    text = str(value or "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _DIGITS else None


def _amount(value: object) -> Decimal | None:
    text = str(value if value is not None else "").strip().removesuffix("€")
    for space in (" ", "\u00a0", "\u202f"):
        text = text.replace(space, "")
    try:
        amount = Decimal(text.replace(",", "."))
    except InvalidOperation:
        return None
    if not amount.is_finite() or not 0 <= amount < MOST_EUR or amount != round(amount, 2):
        return None
    return amount.quantize(Decimal("0.01"))


def parse_year(args: Mapping[str, str], now: datetime) -> int:
    """The year that the ledger shows; this year when none is named.

    Raises:
        BadRequestError

    """
    for name in args:
        if name not in {"year", "organisation"}:
            raise BadRequestError(name[:40], _("there is no such parameter"))
    value = args.get("year", "").strip()
    if not value:
        return now.astimezone(LOCAL_ZONE).year
    year = _whole(value)
    if year is None or not FIRST_YEAR <= year <= LAST_YEAR:
        raise BadRequestError("year", _("give a year, for example 2026"))
    return year
