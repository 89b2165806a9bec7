"""The floor under patrols: what the database refuses when Python checks nothing at all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from app.db.session import unit_of_work
from app.people.actor import PUBLIC, SYSTEM, Actor
from tests.patrols.samples import passage, patrol
from tests.routing.world import World

Send = Callable[..., Any]
TABLES = {
    "patrol": "id",
    "patrol_event": "patrol_id",
    "patrol_stop": "patrol_id",
    "patrol_passage": "patrol_id",
    "patrol_participant": "patrol_id",
}


def run(engine: Engine, actor: Actor, query: str, **binds: Any) -> int:
    with unit_of_work(engine, actor) as uow:
        return uow.connection.execute(text(query), binds).rowcount


def refused(engine: Engine, actor: Actor, query: str, **binds: Any) -> bool:
    try:
        return run(engine, actor, query, **binds) == 0
    except DBAPIError as error:
        said = str(error)
        return "row-level security" in said or "permission denied" in said or "append-only" in said


@pytest.fixture
def walked(send: Send, world: World) -> UUID:
    """A walk of the first landlord, under way, with a passage that found something."""
    made = patrol(world.places["a"], kind="walk", participants={"residents": 4})
    assert send("hlm-a", "POST", "/api/patrols", made).status_code == 201
    sent = passage(1, outcome="found", reports=[str(uuid4())])
    assert send("hlm-a", "POST", f"/api/patrols/{made['id']}/passages", sent).status_code == 201
    return UUID(made["id"])


def test_reading(engine: Engine, walked: UUID, world: World) -> None:
    for table, column in TABLES.items():
        query = f"SELECT FROM {table} WHERE {column} = :id"
        seen = {name for name, actor in world.actors.items() if run(engine, actor, query, id=walked)}
        assert seen == {"hlm-a", "hlm-a-agent", "planner", "coordinator"}, table
        assert run(engine, PUBLIC, query, id=walked) == 0
    seen = {name for name, actor in world.actors.items() if run(engine, actor, "SELECT FROM patrol_passage_report")}
    assert seen == {"hlm-a", "hlm-a-agent", "planner", "coordinator"}


def test_changing(engine: Engine, walked: UUID, world: World) -> None:
    end = "UPDATE patrol SET state = 'closed', ended_at = now() + interval '1 hour' WHERE id = :id"
    for name, actor in world.actors.items():
        if name not in {"hlm-a", "hlm-a-agent"}:
            assert refused(engine, actor, end, id=walked), name
            assert refused(engine, actor, "DELETE FROM patrol_passage WHERE patrol_id = :id", id=walked), name
    own = world.actors["hlm-a"]
    for column, value in (("organisation_id", "1"), ("author_account_id", "1"), ("kind", "'free'"), ("title", "'x'")):
        assert refused(engine, own, f"UPDATE patrol SET {column} = {value} WHERE id = :id", id=walked), column
    assert refused(engine, own, "DELETE FROM patrol WHERE id = :id", id=walked)
    assert refused(engine, own, "UPDATE patrol_passage SET outcome = 'nothing' WHERE patrol_id = :id", id=walked)
    assert run(engine, own, end, id=walked) == 1
    assert refused(engine, own, "UPDATE patrol SET note = 'x' WHERE id = :id", id=walked), "closed stays as it is"
    assert refused(engine, own, "DELETE FROM patrol_passage WHERE patrol_id = :id", id=walked)


def test_adding(engine: Engine, walked: UUID, world: World) -> None:
    point = "ST_SetSRID(ST_MakePoint(2.3, 49.9), 4326)"
    looked = (
        "INSERT INTO patrol_passage (id, patrol_id, geom_4326, cell_25m, passed_at, outcome)"
        f" VALUES (:new, :id, {point}, 0, now(), 'nothing')"
    )
    stop = f"INSERT INTO patrol_stop (patrol_id, position, name, geom_4326) VALUES (:id, 9, 'x', {point})"
    people = "INSERT INTO patrol_participant (patrol_id, role_code, people) VALUES (:id, 'police', 2)"
    for name, actor in world.actors.items():
        if name not in {"hlm-a", "hlm-a-agent"}:
            for query in (looked, stop, people):
                assert refused(engine, actor, query, id=walked, new=uuid4()), (name, query)
    own = world.actors["hlm-a-agent"]
    for query in (looked, stop, people):
        assert run(engine, own, query, id=walked, new=uuid4()) == 1
    foreign = (
        "INSERT INTO patrol (id, kind, title, planned_at, organisation_id, author_account_id)"
        " VALUES (:new, 'free', 'x', now(), :organisation, :account)"
    )
    theirs = {"organisation": world.organisations["hlm-b"], "account": own.user_id}
    assert refused(engine, own, foreign, new=uuid4(), **theirs)


def test_there_is_no_place_for_a_name(engine: Engine, walked: UUID) -> None:
    query = "INSERT INTO patrol_participant (patrol_id, role_code, people) VALUES (:id, 'Madame Dupont', 1)"
    with pytest.raises(DBAPIError, match="patrol_participant_role_code_check"):
        run(engine, SYSTEM, query, id=walked)


def test_the_history_only_grows(engine: Engine, walked: UUID, world: World) -> None:
    for query in ("UPDATE patrol_event SET kind = 'x'", "DELETE FROM patrol_event"):
        for actor in (SYSTEM, world.actors["hlm-a"]):
            assert refused(engine, actor, query)
    event = (
        "INSERT INTO patrol_event (patrol_id, kind, organisation_id, account_id, role)"
        " VALUES (:id, 'x', :organisation, :account, 'partner')"
    )
    bus = world.actors["bus"]
    as_bus = {"organisation": bus.organisation_id, "account": bus.user_id}
    assert refused(engine, bus, event, id=walked, **as_bus), "it does not see the patrol"
    assert refused(engine, world.actors["hlm-a"], event, id=walked, **as_bus), "in another's name"
