"""Loading the synthetic year: repeatable, only into an empty register, on whatever places there are."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import Engine, text

from app.cli import quietude
from app.db.session import unit_of_work
from app.people.actions import ensure_demo_accounts
from app.people.actor import SYSTEM
from app.places.actions import seed_approximate
from app.reports.demo import load_demo
from tests.reports.demo_samples import NOW, query, quiet


@pytest.fixture
def amiens(engine: Engine, clean: None) -> Engine:
    """What the product ships: the approximate geography and the demo accounts."""
    seed_approximate(engine)
    ensure_demo_accounts(engine, "a password for tests")
    return engine


def test_only_a_database_without_reports_is_filled(amiens: Engine) -> None:
    said: list[str] = []
    assert load_demo(amiens, said.append, now=NOW, count=10) == 10
    assert said == ["Demo data: 10 synthetic reports over the past year …", "Demo data: 10 reports added."]
    assert load_demo(amiens, said.append, now=NOW) == 0
    assert "nothing is added" in said[-1]
    assert query(amiens, "SELECT count(*) FROM report") == [(10,)]


def test_the_same_now_gives_the_same_data(amiens: Engine, owner_engine: Engine) -> None:
    everything = (
        "SELECT md5(string_agg(r::text, '' ORDER BY id)) FROM (SELECT id, category_code, geom_4326, severity, state,"
        " observed_at, received_at, description, place_id FROM report) AS r"
    )
    digests = []
    for now in (NOW, NOW, NOW + timedelta(days=1)):
        load_demo(amiens, quiet, now=now, count=300)
        digests += query(amiens, everything)
        with owner_engine.begin() as connection:
            connection.execute(text("TRUNCATE report, report_event CASCADE"))
    assert digests[0] == digests[1] != digests[2]


def test_a_territory_without_any_place_is_enough(engine: Engine, clean: None) -> None:
    seed_approximate(engine)
    with unit_of_work(engine, SYSTEM) as uow:
        uow.connection.execute(text("UPDATE place SET closed_at = now() WHERE NOT is_territory"))
    assert load_demo(engine, quiet, now=NOW, count=200) == 200
    assert query(engine, "SELECT count(DISTINCT cell_25m) > 50, count(organisation_id) FROM report") == [(True, 0)]


def test_the_command(amiens: Engine, app_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUIETUDE_DATABASE_URL", app_url)
    monkeypatch.setenv("QUIETUDE_VAR_DIR", str(tmp_path / "var"))
    first = CliRunner().invoke(quietude, ["demo", "load"])
    assert first.exit_code == 0, first.output
    assert "3,000 synthetic reports" in first.output
    assert query(amiens, "SELECT count(*) FROM report") == [(3000,)]
    again = CliRunner().invoke(quietude, ["demo", "load"])
    assert "nothing is added" in again.output
