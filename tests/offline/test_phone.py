"""What a phone takes along: its account's key, places, words, open reports and rounds, each for nobody else."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from app.db.session import unit_of_work
from app.offline import actions
from app.people.actor import PUBLIC, SYSTEM, Actor
from tests.interventions.conftest import Browser, signed_in
from tests.patrols.samples import passage, patrol
from tests.routing.world import World, body_at, make_world

Browse = Callable[[str], Browser]
OTHERS = ("/api/offline/reference", "/api/offline/reports", "/api/offline/patrols")


@pytest.fixture
def world(engine: Engine, clean: None) -> World:
    return make_world(engine)


@pytest.fixture
def browse(app: Flask, world: World, engine: Engine) -> Browse:
    """The browser of an account of the world, signed in."""
    return lambda name: signed_in(app, engine, f"{name}@example.org")


def run(engine: Engine, actor: Actor, query: str, **binds: Any) -> list[Any]:
    with unit_of_work(engine, actor) as uow:
        found = uow.connection.execute(text(query), binds)
        return list(found) if found.returns_rows else []


# ── the key of a queue ──────────────────────────────────────────────────────────────────────────────────────────────


def test_each_account_has_one_key_that_stays(browse: Browse) -> None:
    first, again = browse("agent").get("/api/offline/session"), browse("agent").get("/api/offline/session")
    other = browse("hlm-a-agent").get("/api/offline/session").get_json()
    assert (first.get_json()["signed_in"], first.get_json()["role"], first.headers["Cache-Control"]) == (
        True,
        "agent",
        "no-store",
    )
    assert len(base64.b64decode(first.get_json()["key"])) == 32
    assert [again.get_json()[name] for name in ("account", "key")] == [
        first.get_json()[name] for name in ("account", "key")
    ]
    assert not {first.get_json()["key"], first.get_json()["account"]} & {other["key"], other["account"]}


def test_who_is_not_signed_in_by_session_gets_no_key(client: FlaskClient, world: World) -> None:
    nobody = client.get("/api/offline/session")
    assert (nobody.status_code, nobody.get_json()["signed_in"]) == (200, False)
    assert not {"key", "account"} & set(nobody.get_json())
    for name in ("agent", "coordinator", "admin"):
        answer = client.get("/api/offline/session", headers=world.headers(name))
        assert (answer.status_code, "key" in answer.get_json()) == (403, False)
    wrong = client.get("/api/offline/session", headers={"Authorization": "Bearer no-such-token"})
    assert (wrong.status_code, "key" in wrong.get_json()) == (401, False)


def test_the_database_shows_and_takes_a_key_only_of_its_own_account(
    browse: Browse, world: World, engine: Engine
) -> None:
    browse("agent").get("/api/offline/session")
    own = world.actors["agent"]
    assert len(run(engine, own, "SELECT key FROM offline_account")) == 1
    for name, actor in (world.actors | {"public": PUBLIC, "system": SYSTEM}).items():
        if name != "agent":
            assert run(engine, actor, "SELECT key FROM offline_account") == [], name
            with pytest.raises(DBAPIError, match="row-level security"):
                run(
                    engine,
                    actor,
                    "INSERT INTO offline_account (account_id, key) VALUES (:id, :key)",
                    id=world.actors["hlm-b"].user_id if name != "hlm-b" else own.user_id,
                    key=b"x" * 32,
                )
    for query in ("UPDATE offline_account SET key = key", "DELETE FROM offline_account"):
        with pytest.raises(DBAPIError, match="permission denied"):
            run(engine, own, query)


# ── what is taken along ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("path", OTHERS)
def test_nothing_is_taken_along_without_an_account(client: FlaskClient, world: World, path: str) -> None:
    assert client.get(path).status_code == 401
    assert client.get(path, headers={"Authorization": "Bearer x"}).status_code == 401
    assert client.post(path, headers=world.headers("agent")).status_code == 405
    answer = client.get(path, headers=world.headers("agent"))
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    known = {"If-None-Match": answer.headers["ETag"]}
    assert client.get(path, headers=world.headers("agent", **known)).status_code == 304
    for odd in ("*x", '"', "W/", "é" * 500):
        assert client.get(path, headers=world.headers("agent", **{"If-None-Match": odd})).status_code == 200


def test_open_reports_are_those_that_the_account_may_see(client: FlaskClient, world: World, engine: Engine) -> None:
    sent = body_at(0, id=str(uuid4()))
    assert client.post("/api/reports", json=sent, headers=world.headers("hlm-a")).status_code == 201
    run(engine, SYSTEM, "UPDATE report SET visibility = 'restricted'")
    shown = {
        name: len(client.get("/api/offline/reports", headers=world.headers(name)).get_json()["reports"])
        for name in ("hlm-a", "bus", "coordinator")
    }
    assert shown == {"hlm-a": 1, "bus": 0, "coordinator": 1}


def test_open_reports_that_are_not_all_say_so(
    client: FlaskClient, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions, "MOST_REPORTS", 1)
    for partial in (False, True):
        sent = body_at(0, id=str(uuid4()))
        assert client.post("/api/reports", json=sent, headers=world.headers("hlm-a")).status_code == 201
        taken = client.get("/api/offline/reports", headers=world.headers("hlm-a")).get_json()
        assert (len(taken["reports"]), taken["partial"]) == (1, partial)


def test_rounds_are_the_organisations_own_that_can_be_walked(client: FlaskClient, world: World) -> None:
    def record(name: str, **changes: Any) -> str:
        made = patrol(world.places["a"], world.places["stop"], **changes)
        assert client.post("/api/patrols", json=made, headers=world.headers(name)).status_code == 201
        return str(made["id"])

    later = datetime.now(UTC) + timedelta(days=1)
    going = record("hlm-a-agent")
    soon = record("hlm-a", state="planned", planned_at=later.isoformat())
    record("hlm-a", state="planned", planned_at=(later + timedelta(days=9)).isoformat())
    ended = record("hlm-a")
    record("bus")
    looked = passage(2)
    headers = world.headers("hlm-a-agent")
    assert client.post(f"/api/patrols/{going}/passages", json=looked, headers=headers).status_code == 201
    end = {"move": "cancel", "version": 1}
    assert client.post(f"/api/patrols/{ended}/moves", json=end, headers=headers).status_code == 200
    answer = client.get("/api/offline/patrols", headers=headers)
    first, second = answer.get_json()["rounds"]
    assert [(one["id"], one["state"]) for one in (first, second)] == [(soon, "planned"), (going, "open")]
    assert [(stop["stop"], stop["name"]) for stop in second["stops"]] == [(1, "residence a"), (2, "stop stop")]
    assert [(one["id"], one["stop"], one["outcome"]) for one in second["passages"]] == [(looked["id"], 2, "nothing")]
    assert (first["passages"], len(first["stops"])) == ([], 2)
    stale = {"If-None-Match": answer.headers["ETag"]}
    assert client.get("/api/offline/patrols", headers=headers | stale).status_code == 304
    assert client.post(f"/api/patrols/{going}/passages", json=passage(1), headers=headers).status_code == 201
    assert client.get("/api/offline/patrols", headers=headers | stale).status_code == 200
    # The coordination reads every round; on its phone are those that it walks itself.
    seen = {
        name: client.get("/api/offline/patrols", headers=world.headers(name))
        for name in ("coordinator", "bus", "hlm-b", "planner", "admin")
    }
    assert {name: one.status_code for name, one in seen.items()} == {
        "coordinator": 200, "bus": 200, "hlm-b": 200, "planner": 403, "admin": 403,
    }  # fmt: skip
    assert [len(seen[name].get_json()["rounds"]) for name in ("coordinator", "bus", "hlm-b")] == [0, 1, 0]


@pytest.mark.parametrize("page", ["", "/desk", "/reports/new/../..", "x" * 3000])
def test_a_page_that_no_phone_keeps_is_not_found(client: FlaskClient, page: str) -> None:
    assert client.get("/offline/shell", query_string={"page": page}).status_code == 404


def test_a_shell_has_nobody_in_it(browse: Browse) -> None:
    page = browse("agent").get("/offline/shell?page=/reports/new&lang=xx")
    assert page.status_code == 200
    assert "agent@" not in page.text
    assert 'lang="fr"' in page.text


def test_asking_who_is_signed_in_leaves_the_sign_in_page_its_cookie(client: FlaskClient) -> None:
    """Or an answer that comes late would make its form one of another session."""
    answer = client.get("/api/offline/session")
    told = answer.get_json()
    assert (told["signed_in"], told["csrf_token"]) == (False, "")
    assert "Set-Cookie" not in answer.headers
