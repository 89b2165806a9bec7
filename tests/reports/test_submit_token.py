"""A token is remembered between reports, and never believed: what it is worth is decided when the report is stored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, event, text
from sqlalchemy.exc import ProgrammingError

from app.db.session import unit_of_work
from app.errors import NotSignedInError
from app.nomenclature.store import load_nomenclature
from app.people.actions import token_sha256
from app.people.actor import SYSTEM, Actor, Role
from app.people.identity import KEPT_S
from app.reports import actions, store
from app.reports.commands import ReportCommand
from app.reports.store import Added, Submission
from app.web.context import services
from tests.reports.samples import LAT, LON, body

Bearer = Callable[..., dict[str, str]]
Find = Callable[[str], Actor]


def execute(engine: Engine, statement: str, **binds: object) -> None:
    with unit_of_work(engine, SYSTEM) as uow:
        uow.connection.execute(text(statement), binds)


def count(engine: Engine) -> int:
    with unit_of_work(engine, SYSTEM) as uow:
        return int(uow.connection.scalar(text("SELECT count(*) FROM report")) or 0)


NOW = datetime(2026, 5, 4, 16, 30, 0, 123456, UTC)
AGENT = "(SELECT id FROM account WHERE email = 'agent@demo.quietude')"


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ("UPDATE api_token SET revoked_at = now()", 401),
        ("UPDATE api_token SET expires_at = now() - interval '1 second'", 401),
        (f"UPDATE account SET active = false WHERE id = {AGENT}", 401),
        ("UPDATE api_token SET scope = 'read'", 403),
        (f"UPDATE account SET role_id = (SELECT id FROM role WHERE name = 'planner') WHERE id = {AGENT}", 403),
    ],
)
def test_what_changes_counts_from_the_next_report_on(
    client: FlaskClient, bearer: Bearer, engine: Engine, change: str, status: int
) -> None:
    headers = bearer("agent")
    for _ in range(2):
        assert client.post("/api/reports", json=body(), headers=headers).status_code == 201
    execute(engine, change)
    assert client.post("/api/reports", json=body(), headers=headers).status_code == status
    assert count(engine) == 2


def test_a_body_that_is_refused_comes_second(client: FlaskClient, bearer: Bearer, engine: Engine) -> None:
    headers = bearer("agent")
    client.post("/api/reports", json=body(), headers=headers)
    assert client.post("/api/reports", json=body(lon=999), headers=headers).status_code == 422
    execute(engine, "UPDATE api_token SET revoked_at = now()")
    assert client.post("/api/reports", json=body(lon=999), headers=headers).status_code == 401


def test_an_account_that_moved_reports_for_its_new_organisation(
    client: FlaskClient, bearer: Bearer, engine: Engine
) -> None:
    headers = bearer("agent")
    client.post("/api/reports", json=body(), headers=headers)
    landlord = "(SELECT id FROM organisation WHERE kind = 'landlord')"
    execute(engine, f"UPDATE account SET organisation_id = {landlord} WHERE id = {AGENT}")
    sent = body()
    assert client.post("/api/reports", json=sent, headers=headers).status_code == 201
    with unit_of_work(engine, SYSTEM) as uow:
        row = store.get_report(uow.connection, UUID(sent["id"]))
        kind = uow.connection.scalar(
            text("SELECT kind FROM organisation WHERE id = :id"), {"id": row.reporter_organisation_id if row else None}
        )
    assert kind == "landlord"


@pytest.fixture
def lookups(app: Flask) -> list[str]:
    """Every look-up of a token from here on."""
    seen: list[str] = []
    with app.app_context():
        event.listen(
            services().engine,
            "before_cursor_execute",
            lambda *args: seen.append(args[2]) if "FROM api_token" in args[2] else None,
        )
    return seen


def test_a_remembered_token_is_only_looked_up_by_views_that_do_not_confirm_it(
    client: FlaskClient, bearer: Bearer, lookups: list[str]
) -> None:
    headers = bearer("agent")
    for _ in range(3):
        client.post("/api/reports", json=body(), headers=headers)
    assert len(lookups) == 1
    for _ in range(2):
        client.get("/api/reports?bbox=2.2,49.8,2.4,49.95", headers=headers)
    assert len(lookups) == 3


def test_it_is_not_remembered_for_ever(app: Flask, client: FlaskClient, bearer: Bearer, lookups: list[str]) -> None:
    headers = bearer("agent")
    client.post("/api/reports", json=body(), headers=headers)
    kept = app.extensions["quietude_bearers"]
    [(key, (at, identity))] = kept.items()
    kept[key] = (at - KEPT_S, identity)
    client.post("/api/reports", json=body(), headers=headers)
    assert len(lookups) == 2


def alone(engine: Engine) -> Callable[[Submission], Added]:
    return lambda submission: actions.submit_together(engine, [submission])[0]


def test_the_answer_is_the_row_that_is_stored(
    client: FlaskClient, bearer: Bearer, engine: Engine, places: dict[str, int], actor_of: Find
) -> None:
    # What is put together from the accepted values equals what reading it gives, in every column.
    actor = actor_of("agent")
    with unit_of_work(engine, SYSTEM) as uow:
        nomenclature = load_nomenclature(uow.connection)
    command = ReportCommand.model_validate(
        body(lon=LON - 0.0005, lat=LAT, description="Plein", place_id=places["residence"], category="bulky_waste")
    )
    made = actions.submit_alone(alone(engine), actor, command, nomenclature=nomenclature, source="api", now=NOW)
    with unit_of_work(engine, actor) as uow:
        read = store.get_report(uow.connection, command.id)
    assert made is not None
    assert read is not None
    assert replace(made, candidate_ids=list(made.candidate_ids)) == read


def test_a_token_cannot_speak_for_somebody_else(engine: Engine, bearer: Bearer, actor_of: Find) -> None:
    secret = bearer("agent")["Authorization"].removeprefix("Bearer ")
    with unit_of_work(engine, SYSTEM) as uow:
        nomenclature = load_nomenclature(uow.connection)
    command = ReportCommand.model_validate(body())
    with pytest.raises(NotSignedInError):
        actions.submit_alone(
            alone(engine),
            actor_of("coordinator"),
            command,
            nomenclature=nomenclature,
            source="api",
            now=NOW,
            token_sha256=token_sha256(secret),
        )
    assert count(engine) == 0


@pytest.mark.parametrize("role", ["planner", "admin", "public"])
def test_the_database_refuses_roles_that_do_not_report(engine: Engine, actor_of: Find, role: Role) -> None:
    with unit_of_work(engine, SYSTEM) as uow:
        nomenclature = load_nomenclature(uow.connection)
    actor, command = replace(actor_of("agent"), role=role), ReportCommand.model_validate(body())
    with pytest.raises(ProgrammingError, match="row-level security"):
        actions.submit_alone(alone(engine), actor, command, nomenclature=nomenclature, source="api", now=NOW)
    assert count(engine) == 0
