"""The little world of routing."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine

from tests.routing.world import World, make_world


@pytest.fixture
def world(engine: Engine, clean: None) -> World:
    return make_world(engine)
