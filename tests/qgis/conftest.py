"""The production server with a few hundred reports, for QGIS and GDAL."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, text

from app.db.session import unit_of_work
from app.people.actor import SYSTEM
from tests.ogc.live import Live, filled


@pytest.fixture(scope="module")
def live(
    engine: Engine, owner_engine: Engine, app_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Live]:
    """Its `url` is the root of everything; `token` of a planner."""
    with filled(engine, owner_engine, app_url, tmp_path_factory.mktemp("live")) as made:
        yield made


def rows(engine: Engine, statement: str) -> list[tuple[Any, ...]]:
    """What the database itself holds, whoever may see it."""
    with unit_of_work(engine, SYSTEM) as uow:
        return [tuple(row) for row in uow.connection.execute(text(statement))]
