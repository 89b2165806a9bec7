"""The synthetic year: labelled, plausible in space, time and history."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, text

from app.people.actions import ensure_demo_accounts
from app.places.actions import seed_approximate
from app.reports.demo import load_demo
from app.reports.demo.stories import office_hours
from app.reports.rules import CLOSED_STATES, OPEN_STATES, STATES
from tests.reports.demo_samples import NOW, query, quiet

LOCAL = "(observed_at AT TIME ZONE 'Europe/Paris')"


@pytest.fixture(scope="module")
def year(engine: Engine, owner_engine: Engine) -> Iterator[Engine]:
    """What the product ships, and the synthetic year on it: made once, only read."""
    seed_approximate(engine)
    ensure_demo_accounts(engine, "a password for tests")
    load_demo(engine, quiet, now=NOW)
    yield engine
    with owner_engine.begin() as connection:
        connection.execute(text("TRUNCATE report_event, report, place, geodata_import, account, organisation CASCADE"))


def test_all_of_it_is_labelled(year: Engine) -> None:
    assert query(year, "SELECT is_synthetic, source, count(*) FROM report GROUP BY 1, 2") == [(True, "demo", 3000)]
    [(texts, labelled)] = query(
        year, "SELECT count(description), count(*) FILTER (WHERE description LIKE 'Démonstration : %') FROM report"
    )
    assert texts == labelled > 500


def test_it_is_the_past_year_and_nothing_later(year: Engine) -> None:
    [(first, last, received, event)] = query(
        year,
        "SELECT min(observed_at), max(observed_at), max(received_at), (SELECT max(at) FROM report_event) FROM report",
    )
    assert NOW - timedelta(days=366) <= first < NOW - timedelta(days=350)
    assert NOW - timedelta(days=3) < last < NOW
    assert max(received, event) <= NOW


def test_every_report_is_placed_and_somebody_answers_for_it(year: Engine) -> None:
    [(lost, alone, unseen, outside)] = query(
        year,
        "SELECT count(*) FILTER (WHERE neighbourhood_id IS NULL), count(*) FILTER (WHERE organisation_id IS NULL),"
        " count(*) FILTER (WHERE reporter_organisation_id IS NULL), count(*) FILTER (WHERE NOT ST_Covers("
        "(SELECT geom_4326 FROM place WHERE is_territory), geom_4326)) FROM report",
    )
    assert (lost, alone, unseen, outside) == (0, 0, 0, 0)
    assert query(year, "SELECT count(DISTINCT organisation_id) FROM report") == [(5,)]
    assert query(year, "SELECT count(DISTINCT category_code) FROM report") == [(46,)]
    [(linked,)] = query(year, "SELECT count(*) FROM report JOIN place ON place.id = place_id WHERE place.kind = 'stop'")
    assert linked > 50


def test_space_has_hot_spots(year: Engine) -> None:
    """The busiest twentieth of the 200 m squares that have anything holds a good part of everything."""
    counts = [many for (many,) in query(year, "SELECT count(*) FROM report GROUP BY cell_25m >> 6 ORDER BY 1 DESC")]
    assert sum(counts[: len(counts) // 20]) > 0.2 * sum(counts)
    assert len(counts) > 200


@pytest.mark.parametrize(
    ("category", "busy", "calm"),
    [
        ("fireworks", f"extract(month FROM {LOCAL}) = 7", f"extract(month FROM {LOCAL}) = 3"),
        ("street_light_out", f"extract(month FROM {LOCAL}) IN (12, 1)", f"extract(month FROM {LOCAL}) IN (7, 8)"),
        ("noise", f"extract(hour FROM {LOCAL}) IN (21, 22, 23, 0)", f"extract(hour FROM {LOCAL}) IN (8, 9, 10, 11)"),
        ("noise", f"extract(month FROM {LOCAL}) IN (6, 7, 8)", f"extract(month FROM {LOCAL}) IN (12, 1, 2)"),
        ("school_surroundings", f"extract(month FROM {LOCAL}) IN (3, 6)", f"extract(month FROM {LOCAL}) IN (7, 8)"),
        ("fly_tipping", f"extract(isodow FROM {LOCAL}) = 1", f"extract(isodow FROM {LOCAL}) = 7"),
        ("onboard_incivility", f"extract(hour FROM {LOCAL}) IN (7, 17)", f"extract(hour FROM {LOCAL}) IN (2, 23)"),
    ],
)
def test_time_has_a_rhythm(year: Engine, category: str, busy: str, calm: str) -> None:
    [(high, low)] = query(
        year,
        f"SELECT count(*) FILTER (WHERE {busy}), count(*) FILTER (WHERE {calm}) FROM report"
        f" WHERE category_code = '{category}'",
    )
    assert high > 2 * low
    assert high > 5


def test_states_grow_old(year: Engine) -> None:
    share = (
        "SELECT count(*) FILTER (WHERE state = ANY('{{{}}}'))::float / count(*) FROM report"
        " WHERE received_at {} timestamptz '2026-05-04 12:00+00' - interval '{} days'"
    )
    [(old_closed,)] = query(year, share.format(",".join(CLOSED_STATES), "<", 60))
    [(young_open,)] = query(year, share.format(",".join(OPEN_STATES), ">", 3))
    assert old_closed > 0.85
    assert young_open > 0.5
    assert {state for (state,) in query(year, "SELECT DISTINCT state FROM report")} >= set(STATES) - {"reopened"}


def test_the_history_leads_to_the_state(year: Engine) -> None:
    broken = query(
        year,
        "SELECT report.id FROM report JOIN LATERAL (SELECT to_state FROM report_event WHERE report_id = report.id"
        " ORDER BY at DESC, id DESC LIMIT 1) AS last ON true WHERE last.to_state <> report.state",
    )
    gaps = query(
        year,
        "SELECT id FROM (SELECT id, from_state, lag(to_state) OVER seen AS before, at, lag(at) OVER seen AS at_before"
        " FROM report_event WINDOW seen AS (PARTITION BY report_id ORDER BY id)) AS step"
        " WHERE from_state IS DISTINCT FROM before OR at < at_before",
    )
    assert (broken, gaps) == ([], [])
    [(wrong,)] = query(
        year,
        "SELECT count(*) FROM report_event AS event JOIN report ON report.id = report_id"
        " LEFT JOIN report AS first ON first.id = (details ->> 'duplicate_of')::uuid"
        " WHERE to_state = 'duplicate' AND (first.id IS NULL OR first.category_code <> report.category_code"
        " OR first.observed_at > report.observed_at)",
    )
    assert wrong == 0


def test_severity_varies(year: Engine) -> None:
    counts = dict(query(year, "SELECT severity, count(*) FROM report GROUP BY 1"))
    assert set(counts) == {1, 2, 3, 4}
    assert counts[2] > counts[4] > 30


@pytest.mark.parametrize(
    ("at", "urgent", "expected"),
    [
        ("2026-05-04T08:30", False, "2026-05-04T08:30"),
        ("2026-05-04T01:30", False, "2026-05-04T06:30"),
        ("2026-05-04T17:30", False, "2026-05-05T06:30"),
        ("2026-05-08T17:30", False, "2026-05-11T06:30"),
        ("2026-05-09T10:00", False, "2026-05-11T06:00"),
        ("2026-05-09T02:00", True, "2026-05-09T02:00"),
    ],
)
def test_offices_are_closed_at_night_and_on_weekends(at: str, urgent: bool, expected: str) -> None:  # noqa: FBT001
    moment, wanted = (datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (at, expected))
    assert office_hours(moment, urgent=urgent) == wanted
