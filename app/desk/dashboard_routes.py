"""`/dashboard`: reports, interventions and answers over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlencode

from flask import Blueprint, render_template, request, url_for
from flask_babel import format_date
from flask_babel import gettext as _

from app.db.session import unit_of_work
from app.desk import charts, dashboard_actions
from app.desk.dashboard_actions import LEAST, Dashboard
from app.desk.dashboard_commands import DashboardQuery, parse_dashboard
from app.desk.dashboard_store import Span, Times
from app.nomenclature.actions import current_nomenclature
from app.people.identity import current_actor
from app.reports.words import seconds_label
from app.web.context import services
from app.web.language import locale_code

blueprint = Blueprint("dashboard", __name__, template_folder="templates")
MAP_SIZE = "800x640"


@dataclass(frozen=True)
class Line:
    """A group of reports with its name on screen."""

    name: str
    times: Times

    def said(self, span: Span | None) -> Span | None:
        """The span if it may be said: of fewer than LEAST reports it is not."""
        return span if span is not None and span.count >= LEAST else None


@dataclass(frozen=True)
class Group:
    """A table of lines, and a chart of those whose time to resolve may be said."""

    lines: tuple[Line, ...]
    drawn: tuple[Line, ...]
    chart: charts.Spans | None


@blueprint.get("/dashboard")
def index() -> str:
    """The dashboard of a period."""
    now, actor, nomenclature = datetime.now(UTC), current_actor(), current_nomenclature()
    asked = parse_dashboard(request.args, nomenclature, now=now)
    with unit_of_work(services().engine, actor) as uow:
        shown = dashboard_actions.show(uow, actor, asked, nomenclature, now=now)
    buckets = shown.buckets
    return render_template(
        "desk/dashboard.html",
        shown=shown,
        asked=asked,
        chosen=asked.chosen,
        nomenclature=nomenclature,
        least=LEAST,
        over_time=charts.columns([[b.reports for b in buckets], [b.interventions for b in buckets]]),
        day_labels=_day_labels(shown),
        whole=Line("", shown.whole),
        groups=_groups(shown, asked),
        by_organisation=_by_organisation(shown) if shown.organisation is None else None,
        seconds_label=seconds_label,
        may_choose_organisation=actor.role != "partner",
        picture=_picture(shown, asked),
        lists=f"{url_for('reports.index')}?{urlencode(asked.chosen.query())}",
    )


def _day_labels(shown: Dashboard) -> list[str]:
    pattern = "d MMM" if shown.unit == "week" else "MMM y"
    return [str(format_date(bucket.day, pattern)) for bucket in shown.buckets]


def _groups(shown: Dashboard, asked: DashboardQuery) -> dict[str, Group]:
    nomenclature, locale = current_nomenclature(), locale_code()
    places = {str(key): name for key, name in shown.neighbourhoods}
    # Inside one theme its categories are told apart; else the themes.
    narrow = len(asked.chosen.themes) == 1 or bool(asked.chosen.categories)
    subjects = (
        [(code, one.label(locale)) for code, one in nomenclature.category_by_code.items()]
        if narrow
        else [(code, one.label(locale)) for code, one in nomenclature.theme_by_code.items()]
    )
    return {
        "subject": _group(subjects, shown.times["category" if narrow else "theme"]),
        "neighbourhood": _group(
            [*sorted(places.items(), key=lambda one: one[1]), (None, str(_("Outside of all neighbourhoods")))],
            shown.times["neighbourhood"],
        ),
    }


def _by_organisation(shown: Dashboard) -> Group:
    names: list[tuple[str | None, str]] = [(str(one.id), one.name) for one in shown.organisations]
    # By name: what each has to do differs too much for an order by speed to say anything.
    names.sort(key=lambda one: one[1])
    return _group([*names, (None, str(_("Nobody yet")))], shown.times["organisation"])


def _group(names: Sequence[tuple[str | None, str]], times: Sequence[Times]) -> Group:
    """Lines in the order of the names, never in that of the figures: this is no ranking."""
    by_key = {one.key: one for one in times}
    lines = tuple(Line(name, by_key[key]) for key, name in names if key in by_key)
    drawn = tuple(line for line in lines if line.said(line.times.resolve))
    spans = [(span.median_s, span.p90_s) for span in (line.said(line.times.resolve) for line in drawn) if span]
    return Group(lines, drawn, charts.spans(spans) if spans else None)


def _picture(shown: Dashboard, asked: DashboardQuery) -> dict[str, str]:
    """The heat map of the same filter as a picture, and as a page."""
    query = asked.chosen.query() | ({"organisation": shown.organisation.slug} if shown.organisation else {})
    return {
        "src": f"{url_for('takeaway.png')}?{urlencode(query | {'size': MAP_SIZE})}",
        "page": f"/map?{urlencode(query)}",
    }
