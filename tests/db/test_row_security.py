"""Row-level security, by itself: what each role sees and may do when Python checks nothing at all."""

from __future__ import annotations

import itertools
import json
from contextlib import closing
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import pytest
from psycopg2.errors import InsufficientPrivilege
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import ProgrammingError

from app.db.cluster import Cluster
from app.db.session import unit_of_work
from app.people.actor import PUBLIC, SYSTEM, Actor, Role

VISIBILITIES = ("public", "partner", "restricted")
OPEN = ("new", "acknowledged", "assigned", "in_progress", "reopened")
CLOSED = ("resolved", "verified", "rejected", "duplicate")
ROLES: tuple[Role, ...] = ("public", "agent", "partner", "planner", "coordinator", "admin")


@dataclass(frozen=True)
class Sample:
    """One stored report, by what decides who sees it."""

    visibility: str
    state: str
    responsible: int | None
    reporter: int | None


@dataclass(frozen=True)
class World:
    """Two organisations with an account each, and a report for every case."""

    mine: int
    other: int
    account: int
    other_account: int
    samples: dict[UUID, Sample]

    def actor(self, role: Role) -> Actor:
        return PUBLIC if role == "public" else Actor(role, self.account, self.mine)


def seen(sample: Sample, role: str, mine: int) -> bool:
    """docs/design.md, section 6, written down a second time."""
    shared = sample.visibility != "restricted"
    own = mine in (sample.responsible, sample.reporter)
    return {
        "public": False,
        "agent": own or (shared and sample.state in OPEN),
        "partner": own or shared,
        "planner": shared,
        "coordinator": True,
        "admin": shared,
        "system": True,
    }[role]


_REPORT = text("""
    INSERT INTO report (id, category_code, geom_4326, cell_25m, severity, state, visibility, observed_at,
                        organisation_id, reporter_organisation_id, reporter_account_id)
    VALUES (:id, (SELECT min(code) FROM category), ST_SetSRID(ST_Point(2.3, 49.9), 4326), 1, 2, :state, :visibility,
            now(), :responsible, :reporter, :account)
""")
_EVENT = text("""
    INSERT INTO report_event (report_id, kind, to_state, organisation_id, account_id, role)
    VALUES (:report_id, 'created', 'new', :organisation, :account, :role)
""")


def add_organisation(connection: Connection, slug: str) -> tuple[int, int]:
    """An organisation and its account."""
    organisation = connection.scalar(
        text("INSERT INTO organisation (slug, name, kind) VALUES (:slug, :slug, 'city') RETURNING id"), {"slug": slug}
    )
    account = connection.scalar(
        text(
            "INSERT INTO account (email, fs_uniquifier, organisation_id, role_id)"
            " SELECT :slug || '@example.org', :slug, :organisation, min(id) FROM role RETURNING id"
        ),
        {"slug": slug, "organisation": organisation},
    )
    assert organisation is not None
    assert account is not None
    return organisation, account


_WORLD = text("""
    WITH sample AS (
        SELECT * FROM jsonb_to_recordset(CAST(:samples AS jsonb))
        AS sample (id uuid, visibility text, state text, responsible integer, reporter integer)
    ), added AS (
        INSERT INTO report (id, category_code, geom_4326, cell_25m, severity, state, visibility, observed_at,
                            organisation_id, reporter_organisation_id)
        SELECT id, (SELECT min(code) FROM category), ST_SetSRID(ST_Point(2.3, 49.9), 4326), 1, 2, state, visibility,
            now(), responsible, reporter
        FROM sample
    )
    INSERT INTO report_event (report_id, kind, to_state, role) SELECT id, 'created', 'new', 'system' FROM sample
""")


@pytest.fixture
def world(engine: Engine, clean: None) -> World:
    with unit_of_work(engine, SYSTEM) as uow:
        mine, account = add_organisation(uow.connection, "mine")
        other, other_account = add_organisation(uow.connection, "other")
        cases = itertools.product(VISIBILITIES, OPEN + CLOSED, (mine, other, None), (mine, other, None))
        samples = {uuid4(): Sample(*case) for case in cases}
        rows = [{"id": str(key), **vars(sample)} for key, sample in samples.items()]
        uow.connection.execute(_WORLD, {"samples": json.dumps(rows)})
    return World(mine, other, account, other_account, samples)


def run(engine: Engine, actor: Actor, statement: str, **binds: Any) -> Any:
    """One statement in a transaction of its own."""
    with unit_of_work(engine, actor) as uow:
        done = uow.connection.execute(text(statement), binds)
        return done.scalars().all() if done.returns_rows else done.rowcount


@pytest.mark.parametrize("role", [*ROLES, "system"])
def test_each_role_sees_exactly_its_reports_and_their_history(world: World, engine: Engine, role: Any) -> None:
    actor = SYSTEM if role == "system" else world.actor(role)
    expected = {key for key, sample in world.samples.items() if seen(sample, role, world.mine)}
    assert set(run(engine, actor, "SELECT id FROM report")) == expected
    assert set(run(engine, actor, "SELECT report_id FROM report_event")) == expected


def test_an_organisation_of_nobody_owns_nothing(world: World, engine: Engine) -> None:
    """An actor without organisation must not match the reports without one."""
    homeless = Actor("agent", world.account, None)
    expected = {k for k, s in world.samples.items() if s.visibility != "restricted" and s.state in OPEN}
    assert set(run(engine, homeless, "SELECT id FROM report")) == expected


def test_a_connection_without_actor_sees_and_does_nothing(world: World, engine: Engine) -> None:
    with engine.begin() as connection:
        assert connection.scalar(text("SELECT count(*) FROM report")) == 0
        assert connection.scalar(text("SELECT count(*) FROM report_event")) == 0
        assert connection.execute(text("UPDATE report SET severity = 4")).rowcount == 0


@pytest.mark.parametrize("role", ["", "root", "SYSTEM", "coordinator ", "quietude_owner"])
def test_a_role_that_does_not_exist_sees_nothing(world: World, engine: Engine, role: Any) -> None:
    assert run(engine, Actor(role, world.account, world.mine), "SELECT id FROM report") == []


def test_the_actor_does_not_outlive_its_transaction(world: World, engine: Engine) -> None:
    with engine.connect() as connection:
        pid = connection.scalar(text("SELECT pg_backend_pid()"))
    for _ in range(3):
        assert len(run(engine, SYSTEM, "SELECT id FROM report")) == len(world.samples)
        with engine.begin() as connection:  # the pool hands out the connection used last
            assert connection.scalar(text("SELECT pg_backend_pid()")) == pid
            assert connection.scalar(text("SELECT count(*) FROM report")) == 0


@pytest.mark.parametrize("role", ROLES)
def test_who_may_change_which_report(world: World, engine: Engine, role: Role) -> None:
    allowed = {
        "coordinator": set(world.samples),
        "partner": {k for k, s in world.samples.items() if s.responsible == world.mine},
    }.get(role, set())
    changed = set()
    with unit_of_work(engine, world.actor(role)) as uow:
        for key in world.samples:  # one by one: a row that may be judged but not changed so is an error of its own
            savepoint = uow.connection.begin_nested()
            try:
                done = uow.connection.execute(text("UPDATE report SET severity = 4 WHERE id = :id"), {"id": key})
                changed |= {key} if done.rowcount else set()
                savepoint.commit()
            except ProgrammingError:
                savepoint.rollback()
    assert changed == allowed
    assert set(run(engine, SYSTEM, "SELECT id FROM report WHERE severity = 4")) == allowed
    assert set(run(engine, SYSTEM, "SELECT id FROM report WHERE version = 2")) == allowed


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("whose", ["mine", "another organisation's", "another account's"])
def test_who_may_add_a_report_in_whose_name(world: World, engine: Engine, role: Role, whose: str) -> None:
    values = {
        "id": uuid4(),
        "state": "new",
        "visibility": "partner",
        "responsible": None,
        "reporter": world.other if whose == "another organisation's" else world.mine,
        "account": world.other_account if whose == "another account's" else world.account,
    }
    allowed = role in {"agent", "partner", "coordinator"} and whose == "mine"
    if allowed:
        with unit_of_work(engine, world.actor(role)) as uow:
            uow.connection.execute(_REPORT, values)
    else:
        with (
            pytest.raises(ProgrammingError, match="row-level security"),
            unit_of_work(engine, world.actor(role)) as uow,
        ):
            uow.connection.execute(_REPORT, values)
    assert len(run(engine, SYSTEM, "SELECT id FROM report WHERE id = :id", id=values["id"])) == allowed


FORGERIES = ("none", "organisation", "account", "role")


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("forged", FORGERIES)
def test_nobody_writes_history_in_anothers_name(world: World, engine: Engine, role: Role, forged: str) -> None:
    values = {
        "report_id": next(key for key, s in world.samples.items() if s.responsible == world.mine),
        "organisation": world.other if forged == "organisation" else world.mine,
        "account": world.other_account if forged == "account" else world.account,
        "role": "system" if forged == "role" else role,
    }
    if role != "public" and forged == "none":
        with unit_of_work(engine, world.actor(role)) as uow:
            assert uow.connection.execute(_EVENT, values).rowcount == 1
        return
    with pytest.raises(ProgrammingError, match="row-level security"), unit_of_work(engine, world.actor(role)) as uow:
        uow.connection.execute(_EVENT, values)


@pytest.mark.parametrize("statement", ["DELETE FROM report", "TRUNCATE report CASCADE", "DELETE FROM report_event"])
@pytest.mark.parametrize("role", ["coordinator", "admin", "system"])
def test_nobody_deletes(world: World, engine: Engine, role: Any, statement: str) -> None:
    actor = SYSTEM if role == "system" else world.actor(role)
    with pytest.raises(ProgrammingError, match="permission denied"):
        run(engine, actor, statement)


@pytest.mark.parametrize("statement", ["UPDATE report_event SET kind = 'x'", "DELETE FROM report_event"])
def test_history_is_append_only(
    world: World, engine: Engine, owner_engine: Engine, cluster: Cluster, statement: str
) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"):
        run(engine, SYSTEM, statement)
    with owner_engine.begin() as connection:  # owns the table, and is under its policies all the same
        connection.execute(text("SELECT set_config('app.role', 'system', true)"))
        assert connection.execute(text(statement)).rowcount == 0
    with closing(cluster.connect("quietude")) as raw, raw.cursor() as cursor:  # whom no policy binds
        with pytest.raises(InsufficientPrivilege, match="report_event is append-only"):
            cursor.execute(statement)
        cursor.execute("SELECT count(*) FROM report_event WHERE kind = 'created'")
        assert cursor.fetchone() == (len(world.samples),)


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE report DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE report NO FORCE ROW LEVEL SECURITY",
        "DROP POLICY report_read ON report",
        "ALTER TABLE report_event DISABLE TRIGGER ALL",
        "SET ROLE quietude_owner",
        "SET session_replication_role = replica",
        "CREATE TABLE mine (a int)",
        "COPY report TO PROGRAM 'true'",
    ],
)
def test_the_application_cannot_loosen_its_bonds(world: World, engine: Engine, statement: str) -> None:
    with pytest.raises(ProgrammingError, match=r"permission denied|must be owner|must be superuser"):
        run(engine, SYSTEM, statement)


def test_every_table_with_report_content_forces_row_security(owner_engine: Engine) -> None:
    with owner_engine.connect() as connection:
        open_tables = connection.scalars(
            text(
                "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
                " AND relname ~ '^(report|intervention|photo|order|decision)'"
                " AND NOT (relrowsecurity AND relforcerowsecurity)"
            )
        ).all()
    # The words that interventions are tagged with are everybody's, like categories.
    assert set(open_tables) == {"intervention_kind", "intervention_team"}
