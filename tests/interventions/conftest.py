"""The small territory and the demo accounts of the reports' tests, and a landlord's planned intervention."""

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
from tests.interventions.samples import body
from tests.reports.conftest import actor_of, bearer, places  # noqa: F401  (fixtures)


@pytest.fixture
def send(client: FlaskClient, bearer: Callable[..., dict[str, str]]) -> Callable[..., Any]:  # noqa: F811
    """Ask the API as a demo account: its name (None: nobody), method, path, JSON. One token each a test."""
    headers: dict[str, dict[str, str]] = {}

    def ask(name: str | None, method: str, path: str, json: Any = None) -> Any:
        if name is not None and name not in headers:
            headers[name] = bearer(name)
        return client.open(path, method=method, json=json, headers=headers.get(name or "", {}))

    return ask


@pytest.fixture
def planned(send: Callable[..., Any]) -> dict[str, Any]:
    """A planned intervention of the landlord, as the API gave it."""
    answer = send("bailleur", "POST", "/api/interventions", body())
    assert answer.status_code == 201, answer.json
    made: dict[str, Any] = answer.json
    return made


class Browser:
    """A browser without JavaScript that is signed in: pages, and forms with their token."""

    def __init__(self, client: FlaskClient) -> None:
        self._client = client

    def get(self, path: str, **headers: str) -> Any:
        return self._client.get(path, headers={"Accept": "text/html", **headers})

    def post(self, path: str, page: str, **form: Any) -> Any:
        """Send a form of `page`."""
        found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', self.get(page).text)
        assert found, page
        data = {"csrf_token": found[1]} | form
        return self._client.post(path, data=data, headers={"Accept": "text/html"})


@pytest.fixture
def browse(app: Flask, places: dict[str, int], engine: Engine) -> Callable[[str], Browser]:  # noqa: F811
    """A signed-in browser of a demo account. The session is made here: signing in is tested elsewhere."""
    return lambda name: signed_in(app, engine, f"{name}@demo.quietude")


def signed_in(app: Flask, engine: Engine, email: str) -> Browser:
    """A browser with a session of this account that no password was hashed for."""
    client = app.test_client()
    query = text("SELECT fs_uniquifier FROM account WHERE email = :email")
    with unit_of_work(engine, SYSTEM) as uow:
        uniquifier = uow.connection.scalar(query, {"email": email})
    with client.session_transaction() as session:
        session["_user_id"] = uniquifier
        session["_fresh"] = True
        session["sid"] = "of-a-test"
    return Browser(client)
