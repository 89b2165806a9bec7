"""The floor under interventions: what the database refuses when Python checks nothing at all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import ProgrammingError

from app.db.session import unit_of_work
from app.people.actor import PUBLIC, SYSTEM, Actor
from tests.interventions.samples import body

Send = Callable[..., Any]
Find = Callable[[str], Actor]


def run(engine: Engine, actor: Actor, query: str, **binds: Any) -> int:
    with unit_of_work(engine, actor) as uow:
        return uow.connection.execute(text(query), binds).rowcount


def refused(engine: Engine, actor: Actor, query: str, **binds: Any) -> bool:
    try:
        return run(engine, actor, query, **binds) == 0
    except ProgrammingError as error:
        return "row-level security" in str(error) or "permission denied" in str(error)


@pytest.fixture
def hidden(send: Send) -> UUID:
    """A restricted intervention of the landlord."""
    return UUID(send("bailleur", "POST", "/api/interventions", body(visibility="restricted")).json["id"])


def test_reading(engine: Engine, hidden: UUID, actor_of: Find) -> None:
    names = ("agent", "bailleur", "ametis", "planner", "coordinator", "admin")
    for table, column in (("intervention", "id"), ("intervention_event", "intervention_id")):
        query = f"SELECT FROM {table} WHERE {column} = :id"
        assert {name for name in names if run(engine, actor_of(name), query, id=hidden)} == {"bailleur", "coordinator"}
        assert run(engine, PUBLIC, query, id=hidden) == 0


def test_changing(engine: Engine, hidden: UUID, actor_of: Find) -> None:
    update = "UPDATE intervention SET state = 'cancelled' WHERE id = :id"
    for actor in (PUBLIC, *map(actor_of, ("agent", "ametis", "planner", "admin"))):
        assert refused(engine, actor, update, id=hidden), actor
    landlord = actor_of("bailleur")
    for column, value in (("organisation_id", "1"), ("author_account_id", "1"), ("created_at", "now()"), ("id", ":id")):
        assert refused(engine, landlord, f"UPDATE intervention SET {column} = {value} WHERE id = :id", id=hidden), (
            column
        )
    assert refused(engine, landlord, "DELETE FROM intervention WHERE id = :id", id=hidden)
    verify = "UPDATE intervention SET state = 'verified', done_start = now(), done_end = now() WHERE id = :id"
    assert refused(engine, landlord, verify, id=hidden), "its own work"
    assert run(engine, landlord, update, id=hidden) == 1


def test_the_history_only_grows(engine: Engine, hidden: UUID, actor_of: Find) -> None:
    for query in ("UPDATE intervention_event SET kind = 'x'", "DELETE FROM intervention_event"):
        for actor in (SYSTEM, actor_of("coordinator")):
            assert refused(engine, actor, query)
    event = (
        "INSERT INTO intervention_event (intervention_id, kind, organisation_id, account_id, role)"
        " VALUES (:id, 'x', :organisation, :account, :role)"
    )
    ametis, landlord = actor_of("ametis"), actor_of("bailleur")
    as_ametis = {"organisation": ametis.organisation_id, "account": ametis.user_id, "role": "partner"}
    assert refused(engine, ametis, event, id=hidden, **as_ametis), "it does not see the intervention"
    assert refused(engine, landlord, event, id=hidden, **as_ametis), "in another's name"


def test_links(engine: Engine, hidden: UUID, send: Send, actor_of: Find) -> None:
    from tests.reports.samples import body as report_body

    report = send("agent", "POST", "/api/reports", report_body()).json["id"]
    link = "INSERT INTO intervention_report (intervention_id, report_id) VALUES (:id, :report)"
    for actor in (PUBLIC, *map(actor_of, ("agent", "ametis", "planner", "admin"))):
        assert refused(engine, actor, link, id=hidden, report=report), actor
    assert run(engine, actor_of("bailleur"), link, id=hidden, report=report) == 1
    assert run(engine, actor_of("agent"), "SELECT FROM intervention WHERE id = :id", id=hidden) == 0, "still restricted"
    unlink = "DELETE FROM intervention_report WHERE intervention_id = :id"
    assert refused(engine, actor_of("ametis"), unlink, id=hidden)
    assert run(engine, actor_of("bailleur"), unlink, id=hidden) == 1


def test_the_ledger(engine: Engine, hidden: UUID, send: Send, actor_of: Find) -> None:
    add = (
        "INSERT INTO tfpb_entry (intervention_id, organisation_id, axis_code, year, amount_eur)"
        " VALUES (:id, :organisation, 'waste', 2026, 10)"
    )
    landlord, ametis = actor_of("bailleur"), actor_of("ametis")
    theirs = send("ametis", "POST", "/api/interventions", body()).json["id"]
    assert refused(engine, ametis, add, id=theirs, organisation=ametis.organisation_id), "no landlord"
    assert refused(engine, ametis, add, id=hidden, organisation=landlord.organisation_id)
    assert refused(engine, landlord, add, id=theirs, organisation=landlord.organisation_id), "another's work"
    assert run(engine, landlord, add, id=hidden, organisation=landlord.organisation_id) == 1
    names = ("agent", "bailleur", "ametis", "planner", "coordinator", "admin")
    seen = {name for name in names if run(engine, actor_of(name), "SELECT FROM tfpb_entry")}
    assert seen == {"bailleur", "coordinator"}
    assert run(engine, PUBLIC, "SELECT FROM tfpb_entry") == 0
