"""The SQL function that says who answers: the default from category and place, rules, edges, hours."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import Engine, text

from app.db.session import unit_of_work
from app.people.actor import SYSTEM
from app.routing.deadlines import LOCAL_ZONE
from tests.reports.samples import square
from tests.routing.world import World, at

MONDAY_NOON = datetime(2026, 5, 4, 12, tzinfo=LOCAL_ZONE)
_ROUTE = text("SELECT * FROM route(:category, ST_SetSRID(ST_MakePoint(:lon, :lat), 4326), :place_id, :at)")
_RULE = text("""
    INSERT INTO routing_rule (position, label, active, category_code, theme_code, place_kind, zone_place_id, zone_4326,
                              weekdays, from_time, to_time, organisation_id)
    VALUES (:position, :label, :active, :category, :theme, :place_kind, :zone_place_id,
            ST_Multi(ST_GeomFromText(:zone, 4326)), CAST(:weekdays AS smallint[]), :from_time, :to_time,
            (SELECT id FROM organisation WHERE slug = :to))
""")
_NO_CONDITION = dict.fromkeys(
    ("category", "theme", "place_kind", "zone_place_id", "zone", "weekdays", "from_time", "to_time")
)


class Register:
    """Asks and adds rules, as the system."""

    def __init__(self, engine: Engine, world: World) -> None:
        self.engine, self.world = engine, world
        self.names = {i: slug for slug, i in world.organisations.items()}

    def rule(self, to: str, label: str = "rule", **conditions: Any) -> None:
        binds = {"position": 1, "active": True, "label": label, "to": to} | _NO_CONDITION | conditions
        with unit_of_work(self.engine, SYSTEM) as uow:
            uow.connection.execute(_RULE, binds)

    def ask(self, category: str, east_m: float, north_m: float = 0, place: str = "", when: Any = MONDAY_NOON) -> Any:
        """(slug or tuple of candidates' slugs, details)."""
        lon, lat = at(east_m, north_m)
        binds = {"category": category, "lon": lon, "lat": lat, "place_id": self.world.places.get(place), "at": when}
        with unit_of_work(self.engine, SYSTEM) as uow:
            row = uow.connection.execute(_ROUTE, binds).one()
        if row.candidate_ids:
            assert row.organisation_id is None
            assert [one["organisation_id"] for one in row.details["candidates"]] == row.candidate_ids
            return tuple(self.names[i] for i in row.candidate_ids), row.details
        return self.names.get(row.organisation_id), row.details


@pytest.fixture
def register(engine: Engine, world: World) -> Register:
    return Register(engine, world)


# ── without rules ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("category", "east_north_m", "to", "by"),
    [
        ("lift_out", (10, 0), "hlm-a", "residence"),
        ("lift_out", (190, 0), "hlm-b", "residence"),
        # By place, but nobody's: the city. So is what is the city's own wherever it lies.
        ("overflowing_bin", (14, 0), "hlm-a", "residence"),
        ("overflowing_bin", (17, 0), "city", "city"),
        ("pothole", (0, 0), "city", "city"),
        # A landlord's category away from residences: two landlords, so no guess but the city.
        ("lift_out", (100, 0), "city", "city"),
        ("lift_out", (0, 900), "city", "city"),
        ("damaged_shelter", (20, 500), "bus", "stop"),
        ("damaged_shelter", (60, 500), "bus", "category"),
        ("noise", (0, 0), "police", "category"),
        # No school authority is known here.
        ("school_defect", (0, 0), "city", "city"),
    ],
)
def test_the_default(register: Register, category: str, east_north_m: tuple[int, int], to: str, by: str) -> None:
    answer, details = register.ask(category, *east_north_m)
    assert (answer, details["by"]) == (to, by)


def test_the_reason_names_the_place_and_the_distance(register: Register) -> None:
    _answer, details = register.ask("lift_out", 10)
    assert details["place"] == "residence a"
    assert details["distance_m"] == pytest.approx(10, abs=0.2)


def test_a_place_that_was_named_decides_over_a_nearer_one(register: Register) -> None:
    answer, details = register.ask("lift_out", 10, place="b")
    assert (answer, details) == ("hlm-b", {"by": "place", "place": "residence b"})
    assert register.ask("pothole", 10, place="b")[0] == "city"


def test_between_two_doors_nobody_is_guessed(register: Register) -> None:
    answer, details = register.ask("lift_out", 401)
    assert (answer, details["by"]) == (("hlm-a", "hlm-b"), "candidates")
    assert details["candidates"][0] | {"distance_m": 1} == {
        "organisation_id": register.world.organisations["hlm-a"], "slug": "hlm-a", "organisation": "The hlm-a",
        "by": "residence", "place": "residence a-door", "distance_m": 1,
    }  # fmt: skip
    # Seven metres west of the one is ten metres from the other: still less than five metres apart.
    assert register.ask("lift_out", 393)[0] == ("hlm-a", "hlm-b")
    # Naming the door is an answer.
    assert register.ask("lift_out", 401, place="b-door")[0] == "hlm-b"


def test_clearly_nearer_is_clear(register: Register, engine: Engine) -> None:
    with unit_of_work(engine, SYSTEM) as uow:
        uow.connection.execute(text("UPDATE place SET geom_4326 = ST_SetSRID(ST_MakePoint(:x, :y), 4326)"
                                    " WHERE code = 'b-door'"), dict(zip("xy", at(410), strict=True)))  # fmt: skip
    assert register.ask("lift_out", 401)[0] == "hlm-a"
    assert register.ask("lift_out", 409)[0] == "hlm-b"
    assert register.ask("lift_out", 405)[0] == ("hlm-a", "hlm-b")


def test_a_closed_place_answers_for_nothing(register: Register, engine: Engine) -> None:
    with unit_of_work(engine, SYSTEM) as uow:
        uow.connection.execute(text("UPDATE place SET closed_at = now() WHERE code = 'a'"))
    assert register.ask("lift_out", 0)[0] == "city"


# ── with rules ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_first_rule_that_fits_decides_and_is_named(register: Register) -> None:
    register.rule("police", "second", position=2)
    register.rule("bus", "first", theme="building")
    assert register.ask("lift_out", 0) == ("bus", {"by": "rule", "rule_id": 2, "rule": "first"})
    assert register.ask("pothole", 0)[1]["rule"] == "second"


def test_a_rule_that_is_off_is_not_tried(register: Register) -> None:
    register.rule("police", active=False)
    assert register.ask("lift_out", 0)[0] == "hlm-a"


def test_a_rule_for_one_category(register: Register) -> None:
    register.rule("police", category="lift_out")
    assert register.ask("lift_out", 0)[0] == "police"
    assert register.ask("leak", 0)[0] == "hlm-a"


@pytest.mark.parametrize(
    ("kind", "east_m", "north_m", "fits"),
    [
        ("stop", 20, 500, True), ("stop", 30, 500, False), ("residence", 0, 914, True), ("residence", 0, 917, False),
        ("neighbourhood", 50, 0, True), ("neighbourhood", -50, 0, False),
    ],
)  # fmt: skip
def test_a_rule_for_a_kind_of_place(register: Register, kind: str, east_m: int, north_m: int, *, fits: bool) -> None:
    register.rule("police", place_kind=kind)
    assert (register.ask("pothole", east_m, north_m)[0] == "police") == fits


def test_a_named_place_is_of_its_kind_wherever_the_point_lies(register: Register) -> None:
    register.rule("police", place_kind="residence")
    assert register.ask("pothole", 100, place="a")[0] == "police"
    assert register.ask("pothole", 100)[0] == "city"


@pytest.mark.parametrize("drawn", [True, False])
def test_a_rule_for_an_area_and_its_edge(register: Register, *, drawn: bool) -> None:
    """`east` begins at the middle: inside is clear, outside is clear, within five metres somebody must say."""
    lon, lat = at(0)
    area = {"zone": square(lon + 0.05, lat, 0.05)} if drawn else {"zone_place_id": register.world.places["east"]}
    register.rule("police", "east side", **area)
    assert register.ask("pothole", 6)[0] == "police"
    assert register.ask("pothole", -6)[0] == "city"
    for east_m in (-4, 4):
        answer, details = register.ask("pothole", east_m)
        assert answer == ("police", "city")
        assert [one["by"] for one in details["candidates"]] == ["rule", "city"]


def test_an_edge_between_two_rules_of_one_organisation_is_no_question(register: Register) -> None:
    register.rule("city", "east side", zone_place_id=register.world.places["east"])
    answer, details = register.ask("pothole", 2)
    assert (answer, details["by"]) == ("city", "rule")


def test_a_rule_for_a_stop_as_zone(register: Register) -> None:
    register.rule("police", zone_place_id=register.world.places["stop"])
    assert register.ask("pothole", 24, 500)[0] == "police"
    assert register.ask("pothole", 27, 500)[0] == "city"


@pytest.mark.parametrize(
    ("moment", "fits"),
    [
        # Friday and Saturday nights from 22:00 to 6:00: the morning after belongs to the night before.
        ("2026-05-08T21:59", False), ("2026-05-08T22:00", True), ("2026-05-09T05:59", True),
        ("2026-05-09T06:00", False),
        ("2026-05-10T03:00", True), ("2026-05-11T03:00", False), ("2026-05-08T03:00", False),
    ],
)  # fmt: skip
def test_a_rule_over_midnight(register: Register, moment: str, *, fits: bool) -> None:
    register.rule("police", weekdays=[5, 6], from_time="22:00", to_time="06:00")
    when = datetime.fromisoformat(moment).replace(tzinfo=LOCAL_ZONE)
    assert (register.ask("pothole", 100, when=when)[0] == "police") == fits


@pytest.mark.parametrize(
    ("moment", "fits"),
    [("2026-01-05T08:00", True), ("2026-07-06T08:00", True), ("2026-07-06T17:59", True), ("2026-07-06T18:00", False),
     ("2026-07-04T12:00", False)],
)  # fmt: skip
def test_hours_are_those_of_paris_in_winter_and_summer(register: Register, moment: str, *, fits: bool) -> None:
    register.rule("police", weekdays=[1, 2, 3, 4, 5], from_time="08:00", to_time="18:00")
    when = datetime.fromisoformat(moment).replace(tzinfo=LOCAL_ZONE)
    assert (register.ask("pothole", 100, when=when)[0] == "police") == fits


def test_without_any_organisation_nobody_is_named(engine: Engine, clean: None) -> None:
    with unit_of_work(engine, SYSTEM) as uow:
        binds = {"category": "pothole", "lon": 2.3, "lat": 49.9, "place_id": None, "at": MONDAY_NOON}
        row = uow.connection.execute(_ROUTE, binds).one()
    assert (row.organisation_id, row.candidate_ids, row.details) == (None, None, {"by": "nobody"})
