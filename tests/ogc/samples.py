"""A small register for the tests of OGC API – Features: every collection has something, and every awkward value."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import Engine, text

from app.db.session import unit_of_work
from app.people.actor import SYSTEM
from tests.exports.samples import add_report
from tests.reports.samples import add_place, square
from tests.routing.world import World, at, make_world

# That a planner sees; one more is restricted.
REPORTS = 25
_INTERVENTION = text("""
    INSERT INTO intervention (
        id, kind_code, geom_4326, cell_25m, visibility, organisation_id, planned_start, planned_end)
    VALUES (:id, 'cleaning', ST_GeomFromText(:wkt, 4326), 1, 'partner', :organisation_id, :start, :end)
""")
TIMED, TIMELESS = "00000000-0000-4000-8000-0000000000a1", "00000000-0000-4000-8000-0000000000a2"
PATROL, PASSAGE = "00000000-0000-4000-8000-0000000000b1", "00000000-0000-4000-8000-0000000000b2"
_STOP = "POINT(2.3 49.9)"
# One round of two stops: one was passed, one not.
_PATROL = text("""
    WITH round AS (
        INSERT INTO patrol (id, kind, title, state, planned_at, started_at, organisation_id)
        VALUES (:id, 'round', 'Stops', 'open', '2026-06-02T08:00Z', '2026-06-02T08:05Z', :organisation_id))
    INSERT INTO patrol_stop (patrol_id, position, name, geom_4326)
    SELECT :id, position, 'Stop ' || position, ST_GeomFromText(:stop, 4326) FROM generate_series(1, 2) AS position
""")
_PASSAGE = text("""
    INSERT INTO patrol_passage (id, patrol_id, stop_id, geom_4326, cell_25m, passed_at, outcome)
    SELECT :id, patrol_id, id, geom_4326, 1, '2026-06-02T08:10Z', 'nothing' FROM patrol_stop
    WHERE patrol_id = :patrol_id AND position = 1
""")
STATES = ("new", "acknowledged", "resolved")


def report_id(number: int) -> str:
    """Of the report so many in the order of ids."""
    return str(UUID(int=number, version=4))


def fill(engine: Engine, reports: int = REPORTS) -> World:
    """Put it all into the database."""
    world = make_world(engine)
    with unit_of_work(engine, SYSTEM) as uow:
        more = {"east": world.places["east"], "bus": world.organisations["bus"], "city": world.organisations["city"]}
        add_place(uow, "neighbourhood", "west", square(2.2457, 49.8941, 0.05))
        add_place(uow, "iris", "80021-1", square(2.3, 49.9, 0.01))
        add_place(uow, "qpv", "QP-1", square(2.3, 49.9, 0.005))
        add_place(uow, "line", "L1", "LINESTRING(2.20 49.85, 2.35 49.95)", "bus")
        add_place(uow, "school", "S1", "POINT(2.31 49.91)")
        for number in range(reports):
            add_report(uow, **_report(number, more))
        add_report(
            uow,
            id=report_id(9_000),
            visibility="restricted",
            description="not for planners",
            observed_at="2026-04-30T12:00:00Z",
        )
        for id_, wkt, start, end in (
            (TIMED, "POINT(2.3022 49.8947)", "2026-06-01T08:00Z", "2026-06-01T10:00Z"),
            (TIMELESS, "LINESTRING(2.20 49.85, 2.35 49.95)", None, None),
        ):
            values = {"id": id_, "wkt": wkt, "start": start, "end": end, "organisation_id": world.organisations["city"]}
            uow.connection.execute(_INTERVENTION, values)
        city = world.organisations["city"]
        uow.connection.execute(_PATROL, {"id": PATROL, "organisation_id": city, "stop": _STOP})
        uow.connection.execute(_PASSAGE, {"id": PASSAGE, "patrol_id": PATROL})
    return world


def _report(number: int, ids: dict[str, int]) -> dict[str, Any]:
    lon, lat = at(100.0 * (number % 25), 10.0 * (number % 7))
    return {
        "id": report_id(number + 1),
        "lon": lon,
        "lat": lat,
        "category": ("overflowing_bin", "lift_out")[number % 2],
        "severity": 1 + number % 4,
        "state": STATES[number % 3],
        "observed_at": f"2026-05-{1 + number % 25:02d}T12:00:00Z",
        "organisation_id": ids["bus"] if number % 5 else ids["city"],
        "neighbourhood_id": ids["east"],
        "description": 'Sac éventré, "près du quai"\n<b>&\\' if number == 3 else None,
    }
