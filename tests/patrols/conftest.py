"""Several organisations with an account each; patrols through the API and through pages."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from app.db.session import unit_of_work
from app.people.actor import SYSTEM
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


class Browser:
    """A browser without JavaScript that is signed in: pages, and forms with their token."""

    def __init__(self, client: FlaskClient) -> None:
        self._client = client

    def get(self, path: str) -> Any:
        return self._client.get(path, headers={"Accept": "text/html"})

    def post(self, path: str, page: str, form: dict[str, Any]) -> Any:
        """Send a form of `page`."""
        found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', self.get(page).text)
        assert found, page
        return self._client.post(path, data={"csrf_token": found[1]} | form, headers={"Accept": "text/html"})


@pytest.fixture
def browse(app: Flask, world: World, engine: Engine) -> Callable[[str], Browser]:
    """A signed-in browser of an account. The session is made here: signing in is tested elsewhere."""

    def make(name: str) -> Browser:
        client = app.test_client()
        query = text("SELECT fs_uniquifier FROM account WHERE id = :id")
        with unit_of_work(engine, SYSTEM) as uow:
            uniquifier = uow.connection.scalar(query, {"id": world.actors[name].user_id})
        with client.session_transaction() as session:
            session["_user_id"] = uniquifier
            session["_fresh"] = True
            session["sid"] = "of-a-test"
        return Browser(client)

    return make
