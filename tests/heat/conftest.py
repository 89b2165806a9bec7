"""Reports straight into the table, as a source of rows for the cube."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Connection, Engine, text

from app.db.session import unit_of_work
from app.people.actions import create_token
from app.people.actor import SYSTEM, Actor
from app.people.commands import NewToken
from tests.heat.application import heat_application

AMIENS = (2.2957, 49.8941)
TODAY = date(2026, 11, 24)
_ADD = text("""
    INSERT INTO report (id, category_code, geom_4326, cell_25m, severity, visibility, observed_at, state,
                        organisation_id)
    SELECT :id, code, ST_SetSRID(ST_MakePoint(:lon, :lat), 4326), 0, :severity, COALESCE(:visibility, visibility),
           CAST(:observed_at AS timestamptz), :state, (SELECT id FROM organisation WHERE slug = :organisation)
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
        "organisation": None,
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


@pytest.fixture
def app(clean: None, app_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Flask]:
    """The application with what the heat needs alone, on a fixed day, with a cube as fresh as the request."""
    with heat_application(app_url, tmp_path, monkeypatch, TODAY, "heat") as made:
        yield made


_ACCOUNT = text("""
    WITH maker AS (
        INSERT INTO organisation (slug, name, kind) VALUES (:role, :role, 'city') RETURNING id
    )
    INSERT INTO account (email, fs_uniquifier, organisation_id, role_id)
    SELECT :role, :role, maker.id, role.id FROM maker, role WHERE role.name = :role
    RETURNING id, organisation_id
""")


@pytest.fixture
def ask(app: Flask, engine: Engine) -> Callable[..., Any]:
    """Asks with a token of an account of some role, or as the public."""
    headers: dict[str, dict[str, str]] = {"": {}}

    def token(role: Any) -> dict[str, str]:
        with unit_of_work(engine, SYSTEM) as uow:
            row = uow.connection.execute(_ACCOUNT, {"role": role}).one()
            actor = Actor(role, row.id, row.organisation_id)
            issued = create_token(uow.connection, actor, NewToken(name="test", scope="read"))
        return {"Authorization": f"Bearer {issued.secret}"}

    def asker(path: str, who: str = "", more: dict[str, str] | None = None, **query: str) -> Any:
        if who not in headers:
            headers[who] = token(who)
        # A client of its own each time: no cookies are carried along.
        return app.test_client().get(path, query_string=query, headers={**headers[who], **(more or {})})

    return asker
