"""The administrator's page and the command line: residents on and off, servers of others, another try."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from click.testing import CliRunner
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from app.db.session import unit_of_work
from app.errors import ConflictError, InvalidInputError, NotFoundError
from app.open311.cli import open311
from app.people.actor import Actor
from tests.interventions.conftest import Browser
from tests.open311.conftest import ERRORS, Api, Town

HERE = "/open311/"


@pytest.fixture
def browse(app: Flask) -> Callable[[str], Browser]:
    """A signed-in browser of an account of the world."""

    def signed_in(name: str) -> Browser:
        client = app.test_client()
        with client.session_transaction() as session:
            session.update({"_user_id": name, "_fresh": True, "sid": f"of-{name}"})
        return Browser(client)

    return signed_in


def _remote(town: Town, **changes: str) -> dict[str, str]:
    return {
        "name": "voisine",
        "url": town.neighbour.url,
        "organisation": "hlm-a",
        "jurisdiction_id": "80021",
        "api_key": town.neighbour.world.tokens["agent"],
        "services": "lift_out",
    } | changes


def test_residents_are_switched_on_and_off(api: Api, browse: Callable[[str], Browser]) -> None:
    admin = browse("admin")
    wrong = admin.post(f"{HERE}residents", HERE, wanted="on", most_a_day="0")
    assert wrong.status_code == 422
    assert 'id="residents-organisation-error"' in wrong.text
    assert 'id="most_a_day-error"' in wrong.text
    on = {"wanted": "on", "residents-organisation": "city", "most_a_day": "7"}
    assert admin.post(f"{HERE}residents", HERE, **on).status_code == 303
    assert re.search(r'value="7"', admin.get(HERE).text)
    assert api.post(who=None, service_code="graffiti").status_code == 201
    assert admin.post(f"{HERE}residents", HERE, wanted="off").status_code == 303
    assert api.post(who=None, service_code="graffiti", description="x").status_code == 403


def test_a_server_is_added_tested_switched_and_removed(
    town: Town, browse: Callable[[str], Browser], app: Flask
) -> None:
    _allow_private(app)
    admin = browse("admin")
    key = town.neighbour.world.tokens["agent"]
    wrong = admin.post(f"{HERE}remotes", HERE, **_remote(town, name="X Y", url="ftp://x", services="nothing=1"))
    assert wrong.status_code == 422
    assert all(f'id="{name}-error"' in wrong.text for name in ("name", "url", "services"))
    assert key not in wrong.text
    assert admin.post(f"{HERE}remotes", HERE, **_remote(town, services="lift_out\ngraffiti=007")).status_code == 303
    assert admin.post(f"{HERE}remotes", HERE, **_remote(town)).status_code == 409
    page = admin.get(HERE).text
    assert "graffiti → 007" in page
    assert key not in page
    ((remote_id,),) = town.sql("SELECT id FROM open311_remote")
    assert admin.post(f"{HERE}remotes/{remote_id}/test", HERE).status_code == 303
    assert "ne connaît pas ces services : 007" in _plain(admin.get(HERE).text)
    town.neighbour.door.instead = [("500 Internal Server Error", b"")]
    admin.post(f"{HERE}remotes/{remote_id}/test", HERE)
    assert "answered 500" in admin.get(HERE).text
    assert admin.post(f"{HERE}remotes/{remote_id}/active", HERE, active="0").status_code == 303
    assert town.sql("SELECT active FROM open311_remote") == [(False,)]
    assert admin.post(f"{HERE}remotes/{remote_id}/active", HERE, active="x").status_code == 400
    assert admin.post(f"{HERE}remotes/{remote_id}/remove", HERE).status_code == 303
    assert admin.post(f"{HERE}remotes/{remote_id}/remove", HERE).status_code == 404


def _plain(page: str) -> str:
    return page.replace("\u00a0", " ").replace("\u202f", " ")


def _allow_private(app: Flask) -> None:
    kept = app.extensions["quietude"]
    settings = kept.settings.model_copy(update={"webhook_private": True})
    app.extensions["quietude"] = type(kept)(settings, kept.engine)


def test_what_failed_is_shown_and_tried_again(town: Town, browse: Callable[[str], Browser]) -> None:
    town.add_remote()
    town.report()
    town.neighbour.door.instead = [("400 Bad Request", ERRORS % (400, b"lat: <b>outside</b>"))]
    town.tell()
    admin = browse("admin")
    page = admin.get(HERE).text
    assert "answered 400" in page
    assert "<b>outside" not in page
    (again,) = re.findall(r'action="(/open311/pushes/[^"]+/again)"', page)
    assert admin.post(again, HERE).status_code == 303
    town.office.do()
    assert town.pushes() == [("sent", None)]
    assert admin.post(again, HERE).status_code == 303  # nothing happens twice
    town.office.do()
    assert town.neighbour.door.posts == 2
    assert str(town.neighbour.reports()[0]["id"]) in admin.get(HERE).text


def test_others_see_and_change_nothing(api: Api, browse: Callable[[str], Browser]) -> None:
    for name in ("agent", "hlm-a", "planner", "coordinator"):
        assert browse(name).get(HERE).status_code == 403
        headers = api.world.headers(name)
        for path in ("residents", "remotes", f"remotes/{uuid4()}/remove", f"pushes/{uuid4()}/again"):
            assert api.client.post(f"{HERE}{path}", headers=headers).status_code == 403
    assert api.client.get(HERE, headers={"Accept": "text/html"}).status_code == 302
    # A browser that is tricked into posting has no token of the form.
    assert browse("admin")._client.post(f"{HERE}residents", data={"wanted": "off"}).status_code == 400


def test_row_level_security_is_the_floor(town: Town) -> None:
    town.add_remote()
    town.report()
    town.office.look()

    def ask(actor: Actor, query: str) -> Any:
        with unit_of_work(town.office.engine, actor) as uow:
            done = uow.connection.execute(text(query))
            return done.scalar_one() if done.returns_rows else done.rowcount

    for name in ("agent", "hlm-a", "planner", "coordinator"):
        actor = town.world.actors[name]
        assert ask(actor, "SELECT count(*) FROM open311_remote") == 0
        assert ask(actor, "SELECT count(*) FROM open311_push") == 0
        assert ask(actor, "UPDATE open311_setting SET residents = false") == 0
    admin = town.world.actors["admin"]
    assert ask(admin, "SELECT count(*) FROM open311_push") == 1
    with pytest.raises(ProgrammingError):
        ask(admin, "UPDATE open311_push SET state = 'sent'")


# ── the command line ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, tmp_path: Any, app_url: str) -> Callable[..., Any]:
    for name, value in {
        "DATABASE_URL": app_url, "VAR_DIR": str(tmp_path), "SECRET_KEY": "a-key-for-tests-only", "WEBHOOK_PRIVATE": "1",
    }.items():  # fmt: skip
        monkeypatch.setenv(f"QUIETUDE_{name}", value)

    def run(*arguments: str, stdin: str = "") -> Any:
        done = CliRunner().invoke(open311, arguments, input=stdin)
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done

    return run


def test_residents_from_the_shell(api: Api, shell: Callable[..., Any]) -> None:
    assert shell("residents").output == "off\n"
    assert shell("residents", "on").exit_code == 2
    done = shell("residents", "on", "--organisation", "city", "--most-a-day", "9")
    assert done.output == "on: in the name of city, at most 9 a day\n"
    with pytest.raises(NotFoundError):
        shell("residents", "on", "--organisation", "nobody")
    assert api.post(who=None, service_code="graffiti").status_code == 201
    assert shell("residents", "off").output == "off\n"


def test_servers_from_the_shell(town: Town, shell: Callable[..., Any]) -> None:
    key = town.neighbour.world.tokens["agent"]
    named = (
        "remote",
        "add",
        "voisine",
        "--url",
        town.neighbour.url,
        "--organisation",
        "hlm-a",
        "--jurisdiction",
        "80021",
    )
    added = shell(*named, "--api-key-stdin", "--service", "lift_out", "--service", "graffiti=007", stdin=f"{key}\n")
    assert "added voisine" in added.output
    with pytest.raises(ConflictError):
        shell(*named, "--service", "lift_out")
    with pytest.raises(InvalidInputError):
        shell(*named, "--service", "no such=1")
    assert "does not know these services: 007" in shell("remote", "test", "voisine").output
    older = town.report("older")
    town.sql("UPDATE open311_remote SET since = now() + interval '1 hour'")
    assert shell("remote", "push", "voisine", str(older)).output == "1 on their way to voisine\n"
    with pytest.raises(NotFoundError):
        shell("remote", "push", "voisine", str(older))
    town.office.do()
    (line,) = shell("remote", "list").output.splitlines()
    assert line.split("\t")[:7] == ["voisine", "on", "hlm-a", town.neighbour.url, "0", "1", "0"]
    assert key not in line
    assert shell("remote", "remove", "voisine").output == "removed voisine\n"
    assert shell("remote", "list").output == ""
