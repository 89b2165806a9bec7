"""Confirmations from a phone: once in the history however often they are sent, at the time when it was seen."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, text
from sqlalchemy.exc import ProgrammingError
from werkzeug.test import TestResponse

from app.db.session import unit_of_work
from app.people.actor import SYSTEM
from tests.routing.world import World, body_at, make_world


@pytest.fixture
def world(engine: Engine, clean: None) -> World:
    return make_world(engine)


class Street:
    """Reports, and people who stand in front of them."""

    def __init__(self, client: FlaskClient, world: World, engine: Engine) -> None:
        self.client, self.world, self.engine = client, world, engine

    def report(self, who: str = "agent", **changes: Any) -> str:
        body = body_at(0, **changes) | {"id": str(uuid4())}
        assert self.client.post("/api/reports", json=body, headers=self.world.headers(who)).status_code == 201
        return str(body["id"])

    def confirm(self, who: str, report_id: str, seen: Any = "there", **values: Any) -> TestResponse:
        body = {"id": str(uuid4()), "seen": seen} | values
        headers = self.world.headers(who)
        return self.client.post(f"/api/reports/{report_id}/confirmations", json=body, headers=headers)

    def sql(self, query: str, **binds: Any) -> list[Any]:
        with unit_of_work(self.engine, SYSTEM) as uow:
            done = uow.connection.execute(text(query), binds)
            return list(done) if done.returns_rows else []

    def history(self, report_id: str) -> list[Any]:
        query = (
            "SELECT kind, at, role, organisation_id, details FROM report_event WHERE report_id = :id ORDER BY at, id"
        )
        return self.sql(query, id=report_id)


@pytest.fixture
def street(client: FlaskClient, world: World, engine: Engine) -> Street:
    return Street(client, world, engine)


def test_it_stands_in_the_history_and_changes_nothing(street: Street) -> None:
    report_id = street.report()
    before = street.sql("SELECT state, version, due_at FROM report")
    answer = street.confirm("hlm-a-agent", report_id)
    assert answer.status_code == 201
    assert answer.get_json() | {"id": ""} == {"id": "", "report": report_id, "seen": "there", "is_new": True}
    assert street.confirm("agent", report_id, "gone").status_code == 201
    said = street.history(report_id)
    assert [(event.kind, event.role) for event in said] == [
        ("created", "agent"), ("still_there", "agent"), ("gone", "agent"),
    ]  # fmt: skip
    assert said[1].organisation_id == street.world.organisations["hlm-a"]
    assert street.sql("SELECT state, version, due_at FROM report") == before


def test_sent_twice_it_is_there_once(street: Street) -> None:
    report_id, confirmation = street.report(), {"id": str(uuid4()), "at": datetime.now(UTC).isoformat()}
    answers = [street.confirm("agent", report_id, **confirmation) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [201, 200, 200]
    assert [answer.get_json()["is_new"] for answer in answers] == [True, False, False]
    assert len(street.history(report_id)) == 2
    # Also long after the report was closed: the answer that was lost is given again.
    street.sql("UPDATE report SET state = 'verified' WHERE id = :id", id=report_id)
    assert street.confirm("agent", report_id, **confirmation).status_code == 200


def test_an_id_stands_for_one_thing(street: Street, world: World) -> None:
    report_id, other, taken = street.report(), street.report(), str(uuid4())
    assert street.confirm("agent", report_id, id=taken).status_code == 201
    assert street.confirm("agent", report_id, "gone", id=taken).status_code == 409
    assert street.confirm("agent", other, id=taken).status_code == 409
    assert street.confirm("hlm-a-agent", report_id, id=taken).status_code == 409
    # An id of a report that the sender may not see is as taken, and tells nothing else.
    street.sql("UPDATE report SET visibility = 'restricted' WHERE id = :id", id=report_id)
    theirs = street.report("hlm-a-agent")
    assert street.confirm("hlm-b", theirs, id=taken).status_code == 409


def test_a_second_tap_says_nothing_new(street: Street) -> None:
    report_id, now = street.report(), datetime.now(UTC)
    street.sql("UPDATE report SET received_at = now() - interval '3 hours' WHERE id = :id", id=report_id)
    assert street.confirm("agent", report_id, at=now.isoformat()).status_code == 201
    assert street.confirm("agent", report_id, at=(now - timedelta(minutes=9)).isoformat()).status_code == 200
    assert street.confirm("agent", report_id, at=(now - timedelta(minutes=30)).isoformat()).status_code == 201
    assert street.confirm("hlm-a-agent", report_id, at=now.isoformat()).status_code == 201
    assert [event.kind for event in street.history(report_id)].count("still_there") == 3


def test_the_time_is_when_it_was_seen(street: Street) -> None:
    report_id = street.report()
    street.sql("UPDATE report SET received_at = now() - interval '5 hours' WHERE id = :id", id=report_id)
    seen = (datetime.now(UTC) - timedelta(hours=3)).replace(microsecond=0)
    street.confirm("agent", report_id, "gone", at=seen.isoformat())
    (gone,) = [event for event in street.history(report_id) if event.kind == "gone"]
    assert gone.at == seen
    assert datetime.fromisoformat(gone.details["received_at"]) > seen + timedelta(hours=2)
    # A phone whose clock is years behind has not seen it before it was reported.
    street.confirm("agent", report_id, at="2019-01-01T08:00:00Z")
    (received_at,) = street.sql("SELECT received_at FROM report WHERE id = :id", id=report_id)[0]
    assert [event.at for event in street.history(report_id) if event.kind == "still_there"] == [received_at]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"seen": "maybe"}, "seen"),
        ({"seen": None}, "seen"),
        ({"id": "x"}, "id"),
        ({"id": None}, "id"),
        ({"at": "yesterday"}, "at"),
        ({"at": "2026-05-04T18:30:00"}, "at"),
        ({"at": "2999-01-01T00:00:00Z"}, "at"),
        ({"at": "1999-01-01T00:00:00Z"}, "at"),
        ({"at": 5}, "at"),
        ({"name": "me"}, "name"),
    ],
)
def test_what_cannot_be_read_is_named(street: Street, changes: dict[str, Any], field: str) -> None:
    answer = street.confirm("agent", street.report(), **changes)
    assert answer.status_code == 422
    (error,) = answer.get_json()["errors"]
    assert error["field"] == field
    assert error["message"]


def test_who_may(street: Street, client: FlaskClient) -> None:
    report_id = street.report()
    path = f"/api/reports/{report_id}/confirmations"
    body = {"id": str(uuid4()), "seen": "there"}
    assert client.post(path, json=body).status_code == 401
    statuses = {who: street.confirm(who, report_id).status_code for who in ("planner", "admin", "bus", "coordinator")}
    assert statuses == {"planner": 403, "admin": 403, "bus": 201, "coordinator": 201}
    street.sql("UPDATE report SET visibility = 'restricted' WHERE id = :id", id=report_id)
    assert street.confirm("bus", report_id).status_code == 404
    assert street.confirm("agent", str(uuid4())).status_code == 404


def test_a_closed_report_is_not_confirmed(street: Street) -> None:
    report_id = street.report()
    street.sql("UPDATE report SET state = 'rejected' WHERE id = :id", id=report_id)
    answer = street.confirm("coordinator", report_id)
    assert answer.status_code == 409
    assert [event.kind for event in street.history(report_id)] == ["created"]


def test_many_at_once_with_one_id(app: Flask, street: Street, world: World) -> None:
    report_id, body, statuses = street.report(), {"id": str(uuid4()), "seen": "there"}, []

    def send() -> None:
        path = f"/api/reports/{report_id}/confirmations"
        statuses.append(app.test_client().post(path, json=body, headers=world.headers("agent")).status_code)

    threads = [threading.Thread(target=send) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200] * 5 + [201]
    assert len(street.history(report_id)) == 2


def test_the_database_lets_nobody_speak_for_another(street: Street, world: World, engine: Engine) -> None:
    report_id, city = street.report(), world.organisations["city"]
    add = text(
        "INSERT INTO report_event (report_id, kind, organisation_id, account_id, role, details)"
        " VALUES (:id, 'gone', :organisation, :account, 'agent', '{}')"
    )
    mine = {"id": report_id, "organisation": world.organisations["hlm-a"]}
    actor = world.actors["hlm-a-agent"]
    for forged in ({"organisation": city, "account": actor.user_id}, {"account": world.actors["agent"].user_id}):
        with pytest.raises(ProgrammingError), unit_of_work(engine, actor) as uow:
            uow.connection.execute(add, mine | forged)


def test_what_was_found_gone_is_said_to_who_answers(
    street: Street, client: FlaskClient, world: World, bearer_page: Callable[[str, str], str]
) -> None:
    report_id = street.report()
    assert "Vu disparu" not in bearer_page("hlm-a", "/desk")
    street.confirm("agent", report_id, "gone")
    assert "Vu disparu" in bearer_page("hlm-a", "/desk")
    page = bearer_page("hlm-a", f"/reports/{report_id}")
    assert "Constaté disparu sur place" in page
    assert "prenez-le en compte" in page
    later = (datetime.now(UTC) + timedelta(minutes=1)).isoformat()
    street.confirm("hlm-a-agent", report_id, at=later)
    page = bearer_page("hlm-a", f"/reports/{report_id}")
    assert "Constaté disparu sur place" not in page
    assert "Vu pour la dernière fois le" in page
    assert "Vu disparu" not in bearer_page("hlm-a", "/desk")


@pytest.fixture
def bearer_page(client: FlaskClient, world: World) -> Callable[[str, str], str]:
    """A page in French as an account with a token sees it."""

    def read(who: str, path: str) -> str:
        answer = client.get(path, headers=world.headers(who) | {"Accept-Language": "fr"})
        assert answer.status_code == 200
        return answer.text

    return read
