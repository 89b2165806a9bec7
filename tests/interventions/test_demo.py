"""The synthetic interventions: on the synthetic reports, plausible, loaded once; and places looked up again."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, text

from app.db.session import unit_of_work
from app.desk.tfpb_demo import load_demo_entries
from app.interventions.actions import locate_again
from app.interventions.demo import KINDS, load_demo_interventions
from app.people.actor import SYSTEM
from app.people.demo import ensure_demo_accounts
from app.places.actions import seed_approximate
from app.reports.demo import load_demo

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture
def filled(engine: Engine, clean: None) -> Engine:
    seed_approximate(engine)
    ensure_demo_accounts(engine, "a password for tests")
    load_demo(engine, lambda _said: None, now=NOW, count=400)
    return engine


def test_plausible_and_loaded_once(filled: Engine) -> None:
    said: list[str] = []
    added = load_demo_interventions(filled, said.append, now=NOW)
    entries = load_demo_entries(filled, said.append)
    assert added > 100
    assert entries > 0
    assert len(said) == 2
    assert load_demo_interventions(filled, said.append, now=NOW) == load_demo_entries(filled, said.append) == 0
    nothing = {
        "an end in the future": "SELECT FROM intervention WHERE done_end > :now",
        "a state that its history does not have": "SELECT FROM intervention WHERE state <> (SELECT to_state FROM"
        " intervention_event WHERE intervention_id = intervention.id ORDER BY at DESC, id DESC LIMIT 1)",
        "another organisation's report": "SELECT FROM intervention_report JOIN intervention ON intervention.id ="
        " intervention_id JOIN report ON report.id = report_id"
        " WHERE report.organisation_id <> intervention.organisation_id",
        "not marked": "SELECT FROM intervention WHERE NOT is_synthetic",
        "a claim for what is not done": "SELECT FROM tfpb_entry JOIN intervention ON id = intervention_id"
        " WHERE state NOT IN ('done', 'verified')",
    }
    with unit_of_work(filled, SYSTEM) as uow:
        for what, query in nothing.items():
            assert uow.connection.execute(text(query), {"now": NOW}).rowcount == 0, what
        kinds = set(uow.connection.scalars(text("SELECT DISTINCT geometrytype(geom_4326) FROM intervention")))
        assert kinds == {"POINT", "LINESTRING", "POLYGON"}
        known = set(uow.connection.scalars(text("SELECT code FROM intervention_kind")))
        assert {kind for _category, kind in KINDS} <= known
        codes = set(uow.connection.scalars(text("SELECT code FROM category UNION SELECT code FROM theme")))
        assert {category for category, _kind in KINDS} <= codes
        uow.connection.execute(text("UPDATE intervention SET neighbourhood_id = NULL"))
    assert locate_again(filled) > 100
    assert locate_again(filled) == 0
