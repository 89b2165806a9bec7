"""The pages of those who look after an organisation's notifications, and who may see them."""

from __future__ import annotations

import re
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, text
from sqlalchemy.exc import ProgrammingError

from app.db.session import unit_of_work
from app.people.actor import PUBLIC, Actor
from tests.notifications.conftest import Mailbox, Receiver, Scene

HERE = "/organisations/hlm-a/notifications"
GOOD: dict[str, Any] = {"emails": "Office@hlm-a.example", "kinds": ["assigned"], "digest": "1", "language": "en"}


@pytest.fixture
def ask(app: Flask, scene: Scene) -> Any:
    """Ask as somebody of the world, as a browser would be answered: name, method, path, form."""
    client: FlaskClient = app.test_client()

    def send(name: str | None, method: str, path: str, **form: Any) -> Any:
        headers = {"Accept": "text/html"} | (scene.world.headers(name) if name else {})
        return client.open(path, method=method, data=form or None, headers=headers)

    return send


def test_what_is_chosen_is_stored_and_used(ask: Any, scene: Scene, mailbox: Mailbox) -> None:
    assert ask("hlm-a", "GET", "/account/notifications").location == HERE
    assert ask("hlm-a", "POST", HERE, **GOOD).status_code == 303
    page = ask("hlm-a", "GET", HERE).text
    assert "office@hlm-a.example" in page
    assert re.search(r'id="mail-assigned"[^>]* checked', page)
    assert not re.search(r'id="mail-overdue"[^>]* checked', page)
    assert ask("hlm-a", "POST", f"{HERE}/test").status_code == 303
    scene.report()
    scene.office.tell()
    assert [subject.split(" – ")[0] for subject in mailbox.subjects] == [
        "[Quiétude] New report for you",
        "[Quiétude] Test: notifications reach this address",
    ]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"emails": "nobody"}, "emails"),
        ({"emails": "a@b.example\r\nBcc: c@d.example\r\nx"}, "emails"),
        ({"emails": " ".join(f"a{n}@b.example" for n in range(6))}, "emails"),
        ({"kinds": ["assigned", "everything"]}, "kinds"),
        ({"language": "de"}, "language"),
    ],
)
def test_a_wrong_value_is_named_and_nothing_is_stored(
    ask: Any, scene: Scene, changes: dict[str, Any], field: str
) -> None:
    answer = ask("hlm-a", "POST", HERE, **GOOD | changes)
    assert answer.status_code == 422
    assert f'id="{field}-error"' in answer.text
    assert scene.sql("SELECT 1 FROM notification_setting") == []


def test_a_webhook_is_checked_and_its_secret_shown_once(ask: Any, scene: Scene) -> None:
    for url in (
        "http://public.example/",
        "https://a:b@c.example/",
        "https://",
        "javascript:alert(1)",
        "https://x/ y",
        "",
    ):
        refused = ask("hlm-a", "POST", f"{HERE}/webhooks", url=url, kinds=["assigned"])
        assert refused.status_code == 422
        assert 'id="webhook-url-error"' in refused.text
    assert 'id="webhook-kinds-error"' in ask("hlm-a", "POST", f"{HERE}/webhooks", url="https://c.example/").text
    made = ask("hlm-a", "POST", f"{HERE}/webhooks", url="https://c.example/h", kinds=["assigned", "overdue"])
    assert made.status_code == 201
    (secret,) = re.findall(r'value="(qw_[\w-]{43})"', made.text)
    assert secret not in ask("hlm-a", "GET", HERE).text


def test_a_webhook_from_its_test_to_its_end(ask: Any, scene: Scene, receiver: Receiver) -> None:
    scene.wants_webhook("hlm-a", receiver.url)
    ((hook,),) = scene.sql("SELECT id FROM webhook")
    assert ask("hlm-a", "POST", f"{HERE}/webhooks/{hook}/test").status_code == 303
    receiver.answers = [(500, {}, b"<script>down</script>")]
    scene.office.do()
    log = ask("hlm-a", "GET", f"{HERE}/log").text
    assert "&lt;script&gt;down" in log
    assert " · 500" in log
    ((sent,),) = scene.sql("SELECT id FROM notification")
    assert ask("hlm-a", "POST", f"{HERE}/{sent}/again").status_code == 409  # it waits for its next try
    scene.office.hurry()
    scene.office.do()
    assert ask("hlm-a", "POST", f"{HERE}/{sent}/again").status_code == 303
    scene.office.do()
    assert [body["id"] for body in receiver.bodies] == [str(sent)] * 3
    # Switched off, then removed: nothing goes there.
    assert ask("hlm-a", "POST", f"{HERE}/webhooks/{hook}/active", active="0").status_code == 303
    scene.report()
    scene.office.tell()
    assert len(receiver.requests) == 3
    assert ask("hlm-a", "POST", f"{HERE}/webhooks/{hook}/active", active="2").status_code == 400
    assert ask("hlm-a", "POST", f"{HERE}/webhooks/{hook}/remove").status_code == 303
    assert ask("hlm-a", "POST", f"{HERE}/webhooks/{hook}/remove").status_code == 404
    assert receiver.url not in ask("hlm-a", "GET", HERE).text
    assert "127.0.0.1" in ask("hlm-a", "GET", f"{HERE}/log").text


def test_the_log_goes_on_page_by_page(ask: Any, scene: Scene) -> None:
    scene.sql(
        "INSERT INTO notification (organisation_id, channel, kind, recipient, created_at)"
        " SELECT :id, 'mail', 'test', 'to-' || n || '.', now() - make_interval(secs => n / 3)"
        " FROM generate_series(1, 120) AS n",
        id=scene.world.organisations["hlm-a"],
    )
    path, seen = f"{HERE}/log", []
    for _page in range(3):
        page = ask("hlm-a", "GET", path).text
        seen += re.findall(r"to-(\d+)\.", page)
        following = re.search(r'rel="next" href="([^"]+)"', page)
        path = following[1].replace("&amp;", "&") if following else ""
    assert path == ""
    assert sorted(map(int, seen)) == list(range(1, 121))
    for wrong in (
        "after=x",
        "after_id=x",
        "after=2026-01-01T00:00:00Z&after_id=1",
        "after=0001-01-01T00:00:00%2B14:00",
    ):
        assert ask("hlm-a", "GET", f"{HERE}/log?{wrong}").status_code == 400


ROUTES = (
    ("GET", ""), ("POST", ""), ("POST", "/test"), ("POST", "/webhooks"), ("POST", "/webhooks/{id}/active"),
    ("POST", "/webhooks/{id}/remove"), ("POST", "/webhooks/{id}/test"), ("GET", "/log"), ("POST", "/{id}/again"),
)  # fmt: skip
# Each would succeed for whoever may.
FORM = GOOD | {"url": "https://c.example/", "active": "1"}


@pytest.mark.parametrize(
    ("name", "status"), [("hlm-b", 404), ("coordinator", 404), ("hlm-a-agent", 403), ("planner", 403), (None, 302)]
)
def test_others_get_nowhere(ask: Any, scene: Scene, name: str | None, status: int) -> None:
    scene.wants_webhook("hlm-a", "https://c.example/")
    scene.wants_mail("hlm-a", "office@hlm-a.example")
    scene.report()
    scene.office.look()
    before = scene.states()
    for method, path in ROUTES:
        for table in ("webhook", "notification"):
            ((known,),) = scene.sql(f"SELECT id FROM {table} LIMIT 1")
            answer = ask(name, method, HERE + path.format(id=known), **(FORM if method == "POST" else {}))
            # Nobody signed in is led to the sign-in page, unless it sends: without a session there is no CSRF token.
            assert answer.status_code == (400 if name is None and method == "POST" else status), (method, path)
    assert scene.states() == before
    assert len(scene.sql("SELECT 1 FROM webhook WHERE active")) == 1


def test_an_administrator_looks_after_every_organisation(ask: Any, scene: Scene) -> None:
    assert ask("admin", "GET", HERE).status_code == 200
    assert ask("admin", "GET", "/account/notifications").location == "/organisations/city/notifications"
    assert ask("admin", "GET", "/organisations/nobody/notifications").status_code == 404
    assert ask("coordinator", "GET", "/account/notifications").location == "/organisations/prefecture/notifications"


def test_another_organisations_webhook_is_not_reached_through_ones_own_page(ask: Any, scene: Scene) -> None:
    scene.wants_webhook("hlm-b", "https://b.example/")
    ((hook,),) = scene.sql("SELECT id FROM webhook")
    for name in ("hlm-a", "admin"):
        for action in ("active", "remove", "test"):
            assert ask(name, "POST", f"{HERE}/webhooks/{hook}/{action}", active="0").status_code == 404
    assert ask("hlm-a", "POST", f"{HERE}/webhooks/{uuid4()}/remove").status_code == 404


# ── row-level security by itself ────────────────────────────────────────────────────────────────────────────────────


def _count(engine: Engine, actor: Actor, table: str) -> int:
    with unit_of_work(engine, actor) as uow:
        return int(uow.connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())


@pytest.mark.parametrize("table", ["notification_setting", "webhook", "notification", "notification_attempt"])
def test_rows_are_seen_by_their_own_organisation_and_administrators(scene: Scene, mailbox: Mailbox, table: str) -> None:
    scene.wants_mail("hlm-a", "office@hlm-a.example")
    scene.wants_webhook("hlm-a", "https://127.0.0.1:1/")
    scene.report()
    scene.office.tell()
    seen = {name: _count(scene.office.engine, actor, table) for name, actor in scene.world.actors.items()}
    assert {name for name, count in seen.items() if count} == {"hlm-a", "admin"}
    assert _count(scene.office.engine, PUBLIC, table) == 0


def test_a_partner_can_neither_claim_that_something_was_sent_nor_invent_an_event(
    scene: Scene, mailbox: Mailbox
) -> None:
    scene.wants_mail("hlm-a", "office@hlm-a.example")
    scene.report()
    scene.office.tell()
    told = "INSERT INTO notification (organisation_id, channel, kind, recipient"
    forged = [
        "UPDATE notification SET state = 'sent'",
        f"{told}, event_id, report_id) SELECT organisation_id, channel, 'overdue', 'x', event_id, report_id FROM notification",  # noqa: E501
        f"{told}) SELECT id, 'mail', 'test', 'x@y.example' FROM organisation WHERE slug = 'hlm-b'",
        "INSERT INTO notification_attempt (notification_id, at, succeeded, duration_ms) VALUES (NULL, now(), true, 1)",
        "UPDATE webhook SET url = 'https://elsewhere.example/'",
        "UPDATE webhook SET secret_encrypted = ''",
    ]
    for statement in forged:
        with (
            pytest.raises(ProgrammingError, match=r"row-level security|permission denied"),
            unit_of_work(scene.office.engine, scene.world.actors["hlm-a"]) as uow,
        ):
            uow.connection.execute(text(statement))
    with unit_of_work(scene.office.engine, scene.world.actors["hlm-a"]) as uow:
        assert uow.connection.execute(text("DELETE FROM notification")).rowcount == 0
        assert uow.connection.execute(text("UPDATE notification_cursor SET horizon = '1'")).rowcount == 0
