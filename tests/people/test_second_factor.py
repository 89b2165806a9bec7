"""TOTP: setting it up, signing in with it, losing the phone."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from passlib.totp import TOTP  # type: ignore[import-untyped]
from sqlalchemy import Engine, text

from app.db.session import unit_of_work
from app.people import actions
from app.people.actor import SYSTEM
from app.people.library import OneTimeCodes
from tests.people.conftest import PASSWORD, csrf_of, is_signed_in, send_form, sign_in


class Phone:
    """An authenticator app.

    `next_code` is of the time step to come: unused after setting up with `code`, within the tolerance for clocks that
    go fast, and still good when the step begins while the test runs. No test waits.
    """

    def __init__(self, key: str) -> None:
        self._totp = TOTP(key=key.replace("-", "").replace(" ", ""))

    def code(self) -> str:
        return str(self._totp.generate(time.time()).token)

    def next_code(self) -> str:
        return str(self._totp.generate(time.time() + 30).token)


def _enrol(client: FlaskClient) -> Phone:
    page = send_form(client, "/tf-setup", {"setup": "authenticator"})
    key = re.search(r"<code>([A-Z0-9 -]+)</code>", page.text)
    action = re.search(r'action="(/tf-setup/[^"]+)"', page.text)
    assert key
    assert action
    phone = Phone(key[1])
    answer = client.post(action[1], data={"code": phone.code(), "csrf_token": csrf_of(page.text)})
    assert (answer.status_code, answer.location) == (302, "/account")
    return phone


def _enter(client: FlaskClient, code: str) -> Any:
    return send_form(client, "/tf-validate", {"code": code})


@pytest.fixture
def phone(demo: None, client: FlaskClient) -> Phone:
    sign_in(client)
    return _enrol(client)


def test_password_alone_is_no_longer_enough(phone: Phone, app: Flask) -> None:
    client = app.test_client()
    answer = sign_in(client)
    assert answer.location.split("?")[0] == "/tf-validate"
    assert not is_signed_in(client)
    assert client.get("/account", headers={"Accept": "text/html"}).location == "/login?next=/account"
    assert _enter(client, phone.next_code()).location == "/"
    assert is_signed_in(client)


def test_the_way_back_survives_the_second_factor(phone: Phone, app: Flask) -> None:
    client = app.test_client()
    asked = sign_in(client, next="/account")
    assert asked.location == "/tf-validate?next=/account"
    page = client.get(asked.location).text
    action = re.search(r'action="(/tf-validate[^"]*)"', page)
    assert action
    answer = client.post(action[1], data={"code": phone.next_code(), "csrf_token": csrf_of(page)})
    assert answer.location == "/account"


def test_wrong_code_is_refused(phone: Phone, app: Flask) -> None:
    client = app.test_client()
    sign_in(client)
    wrong = f"{(int(phone.next_code()) + 1) % 1_000_000:06}"
    assert _enter(client, wrong).status_code == 200
    assert not is_signed_in(client)


def test_a_code_is_good_once(phone: Phone, app: Flask) -> None:
    first, second = app.test_client(), app.test_client()
    code = phone.next_code()
    sign_in(first)
    _enter(first, code)
    assert is_signed_in(first)
    sign_in(second)
    _enter(second, code)
    assert not is_signed_in(second)


def test_five_wrong_codes_lock_the_second_factor(phone: Phone, app: Flask) -> None:
    app.config["RATELIMIT_ENABLED"] = True
    client = app.test_client()
    sign_in(client)
    for number in range(5):
        client.environ_base["REMOTE_ADDR"] = f"10.0.0.{number}"
        assert _enter(client, "000000").status_code == 200
    client.environ_base["REMOTE_ADDR"] = "10.0.0.9"
    assert _enter(client, phone.next_code()).status_code == 429
    assert not is_signed_in(client)


def test_the_secret_is_stored_encrypted(phone: Phone, engine: Engine) -> None:
    with engine.connect() as connection:
        stored = connection.scalar(text("SELECT tf_totp_secret FROM account WHERE email = 'agent@demo.quietude'"))
    assert '"enckey"' in stored
    assert '"key"' not in stored


def test_recovery_code_replaces_the_phone_once(phone: Phone, client: FlaskClient, app: Flask, engine: Engine) -> None:
    page = send_form(client, "/mf-recovery-codes", {})
    code = re.search(r"\b[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}\b", page.text)
    assert code
    with engine.connect() as connection:
        assert code[0] not in str(connection.scalar(text("SELECT mf_recovery_codes FROM account WHERE id = 1")))
    stranded, thief = app.test_client(), app.test_client()
    for browser in (stranded, thief):
        sign_in(browser)
        send_form(browser, "/mf-recovery", {"code": code[0]})
    assert is_signed_in(stranded)
    assert not is_signed_in(thief)


def test_clearing_it_for_who_lost_everything(phone: Phone, client: FlaskClient, app: Flask, engine: Engine) -> None:
    with unit_of_work(engine, SYSTEM) as uow:
        actions.clear_second_factor(uow.connection, SYSTEM, "agent@demo.quietude")
    assert not is_signed_in(client)
    other = app.test_client()
    sign_in(other)
    assert is_signed_in(other)


def test_secrets_of_another_secret_key_are_a_refusal_and_no_error(phone: Phone, engine: Engine, app: Flask) -> None:
    """After the key was changed, codes no longer fit; nobody sees a broken page."""
    with engine.begin() as connection:
        connection.execute(text("UPDATE account SET mf_recovery_codes = '[\"nonsense\"]'"))
    security = app.extensions["security"]
    security._totp_factory = OneTimeCodes({"1": "another key"}, "Quiétude")
    client = app.test_client()
    sign_in(client)
    assert _enter(client, phone.next_code()).status_code == 200
    assert send_form(client, "/mf-recovery", {"code": "1234-1234-1234"}).status_code == 200
    assert not is_signed_in(client)


def test_help_by_mail_is_only_offered_where_mail_works(phone: Phone, app: Flask) -> None:
    client = app.test_client()
    sign_in(client)
    assert 'value="help"' not in client.get("/tf-validate").text


def test_switching_it_off(phone: Phone, client: FlaskClient, app: Flask) -> None:
    assert send_form(client, "/tf-setup", {"setup": "disable"}).location == "/account"
    other = app.test_client()
    sign_in(other)
    assert is_signed_in(other)


def test_setting_it_up_again_after_a_day_asks_for_the_password(demo: None, client: FlaskClient) -> None:
    sign_in(client)
    with client.session_transaction() as session:
        session["fs_paa"] -= 25 * 3600
        session.pop("fs_gexp", None)
    asked = client.get("/tf-setup")
    assert asked.status_code == 302
    assert asked.location.startswith("/verify?next=")
    wrong = send_form(client, "/verify", {"password": "wrong"})
    assert wrong.status_code == 200
    right = send_form(client, "/verify", {"password": PASSWORD})
    assert right.status_code == 302
    assert client.get("/tf-setup").status_code == 200
