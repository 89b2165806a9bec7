"""Bearer tokens: whom they speak for, what they may, when they stop."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, event, text

from app.db.session import unit_of_work
from app.errors import ForbiddenError, NotFoundError, NotSignedInError
from app.people import actions, store
from app.people.actor import PUBLIC, SYSTEM, Actor
from app.people.commands import NewToken
from tests.people.conftest import sign_in


def _issue(engine: Engine, email: str = "planner@demo.quietude", scope: str = "read", days: int | None = None) -> str:
    with unit_of_work(engine, SYSTEM) as uow:
        command = NewToken(name="test", scope=scope, days=days)  # type: ignore[arg-type]
        return actions.create_token_for(uow.connection, SYSTEM, email, command).secret


def _bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def _owner(engine: Engine, statement: str) -> None:
    with engine.begin() as connection:
        connection.execute(text(statement))


def test_token_speaks_for_its_account(demo: None, engine: Engine, client: FlaskClient) -> None:
    secret = _issue(engine)
    assert secret.startswith("qt_")
    answer = client.get("/api/probe", headers=_bearer(secret)).get_json()
    assert (answer["role"], answer["scope"]) == ("planner", "read")
    assert client.get("/api/probe", headers={"Authorization": f"bearer  {secret} "}).get_json()["role"] == "planner"


def test_read_token_may_not_write_and_write_token_needs_no_csrf(
    demo: None, engine: Engine, client: FlaskClient
) -> None:
    assert client.post("/api/probe", headers=_bearer(_issue(engine))).status_code == 403
    written = client.post("/api/probe", headers=_bearer(_issue(engine, scope="write")))
    assert (written.status_code, written.get_json()["scope"]) == (200, "write")


def test_token_never_has_more_than_its_accounts_role(demo: None, engine: Engine, client: FlaskClient) -> None:
    headers = _bearer(_issue(engine, "coordinator@demo.quietude", "write"))
    assert client.get("/api/probe", headers=headers).get_json()["role"] == "coordinator"
    _owner(engine, "UPDATE account SET role_id = (SELECT id FROM role WHERE name = 'agent') WHERE email LIKE 'coord%'")
    assert client.get("/api/probe", headers=headers).get_json()["role"] == "agent"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE api_token SET expires_at = now() - interval '1 second'",
        "UPDATE api_token SET revoked_at = now()",
        "UPDATE account SET active = false",
        "DELETE FROM api_token",
    ],
)
def test_dead_token_is_refused_everywhere(demo: None, engine: Engine, client: FlaskClient, statement: str) -> None:
    headers = _bearer(_issue(engine, days=1))
    assert client.get("/api/probe", headers=headers).status_code == 200
    _owner(engine, statement)
    for path in ("/api/probe", "/login", "/healthz"):
        answer = client.get(path, headers=headers)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("value", ["", "x", "qt_short", "qt_" + "é" * 43, "qt_" + "a" * 43, "qt_" + "a" * 10_000])
def test_nonsense_is_refused(demo: None, client: FlaskClient, value: str) -> None:
    headers = {"Authorization": f"Bearer {value}".encode().decode("latin-1")}
    assert client.get("/api/probe", headers=headers).status_code == 401


def test_other_authorization_schemes_are_none_of_our_business(client: FlaskClient) -> None:
    """A proxy in front may ask for a password of its own."""
    assert client.get("/api/probe", headers={"Authorization": "Basic eDp5"}).get_json()["role"] == "public"


def _basic(password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + b64encode(f"whoever:{password}".encode()).decode()}


def test_a_token_reads_as_the_password_of_basic(demo: None, engine: Engine, client: FlaskClient) -> None:
    """QGIS 3.22 can send nothing else."""
    secret = _issue(engine, scope="write")
    assert client.get("/api/probe", headers=_basic(secret)).get_json()["role"] == "planner"
    assert client.get("/api/probe", headers=_basic("qt_" + "a" * 43)).status_code == 401
    _owner(engine, "UPDATE api_token SET revoked_at = now()")
    assert client.get("/api/probe", headers=_basic(secret)).status_code == 401


def test_basic_never_writes(demo: None, engine: Engine, client: FlaskClient) -> None:
    """A browser sends it by itself, also with another site's form."""
    assert client.post("/api/probe", headers=_basic(_issue(engine, scope="write"))).status_code in {400, 401, 403}


def test_token_wins_over_the_session(demo: None, engine: Engine, client: FlaskClient) -> None:
    sign_in(client)
    assert client.get("/api/probe", headers=_bearer(_issue(engine))).get_json()["role"] == "planner"
    assert client.get("/api/probe", headers=_bearer("qt_" + "a" * 43)).status_code == 401
    assert client.get("/api/probe").get_json()["role"] == "agent"


def test_the_actor_of_one_request_is_not_the_next_ones(demo: None, engine: Engine, app: Flask) -> None:
    """Also inside one application context, where flask.g lives longer than a request."""
    secret = _issue(engine)
    with app.app_context():
        client = app.test_client()
        assert client.get("/api/probe", headers=_bearer(secret)).get_json()["role"] == "planner"
        assert client.get("/api/probe").get_json()["role"] == "public"
        sign_in(client)
        assert client.get("/api/probe").get_json()["role"] == "agent"
        assert app.test_client().get("/api/probe").get_json()["role"] == "public"


def test_only_the_hash_is_stored(demo: None, engine: Engine) -> None:
    secret = _issue(engine)
    with engine.connect() as connection:
        stored = connection.execute(text("SELECT api_token::text, token_sha256 FROM api_token")).one()
    assert secret not in stored[0]
    assert bytes(stored[1]) == actions.token_sha256(secret)


def test_last_use_is_noted_at_most_once_a_minute(demo: None, engine: Engine, client: FlaskClient) -> None:
    headers = _bearer(_issue(engine))
    query = text("SELECT last_used_at FROM api_token")

    def last_use() -> Any:
        with engine.connect() as connection:
            return connection.scalar(query)

    assert last_use() is None
    client.get("/api/probe", headers=headers)
    first = last_use()
    assert first is not None
    client.get("/api/probe", headers=headers)
    assert last_use() == first
    _owner(engine, "UPDATE api_token SET last_used_at = now() - interval '61 seconds'")
    client.get("/api/probe", headers=headers)
    assert last_use() >= first


def test_the_answer_does_not_wait_for_the_note_of_use(
    demo: None, engine: Engine, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failure to note the use must not cost the caller the answer."""
    headers = _bearer(_issue(engine))
    monkeypatch.setattr(store, "_TOUCH", text("UPDATE api_token SET last_used_at = now() / 0 WHERE id = :id"))
    assert client.get("/api/probe", headers=headers).status_code == 200


class _Statements:
    """The statements that an engine runs, but for those of every transaction."""

    def __init__(self, app: Flask) -> None:
        from app.web.context import services

        self.seen: list[str] = []
        with app.app_context():
            event.listen(services().engine, "before_cursor_execute", self._note)

    def _note(self, _connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if "set_config" not in statement:
            self.seen.append(statement)


def test_query_budget_of_who_is_asking(demo: None, engine: Engine, app: Flask) -> None:
    """One query for a token, one for a session, none for the public."""
    headers = _bearer(_issue(engine))
    machine, browser, stranger = app.test_client(), app.test_client(), app.test_client()
    machine.get("/api/probe", headers=headers)  # notes the use
    sign_in(browser)
    statements = _Statements(app)
    machine.get("/api/probe", headers=headers)
    assert len(statements.seen) == 1
    browser.get("/api/probe")
    assert len(statements.seen) == 2
    stranger.get("/api/probe")
    browser.get("/healthz")  # nobody asked who is asking
    assert len(statements.seen) == 2


def test_sign_in_holds_no_connection_back(demo: None, app: Flask) -> None:
    from app.web.context import services

    client = app.test_client()
    with app.app_context():
        pool: Any = services().engine.pool
        sign_in(client)
        client.get("/api/probe")
        assert pool.checkedout() == 0


def test_own_tokens_only(demo: None, engine: Engine) -> None:
    _issue(engine)
    with unit_of_work(engine, SYSTEM) as uow:
        (token,) = store.list_tokens(uow.connection)
        other = store.get_account(uow.connection, "agent@demo.quietude")
        assert other is not None
        actor = Actor("agent", other.id, 1)
        with pytest.raises(NotFoundError):
            actions.revoke_own_token(uow.connection, actor, token.id)
        with pytest.raises(ForbiddenError):
            actions.revoke_token(uow.connection, actor, token.id)
        actions.revoke_own_token(uow.connection, Actor("planner", token.account_id, 1), token.id)
        with pytest.raises(NotFoundError):
            actions.revoke_token(uow.connection, SYSTEM, token.id)
        assert store.list_tokens(uow.connection)[0].state == "revoked"


def test_nobody_and_read_tokens_make_no_tokens(demo: None, engine: Engine) -> None:
    new = NewToken(name="x", scope="write")
    with unit_of_work(engine, SYSTEM) as uow:
        with pytest.raises(NotSignedInError):
            actions.create_token(uow.connection, PUBLIC, new)
        with pytest.raises(ForbiddenError):
            actions.create_token(uow.connection, Actor("planner", 1, 1, scope="read"), new)
