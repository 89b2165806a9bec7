"""Rates and lock-out: that a limit bites, for whom, and that it says so. No test waits for the clock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine

from app.people import limits
from tests.people.conftest import PASSWORD, is_signed_in, send_form, sign_in


@pytest.fixture
def limited(demo: None, app: Flask) -> Flask:
    app.config["RATELIMIT_ENABLED"] = True
    return app


def _from(app: Flask, address: str) -> Any:
    client = app.test_client()
    client.environ_base["REMOTE_ADDR"] = address
    return client


def _assert_refused(answer: Any) -> None:
    assert answer.status_code == 429
    assert 0 < int(answer.headers["Retry-After"]) <= 900


@pytest.mark.parametrize("email", ["agent@demo.quietude", "nobody@demo.quietude"])
def test_five_failures_lock_the_account_from_any_address(limited: Flask, email: str) -> None:
    """Known or not: being locked out must not tell which."""
    for number in range(5):
        assert sign_in(_from(limited, f"10.0.0.{number}"), email, "wrong").status_code == 200
    _assert_refused(sign_in(_from(limited, "10.0.0.9"), email, PASSWORD))


def test_lock_knows_the_account_however_it_is_written(limited: Flask) -> None:
    for number in range(5):
        sign_in(_from(limited, f"10.0.0.{number}"), "AGENT@demo.quietude ", "wrong")
    _assert_refused(sign_in(_from(limited, "10.0.0.9"), "agent@demo.quietude", PASSWORD))


def test_the_present_password_cannot_be_guessed_from_inside_either(limited: Flask) -> None:
    client = limited.test_client()
    sign_in(client)
    change = {"new_password": "douze-lettres-ou-plus", "new_password_confirm": "douze-lettres-ou-plus"}
    for number in range(5):
        client.environ_base["REMOTE_ADDR"] = f"10.0.0.{number}"
        assert send_form(client, "/change", {**change, "password": "wrong"}).status_code == 200
    client.environ_base["REMOTE_ADDR"] = "10.0.0.9"
    _assert_refused(send_form(client, "/change", {**change, "password": PASSWORD}))


def test_other_accounts_go_on(limited: Flask) -> None:
    for number in range(5):
        sign_in(_from(limited, f"10.0.0.{number}"), "agent@demo.quietude", "wrong")
    client = _from(limited, "10.0.0.9")
    sign_in(client, "planner@demo.quietude")
    assert is_signed_in(client)


def test_the_right_password_forgives_the_wrong_ones(limited: Flask) -> None:
    for round_number in range(3):
        for number in range(4):
            sign_in(_from(limited, f"10.0.{round_number}.{number}"), "agent@demo.quietude", "wrong")
        client = _from(limited, f"10.0.{round_number}.9")
        sign_in(client)
        assert is_signed_in(client)


def test_ten_posts_a_minute_from_one_address(limited: Flask) -> None:
    for number in range(10):
        assert sign_in(_from(limited, "10.0.0.1"), f"a{number}@demo.quietude", "wrong").status_code == 200
    _assert_refused(sign_in(_from(limited, "10.0.0.1"), "agent@demo.quietude"))
    assert _from(limited, "10.0.0.1").get("/login").status_code == 200
    assert sign_in(_from(limited, "10.0.0.2")).status_code == 302


def test_api_writes_are_counted_per_account(
    demo: None, make_app: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch, engine: Engine
) -> None:
    monkeypatch.setattr(limits, "API_WRITES", 3)
    app = make_app()
    agent, planner = app.test_client(), app.test_client()
    sign_in(agent)
    sign_in(planner, "planner@demo.quietude")
    app.config["RATELIMIT_ENABLED"] = True
    for client in (agent, planner):
        headers = {"X-CSRFToken": client.get("/api/session").get_json()["csrf_token"]}
        for _ in range(3):
            assert client.post("/api/probe", headers=headers).status_code == 200
        refused = client.post("/api/probe", headers=headers)
        _assert_refused(refused)
        assert refused.content_type == "application/problem+json"
        assert client.get("/api/probe").status_code == 200  # reading goes on


def test_requests_are_counted_per_token(
    demo: None, make_app: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch, engine: Engine
) -> None:
    from tests.people.test_tokens import _bearer, _issue

    monkeypatch.setattr(limits, "TOKEN_REQUESTS", 3)
    app = make_app()
    app.config["RATELIMIT_ENABLED"] = True
    first, second = _bearer(_issue(engine)), _bearer(_issue(engine))
    client = app.test_client()
    for _ in range(3):
        assert client.get("/api/probe", headers=first).status_code == 200
    _assert_refused(client.get("/api/probe", headers=first))
    assert client.get("/api/probe", headers=second).status_code == 200
    assert client.get("/api/probe").status_code == 200


def test_a_token_has_the_limit_that_it_was_given(
    demo: None, make_app: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch, engine: Engine
) -> None:
    from app.db.session import unit_of_work
    from app.people import actions
    from app.people.actor import SYSTEM
    from app.people.commands import NewToken, TokenLimit

    monkeypatch.setattr(limits, "API_WRITES", 1)
    with unit_of_work(engine, SYSTEM) as uow:
        new = NewToken(name="test", scope="write")
        issued = actions.create_token_for(uow.connection, SYSTEM, "agent@demo.quietude", new, TokenLimit(limit=3))
    app = make_app()
    app.config["RATELIMIT_ENABLED"] = True
    client, headers = app.test_client(), {"Authorization": f"Bearer {issued.secret}"}
    told = [client.post("/api/probe", headers=headers) for _ in range(4)]
    assert [answer.status_code for answer in told] == [200, 200, 200, 429]
    assert [answer.headers["RateLimit-Remaining"] for answer in told] == ["2", "1", "0", "0"]
    assert {answer.headers["RateLimit-Limit"] for answer in told} == {"3"}
    assert all(0 < int(answer.headers["RateLimit-Reset"]) <= 60 for answer in told)
    with unit_of_work(engine, SYSTEM) as uow:
        actions.limit_token(uow.connection, SYSTEM, issued.id, TokenLimit(limit=None))
    # The usual limit again: that of the account's changes comes first.
    assert client.post("/api/probe", headers=headers).headers["RateLimit-Limit"] == "1"


def test_limits_can_be_switched_off(limited: Flask) -> None:
    limited.config["RATELIMIT_ENABLED"] = False
    for _ in range(12):
        assert sign_in(_from(limited, "10.0.0.1"), "agent@demo.quietude", "wrong").status_code == 200


def test_no_address_is_kept_in_the_clear(limited: Flask) -> None:
    sign_in(limited.test_client(), "agent@demo.quietude", "wrong")
    storage = limited.extensions["quietude_limiter"].storage
    kept = " ".join(map(str, [*storage.storage, *storage.events]))
    assert kept
    assert "agent@" not in kept
