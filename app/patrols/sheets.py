"""A patrol on paper: the sheet to take along, and what is handed out afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from flask import current_app
from flask_babel import gettext as _

from app.db.session import UnitOfWork
from app.nomenclature.store import Nomenclature
from app.patrols import words
from app.patrols.actions import Whole
from app.patrols.drawing import Pin, map_svg
from app.patrols.store import PassageRow
from app.photos import actions as photos
from app.photos.actions import Archive
from app.reports.store import ReportRow
from app.web.language import locale_code
from app.web.pages import has_synthetic_data
from app.web.pdf import BASE, FONTS, css_string, make_pdf

EMPTY_ROWS = 14
MOST_PHOTOS = 24


@dataclass(frozen=True)
class Photo:
    """A published photo of a finding. address: inside the PDF."""

    number: int
    address: str
    report: ReportRow


@dataclass(frozen=True)
class Finding:
    """One passage with its number and those of its reports that may be handed out."""

    number: int
    passage: PassageRow
    reports: tuple[ReportRow, ...]


def tour_sheet(uow: UnitOfWork, whole: Whole) -> bytes:
    """The stops with boxes to tick, numbered on a map; empty lines for a free round.

    Raises:
        NoPdfError: the server cannot make PDFs.

    """
    pins = [Pin(stop.position, stop.lon, stop.lat) for stop in whole.stops]
    picture = map_svg(uow.connection, pins, _("Map of the stops; the table says the same"), height=380)
    return _made("patrols/sheet.html", whole, {}, picture=picture, empty_rows=EMPTY_ROWS)


def restitution(uow: UnitOfWork, whole: Whole, kept: Archive, nomenclature: Nomenclature) -> bytes:
    """What was looked at and found, in order; by theme; with photos. It leaves the office: nothing restricted is in it.

    Raises:
        NoPdfError: the server cannot make PDFs.

    """
    findings = findings_of(whole)
    pins = [Pin(one.number, one.passage.lon, one.passage.lat, one.passage.outcome) for one in findings]
    label = _("Map of what was looked at; the table says the same")
    pictures, files = _photos(uow, findings, kept)
    left_out = sum(report.visibility == "restricted" for report in whole.reports.values())
    return _made(
        "patrols/restitution.html",
        whole,
        files,
        picture=map_svg(uow.connection, pins, label),
        findings=findings,
        themes=by_theme(findings, nomenclature),
        photos=pictures,
        nomenclature=nomenclature,
        left_out=left_out,
        left=whole.left,
    )


def findings_of(whole: Whole) -> list[Finding]:
    """The passages in the order of their times, numbered from 1, with what may be shown to everybody.

    A passage on which only restricted things were found is left out: that there was something would say enough.
    """
    found: list[Finding] = []
    for passage in whole.passages:
        arrived = [whole.reports[one] for one in passage.report_ids if one in whole.reports]
        shown = tuple(report for report in arrived if report.visibility != "restricted")
        if shown or not arrived:
            found.append(Finding(len(found) + 1, passage, shown))
    return found


@dataclass(frozen=True)
class ThemeLine:
    """One category with what was found of it."""

    theme: str
    category: str
    count: int
    severity: int
    numbers: tuple[int, ...]


def by_theme(findings: Sequence[Finding], nomenclature: Nomenclature) -> list[ThemeLine]:
    """Findings by theme and category in the nomenclature's order: how many, the gravest, at which numbers."""
    found: dict[str, list[tuple[int, ReportRow]]] = {}
    for one in findings:
        for report in one.reports:
            found.setdefault(report.category, []).append((one.number, report))
    locale = locale_code()
    lines = []
    for theme in nomenclature.themes:
        for category in (one for one in nomenclature.categories if one.theme == theme.code and one.code in found):
            here = found[category.code]
            worst, numbers = max(report.severity for _number, report in here), tuple(number for number, _r in here)
            lines.append(ThemeLine(theme.label(locale), category.label(locale), len(here), worst, numbers))
    return lines


def _photos(
    uow: UnitOfWork, findings: Sequence[Finding], kept: Archive
) -> tuple[list[Photo], dict[str, tuple[bytes, str]]]:
    pictures: list[Photo] = []
    files: dict[str, tuple[bytes, str]] = {}
    for one in findings:
        for report in one.reports:
            for row in photos.of_subject(uow, "reports", report.id):
                if row.state != "published" or row.sha256 is None or len(pictures) == MOST_PHOTOS:
                    continue
                path = kept.files.path(row.sha256)
                if path.exists():
                    address = f"{BASE}photo-{len(pictures)}"
                    files[address] = path.read_bytes(), "image/jpeg"
                    pictures.append(Photo(one.number, address, report))
    return pictures, files


def _made(template: str, whole: Whole, files: dict[str, tuple[bytes, str]], **values: object) -> bytes:
    row = whole.row
    page = current_app.jinja_env.get_template(template).render(
        row=row,
        whole=whole,
        words=words,
        fonts=FONTS,
        foot_left=css_string(f"{row.organisation} · Quiétude"),
        foot_middle=css_string(_("Synthetic data") if has_synthetic_data() else ""),
        locale=locale_code(),
        **values,
    )
    return make_pdf(page, files)


def file_name(kind: str, patrol_id: UUID, day: datetime) -> str:
    """How the browser names the file."""
    return f"quietude-{kind}-{day:%Y-%m-%d}-{str(patrol_id)[:8]}.pdf"
