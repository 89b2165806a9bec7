"""Several organisations with an account each; patrols through the API and through pages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine

from tests.interventions.conftest import Browser, signed_in
from tests.patrols.samples import patrol
from tests.routing.world import World, make_world

Send = Callable[..., Any]


@pytest.fixture
def world(engine: Engine, clean: None) -> World:
    """Organisations, accounts and places."""
    return make_world(engine)


@pytest.fixture
def send(client: FlaskClient, world: World) -> Send:
    """Ask the API as an account of the world (None: nobody): method, path, JSON."""

    def ask(name: str | None, method: str, path: str, json: Any = None, **headers: str) -> Any:
        known = {} if name is None else world.headers(name)
        return client.open(path, method=method, json=json, headers=known | headers)

    return ask


@pytest.fixture
def going(send: Send, world: World) -> dict[str, Any]:
    """A round of the landlord at three places, under way, as the API gave it."""
    places = world.places
    answer = send("hlm-a-agent", "POST", "/api/patrols", patrol(places["a"], places["stop"], places["b"]))
    assert answer.status_code == 201, answer.json
    made: dict[str, Any] = answer.json
    return made


@pytest.fixture
def browse(app: Flask, world: World, engine: Engine) -> Callable[[str], Browser]:
    """A signed-in browser of an account of the world."""
    return lambda name: signed_in(app, engine, f"{name}@example.org")
