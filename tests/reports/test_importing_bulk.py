"""The bulk path makes the same reports as one at a time."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from app.db.session import unit_of_work
from app.nomenclature.store import load_nomenclature
from app.people.actor import SYSTEM, Actor
from app.reports import actions
from app.reports.commands import ReportCommand
from app.reports.importing.bulk import BulkEvent, BulkOrigin, BulkRow, bulk_insert, one_ahead
from tests.reports.samples import LAT, LON, add_place, square

NOW = datetime(2026, 5, 4, 12, 0, 0, 123456, tzinfo=UTC)
SAME = (
    "category_code, ST_AsEWKT(geom_4326, 15), cell_25m, severity, state, visibility, observed_at, received_at, due_at,"
    " description, organisation_id, neighbourhood_id, iris_id, qpv_id, nearest_stop_id, place_id, is_synthetic, version"
)
EDGES = [(LON, LAT), (LON + 0.02, LAT + 0.02), (LON - 0.05, LAT), (LON, LAT + 0.05), (LON + 0.1, LAT - 0.1)]
TEXTS = [None, "plain", "tab\tand\nline\\.", "\\.", "é € 🚌 \u2028", "\\N", 'quote " and , comma']


def commands(engine: Engine, count: int, place_ids: list[int | None]) -> list[ReportCommand]:
    pick = random.Random(7)
    with unit_of_work(engine, SYSTEM) as uow:
        codes = [category.code for category in load_nomenclature(uow.connection).categories]
    positions = EDGES + [
        (LON + pick.uniform(-0.1, 0.1), LAT + pick.uniform(-0.1, 0.1)) for _ in range(count - len(EDGES))
    ]
    return [
        ReportCommand(
            id=uuid4(),
            category=codes[number % len(codes)],
            lon=lon,
            lat=lat,
            severity=pick.choice([None, 1, 2, 3, 4]),
            observed_at=pick.choice([None, NOW - timedelta(seconds=pick.uniform(0, 3e7))]),
            description=pick.choice(TEXTS),
            place_id=pick.choice(place_ids),
        )
        for number, (lon, lat) in enumerate(positions)
    ]


def rows_by_id(engine: Engine, ids: list[Any]) -> dict[Any, tuple[Any, ...]]:
    query = text(f"SELECT id, {SAME} FROM report WHERE id = ANY(:ids)")
    with unit_of_work(engine, SYSTEM) as uow:
        return {row[0]: tuple(row[1:]) for row in uow.connection.execute(query, {"ids": ids})}


def test_both_paths_make_the_same_report(
    engine: Engine, places: dict[str, int], actor_of: Callable[[str], Actor]
) -> None:
    with unit_of_work(engine, SYSTEM) as uow:
        nomenclature = load_nomenclature(uow.connection)
        # Overlapping polygons, and stops in equal distance: the tie must be decided the same way.
        for kind in ("neighbourhood", "iris", "qpv"):
            add_place(uow, kind, f"{kind}-over", square(LON, LAT, 0.03))
        for number in range(200):
            pick = random.Random(number)
            add_place(uow, "stop", f"s{number}", f"POINT({LON + pick.uniform(-0.1, 0.1)} {LAT})")
        add_place(uow, "stop", "twin", f"POINT({LON + 0.001} {LAT})")
    singles = commands(engine, 400, [None, None, places["residence"], places["near_stop"]])
    with unit_of_work(engine, actor_of("agent")) as uow:
        for command in singles:
            actions.submit(uow, actor_of("agent"), command, nomenclature=nomenclature, source="api", now=NOW)
    twin_of = {command.id: command.model_copy(update={"id": uuid4()}) for command in singles}
    bulk = [BulkRow(command, source_ref=str(number)) for number, command in enumerate(twin_of.values())]
    with unit_of_work(engine, SYSTEM) as uow:
        result = bulk_insert(uow, BulkOrigin("import:twin"), bulk, now=NOW)
    assert (result.added, result.already_there, result.duplicate, result.unknown_place) == (400, 0, 0, 0)
    ids = [*twin_of, *(command.id for command in twin_of.values())]
    stored = rows_by_id(engine, ids)
    assert len(stored) == 800
    different = [one for one, twin in twin_of.items() if stored[one] != stored[twin.id]]
    assert different == []


def test_each_report_has_its_first_event(engine: Engine, places: dict[str, int]) -> None:
    [command] = commands(engine, 5, [None])[:1]
    with unit_of_work(engine, SYSTEM) as uow:
        bulk_insert(uow, BulkOrigin("import:x"), [BulkRow(command, source_ref="42")], now=NOW)
        events = actions.history(uow, command.id)
        answers = uow.connection.scalar(text("SELECT organisation_id FROM report"))
    assert [(event.kind, event.to_state, event.role, event.at) for event in events] == [
        ("created", "new", "system", NOW)
    ]
    routing = events[0].details["routing"]
    assert events[0].details == {
        "source": "import:x",
        "source_ref": "42",
        "responsible_id": answers,
        "routing": routing,
    }
    assert set(routing) >= {"by"}


def test_a_history_is_kept_in_order_and_by_whom(engine: Engine, places: dict[str, int]) -> None:
    [command] = commands(engine, 5, [places["residence"]])[:1]
    history = (
        BulkEvent(NOW - timedelta(hours=2), "state_changed", "new", "acknowledged", "partner", by_responsible=True),
        BulkEvent(
            NOW - timedelta(hours=1), "state_changed", "acknowledged", "resolved", "partner", details={"é": "\t"}
        ),
    )
    row = BulkRow(command, received_at=NOW - timedelta(days=1), state="resolved", history=history)
    with unit_of_work(engine, SYSTEM) as uow:
        bulk_insert(uow, BulkOrigin("demo", is_synthetic=True), [row], now=NOW)
        events = actions.history(uow, command.id)
        report = actions.read(uow, command.id)
    assert [event.to_state for event in events] == ["new", "acknowledged", "resolved"]
    assert (events[1].organisation, events[2].organisation) == (report.organisation, None)
    assert events[2].details == {"é": "\t"}
    assert (report.state, report.is_synthetic, report.received_at) == ("resolved", True, NOW - timedelta(days=1))


def test_rows_there_twice_and_at_unknown_places_are_left_out(engine: Engine, places: dict[str, int]) -> None:
    made = commands(engine, 8, [None])
    lost = made[5].model_copy(update={"place_id": 999_999})
    closed = made[6].model_copy(update={"place_id": places["far_stop"]})
    rows = [BulkRow(command, source_ref=str(number)) for number, command in enumerate(made[:4])]
    rows += [rows[0], BulkRow(lost, source_ref="5"), BulkRow(closed, source_ref="6")]
    other_id = replace(rows[1], command=made[7])
    told: list[int] = []
    with unit_of_work(engine, SYSTEM) as uow:
        uow.connection.execute(text("UPDATE place SET closed_at = now() WHERE code = 'far'"))
        first = bulk_insert(uow, BulkOrigin("import:x"), rows, now=NOW, progress=told.append)
    with unit_of_work(engine, SYSTEM) as uow:
        second = bulk_insert(uow, BulkOrigin("import:x"), [*rows, other_id], now=NOW)
    assert (first.added, first.already_there, first.duplicate, first.unknown_place) == (4, 0, 1, 2)
    assert (second.added, second.already_there, second.duplicate, second.unknown_place) == (0, 5, 1, 2)
    assert told == [7]


@pytest.mark.parametrize("role", ["agent", "planner", "admin"])
def test_only_the_system_may_load(engine: Engine, places: dict[str, int], role: str, actor_of: Any) -> None:
    """Row-level security is the floor: forgetting SYSTEM stores nothing."""
    [command] = commands(engine, 5, [None])[:1]
    with pytest.raises(DBAPIError, match="row-level security"), unit_of_work(engine, actor_of(role)) as uow:
        bulk_insert(uow, BulkOrigin("import:x"), [BulkRow(command)], now=NOW)
    assert rows_by_id(engine, [command.id]) == {}


def test_the_planner_knows_of_the_rows_before_they_are_committed(
    engine: Engine, owner_engine: Engine, places: dict[str, int]
) -> None:
    """Rolled back rows leave a large file that counts as empty: without this, each next row costs a whole index."""
    with owner_engine.begin() as connection:
        connection.execute(text("TRUNCATE report, report_event CASCADE"))  # nothing is known of rows that are gone
    rows = [BulkRow(command, source_ref=str(number)) for number, command in enumerate(commands(engine, 400, [None]))]
    counted = text("SELECT relname, reltuples FROM pg_class WHERE relname IN ('report', 'report_event') ORDER BY 1")
    with unit_of_work(engine, SYSTEM) as uow:
        bulk_insert(uow, BulkOrigin("import:x"), rows, now=NOW)
        assert [tuple(row) for row in uow.connection.execute(counted)] == [("report", 400), ("report_event", 400)]


def test_the_next_batch_is_prepared_while_one_is_stored() -> None:
    second_is_ready = Event()
    taken: list[tuple[int, bool]] = []

    def prepared() -> Iterator[int]:
        yield 1
        second_is_ready.set()
        yield 2

    one_ahead(prepared(), lambda _batch: second_is_ready.wait(30), lambda *pair: taken.append(pair))
    assert taken == [(1, True), (2, True)]


def test_nothing_is_stored_any_more_when_a_failure_comes_out() -> None:
    started, go_on, done = Event(), Event(), Event()

    def prepared() -> Iterator[int]:
        yield 1
        assert started.wait(30)
        go_on.set()
        raise InterruptedError

    def store(_batch: int) -> None:
        started.set()
        assert go_on.wait(30)
        done.set()

    with pytest.raises(InterruptedError):
        one_ahead(prepared(), store, lambda *_pair: None)
    assert done.is_set()
