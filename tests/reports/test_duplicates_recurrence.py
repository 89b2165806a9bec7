"""The nth report at a place within sixty days, the places that come back most, and the index that finds both."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import pytest
from flask.testing import FlaskClient
from sqlalchemy import Connection, Engine, text

from app.db.session import unit_of_work
from app.nomenclature.store import Nomenclature, load_nomenclature
from app.people.actor import SYSTEM, Actor, Role
from app.places.lattice import cells_of, to_lambert93, to_lon_lat
from app.reports import duplicates_store
from app.reports.duplicates_near import cells_within
from app.reports.duplicates_recurrence import earlier_here, recurrences, recurring_places
from app.reports.duplicates_store import Spot
from app.reports.store import ReportRow, get_report
from tests.reports.duplicate_samples import Register
from tests.reports.samples import LAT, LON
from tests.routing.world import World, at, make_world

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
START, END = NOW - timedelta(days=365), NOW + timedelta(days=1)

_ADD = text("""
    INSERT INTO report (id, category_code, geom_4326, cell_25m, severity, state, visibility, observed_at, received_at,
                        organisation_id, reporter_organisation_id)
    VALUES (:id, :category, ST_SetSRID(ST_MakePoint(:lon, :lat), 4326), :cell, 2, :state, :visibility, :at, :at,
            :organisation_id, :organisation_id)
""")


def add(connection: Connection, east_m: float, days_ago: float, **changes: Any) -> UUID:
    """A report so many metres east of the middle, seen so long before NOW."""
    lon, lat = at(east_m)
    values = {"category": "graffiti", "state": "new", "visibility": "public", "organisation_id": None} | changes
    report_id = uuid4()
    cell = int(cells_of(np.array([lon]), np.array([lat]))[0])
    moment = NOW - timedelta(days=days_ago)
    connection.execute(_ADD, values | {"id": report_id, "lon": lon, "lat": lat, "cell": cell, "at": moment})
    return report_id


def row(connection: Connection, report_id: UUID) -> ReportRow:
    found = get_report(connection, report_id)
    assert found is not None
    return found


@pytest.fixture
def world(engine: Engine, clean: None) -> World:
    return make_world(engine)


@pytest.fixture
def nomenclature(engine: Engine) -> Nomenclature:
    with unit_of_work(engine, SYSTEM) as uow:
        return load_nomenclature(uow.connection)


def nth(connection: Connection, report_id: UUID, nomenclature: Nomenclature) -> int:
    return recurrences(connection, [row(connection, report_id)], nomenclature)[report_id].nth


# ── squares of a circle ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("radius_m", [5.0, 30.0, 75.0, 200.0])
def test_every_point_of_a_circle_lies_in_its_squares(radius_m: float) -> None:
    random = np.random.default_rng(16)
    ((east,), (north,)) = to_lambert93(np.array([LON]), np.array([LAT]))
    angle, reach = random.uniform(0, 2 * np.pi, 4000), radius_m * np.sqrt(random.uniform(0, 1, 4000))
    lon, lat = to_lon_lat(east + reach * np.cos(angle), north + reach * np.sin(angle))
    squares = cells_within(LON, LAT, radius_m)
    assert set(cells_of(lon, lat)) <= set(squares)
    # And not many more: at most those that the circle's border runs through on the outside.
    assert len(squares) <= np.ceil(np.pi * (radius_m + 1.5 * 25) ** 2 / 625)
    assert squares == sorted(set(squares))


# ── the nth ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_fourth_time_in_sixty_days(world: World, engine: Engine, nomenclature: Nomenclature) -> None:
    with unit_of_work(engine, SYSTEM) as uow:
        connection = uow.connection
        for days_ago, changes in (
            (50, {}),
            (20, {"category": "fouling"}),  # the same theme
            (10, {"state": "verified"}),
            (9, {"state": "rejected"}),
            (9, {"state": "duplicate"}),
            (8, {"category": "pothole"}),  # another theme
            (-1, {}),  # after it
            (60, {}),  # sixty days before, to the second: no longer within
        ):
            add(connection, 10, days_ago, **changes)
        add(connection, 31, 5)  # 30 m are this theme's
        mine = add(connection, 0, 0)
        found = recurrences(connection, [row(connection, mine)], nomenclature)[mine]
        assert (found.nth, found.first_at) == (4, NOW - timedelta(days=50))
        spot = Spot("cleanliness", None, *at(0), 30)
        assert [one.observed_at for one in earlier_here(connection, row(connection, mine), spot)] == [
            NOW - timedelta(days=days) for days in (10, 20, 50)
        ]
        withdrawn = add(connection, 0, 0, state="rejected")
        assert recurrences(connection, [row(connection, withdrawn)], nomenclature) == {}
        assert recurrences(connection, [], nomenclature) == {}


def test_metres_are_exact(world: World, engine: Engine, nomenclature: Nomenclature) -> None:
    """Across the squares' borders, on EPSG:2154, to the decimetre: as PostGIS itself measures."""
    ((east,), (north,)) = to_lambert93(np.array([LON]), np.array([LAT]))
    with unit_of_work(engine, SYSTEM) as uow:
        mine = add(uow.connection, 0, 0)
        for angle in np.linspace(0, 2 * np.pi, 12, endpoint=False):
            for reach_m in (29.95, 30.05):
                lon, lat = to_lon_lat(
                    np.array([east + reach_m * np.cos(angle)]), np.array([north + reach_m * np.sin(angle)])
                )
                values = {"id": uuid4(), "category": "graffiti", "lon": float(lon[0]), "lat": float(lat[0])}
                values |= {"cell": int(cells_of(lon, lat)[0]), "state": "new", "visibility": "public"}
                uow.connection.execute(_ADD, values | {"at": NOW - timedelta(days=1), "organisation_id": None})
        assert nth(uow.connection, mine, nomenclature) == 13


def test_those_seen_at_the_same_moment_count_one_after_the_other(
    world: World, engine: Engine, nomenclature: Nomenclature
) -> None:
    with unit_of_work(engine, SYSTEM) as uow:
        ids = [add(uow.connection, 0, 1) for _ in range(3)]
        rows = [row(uow.connection, one) for one in ids]
        found = recurrences(uow.connection, rows, nomenclature)
    assert sorted(one.nth for one in found.values()) == [1, 2, 3]


def test_each_counts_what_it_may_see(world: World, engine: Engine, nomenclature: Nomenclature) -> None:
    with unit_of_work(engine, SYSTEM) as uow:
        add(uow.connection, 0, 3, category="noise", visibility="restricted")
        add(uow.connection, 0, 2, category="noise", visibility="partner", state="resolved")
        mine = add(uow.connection, 0, 1, category="noise", visibility="partner")
    counted = {}
    for who in ("coordinator", "city", "planner", "agent"):
        with unit_of_work(engine, world.actors[who]) as uow:
            counted[who] = nth(uow.connection, mine, nomenclature)
    # An agent sees of others what is still open.
    assert counted == {"coordinator": 3, "city": 2, "planner": 2, "agent": 1}


def test_the_page_and_the_list_say_so(client: FlaskClient, world: World, engine: Engine) -> None:
    register = Register(client, world, engine)
    ids = [register.report(metres, category="graffiti") for metres in (0, 5, 10)]
    page = register.get("hlm-a", f"/reports/{ids[2]}").text
    assert "3ᵉ fois ici en 60" in page
    assert "Cela revient ici" in page
    assert f"/reports/{ids[0]}" in page
    assert "Cela revient ici" not in register.get("hlm-a", f"/reports/{ids[0]}").text
    listed = register.get("hlm-a", "/reports").text
    assert listed.count("fois ici en 60") == 1
    register.merged(ids[1], ids[0])
    listed = register.get("hlm-a", "/reports").text
    assert "fois ici en 60" not in listed
    assert "1 autre de la même chose" in listed


# ── the places ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_where_it_comes_back_most(world: World, engine: Engine, nomenclature: Nomenclature) -> None:
    hlm_a, hlm_b = world.organisations["hlm-a"], world.organisations["hlm-b"]
    with unit_of_work(engine, SYSTEM) as uow:
        connection = uow.connection
        for days_ago in (1, 30, 90, 200):
            add(connection, 0, days_ago, organisation_id=hlm_a)
        add(connection, 12, 5, organisation_id=hlm_a, state="resolved", category="fouling")
        add(connection, 0, 5, organisation_id=hlm_a, state="duplicate")
        add(connection, 0, 400, organisation_id=hlm_a)
        for days_ago in (1, 2, 3):
            add(connection, 300, days_ago, organisation_id=hlm_b)
            add(connection, 300, days_ago, organisation_id=hlm_b, category="noise")
        add(connection, 600, 1)
        every = recurring_places(connection, nomenclature, start=START, end=END)
        assert [(place.theme, place.reports, place.still_open) for place in every] == [
            ("cleanliness", 5, 4), ("cleanliness", 3, 3), ("tranquillity", 3, 3)
        ]  # fmt: skip
        first = every[0]
        assert (first.category, first.distance_m, first.place) == ("graffiti", 30, None)
        assert (first.first_at, first.last_at) == (NOW - timedelta(days=200), NOW - timedelta(days=1))
        assert (first.lon, first.lat) == pytest.approx(at(0), abs=2e-4)
        more: Any = {"start": START, "end": END}
        assert len(recurring_places(connection, nomenclature, **more, organisation_id=hlm_a)) == 1
        assert len(recurring_places(connection, nomenclature, **more, at_least=5)) == 1
        assert len(recurring_places(connection, nomenclature, **more, at_least=1)) == 4
        assert recurring_places(connection, nomenclature, **more, most=1) == every[:1]
        assert recurring_places(connection, nomenclature, start=END, end=END) == ()
    with unit_of_work(engine, Actor("public")) as uow:
        assert recurring_places(uow.connection, nomenclature, **more) == ()


# ── by index, under row-level security ──────────────────────────────────────────────────────────────────────────────

ROWS = 60_000


@pytest.fixture(scope="module")
def many(engine: Engine, owner_engine: Engine) -> Iterator[None]:
    """Reports all over Amiens, a year of them."""
    random = np.random.default_rng(80)
    lon, lat = random.uniform(2.22, 2.36, ROWS), random.uniform(49.84, 49.95, ROWS)
    drawn = {"lon": lon.tolist(), "lat": lat.tolist(), "cell": [int(cell) for cell in cells_of(lon, lat)]}
    with unit_of_work(engine, SYSTEM) as uow:
        uow.connection.execute(
            text("""
            INSERT INTO report (id, category_code, geom_4326, cell_25m, severity, state, visibility, observed_at)
            SELECT gen_random_uuid(), 'graffiti', ST_SetSRID(ST_MakePoint(lon, lat), 4326), cell, 2,
                (ARRAY['new', 'resolved'])[1 + n % 2], (ARRAY['public', 'partner', 'restricted'])[1 + n % 3],
                timestamptz '2026-01-01' + n * interval '8 minutes'
            FROM unnest(CAST(:lon AS float8[]), CAST(:lat AS float8[]), CAST(:cell AS bigint[])) WITH ORDINALITY
                AS drawn (lon, lat, cell, n)
            """),
            drawn,
        )
    with owner_engine.begin() as connection:
        connection.execute(text("ANALYZE report"))
    yield
    with owner_engine.begin() as connection:
        connection.execute(text("TRUNCATE report CASCADE"))
        connection.execute(text("ANALYZE report"))


class Explained:
    """Stands before a connection and asks for the plan of each statement that is executed."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.plans: list[str] = []

    def execute(self, query: Any, binds: Any) -> Any:
        self.plans.append("\n".join(self.connection.scalars(text(f"EXPLAIN {query}"), binds)))
        return self.connection.execute(query, binds)


@pytest.mark.parametrize("role", ["agent", "partner", "planner", "coordinator"])
def test_what_is_near_and_what_comes_back_use_the_cell_index(
    many: None, engine: Engine, nomenclature: Nomenclature, role: Role
) -> None:
    with unit_of_work(engine, Actor(role, 1, 1)) as uow:
        some = uow.connection.scalars(
            text("SELECT id FROM report WHERE state = 'new' ORDER BY received_at, id LIMIT 50")
        )
        rows = [row(uow.connection, one) for one in some]
        explained: Any = Explained(uow.connection)
        duplicates_store.open_near(explained, Spot("cleanliness", "graffiti", LON, LAT, 75), limit=5)
        found = recurrences(explained, rows, nomenclature)
    assert len(rows) == len(found) == 50
    assert len(explained.plans) == 2
    for plan in explained.plans:
        assert "report_cell_idx" in plan, plan
        assert "Seq Scan on report" not in plan, plan
