"""Signing in and out with a browser."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from tests.people.conftest import PASSWORD, csrf_of, is_signed_in, send_form, session_cookie, sign_in


def _set_cookies(response: Any) -> list[str]:
    return [value for value in response.headers.getlist("Set-Cookie") if value.startswith("quietude_session=")]


def _without_what_always_differs(page: str) -> str:
    return re.sub(r'value="[^"]*"|nonce-[\w-]+|nonce="[^"]*"', "", page)


def test_right_password_signs_in(demo: None, client: FlaskClient) -> None:
    answer = sign_in(client)
    assert (answer.status_code, answer.location) == (302, "/")
    assert client.get("/api/probe").get_json()["role"] == "agent"


def test_address_is_read_in_any_case_and_with_spaces_around(demo: None, client: FlaskClient) -> None:
    sign_in(client, "  Agent@DEMO.quietude ")
    assert is_signed_in(client)


def test_password_is_the_same_however_its_accents_are_typed(demo: None, engine: Engine, client: FlaskClient) -> None:
    from app.people.actions import ensure_demo_accounts

    ensure_demo_accounts(engine, "tranquillité-publique")
    sign_in(client, password="tranquillite\u0301-publique")
    assert is_signed_in(client)


def test_a_password_that_no_hash_takes_is_refused_in_words(demo: None, client: FlaskClient) -> None:
    answer = sign_in(client, password="x" * 5000)
    assert answer.status_code == 400
    assert answer.get_json()["errors"] == [{"field": "password", "message": "écrivez 200 caractères au plus"}]


def test_wrong_unknown_and_inactive_get_the_same_answer(demo: None, engine: Engine, app: Flask) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE account SET active = false WHERE email = 'ametis@demo.quietude'"))
    answers = [
        sign_in(app.test_client(), email, password)
        for email, password in (
            ("agent@demo.quietude", "not-the-password"),
            ("nobody@demo.quietude", "not-the-password"),
            ("ametis@demo.quietude", PASSWORD),
            ("ametis@demo.quietude", "not-the-password"),
        )
    ]
    assert {answer.status_code for answer in answers} == {200}
    assert len({_without_what_always_differs(answer.text) for answer in answers}) == 1
    assert "Adresse ou mot de passe incorrect." in answers[0].text


def test_no_password_reaches_the_hash_faster_for_unknown_addresses(
    demo: None, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counts Argon2 runs instead of timing them: one for a known address, one for an unknown one."""
    import argon2.low_level

    runs: list[str] = []

    def counted(name: str) -> Callable[..., Any]:
        real = getattr(argon2.low_level, name)

        def run(*args: Any, **kwargs: Any) -> Any:
            runs.append(name)
            return real(*args, **kwargs)

        return run

    for name in ("hash_secret", "verify_secret"):
        monkeypatch.setattr(argon2.low_level, name, counted(name))
    counts = []
    for email in ("agent@demo.quietude", "nobody@demo.quietude"):
        before = len(runs)
        sign_in(app.test_client(), email, "not-the-password")
        counts.append(len(runs) - before)
    assert counts == [1, 1]


def test_stored_password_is_argon2id(demo: None, engine: Engine) -> None:
    with engine.connect() as connection:
        hashes = connection.scalars(text("SELECT password FROM account")).all()
    assert len(hashes) == 6
    assert all(hashed.startswith("$argon2id$v=19$m=19456,t=2,p=1$") for hashed in hashes)


def test_signing_in_does_not_hash_the_password_anew(demo: None, engine: Engine, client: FlaskClient) -> None:
    """The command line and the sign-in page agree on Argon2's parameters."""
    query = text("SELECT password FROM account WHERE email = 'agent@demo.quietude'")
    with engine.connect() as connection:
        before = connection.scalar(query)
    sign_in(client)
    with engine.connect() as connection:
        assert connection.scalar(query) == before


def test_cookie_flags(demo: None, client: FlaskClient) -> None:
    (cookie,) = _set_cookies(sign_in(client))
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Secure" not in cookie
    assert "Expires" not in cookie  # ends with the browser


def test_cookie_is_secure_under_https(demo: None, make_app: Callable[..., Flask]) -> None:
    client = make_app(https="1").test_client()
    token = csrf_of(client.get("/login", base_url="https://localhost").text)
    answer = client.post(
        "/login",
        base_url="https://localhost",
        data={"email": "agent@demo.quietude", "password": PASSWORD, "csrf_token": token},
        headers={"Referer": "https://localhost/login"},
    )
    (cookie,) = _set_cookies(answer)
    assert "Secure" in cookie


def test_keep_me_signed_in_makes_one_lasting_cookie(demo: None, client: FlaskClient) -> None:
    answer = sign_in(client, remember="y")
    (cookie,) = _set_cookies(answer)
    assert "Expires" in cookie
    assert len(answer.headers.getlist("Set-Cookie")) == 1  # no second cookie, which could not be ended


@pytest.mark.parametrize(
    "target",
    [
        "https://example.org/",
        "//example.org/",
        "///example.org/",
        "/\\example.org/",
        "\\\\example.org",
        "/\t/example.org/",
        " //example.org",
        "javascript:alert(1)",
        "https:example.org",
        "@example.org",
    ],
)
def test_next_never_leaves_the_site(demo: None, client: FlaskClient, target: str) -> None:
    in_form = sign_in(client, next=target)
    assert in_form.status_code == 400
    assert not is_signed_in(client)
    in_address = client.get("/login", query_string={"next": target})
    assert (in_address.status_code, in_address.location) == (302, "/login")
    posted = client.post(
        "/login",
        query_string={"next": target},
        data={
            "email": "agent@demo.quietude",
            "password": PASSWORD,
            "csrf_token": csrf_of(client.get("/login").text),
        },
    )
    assert posted.status_code == 400


def test_next_leads_back_to_the_page(demo: None, client: FlaskClient) -> None:
    asked = client.get("/account?x=1", headers={"Accept": "text/html"})
    assert asked.location == "/login?next=/account?x%3D1"
    answer = send_form(
        client, asked.location, {"email": "agent@demo.quietude", "password": PASSWORD, "next": "/account?x=1"}
    )
    assert answer.location == "/account?x=1"


def test_a_planted_session_gains_nothing_from_the_victims_sign_in(demo: None, app: Flask) -> None:
    attacker, victim = app.test_client(), app.test_client()
    known_csrf = csrf_of(attacker.get("/login").text)
    planted = session_cookie(attacker)
    victim.set_cookie("quietude_session", planted)
    answer = victim.post(
        "/login", data={"email": "agent@demo.quietude", "password": PASSWORD, "csrf_token": known_csrf}
    )
    assert answer.status_code == 302
    assert session_cookie(victim) != planted
    assert not is_signed_in(attacker)
    # Nor may the token that the attacker knows serve for forged requests in the victim's new session.
    assert victim.post("/api/probe", headers={"X-CSRFToken": known_csrf}).status_code == 400


def test_signing_out_ends_the_session_for_every_copy_of_the_cookie(demo: None, app: Flask) -> None:
    client, elsewhere, thief = app.test_client(), app.test_client(), app.test_client()
    sign_in(client)
    sign_in(elsewhere)
    thief.set_cookie("quietude_session", session_cookie(client))
    assert is_signed_in(thief)
    answer = client.post("/logout", data={"csrf_token": csrf_of(client.get("/account").text)})
    assert (answer.status_code, answer.location) == (302, "/")
    assert not is_signed_in(client)
    assert not is_signed_in(thief)
    assert is_signed_in(elsewhere)  # signing out here is not signing out there


def test_signing_out_needs_a_post(demo: None, client: FlaskClient) -> None:
    sign_in(client)
    assert client.get("/logout").status_code == 405
    assert is_signed_in(client)


def test_deactivating_ends_the_session(demo: None, engine: Engine, client: FlaskClient) -> None:
    from app.db.session import unit_of_work
    from app.people.actions import deactivate_account
    from app.people.actor import SYSTEM

    sign_in(client)
    with unit_of_work(engine, SYSTEM) as uow:
        assert deactivate_account(uow.connection, SYSTEM, "agent@demo.quietude")
    assert not is_signed_in(client)


def test_changing_the_password(demo: None, app: Flask) -> None:
    client, elsewhere = app.test_client(), app.test_client()
    sign_in(client)
    sign_in(elsewhere)
    change = {"password": PASSWORD, "new_password": "douze-lettres-ou-plus"}
    answer = send_form(client, "/change", {**change, "new_password_confirm": "douze-lettres-ou-plus"})
    assert answer.location == "/account"
    assert is_signed_in(client)
    assert not is_signed_in(elsewhere)
    sign_in(elsewhere, password="douze-lettres-ou-plus")
    assert is_signed_in(elsewhere)


def test_new_passwords_have_twelve_characters(demo: None, client: FlaskClient) -> None:
    sign_in(client)
    short = {"password": PASSWORD, "new_password": "onze-lettre", "new_password_confirm": "onze-lettre"}
    answer = send_form(client, "/change", short)
    assert answer.status_code == 200
    assert "au moins 12 caractères" in answer.text


def test_there_is_no_second_way_in_through_the_library(demo: None, app: Flask) -> None:
    """Flask-Security can hand out tokens of its own to JSON; ours does not, and would not take one."""
    client = app.test_client()
    answer = client.post(
        "/login?include_auth_token",
        data={
            "email": "agent@demo.quietude",
            "password": PASSWORD,
            "csrf_token": csrf_of(client.get("/login").text),
        },
        headers={"Accept": "application/json"},
    )
    assert answer.status_code == 302
    assert "token" not in answer.text
    with app.test_request_context():
        library = app.extensions["security"]
        account = library.datastore.find_user(email="agent@demo.quietude")
        made = account.get_auth_token()
    other = app.test_client()
    assert not other.get("/api/probe", headers={"Authentication-Token": made}).get_json()["user_id"]
    assert not other.get("/api/probe", query_string={"auth_token": made}).get_json()["user_id"]


def test_nobody_can_register(client: FlaskClient) -> None:
    assert client.get("/register").status_code == 404


def test_a_stolen_uniquifier_without_a_session_id_is_nobody(demo: None, engine: Engine, app: Flask) -> None:
    """Only a session that this service opened counts, even with a good signature."""
    with engine.connect() as connection:
        uniquifier = connection.scalar(text("SELECT fs_uniquifier FROM account LIMIT 1"))
    client = app.test_client()
    with client.session_transaction() as session:
        session["_user_id"] = uniquifier
    assert not is_signed_in(client)


@pytest.mark.parametrize("path", ["/change", "/verify", "/mf-recovery-codes", "/account"])
def test_pages_of_an_account_lead_strangers_to_sign_in(client: FlaskClient, path: str) -> None:
    answer = client.get(path, headers={"Accept": "text/html"})
    assert (answer.status_code, answer.location) == (302, f"/login?next={path}")


def test_nothing_typed_is_no_attempt(demo: None, app: Flask) -> None:
    app.config["RATELIMIT_ENABLED"] = True
    client = app.test_client()
    for _ in range(6):
        assert sign_in(client, password="").status_code == 200
    sign_in(client)
    assert is_signed_in(client)


@pytest.mark.parametrize("email", ["\x00", "a\x00@example.org", "x" * 100_000, "@", "a@b@c", "é@é.é", "a@[127.0.0.1]"])
def test_nonsense_for_an_address_is_a_refusal_like_any_other(client: FlaskClient, email: str) -> None:
    assert sign_in(client, email, "\x00 \ud7ff").status_code == 200


@pytest.mark.parametrize("path", ["/login", "/reset", "/tf-validate", "/reset/x"])
@pytest.mark.parametrize("body", [None, 1, [], {}, [1], {"email": ["agent@demo.quietude"], "password": PASSWORD}])
def test_sign_in_pages_take_forms_and_no_json(client: FlaskClient, path: str, body: object) -> None:
    headers = {"X-CSRFToken": csrf_of(client.get("/login").text)}
    answer = client.post(path, data=json.dumps(body), content_type="application/json", headers=headers)
    assert answer.status_code == 415


def test_without_a_database_a_session_gets_503_and_not_a_broken_error_page(make_app: Callable[..., Flask]) -> None:
    app = make_app(database_url="postgresql://nobody@/nothing?host=/nowhere")
    client = app.test_client()
    with client.session_transaction() as session:
        session["_user_id"], session["sid"] = "someone", "something"
    answer = client.get("/account", headers={"Accept": "text/html"})
    assert answer.status_code == 503
    assert "</html>" in answer.text
