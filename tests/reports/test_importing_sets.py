"""What is stored together is placed and routed as a set: each row is what places_of() and route() say of it alone."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine, text

from app.db.session import UnitOfWork, unit_of_work
from app.nomenclature.store import load_nomenclature
from app.people.actor import SYSTEM, Actor
from app.reports import actions
from app.reports.commands import ReportCommand
from app.reports.importing import bulk
from app.reports.importing.bulk import BulkOrigin, BulkRow, bulk_insert
from app.reports.store import Submission
from tests.reports.samples import LAT, LON, add_place, square
from tests.routing.world import METRE_LAT, METRE_LON, World, at, make_world, point

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
ROWS = 3_000
TOGETHER = 30
Store = Callable[[Engine, list[ReportCommand]], None]
_SENDERS = text("""
    SELECT account.id, organisation_id, role.name AS role FROM account JOIN role ON role.id = role_id
    WHERE role.name IN ('agent', 'coordinator') ORDER BY account.id LIMIT 2
""")
_RULE = text(
    "INSERT INTO routing_rule (position, label, organisation_id, category_code, theme_code, place_kind, zone_place_id,"
    " zone_4326, weekdays, from_time, to_time, active)"
    " SELECT :position, :label, organisation.id, :category, :theme, :place_kind, :zone_place,"
    " ST_Multi(ST_GeomFromText(:zone, 4326)), :weekdays, :from_time, :to_time, :active"
    " FROM organisation WHERE slug = :owner"
)
_ALONE = text("""
    SELECT report.id, jsonb_strip_nulls(report_event.details -> 'routing') AS routing,
        (report.neighbourhood_id, report.iris_id, report.qpv_id, report.nearest_stop_id)::text AS places,
        (report.organisation_id, report.candidate_ids)::text AS answers,
        (alone.neighbourhood_id, alone.iris_id, alone.qpv_id, alone.nearest_stop_id)::text AS places_alone,
        (routed.organisation_id, routed.candidate_ids)::text AS answers_alone,
        jsonb_strip_nulls(routed.details) AS routing_alone
    FROM report JOIN report_event ON report_event.report_id = report.id AND report_event.kind = 'created'
    CROSS JOIN LATERAL places_of(report.geom_4326) AS alone
    CROSS JOIN LATERAL route(report.category_code, report.geom_4326, report.place_id, report.observed_at) AS routed
""")


@pytest.fixture
def world(engine: Engine, clean: None) -> World:
    """The little world of routing, with overlapping polygons, twins, and places that are closed or nobody's."""
    made = make_world(engine)
    pick = random.Random(11)
    with unit_of_work(engine, SYSTEM) as uow:
        for kind, half in (
            ("neighbourhood", 0.03),
            ("iris", 0.025),
            ("iris", 0.02),
            ("iris", 0.01),
            ("qpv", 0.01),
            ("qpv", 0.004),
        ):
            made.places[f"{kind}-{half}"] = add_place(uow, kind, f"{kind}-{half}", square(LON, LAT, half))
        made.places["line"] = add_place(uow, "line", "line", f"LINESTRING({LON - 0.1} {LAT - 0.01}, {LON + 0.1} {LAT})")
        made.places["school"] = add_place(uow, "school", "school", square(*at(0, 1_500), 0.0005), "city")
        add_place(uow, "stop", "twin", point(0, 500))
        for number in range(120):
            where = point(pick.uniform(-3_000, 3_000), pick.uniform(-2_000, 2_000))
            kind = pick.choice(["stop", "residence", "school"])
            add_place(uow, kind, f"{kind}{number}", where, pick.choice(["hlm-a", "hlm-b", "bus", "city", ""]))
        closed = "code LIKE 'stop1%' OR code LIKE 'residence1%' OR code = 'iris-0.025'"
        uow.connection.execute(text(f"UPDATE place SET closed_at = now() WHERE {closed}"))
        # The older one, so that the younger must win.
        uow.connection.execute(text("UPDATE place SET approximate = true WHERE code = 'east'"))
    return made


def add_rules(engine: Engine, world: World) -> None:
    """One rule or more of each shape, none that hides all the others."""
    none = dict.fromkeys(("category", "theme", "place_kind", "zone_place", "zone", "weekdays", "from_time", "to_time"))
    rules: list[dict[str, Any]] = [
        {"owner": "police", "category": "noise", "from_time": "22:00", "to_time": "06:00", "weekdays": [5, 6]},
        {"owner": "hlm-a", "theme": "building", "zone": square(*at(-300, 0), 0.004)},
        {
            "owner": "hlm-b",
            "theme": "building",
            "zone": square(*at(600, 0), 0.004),
            "from_time": "08:00",
            "to_time": "18:00",
        },
        {"owner": "bus", "theme": "transport", "zone_place": world.places["stop"]},
        {"owner": "prefecture", "category": "graffiti", "zone_place": world.places["qpv-0.004"]},
        {"owner": "bus", "category": "fouling", "place_kind": "line"},
        {"owner": "city", "category": "pests", "place_kind": "residence"},
        {"owner": "police", "category": "wreck", "place_kind": "qpv", "weekdays": [1, 2, 3]},
        {"owner": "prefecture", "category": "bulky_waste", "active": False},
    ]
    with unit_of_work(engine, SYSTEM) as uow:
        for position, rule in enumerate(rules):
            values = none | {"active": True} | rule
            uow.connection.execute(_RULE, values | {"position": position, "label": f"rule {position}"})


def positions(world: World, uow: UnitOfWork, pick: random.Random) -> Iterator[tuple[float, float]]:
    """Anywhere, on and around corners and edges of the polygons, at the places and a few metres off."""
    corners = [
        (LON + x * half, LAT + y * half) for half in (0.004, 0.01, 0.02, 0.03) for x in (-1, 0, 1) for y in (-1, 1)
    ]
    zones = [(lon + x * 0.004, lat) for lon, lat in (at(-300), at(600)) for x in (-1, 1)]
    held = uow.connection.execute(text("SELECT ST_X(c), ST_Y(c) FROM place, ST_PointOnSurface(geom_4326) AS c")).all()
    between_two_doors = [at(401.5)] * 10
    marks = corners + zones + between_two_doors + [(lon, lat) for lon, lat in held]
    for number in range(ROWS):
        lon, lat = pick.choice(marks)
        if number % 4 == 0:
            yield LON + pick.uniform(-0.06, 0.06), LAT + pick.uniform(-0.04, 0.04)
        elif number % 4 == 1:
            yield lon, lat
        else:
            off_m = pick.choice([3, 8, 20, 30, 60])
            yield lon + pick.uniform(-off_m, off_m) * METRE_LON, lat + pick.uniform(-off_m, off_m) * METRE_LAT


def made_commands(engine: Engine, world: World) -> list[ReportCommand]:
    pick = random.Random(4)
    linked = [None] * 8 + [
        world.places["a"],
        world.places["ownerless"],
        world.places["stop"],
        world.places["qpv-0.004"],
    ]
    with unit_of_work(engine, SYSTEM) as uow:
        codes = [category.code for category in load_nomenclature(uow.connection).categories]
        return [
            ReportCommand(
                id=UUID(bytes=pick.randbytes(16), version=4),
                category=pick.choice(codes),
                lon=lon,
                lat=lat,
                observed_at=NOW - timedelta(minutes=pick.randrange(60 * 24 * 14)),
                place_id=pick.choice(linked),
            )
            for lon, lat in positions(world, uow, pick)
        ]


def load(engine: Engine, commands: list[ReportCommand]) -> None:
    rows = [BulkRow(command, source_ref=str(number)) for number, command in enumerate(commands)]
    with unit_of_work(engine, SYSTEM) as uow:
        assert bulk_insert(uow, BulkOrigin("import:sets"), rows, now=NOW).added == ROWS


def submit(engine: Engine, commands: list[ReportCommand]) -> None:
    """As people do who report at the same moment: some a statement, and of two senders."""
    with unit_of_work(engine, SYSTEM) as uow:
        nomenclature = load_nomenclature(uow.connection)
        senders = [Actor(row.role, row.id, row.organisation_id) for row in uow.connection.execute(_SENDERS)]
    made = [actions._new_report(command, nomenclature, source="api", now=NOW) for command in commands]
    for first in range(0, ROWS, TOGETHER):
        some = [Submission(new, senders[n % 2]) for n, new in enumerate(made[first : first + TOGETHER])]
        assert {added.outcome for added in actions.submit_together(engine, some)} == {"added"}


@pytest.mark.parametrize("store", [load, submit])
@pytest.mark.parametrize("rules", ["without rules", "with rules"])
def test_a_set_says_what_each_row_says_alone(
    engine: Engine, world: World, rules: str, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "BATCH_ROWS", 1_100)
    if rules == "with rules":
        add_rules(engine, world)
    store(engine, made_commands(engine, world))
    with unit_of_work(engine, SYSTEM) as uow:
        rows = uow.connection.execute(_ALONE).all()
    assert len(rows) == ROWS
    assert [row for row in rows if row.places != row.places_alone] == []
    assert [row for row in rows if (row.answers, row.routing) != (row.answers_alone, row.routing_alone)] == []
    # The sample holds what it is meant to hold.
    assert len({row.places for row in rows}) > 30
    by = Counter(row.routing["by"] for row in rows)
    expected = {"place", "stop", "residence", "school", "category", "city", "candidates"}
    if rules == "with rules":
        expected.add("rule")
    assert {name for name in expected if by[name] >= 10} == expected, by
