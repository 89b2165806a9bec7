"""The short run of `make soak`: a breaking network, lost answers, a killed server, closed tabs; all arrives, once."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser
from sqlalchemy import Engine

from benchmarks.soak import Server, Size, World, soak

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_what_three_phones_entered_arrives_once(killable_server: Server, engine: Engine, browser: Browser) -> None:
    outcome = soak(
        7,
        Size(reports=12, photos=6, phones=3, server_kills=1, database_kills=0),
        World(killable_server, engine, browser),
    )
    assert (outcome.entered, outcome.photos, outcome.kills) == (12, 6, 1)
    assert outcome.passages == outcome.confirmations > 0
    assert (outcome.lost, outcome.doubled, outcome.problems) == (0, 0, ())
