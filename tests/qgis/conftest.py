"""The production server with a few hundred reports, for QGIS and GDAL."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from tests.ogc.conftest import EMPTY
from tests.ogc.live import Live, serving
from tests.ogc.samples import fill


@pytest.fixture(scope="module")
def live(
    engine: Engine, owner_engine: Engine, app_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Live]:
    """Its `url` is the root of everything; `token` of a planner."""
    world = fill(engine, 300)
    with serving(app_url, tmp_path_factory.mktemp("live")) as root:
        yield Live(root, world.tokens["planner"])
    with owner_engine.begin() as connection:
        connection.execute(EMPTY)
