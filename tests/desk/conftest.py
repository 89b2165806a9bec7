"""The fixtures of interventions, and the desk's world: a browser without JavaScript for each account."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import Engine

from tests.desk.moves_world import DeskWorld
from tests.interventions.conftest import browse, send  # noqa: F401
from tests.reports.conftest import actor_of, bearer, places  # noqa: F401
from tests.routing.world import make_world


@pytest.fixture
def desk(app: Flask, engine: Engine) -> DeskWorld:
    """Organisations, an account each, and no report yet."""
    return DeskWorld(app, engine, make_world(engine))
