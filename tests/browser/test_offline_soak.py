"""The short run of `make soak`: a breaking network, lost answers, a killed server, closed tabs; all arrives, once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser
from sqlalchemy import Engine

from app.people.actions import ensure_demo_accounts
from app.places.actions import seed_approximate
from benchmarks.soak import Server, Size, World, soak
from benchmarks.soak_phones import PASSWORD

pytestmark = pytest.mark.browser


@pytest.fixture
def server(clean: None, engine: Engine, app_url: str, owner_url: str, tmp_path: Path) -> Iterator[Server]:
    """`quietude serve` on the database of the tests."""
    ensure_demo_accounts(engine, PASSWORD)
    seed_approximate(engine)
    environment = {
        "QUIETUDE_DATABASE_URL": app_url,
        "QUIETUDE_MIGRATION_DATABASE_URL": owner_url,
        "QUIETUDE_VAR_DIR": str(tmp_path / "var"),
        "QUIETUDE_WORKERS": "1",
    }
    made = Server(environment, tmp_path / "serve.log")
    made.start()
    made.wait()
    yield made
    made.kill()


def test_reports_and_photos_of_three_phones_arrive_once(server: Server, engine: Engine, browser: Browser) -> None:
    outcome = soak(
        7, Size(reports=12, photos=6, phones=3, server_kills=1, database_kills=0), World(server, engine, browser)
    )
    assert (outcome.entered, outcome.photos, outcome.kills) == (12, 6, 1)
    assert (outcome.lost, outcome.doubled, outcome.problems) == (0, 0, ())
