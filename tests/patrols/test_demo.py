"""The synthetic rounds: marked, plausible, loaded once, and part of `quietude demo load`."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, text

from app.cli import quietude
from app.db.session import unit_of_work
from app.patrols.demo import load_demo_patrols
from app.people.actor import SYSTEM
from app.people.demo import ensure_demo_accounts
from app.places.actions import seed_approximate
from app.reports.demo import AFTER_DEMO, load_demo

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture
def filled(engine: Engine, clean: None) -> Engine:
    seed_approximate(engine)
    ensure_demo_accounts(engine, "a password for tests")
    load_demo(engine, lambda _said: None, now=NOW, count=400)
    return engine


def test_plausible_and_loaded_once(filled: Engine) -> None:
    said: list[str] = []
    assert load_demo_patrols(filled, said.append, now=NOW) > 60
    assert load_demo_patrols(filled, said.append, now=NOW) == 0
    assert len(said) == 1
    nothing = {
        "a passage in the future": "SELECT FROM patrol_passage WHERE passed_at > :now",
        "a state that its history does not have": "SELECT FROM patrol WHERE state <> (SELECT to_state FROM patrol_event"
        " WHERE patrol_id = patrol.id ORDER BY at DESC, id DESC LIMIT 1)",
        "not marked": "SELECT FROM patrol WHERE NOT is_synthetic",
        "found without a report": "SELECT FROM patrol_passage WHERE (outcome = 'found') <> EXISTS"
        " (SELECT FROM patrol_passage_report JOIN report ON report.id = report_id"
        " WHERE passage_id = patrol_passage.id)",
        "ended and empty": "SELECT FROM patrol WHERE state = 'closed' AND NOT EXISTS"
        " (SELECT FROM patrol_passage WHERE patrol_id = patrol.id)",
    }
    with unit_of_work(filled, SYSTEM) as uow:
        for what, query in nothing.items():
            assert uow.connection.execute(text(query), {"now": NOW}).rowcount == 0, what
        counts = uow.connection.execute(text("SELECT outcome, count(*) FROM patrol_passage GROUP BY outcome"))
        outcomes = {row[0]: row[1] for row in counts}
        assert outcomes["nothing"] > outcomes["found"] > 0
        kinds = set(uow.connection.scalars(text("SELECT DISTINCT kind FROM patrol")))
        assert kinds == {"round", "walk"}


def test_the_command_loads_them_too() -> None:
    quietude.get_command(None, "demo")  # type: ignore[arg-type]
    assert load_demo_patrols in AFTER_DEMO
