"""Photos under row-level security alone, when Python checks nothing at all."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask.testing import FlaskClient
from psycopg2.errors import InsufficientPrivilege
from sqlalchemy import Engine, text
from sqlalchemy.exc import ProgrammingError

from app.db.session import unit_of_work
from app.people.actor import PUBLIC, SYSTEM, Actor
from app.photos import store
from app.photos.rules import MOST_PER_SUBJECT
from app.photos.store import SUBJECTS
from tests.exports.samples import add_many
from tests.photos.conftest import add_report, added
from tests.reports.samples import LON

Headers = Callable[[str], dict[str, str]]
REPORTS = SUBJECTS["reports"]


def row(report_id: str, actor: Actor, **changes: Any) -> dict[str, Any]:
    return {
        "id": uuid4(),
        "subject_id": UUID(report_id),
        "stage": "none",
        "sha256": bytes(32),
        "width_px": 1,
        "height_px": 1,
        "size_bytes": 1,
        "body_sha256": bytes(32),
        "taken_at": None,
        "now": datetime.now(UTC),
        "organisation_id": actor.organisation_id,
        "account_id": actor.user_id,
    } | changes


def test_nobody_adds_in_anothers_name_or_to_what_they_do_not_see(
    client: FlaskClient, headers: Headers, engine: Engine, actor_of: Callable[[str], Actor]
) -> None:
    restricted = add_report(client, headers("ametis"), category="staff_abuse", lon=LON + 0.01)
    agent, ametis = actor_of("agent"), actor_of("ametis")
    visible = add_report(client, headers("agent"))
    refused = [
        (PUBLIC, row(visible, agent)),
        (actor_of("planner"), row(visible, actor_of("planner"))),
        (actor_of("admin"), row(visible, actor_of("admin"))),
        (actor_of("bailleur"), row(restricted, actor_of("bailleur"))),
        (agent, row(visible, agent, organisation_id=ametis.organisation_id)),
        (agent, row(visible, agent, account_id=ametis.user_id)),
    ]
    for actor, values in refused:
        with pytest.raises(ProgrammingError) as error, unit_of_work(engine, actor) as uow:
            store.add_photo(uow.connection, REPORTS, values)
        assert isinstance(error.value.orig, InsufficientPrivilege), actor
    with unit_of_work(engine, agent) as uow:
        assert store.add_photo(uow.connection, REPORTS, row(visible, agent))


def test_nobody_changes_anothers_photo(
    client: FlaskClient, report: str, headers: Headers, engine: Engine, actor_of: Callable[[str], Actor]
) -> None:
    photo_id = UUID(added(client, report, headers("agent")))
    for name, expected in [("planner", False), ("admin", False), ("ametis", False), ("coordinator", True)]:
        with unit_of_work(engine, actor_of(name)) as uow:
            assert store.set_state(uow.connection, photo_id, "hidden", "published") is expected, name
    # Published, everybody reads it, and nobody else may take it back, move it or delete its row.
    for name in ("planner", "admin", "ametis", "bailleur"):
        with unit_of_work(engine, actor_of(name)) as uow:
            assert store.get_photo(uow.connection, photo_id) is not None
            assert not store.set_state(uow.connection, photo_id, "published", "removed")
    for actor in (actor_of("coordinator"), actor_of("agent"), SYSTEM):
        with pytest.raises(ProgrammingError), unit_of_work(engine, actor) as uow:
            uow.connection.execute(text("DELETE FROM photo"))
    with unit_of_work(engine, PUBLIC) as uow:
        assert store.get_photo(uow.connection, photo_id) is None


def test_the_limit_holds_in_the_database(
    client: FlaskClient, report: str, engine: Engine, actor_of: Callable[[str], Actor]
) -> None:
    agent = actor_of("agent")
    with unit_of_work(engine, agent) as uow:
        stored = [store.add_photo(uow.connection, REPORTS, row(report, agent)) for _ in range(MOST_PER_SUBJECT + 1)]
    assert stored == [True] * MOST_PER_SUBJECT + [False]


# As many interventions as reports, each for one of them, and two photos of each report.
_MANY = (
    text("""
    INSERT INTO intervention (id, kind_code, geom_4326, cell_25m, visibility, organisation_id, planned_start)
    SELECT report.id, 'works', geom_4326, cell_25m, 'public', :organisation, received_at FROM report
    """),
    text("INSERT INTO intervention_report (intervention_id, report_id) SELECT id, id FROM report"),
    text("""
    INSERT INTO photo (id, report_id, position, width_px, height_px, size_bytes, sha256, body_sha256,
        organisation_id, account_id)
    SELECT gen_random_uuid(), report.id, position, 1, 1, 1, sha256('photo'), sha256('photo'), :organisation, :account
    FROM report CROSS JOIN generate_series(1, 2) AS position
    """),
    # The planner is to choose by what is there, and not by what autovacuum found last.
    text("ANALYZE report, photo, intervention, intervention_report"),
)


def test_a_gallery_does_not_read_every_report(
    engine: Engine, cleaner: Engine, actor_of: Callable[[str], Actor]
) -> None:
    """Under row-level security the report of each photo is looked up by its key, however many reports there are."""
    agent = actor_of("agent")
    with unit_of_work(engine, SYSTEM) as uow:
        add_many(uow, 3_000)
    with cleaner.begin() as connection:
        for statement in _MANY:
            connection.execute(statement, {"organisation": agent.organisation_id, "account": agent.user_id})
    for name in ("agent", "ametis", "planner", "coordinator"):
        with unit_of_work(engine, actor_of(name)) as uow:
            query = text("EXPLAIN (COSTS off) SELECT id FROM photo WHERE report_id = :id AND state <> 'removed'")
            plan = "\n".join(uow.connection.execute(query, {"id": uuid4()}).scalars())
        assert "photo_report" in plan, plan
        assert "report_pkey" in plan, plan
        assert "hashed SubPlan" not in plan, plan
        assert "Seq Scan" not in plan, plan
