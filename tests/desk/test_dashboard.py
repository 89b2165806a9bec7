"""The dashboard: its figures against Python's own, who sees what, and charts that a table says again."""

from __future__ import annotations

import random
import re
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from app.db.session import unit_of_work
from app.desk import dashboard_store as store
from app.desk.dashboard_actions import start_of
from app.desk.dashboard_store import Span
from app.reports.filters import ReportFilter
from tests.desk.moves_world import DeskWorld

NOW = datetime.now(UTC).replace(microsecond=0)
DAY = timedelta(days=1)
PARIS = ZoneInfo("Europe/Paris")
_TIMES = """
    UPDATE report SET acknowledged_at = CAST(:acknowledged_at AS timestamptz), state = :state,
        resolved_at = CAST(:resolved_at AS timestamptz), held_since = CAST(:held_since AS timestamptz),
        paused_s = :paused_s
    WHERE id = :id
"""


def took(desk: DeskWorld, report_id: UUID, **values: Any) -> None:
    """Set what the statements of moves keep."""
    usual = {"acknowledged_at": None, "resolved_at": None, "held_since": None, "paused_s": 0, "state": "new"}
    desk.sql(_TIMES, id=report_id, **usual | values)


def days(report: ReportFilter | None = None) -> ReportFilter:
    chosen = report or ReportFilter()
    return chosen.model_copy(update={"from_date": (NOW - 90 * DAY).date(), "to_date": (NOW + DAY).date()})


# ── the times kept beside a report ────────────────────────────────────────────────────────────────────────────────────


def test_moves_keep_how_long_they_took(desk: DeskWorld) -> None:
    start = NOW - 10 * DAY
    one = desk.report("hlm-a", start)
    desk.move("hlm-a", one, "acknowledge", start + DAY)
    desk.move("hlm-a", one, "transfer", start + 2 * DAY, organisation="bus", reason="other_place")
    row = desk.row(one)
    assert (row["acknowledged_at"], row["resolved_at"]) == (None, None)
    assert datetime.fromisoformat(row["held_since"]) == start + 2 * DAY
    desk.move("bus", one, "acknowledge", start + 3 * DAY)
    desk.move("bus", one, "ask", start + 4 * DAY, text="Which one?", organisation="city")
    desk.move("city", one, "answer", start + 5 * DAY, text="The left one")
    desk.move("bus", one, "resolve", start + 6 * DAY, text="Done")
    row = desk.row(one)
    assert datetime.fromisoformat(row["acknowledged_at"]) == start + 3 * DAY
    assert datetime.fromisoformat(row["resolved_at"]) == start + 6 * DAY
    assert row["paused_s"] == 86_400
    desk.move("coordinator", one, "verify", start + 7 * DAY)
    assert datetime.fromisoformat(desk.row(one)["resolved_at"]) == start + 6 * DAY
    desk.move("coordinator", one, "reopen", start + 8 * DAY, text="Broken again")
    assert desk.row(one)["resolved_at"] is None
    assert datetime.fromisoformat(desk.row(one)["acknowledged_at"]) == start + 3 * DAY


# ── figures ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_percentiles_are_numpys(desk: DeskWorld) -> None:
    draw = random.Random(19)
    kept: dict[str, list[float]] = {"acknowledge": [], "resolve": []}
    for n in range(23):
        received = NOW - draw.randrange(2, 80) * DAY
        acknowledge, resolve = draw.randrange(60, 400_000), draw.randrange(400_000, 2_000_000)
        one = desk.report("hlm-a", received)
        resolved = n % 3 != 0
        took(
            desk, one, state="resolved" if resolved else "new",
            acknowledged_at=received + timedelta(seconds=acknowledge),
            resolved_at=received + timedelta(seconds=resolve) if resolved else None, paused_s=1000,
        )  # fmt: skip
        kept["acknowledge"].append(acknowledge)
        if resolved:
            kept["resolve"].append(resolve)
    # Neither counts: one was withdrawn, the other is older than the period.
    took(desk, desk.report("hlm-a", NOW - 5 * DAY), state="rejected", acknowledged_at=NOW)
    took(desk, desk.report("hlm-a", NOW - 200 * DAY), acknowledged_at=NOW)
    with unit_of_work(desk.engine, desk.world.actors["hlm-a"]) as uow:
        whole = store.times(uow.connection, days(), None, now=NOW)["all"][0]
    assert whole.reports == 23
    for name, values in kept.items():
        span = getattr(whole, name)
        assert isinstance(span, Span)
        assert span.count == len(values)
        assert [span.median_s, span.p90_s] == pytest.approx(np.percentile(values, [50, 90]).tolist())
    assert whole.paused_share == pytest.approx(1000 * len(kept["resolve"]) / sum(kept["resolve"]))


def test_groups_add_up_and_a_transfer_starts_the_clock_anew(desk: DeskWorld) -> None:
    east = desk.world.places["east"]
    for category, organisation, place in (
        ("lift_out", "hlm-a", east),
        ("overflowing_bin", "hlm-a", None),
        ("overflowing_bin", "hlm-b", east),
    ):
        desk.report(organisation, NOW - DAY, category=category, neighbourhood_id=place)
    moved = desk.report("bus", NOW - 9 * DAY, category="lift_out")
    took(desk, moved, held_since=NOW - 3 * DAY, acknowledged_at=NOW - 2 * DAY, state="acknowledged")
    with unit_of_work(desk.engine, desk.world.actors["coordinator"]) as uow:
        times = store.times(uow.connection, days(), None, now=NOW)
        narrowed = store.times(uow.connection, days(), east, now=NOW)
    count = {by: {one.key: one.reports for one in rows} for by, rows in times.items()}
    ids = {name: str(key) for name, key in desk.world.organisations.items()}
    assert count["category"] == {"lift_out": 2, "overflowing_bin": 2}
    assert count["theme"] == {"building": 2, "cleanliness": 2}
    assert count["neighbourhood"] == {str(east): 2, None: 2}
    assert count["organisation"] == {ids["hlm-a"]: 2, ids["hlm-b"]: 1, ids["bus"]: 1}
    assert narrowed["all"][0].reports == 2
    bus = next(one for one in times["organisation"] if one.key == ids["bus"])
    assert bus.acknowledge == Span(1, 86_400.0, 86_400.0)
    assert times["all"][0].late == 4


def test_weeks_are_those_of_paris(desk: DeskWorld) -> None:
    # Sunday evening in UTC is Monday in Paris.
    monday = datetime(2026, 3, 2, 0, 30, tzinfo=PARIS)
    desk.report("hlm-a", monday)
    desk.report("hlm-a", monday - timedelta(hours=1))
    chosen = ReportFilter(from_date=date(2026, 2, 1), to_date=date(2026, 3, 31))
    with unit_of_work(desk.engine, desk.world.actors["hlm-a"]) as uow:
        weeks = store.reports_by(uow.connection, "week", chosen, None, now=NOW)
        months = store.reports_by(uow.connection, "month", chosen, None, now=NOW)
    assert weeks == {date(2026, 2, 23): 1, date(2026, 3, 2): 1}
    assert months == {date(2026, 3, 1): 2}
    assert start_of("week", date(2026, 3, 1)) == date(2026, 2, 23)


# ── pages ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def many(desk: DeskWorld, organisation: str, count: int, hours: float, **changes: Any) -> None:
    """So many resolved reports that took so long."""
    for n in range(count):
        received = NOW - (n + 3) * DAY
        one = desk.report(organisation, received, **changes)
        resolved_at = received + timedelta(hours=hours)
        took(
            desk, one, acknowledged_at=received + timedelta(hours=hours / 2), resolved_at=resolved_at, state="resolved"
        )


def test_below_five_no_time_is_said(desk: DeskWorld) -> None:
    many(desk, "hlm-a", 4, 30)
    page = desk.browse("hlm-a").get("/dashboard").text.replace("\u00a0", " ")
    assert "trop peu (4)" in page
    assert "30 heures" not in page
    many(desk, "hlm-a", 1, 30)
    page = desk.browse("hlm-a").get("/dashboard").text.replace("\u00a0", " ")
    assert "trop peu" not in page
    assert "30 heures" in page


def test_a_partner_sees_itself_and_everybody_together(desk: DeskWorld) -> None:
    many(desk, "hlm-a", 6, 20)
    many(desk, "hlm-b", 6, 44)
    page = desk.browse("hlm-a").get("/dashboard").text.replace("\u00a0", " ")
    assert "The hlm-a" in page
    assert "The hlm-b" not in page
    assert 'id="by-organisation"' not in page
    # Alone 20 hours, together half of 20 and half of 44.
    assert re.search(r"Résolution : chez vous</dt><dd>20 heures", page)
    assert re.search(r"Résolution : tous les organismes ensemble</dt><dd>32 heures", page)
    assert desk.browse("hlm-a").get("/dashboard?organisation=hlm-b").status_code == 403
    assert desk.browse("hlm-a").get("/dashboard?organisation=hlm-a").status_code == 200


def test_planners_and_the_coordination_see_organisations_in_the_order_of_the_alphabet(desk: DeskWorld) -> None:
    many(desk, "hlm-b", 6, 20)
    many(desk, "hlm-a", 6, 44)
    many(desk, "police", 6, 44, visibility="restricted")
    page = desk.browse("planner").get("/dashboard").text.replace("\u00a0", " ")
    table = page[page.index('id="by-organisation"') :]
    assert re.findall(r'<th scope="row">(The [^<]+)</th>', table) == ["The hlm-a", "The hlm-b"]
    assert "ce n'est pas un classement" in page.replace("&#39;", "'")
    page = desk.browse("coordinator").get("/dashboard").text.replace("\u00a0", " ")
    table = page[page.index('id="by-organisation"') :]
    assert re.findall(r'<th scope="row">(The [^<]+)</th>', table) == ["The hlm-a", "The hlm-b", "The police"]


def test_a_chart_says_what_its_table_says(desk: DeskWorld) -> None:
    many(desk, "hlm-a", 6, 20)
    page = desk.browse("planner").get("/dashboard").text.replace("\u00a0", " ")
    figures = re.findall(r"<figure.*?</figure>", page, re.DOTALL)
    assert len(figures) == 4
    for figure in figures[:1] + figures[2:]:
        labelled = re.search(r'role="img" aria-labelledby="(\S+) (\S+)"', figure)
        assert labelled
        assert re.search(rf'<title id="{labelled[1]}">[^<]+</title>', figure)
        assert re.search(rf'<desc id="{labelled[2]}">[^<]+</desc>', figure)
    assert not re.search(r"<figure[^>]*>.*?style=", page, re.DOTALL)
    bars = len(re.findall(r'<rect class="series-0" x="[\d.]+" y="[\d.]+" width="[\d.]+" height="[\d.]+"/>', figures[0]))
    weeks = [int(n) for n in re.findall(r'</th><td class="number">(\d+)</td><td class="number">\d+</td></tr>', page)]
    # One more is the legend's.
    assert bars - 1 == sum(1 for n in weeks if n)
    assert sum(weeks) == 6


REFUSED = [
    ("agent", "/dashboard", 403),
    ("admin", "/dashboard", 403),
    ("planner", "/dashboard?from=2026-03-01&to=2026-02-01", 400),
    ("planner", "/dashboard?from=2001-03-01", 200),
    ("planner", "/dashboard?from=2001-03-01&to=2026-01-01", 400),
    ("planner", "/dashboard?to=1970-01-05", 200),
    ("planner", "/dashboard?organisation=nobody", 400),
    ("planner", "/dashboard?neighbourhood=99", 400),
    ("planner", "/dashboard?neighbourhood=x", 400),
    ("planner", "/dashboard?due=over", 400),
    ("planner", "/dashboard?from=2149-01-01", 200),
    ("planner", "/dashboard", 200),
]


def test_what_can_be_asked_and_what_cannot(desk: DeskWorld) -> None:
    answers = [(who, address, desk.browse(who).get(address).status_code) for who, address, _status in REFUSED]
    assert answers == REFUSED


def test_what_comes_back_is_shown(desk: DeskWorld) -> None:
    for n in range(4):
        desk.report("hlm-a", NOW - (n + 1) * DAY, neighbourhood_id=desk.world.places["east"])
    assert 'id="recurring"' in desk.browse("hlm-a").get("/dashboard").text.replace("\u00a0", " ")
    assert 'id="recurring"' not in desk.browse("hlm-b").get("/dashboard").text.replace("\u00a0", " ")
