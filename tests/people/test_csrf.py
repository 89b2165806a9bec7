"""Unsafe requests: from a session with a CSRF token, from a token without, and from nobody."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from tests.people.conftest import csrf_of, is_signed_in, sign_in

AGENT = "agent@demo.quietude"


@pytest.fixture
def signed_in(demo: None, client: FlaskClient) -> FlaskClient:
    sign_in(client)
    return client


@pytest.mark.parametrize("path", ["/api/probe", "/probe", "/account/tokens", "/logout"])
def test_session_without_csrf_token_is_refused(signed_in: FlaskClient, path: str) -> None:
    assert signed_in.post(path, data={"name": "x", "scope": "read"}).status_code == 400
    assert is_signed_in(signed_in)


def test_session_with_csrf_token_is_accepted(signed_in: FlaskClient) -> None:
    token = csrf_of(signed_in.get("/account").text)
    assert signed_in.post("/api/probe", data={"csrf_token": token}).status_code == 200
    assert signed_in.post("/api/probe", json={}, headers={"X-CSRFToken": token}).status_code == 200


def test_csrf_token_of_another_session_is_refused(signed_in: FlaskClient) -> None:
    foreign = csrf_of(signed_in.application.test_client().get("/login").text)
    assert signed_in.post("/api/probe", headers={"X-CSRFToken": foreign}).status_code == 400


def test_session_endpoint_gives_a_fresh_csrf_token(signed_in: FlaskClient) -> None:
    state = signed_in.get("/api/session")
    assert state.headers["Cache-Control"] == "no-store"
    assert state.get_json()["role"] == "agent"
    assert signed_in.post("/api/probe", headers={"X-CSRFToken": state.get_json()["csrf_token"]}).status_code == 200


def test_api_without_session_or_token_is_401_and_not_a_csrf_error(client: FlaskClient) -> None:
    answer = client.post("/api/probe", json={})
    assert answer.status_code == 401
    assert answer.content_type == "application/problem+json"
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_unknown_address_is_404_and_not_a_csrf_error(client: FlaskClient) -> None:
    assert client.post("/api/nothing").status_code == 404


def test_sign_in_needs_its_csrf_token(demo: None, client: FlaskClient) -> None:
    answer = client.post("/login", data={"email": AGENT, "password": "amiens-sur-somme"})
    assert answer.status_code == 400
    assert "ne garde pas les cookies" in answer.text
    assert not is_signed_in(client)


def test_get_changes_nothing_and_needs_no_token(signed_in: FlaskClient) -> None:
    assert signed_in.get("/api/probe").status_code == 200
