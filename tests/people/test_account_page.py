"""The account's own page."""

from __future__ import annotations

import re

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from tests.people.conftest import csrf_of, send_form, sign_in


@pytest.fixture
def planner(demo: None, client: FlaskClient) -> FlaskClient:
    sign_in(client, "planner@demo.quietude")
    return client


def _make(client: FlaskClient, **values: str) -> str:
    answer = send_form(client, "/account/tokens", {"name": "QGIS", "scope": "read", **values}, page="/account")
    assert answer.status_code == 201
    assert answer.headers["Cache-Control"] == "no-store"
    found = re.search(r'id="new-token"[^>]* value="(qt_[\w-]{43})"', answer.text)
    assert found
    return found[1]


def test_strangers_are_led_to_sign_in(client: FlaskClient) -> None:
    answer = client.get("/account", headers={"Accept": "text/html"})
    assert (answer.status_code, answer.location) == (302, "/login?next=/account")


def test_page_says_who_one_is(planner: FlaskClient) -> None:
    page = planner.get("/account").text
    assert "planner@demo.quietude" in page
    assert "Amiens Métropole" in page


def test_a_new_token_works_and_is_shown_once(planner: FlaskClient) -> None:
    secret = _make(planner)
    machine = planner.application.test_client()
    assert machine.get("/api/probe", headers={"Authorization": f"Bearer {secret}"}).get_json()["role"] == "planner"
    page = planner.get("/account").text
    assert "QGIS" in page
    assert secret not in page


def test_revoking_stops_the_token(planner: FlaskClient) -> None:
    secret = _make(planner)
    page = planner.get("/account").text
    path = re.search(r'action="(/account/tokens/[\w-]+/revoke)"', page)
    assert path
    answer = planner.post(path[1], data={"csrf_token": csrf_of(page)})
    assert answer.location == "/account"
    machine = planner.application.test_client()
    assert machine.get("/api/probe", headers={"Authorization": f"Bearer {secret}"}).status_code == 401
    assert planner.post(path[1], data={"csrf_token": csrf_of(page)}).status_code == 404


def test_somebody_elses_token_cannot_be_revoked(planner: FlaskClient, engine: Engine) -> None:
    _make(planner)
    with engine.connect() as connection:
        token_id = connection.scalar(text("SELECT id FROM api_token"))
    other = planner.application.test_client()
    sign_in(other, "admin@demo.quietude")
    token = csrf_of(other.get("/account").text)
    assert other.post(f"/account/tokens/{token_id}/revoke", data={"csrf_token": token}).status_code == 404


def test_expiry_in_days(planner: FlaskClient, engine: Engine) -> None:
    _make(planner, days="30")
    with engine.connect() as connection:
        days = connection.scalar(text("SELECT extract(day FROM expires_at - now()) FROM api_token"))
    assert days in {29, 30}


@pytest.mark.parametrize(
    "values",
    [
        {"name": ""},
        {"name": "x" * 121},
        {"name": "a\x00b"},
        {"scope": "admin"},
        {"days": "0"},
        {"days": "99999999999999999999"},
        {"days": "abc"},
    ],
)
def test_refused_input_comes_back_with_a_message(planner: FlaskClient, engine: Engine, values: dict[str, str]) -> None:
    answer = send_form(planner, "/account/tokens", {"name": "QGIS", "scope": "read", **values}, page="/account")
    assert answer.status_code == 422
    assert f'id="{next(iter(values))}-error"' in answer.text
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM api_token")) == 0


def test_a_token_makes_no_further_tokens(planner: FlaskClient) -> None:
    headers = {"Authorization": f"Bearer {_make(planner, scope='write')}"}
    machine = planner.application.test_client()
    answer = machine.post("/account/tokens", data={"name": "x", "scope": "write"}, headers=headers)
    assert answer.status_code == 403


def test_markup_in_a_name_is_text(planner: FlaskClient) -> None:
    _make(planner, name="<script>alert(1)</script>")
    assert "<script>alert(1)" not in planner.get("/account").text
