"""The application with the people domain alone, two addresses that say who is asking, and browsers that sign in."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, jsonify, request
from flask.testing import FlaskClient
from sqlalchemy import Engine

from app import create_app
from app.people.actions import ensure_demo_accounts
from app.people.identity import current_actor, require_write
from app.settings import load_settings
from app.web.context import services

PASSWORD = "amiens-sur-somme"
_TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')


def _probe() -> Any:
    actor = current_actor()
    if request.method == "POST":
        require_write(actor)
    return jsonify(role=actor.role, user_id=actor.user_id, organisation_id=actor.organisation_id, scope=actor.scope)


def _add_probes(app: Flask) -> None:
    app.add_url_rule("/api/probe", "api_probe", _probe, methods=["GET", "POST"])
    app.add_url_rule("/probe", "page_probe", _probe, methods=["GET", "POST"])


@pytest.fixture
def make_app(
    clean: None, app_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Flask]]:
    """Makes the application with other settings; limits are off unless a test switches them on."""
    monkeypatch.setattr("app.BLUEPRINTS", ("web.health", "web.pages", "people"))
    made = []

    def make(**more: str) -> Flask:
        environ = {
            "QUIETUDE_DATABASE_URL": app_url,
            "QUIETUDE_VAR_DIR": str(tmp_path / "var"),
            "QUIETUDE_SECRET_KEY": "a-key-for-tests-only",
            "QUIETUDE_DEMO": "0",
        }
        app = create_app(load_settings(environ | {f"QUIETUDE_{name.upper()}": value for name, value in more.items()}))
        app.config["TESTING"] = True
        app.config["RATELIMIT_ENABLED"] = False
        _add_probes(app)
        made.append(app)
        return app

    yield make
    for app in made:
        with app.app_context():
            services().engine.dispose()


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    return make_app()


@pytest.fixture
def demo(engine: Engine, clean: None) -> None:
    """The demo accounts, with PASSWORD."""
    ensure_demo_accounts(engine, PASSWORD)


def csrf_of(page: str) -> str:
    """The CSRF token of the first form on a page."""
    found = _TOKEN.search(page)
    assert found, page
    return found[1]


def send_form(client: FlaskClient, path: str, values: dict[str, str], page: str | None = None) -> Any:
    """Get a page, fill its form in, send it."""
    token = csrf_of(client.get(page or path).text)
    return client.post(path, data={**values, "csrf_token": token})


def sign_in(client: FlaskClient, email: str = "agent@demo.quietude", password: str = PASSWORD, **more: str) -> Any:
    """The answer to the sign-in form."""
    return send_form(client, "/login", {"email": email, "password": password, **more})


def is_signed_in(client: FlaskClient) -> bool:
    return bool(client.get("/api/probe").get_json()["user_id"])


def session_cookie(client: FlaskClient) -> str:
    """The value of the session cookie as it is now, to put it back later."""
    cookie = client.get_cookie("quietude_session")
    assert cookie is not None
    return str(cookie.value)
