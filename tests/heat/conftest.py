"""Reports straight into the table, as a source of rows for the cube."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import pytest
from sqlalchemy import Connection, Engine, text

from app.db.session import unit_of_work
from app.people.actor import SYSTEM

AMIENS = (2.2957, 49.8941)
_ADD = text("""
    INSERT INTO report (id, category_code, geom_4326, cell_25m, severity, visibility, observed_at, state)
    SELECT :id, code, ST_SetSRID(ST_MakePoint(:lon, :lat), 4326), 0, :severity, COALESCE(:visibility, visibility),
           CAST(:observed_at AS timestamptz), :state
    FROM category WHERE code = :category
""")


def add_report(connection: Connection, **given: object) -> str:
    """One report; everything has a default."""
    identifier = str(given.pop("id", uuid.uuid4()))
    values: dict[str, object] = {
        "category": "overflowing_bin",
        "lon": AMIENS[0],
        "lat": AMIENS[1],
        "severity": 2,
        "visibility": None,
        "observed_at": "2026-02-10T12:00:00+01:00",
        "state": "new",
    }
    assert set(given) <= set(values)
    connection.execute(_ADD, values | given | {"id": identifier})
    return identifier


@pytest.fixture
def add(engine: Engine, clean: None) -> Callable[..., str]:
    """Adds a report in a transaction of its own."""

    def adder(**given: object) -> str:
        with unit_of_work(engine, SYSTEM) as uow:
            return add_report(uow.connection, **given)

    return adder
