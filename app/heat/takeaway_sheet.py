"""What a map to take along says beside its picture: one text for the file, the image and the PDF."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flask import current_app
from flask_babel import gettext as _

from app.heat.palette import LegendClass
from app.heat.words import (
    class_text,
    exposure_text,
    legend_texts,
    measure_text,
    ngettext,
    notice_texts,
    unit_text,
)
from app.reports.filters import LOCAL_ZONE
from app.web.language import locale_code, number

if TYPE_CHECKING:
    from datetime import date, datetime

    from app.heat.actions import Legend, Look
    from app.reports.filters import ReportFilter

# The whole table of a large register is an export's business.
ROWS_MOST = 500


@dataclass(frozen=True)
class ClassText:
    """A class of the legend and its words."""

    drawn: LegendClass
    text: str


@dataclass(frozen=True)
class Sheet:
    """Everything in the reader's language, ready to be set."""

    title: str
    measure: str
    unit: str
    filters: tuple[str, ...]
    classes: tuple[ClassText, ...]
    counted: str
    period: str
    notes: tuple[str, ...]
    scope: str
    synthetic: str
    source: str
    made: str
    table_title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    left_out: str

    @property
    def facts(self) -> tuple[str, ...]:
        """How many and when, and the filters."""
        return (self.counted, self.period, *self.filters)


def sheet_of(look: Look, by: str, now: datetime, *, is_synthetic: bool) -> Sheet:
    """The words of a look. by: what the table goes by (reference.TABLES)."""
    legend = look.legend()
    exposure = legend.measured.exposure
    columns, rows, left_out = _table(look, by)
    return Sheet(
        title=_("Tranquillity map"),
        measure=f"{measure_text(legend.measure)} {exposure_text(exposure) if exposure else ''}".strip(),
        unit=unit_text(legend.measure, exposure),
        filters=tuple(_filters(look)),
        classes=tuple(ClassText(one, class_text(one)) for one in legend.classes),
        counted=str(ngettext("%(num)s report", "%(num)s reports", legend.reports)),
        period=_period(legend),
        notes=tuple(_notes(look, legend)),
        scope=_scope(look.viewer.name),
        synthetic=_("Synthetic data: nothing shown here really happened.") if is_synthetic else "",
        source=_("Source: Quiétude, register of reports"),
        made=_("Made on %(moment)s", moment=_moment(now)),
        table_title=_table_titles()[by],
        columns=columns,
        rows=rows,
        left_out=left_out,
    )


def _day(value: date) -> str:
    return str(current_app.jinja_env.filters["day"](value))


def _moment(value: datetime) -> str:
    return str(current_app.jinja_env.filters["moment"](value.astimezone(LOCAL_ZONE)))


def _period(legend: Legend) -> str:
    if legend.from_date is None or legend.to_date is None:
        return str(_("no whole period"))
    return str(_("from %(start)s to %(end)s", start=_day(legend.from_date), end=_day(legend.to_date)))


def _notes(look: Look, legend: Legend) -> list[str]:
    notes = [str(_("Smoothed over %(metres)s m.", metres=number(legend.bandwidth_m))), *legend_texts(legend)]
    if legend.stale_since is not None:
        told = _("The register cannot be reached: this is the map as of %(time)s.", time=_moment(legend.stale_since))
        notes.append(str(told))
    return [*notes, *notice_texts(legend.notices, look.heat.k)]


def _scope(name: str) -> str:
    texts = {
        "public": _("Public: may be passed on."),
        "partner": _("Partners only: do not publish."),
        "coordinator": _("Coordination only, with restricted reports: do not pass on."),
    }
    return str(texts[name])


def _filters(look: Look) -> list[str]:
    """The filter in words; the period stands elsewhere."""
    chosen: ReportFilter = look.query.chosen
    nomenclature, locale = look.kept.nomenclature, locale_code()
    found = []
    if chosen.themes:
        labels = [theme.label(locale) for theme in nomenclature.themes if theme.code in chosen.themes]
        found.append(_("Theme: %(names)s", names=", ".join(labels)))
    if chosen.categories:
        labels = [one.label(locale) for one in nomenclature.categories if one.code in chosen.categories]
        found.append(_("Category: %(names)s", names=", ".join(labels)))
    if chosen.severity_min:
        found.append(_("Severity at least: %(name)s", name=_severities()[chosen.severity_min]))
    if chosen.states:
        labels = [name for code, name in _states().items() if code in chosen.states]
        found.append(_("State: %(names)s", names=", ".join(labels)))
    if chosen.organisation:
        organisation = look.kept.organisation(chosen.organisation)
        found.append(_("Organisation: %(name)s", name=organisation.name if organisation else chosen.organisation))
    return [str(text) for text in found] or [str(_("All themes"))]


def _severities() -> dict[int, str]:
    return {1: _("Nuisance"), 2: _("Damage"), 3: _("Serious"), 4: _("Immediate danger")}


def _states() -> dict[str, str]:
    return {
        "new": _("New"),
        "acknowledged": _("Acknowledged"),
        "assigned": _("Assigned"),
        "in_progress": _("In progress"),
        "resolved": _("Resolved"),
        "verified": _("Verified"),
        "reopened": _("Reopened"),
        "rejected": _("Rejected"),
        "duplicate": _("Duplicate"),
    }


def _table_titles() -> dict[str, str]:
    return {
        "neighbourhood": _("Neighbourhoods"),
        "iris": _("IRIS"),
        "qpv": _("Priority neighbourhoods (QPV)"),
        "stop": _("Stops"),
    }


def _table(look: Look, by: str) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...], str]:
    """Columns, rows, and what was left out; one column less where there is no area or no earlier period."""
    rows = look.table(by)
    has_before = any(row.before is not None for row in rows)
    has_rate = any(row.per_km2_30d is not None for row in rows)
    columns = [_("Place"), _("Reports")]
    columns += [_("Before")] if has_before else []
    columns += [_("per km² and 30 days")] if has_rate else []
    cells = []
    for row in rows[:ROWS_MOST]:
        name = f"{row.name} ({_('approximate')})" if row.approximate else row.name
        line = [name, number(row.reports)]
        line += [number(row.before or 0)] if has_before else []
        line += ["–" if row.per_km2_30d is None else number(row.per_km2_30d)] if has_rate else []
        cells.append(tuple(line))
    shown = _("%(shown)s of %(total)s rows.", shown=number(ROWS_MOST), total=number(len(rows)))
    return tuple(columns), tuple(cells), str(shown) if len(rows) > ROWS_MOST else ""
