"""A forgotten password."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask_mail import Message

from tests.people.conftest import PASSWORD, csrf_of, is_signed_in, send_form, sign_in

NEW = "un-nouveau-mot-de-passe"


@pytest.fixture
def mailing(demo: None, make_app: Callable[..., Flask]) -> Flask:
    app = make_app(mail_server="mail.invalid", public_url="https://quietude.example/q/")
    app.extensions["mail"].suppress = True
    return app


def _ask(app: Flask, email: str) -> tuple[Any, list[Message]]:
    """The answer, and the mails that went out when it was sent."""
    with app.app_context(), app.extensions["mail"].record_messages() as outbox:
        answer = send_form(app.test_client(), "/reset", {"email": email})
        assert not outbox  # nothing before the answer is complete
        answer.close()
        return answer, list(outbox)


def _link(mail: Message) -> str:
    found = re.search(r"https://quietude\.example/q(/reset/\S+)", str(mail.body))
    assert found, mail.body
    return found[1]


def test_reset_by_mail(mailing: Flask) -> None:
    open_session = mailing.test_client()
    sign_in(open_session)
    _, (mail,) = _ask(mailing, "Agent@demo.quietude")
    assert mail.recipients == ["agent@demo.quietude"]
    path = _link(mail)
    client = mailing.test_client()
    answer = send_form(client, path, {"password": NEW, "password_confirm": NEW})
    assert answer.status_code == 302
    assert not is_signed_in(client)  # holding the mail is not yet signing in
    assert not is_signed_in(open_session)
    sign_in(client, password=NEW)
    assert is_signed_in(client)
    # Good once.
    again = mailing.test_client().get(path)
    assert (again.status_code, again.location) == (302, "/reset")


def test_unknown_address_gets_the_same_answer_and_no_mail(mailing: Flask) -> None:
    from tests.people.test_sign_in import _without_what_always_differs

    known, mails = _ask(mailing, "agent@demo.quietude")
    unknown, none = _ask(mailing, "nobody@demo.quietude")
    assert (len(mails), len(none)) == (1, 0)
    assert known.status_code == unknown.status_code == 200
    same = {_without_what_always_differs(page.text.replace("nobody@", "agent@")) for page in (known, unknown)}
    assert len(same) == 1


def test_host_header_does_not_reach_the_mail(mailing: Flask) -> None:
    client = mailing.test_client()
    evil = "http://evil.example"
    token = csrf_of(client.get("/reset", base_url=evil).text)
    with mailing.app_context(), mailing.extensions["mail"].record_messages() as outbox:
        client.post("/reset", base_url=evil, data={"email": "agent@demo.quietude", "csrf_token": token}).close()
    (mail,) = outbox
    assert "evil.example" not in str(mail.body)
    assert _link(mail)


def test_changing_the_password_is_told_by_mail(mailing: Flask) -> None:
    client = mailing.test_client()
    sign_in(client)
    with mailing.app_context(), mailing.extensions["mail"].record_messages() as outbox:
        send_form(client, "/change", {"password": PASSWORD, "new_password": NEW, "new_password_confirm": NEW}).close()
    assert [mail.recipients for mail in outbox] == [["agent@demo.quietude"]]


def test_a_mail_server_that_is_down_changes_nothing_on_the_page(
    mailing: Flask, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(_message: Message) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr(mailing.extensions["mail"], "send", refuse)
    answer = send_form(mailing.test_client(), "/reset", {"email": "agent@demo.quietude"})
    answer.close()
    assert answer.status_code == 200


def test_without_a_mail_server_the_page_says_so(demo: None, app: Flask) -> None:
    client = app.test_client()
    page = client.get("/reset")
    assert page.status_code == 200
    assert 'type="email"' not in page.text
    token = client.get("/api/session").get_json()["csrf_token"]
    posted = client.post("/reset", data={"email": "agent@demo.quietude", "csrf_token": token})
    assert posted.text.count("<h1>") == 1
    assert 'type="email"' not in posted.text


def test_forged_link_is_refused(mailing: Flask) -> None:
    answer = mailing.test_client().get("/reset/ImZvcmdlZCI.x.y")
    assert (answer.status_code, answer.location) == (302, "/reset")
