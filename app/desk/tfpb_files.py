"""The ledger as files: a workbook with real numbers and dates, and a printed table. Pure but for the libraries."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from flask_babel import gettext as _

from app.interventions.words import state_label
from app.reports.filters import LOCAL_ZONE

if TYPE_CHECKING:
    from app.desk.tfpb_actions import Ledger
    from app.desk.tfpb_store import Entry

XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_EUROS, _DAY = '#,##0.00\\ "€"', "dd/mm/yyyy"
_WIDEST = 60
# What a spreadsheet takes for the beginning of a formula when somebody types or pastes it.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def workbook(ledger: Ledger, locale: str, address: str) -> bytes:
    """An .xlsx of two sheets: the lines, and the interventions behind them. address: where the pages are."""
    from openpyxl import Workbook  # noqa: PLC0415  (100 ms that other pages need not wait for)

    book = Workbook()
    lines = book.active
    assert lines is not None
    lines.title = _("Lines")
    _fill(lines, _line_heads(), [_line(line, locale) for line in ledger.lines])
    proofs = book.create_sheet(_("Evidence"))
    _fill(proofs, _proof_heads(), [_proof(entry, locale, address) for entry in ledger.entries])
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def _line_heads() -> tuple[str, ...]:
    return (
        _("Landlord"), _("QPV code"), _("Priority neighbourhood"), _("Axis"), _("Amount in euros"), _("Interventions"),
        _("Reports"), _("Photos"),
    )  # fmt: skip


def _line(line: Any, locale: str) -> tuple[Any, ...]:
    return (
        line.organisation, line.qpv_code, line.qpv, line.axis_label(locale), line.amount_eur, len(line.entries),
        line.reports, line.photos,
    )  # fmt: skip


def _proof_heads() -> tuple[str, ...]:
    return (
        _("Landlord"), _("QPV code"), _("Priority neighbourhood"), _("Axis"), _("Amount in euros"), _("Kind"),
        _("State"), _("Start"), _("End"), _("Hours"), _("Neighbourhood"), _("Description"), _("Reports"), _("Photos"),
        _("Page"),
    )  # fmt: skip


def _proof(entry: Entry, locale: str, address: str) -> tuple[Any, ...]:
    return (
        entry.organisation, entry.qpv_code, entry.qpv, entry.axis_label(locale), entry.amount_eur,
        entry.kind_label(locale), state_label(entry.state), entry.starts_at, entry.ends_at, entry.hours,
        entry.neighbourhood, entry.description, entry.reports, entry.photos,
        f"{address}/interventions/{entry.intervention_id}",
    )  # fmt: skip


def _fill(sheet: Any, heads: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    from openpyxl.styles import Font  # noqa: PLC0415
    from openpyxl.utils import get_column_letter  # noqa: PLC0415

    for column, head in enumerate(heads, start=1):
        sheet.cell(1, column, head).font = Font(bold=True)
        longest = max([len(head), *(len(str(row[column - 1] or "")) for row in rows)])
        sheet.column_dimensions[get_column_letter(column)].width = min(longest + 2, _WIDEST)
    for number, row in enumerate(rows, start=2):
        for column, value in enumerate(row, start=1):
            _set(sheet.cell(number, column), value)
    sheet.freeze_panes = "A2"
    sheet.auto_filter.ref = f"A1:{get_column_letter(len(heads))}{len(rows) + 1}"


def _set(cell: Any, value: Any) -> None:
    """Texts stay texts: never a formula, also not after somebody saved the sheet as CSV and opened it again."""
    if isinstance(value, str):
        cell.value = value
        cell.data_type = "s"
        cell.quotePrefix = value.startswith(_FORMULA)
    elif isinstance(value, datetime):
        cell.value = value.astimezone(LOCAL_ZONE).replace(tzinfo=None)
        cell.number_format = _DAY
    elif isinstance(value, Decimal):
        cell.value = value
        cell.number_format = _EUROS if value.as_tuple().exponent == -2 else "0.00"  # noqa: PLR2004
    else:
        cell.value = value


class NoPrintingError(Exception):
    """The libraries that make PDF are not installed."""


def printed(html: str) -> bytes:
    """A page of ours as PDF. It may ask for nothing from outside: every address is refused.

    Raises:
        NoPrintingError

    """
    try:
        from weasyprint import HTML  # noqa: PLC0415  (Pango may be missing: only this needs it)
    except (ImportError, OSError):
        raise NoPrintingError from None
    made = HTML(string=html, url_fetcher=_refuse, base_url="about:blank").write_pdf()
    assert isinstance(made, bytes)
    return made


def _refuse(url: str, *_more: Any, **_options: Any) -> Any:
    raise ValueError(f"not fetched: {url[:80]}")
