"""The cube against the database: interleaved writers, corrections, withdrawals, deletions, the database away."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from datetime import date

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from app.db.session import make_engine, unit_of_work
from app.heat.cube import (
    ARRAYS,
    Choice,
    Rows,
    day_number,
    day_of,
    fingerprint,
    flags_table,
    joined,
    made_rows,
    merged,
    no_rows,
    pack_flags,
    pairs_of,
    replaced,
)
from app.heat.keeper import CubeKeeper
from app.people.actor import SYSTEM
from app.reports.rules import STATES
from tests.heat.conftest import add_report

COLUMNS = (*(name for name in ARRAYS if name != "pair"), "category", "organisation")
_ADD_ORGANISATION = text("INSERT INTO organisation (slug, name, kind) VALUES (:slug, :slug, 'city')")


def equal(one: Rows, other: Rows) -> bool:
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in COLUMNS)


def rows_of(numbers: list[int], *, day: int = 0, organisation: int = 0) -> Rows:
    n = len(numbers)
    ones = np.ones(n, np.int64)
    lon, lat = np.full(n, 2.3), np.full(n, 49.9)
    return made_rows(
        number=np.array(numbers, np.int64), day=ones * day, category=ones, severity=ones, visibility=ones * 0,
        state=ones * 0, lon=lon, lat=lat, organisation=ones * organisation,
    )  # fmt: skip


def test_a_report_costs_at_most_sixteen_bytes() -> None:
    assert rows_of(list(range(1000))).nbytes <= 16_000


def test_flags_keep_severity_visibility_and_state() -> None:
    severity, visibility, state = flags_table()
    for s, v, t in itertools.product(range(1, 5), range(3), range(len(STATES))):
        byte = int(pack_flags(np.array([s]), np.array([v]), np.array([t]))[0])
        assert (severity[byte], visibility[byte], state[byte]) == (s, v, t)


def test_days_survive_the_round_trip() -> None:
    for day in (date(1970, 1, 1), date(2000, 1, 1), date(2026, 12, 31), date(2089, 1, 1)):
        assert day_of(day_number(day)) == day


def test_positions_are_kept_to_ten_centimetres() -> None:
    from app.places.lattice import to_lambert93

    rng = np.random.default_rng(1)
    lon, lat = 2.3 + rng.random(500) / 10, 49.9 + rng.random(500) / 10
    zeros = np.zeros(500, np.int64)
    rows = made_rows(
        number=np.arange(500), day=zeros, category=zeros, severity=zeros + 1, visibility=zeros, state=zeros,
        lon=lon, lat=lat,
    )  # fmt: skip
    east, north = to_lambert93(lon, lat)
    assert np.abs((rows.column + (rows.sub_column + 0.5) / 256) * 25.0 - east).max() < 0.05
    assert np.abs(6_000_000 + (rows.row + (rows.sub_row + 0.5) / 256) * 25.0 - north).max() < 0.05


@given(
    st.lists(st.integers(0, 60), unique=True),
    st.lists(st.tuples(st.integers(0, 60), st.integers(-5, 5)), unique_by=lambda pair: pair[0]),
    st.sets(st.integers(0, 60)),
)
def test_merge_equals_a_dictionary(before: list[int], changed: list[tuple[int, int]], gone: set[int]) -> None:
    gone -= {number for number, _ in changed}
    expected = dict.fromkeys(before, 9) | dict(changed)
    for number in gone:
        expected.pop(number, None)
    old = rows_of(before, day=9)
    new = joined([rows_of([number], day=day, organisation=day + 5) for number, day in changed])
    away = np.array(sorted(gone), np.int64)
    after = merged(old, new, away)
    assert dict(zip(after.number.tolist(), after.day.tolist(), strict=True)) == expected
    assert after.organisation.tolist() == [0 if day == 9 else day + 5 for _number, day in sorted(expected.items())]
    assert list(after.number) == sorted(expected)
    moved = (fingerprint(old) - fingerprint(replaced(old, new, away)) + fingerprint(new)) % (1 << 64)
    assert moved == fingerprint(after)


def test_the_fingerprint_sees_every_column() -> None:
    rows = rows_of([1, 2, 3])
    for name in COLUMNS:
        columns = {column: getattr(rows, column).copy() for column in COLUMNS}
        columns[name][1] += 7
        columns["pairs"], columns["pair"] = pairs_of(columns.pop("category"), columns.pop("organisation"))
        assert fingerprint(Rows(**columns)) != fingerprint(rows), name


def test_equal_rows_have_one_fingerprint_whatever_their_tables_hold() -> None:
    rows = rows_of([1, 2, 3], organisation=4)
    wider = merged(merged(rows, rows_of([2], organisation=9), np.empty(0)), rows_of([2], organisation=4), np.empty(0))
    assert len(wider.pairs) == 2 > len(rows.pairs)
    assert equal(wider, rows)
    assert fingerprint(wider) == fingerprint(rows)


def test_more_pairs_than_two_bytes_can_count_are_still_told_apart() -> None:
    n = (1 << 16) + 2
    category, organisation = np.arange(n) % 300, np.arange(n) // 300
    ones = np.ones(n, np.int64)
    rows = made_rows(
        number=np.arange(n), day=ones, category=category, severity=ones, visibility=ones, state=ones,
        lon=ones * 2.3, lat=ones * 49.9, organisation=organisation,
    )  # fmt: skip
    few = merged(rows_of([n], organisation=7), rows, np.empty(0))
    assert len(few.pairs) > 1 << 16
    assert few.category.tolist() == [*category.tolist(), 1]
    assert few.organisation.tolist() == [*organisation.tolist(), 7]


def test_choice_reads_categories_days_and_flags() -> None:
    rows = joined([rows_of([1], day=3), rows_of([2], day=4), rows_of([3], day=5)])
    every = np.ones(256, np.bool_)
    assert Choice(frozenset({1}), 4, 5, every).of(rows).tolist() == [False, True, True]
    assert Choice(frozenset({1}), None, 4, every).of(rows).tolist() == [True, True, False]
    assert not Choice(frozenset({2}), None, None, every).of(rows).any()
    assert not Choice(frozenset({1}), None, None, ~every).of(rows).any()
    assert Choice(frozenset({1}), None, None, every).of(no_rows()).tolist() == []


def test_choice_reads_the_organisation() -> None:
    rows = joined([rows_of([1], organisation=3), rows_of([2], organisation=4), rows_of([3])])
    every = np.ones(256, np.bool_)
    for organisation, expected in ((None, [1, 2, 3]), (3, [1]), (4, [2]), (0, [3]), (-1, [])):
        choice = Choice(frozenset({1}), None, None, every, organisation)
        assert rows.number[choice.of(rows)].tolist() == expected
    # One choice and two tables.
    choice = Choice(frozenset({1}), None, None, every, 4)
    assert [choice.of(one).tolist() for one in (rows_of([1], organisation=4), rows_of([1]))] == [[True], [False]]


# A writer does these one after the other, in a transaction that stays open while the others go on.
STEPS = ("begin", "insert", "correct", "move", "transfer", "reject", "bring_back", "commit", "commit", "roll_back")


class Writers:
    """Three real connections and a reader, driven step by step."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.keeper = CubeKeeper(engine)
        self.open: dict[int, Connection] = {}
        self.locked: dict[int, set[str]] = {}

    def connection(self, writer: int) -> Connection:
        if writer not in self.open:
            connection = self.engine.connect()
            connection.execute(text("SELECT set_config('app.role', 'system', true)"))
            self.open[writer] = connection
            self.locked[writer] = set()
        return self.open[writer]

    def change(self, writer: int, pick: int, assignment: str) -> None:
        connection = self.connection(writer)
        taken = set().union(*(ids for other, ids in self.locked.items() if other != writer))
        visible = connection.scalars(text("SELECT id::text FROM report ORDER BY number")).all()
        free = [identifier for identifier in visible if identifier not in taken]
        if free:
            target = free[pick % len(free)]
            connection.execute(text(f"UPDATE report SET {assignment} WHERE id = :id"), {"id": target})
            self.locked[writer].add(target)

    def step(self, writer: int, what: str, pick: int) -> None:
        assignments = {
            "correct": "severity = 1 + severity % 4, observed_at = observed_at - interval '1 day'",
            "move": "geom_4326 = ST_Translate(geom_4326, 0.0001, 0.0001)",
            "transfer": "organisation_id = (SELECT min(id) FROM organisation WHERE report.organisation_id IS NULL)",
            "reject": "state = 'rejected'",
            "bring_back": "state = 'reopened'",
        }
        if what == "begin":
            # Takes its number now, so that a later one may commit first.
            self.connection(writer).execute(text("SELECT pg_current_xact_id()"))
        elif what == "insert":
            add_report(self.connection(writer), lon=2.29 + (pick % 50) / 5000)
        elif what in assignments:
            self.change(writer, pick, assignments[what])
        elif writer in self.open:
            connection = self.open.pop(writer)
            del self.locked[writer]
            connection.commit() if what == "commit" else connection.rollback()
            connection.close()

    def close(self) -> None:
        for writer in list(self.open):
            self.step(writer, "commit" if writer % 2 else "roll_back", 0)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 2), st.sampled_from(STEPS), st.integers(0, 1000)), min_size=10, max_size=40))
def test_increments_equal_a_fresh_load(engine: Engine, clean: None, steps: list[tuple[int, str, int]]) -> None:
    with unit_of_work(engine, SYSTEM) as uow:
        uow.connection.execute(text(f"{_ADD_ORGANISATION} ON CONFLICT DO NOTHING"), {"slug": "one"})
    writers = Writers(engine)
    try:
        for writer, what, pick in steps:
            writers.step(writer, what, pick)
            writers.keeper.current(at_once=True)
    finally:
        writers.close()
    kept = writers.keeper.current(at_once=True)
    fresh = CubeKeeper(engine).current()
    assert equal(kept.rows, fresh.rows)
    assert kept.version == fresh.version


def test_a_row_committed_out_of_order_is_not_missed(engine: Engine, clean: None) -> None:
    writers = Writers(engine)
    writers.step(0, "begin", 0)
    writers.step(1, "insert", 1)
    writers.step(1, "commit", 1)
    assert len(writers.keeper.current(at_once=True).rows) == 1
    writers.step(0, "insert", 2)
    assert len(writers.keeper.current(at_once=True).rows) == 1
    writers.step(0, "commit", 0)
    assert len(writers.keeper.current(at_once=True).rows) == 2


def test_threads_that_write_and_read_at_once(engine: Engine, app_url: str, clean: None) -> None:
    keeper, others = CubeKeeper(engine), make_engine(app_url)
    failed: list[BaseException] = []

    def write(seed: int) -> None:
        rng = np.random.default_rng(seed)
        try:
            for _ in range(25):
                with unit_of_work(others, SYSTEM) as uow:
                    for _ in range(int(rng.integers(1, 4))):
                        add_report(uow.connection, lon=2.28 + float(rng.random()) / 50)
        except BaseException as error:  # noqa: BLE001
            failed.append(error)

    def read() -> None:
        try:
            for _ in range(40):
                kept = keeper.current(at_once=True)
                assert fingerprint(kept.rows) == kept.print64
        except BaseException as error:  # noqa: BLE001
            failed.append(error)

    threads = [threading.Thread(target=write, args=(seed,)) for seed in range(3)]
    threads += [threading.Thread(target=read) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    others.dispose()
    assert failed == []
    assert equal(keeper.current(at_once=True).rows, CubeKeeper(engine).current().rows)


def test_the_version_changes_exactly_when_the_data_does(engine: Engine, add: Callable[..., str]) -> None:
    keeper = CubeKeeper(engine)
    empty = keeper.current(at_once=True).version
    assert keeper.current(at_once=True).version == empty
    first = add()
    one = keeper.current(at_once=True).version
    assert one != empty
    with unit_of_work(engine, SYSTEM) as uow:  # a change of something that the map does not draw
        uow.connection.execute(text("UPDATE report SET description = 'autre' WHERE id = :id"), {"id": first})
    assert keeper.current(at_once=True).version == one
    with unit_of_work(engine, SYSTEM) as uow:
        uow.connection.execute(text("UPDATE report SET severity = 4 WHERE id = :id"), {"id": first})
    assert keeper.current(at_once=True).version != one


def test_a_transfer_is_an_increment(engine: Engine, add: Callable[..., str]) -> None:
    with unit_of_work(engine, SYSTEM) as uow:
        for slug in ("one", "other"):
            uow.connection.execute(_ADD_ORGANISATION, {"slug": slug})
    keeper = CubeKeeper(engine)
    add(organisation="one")
    identifier = add(organisation="one")
    before = keeper.current(at_once=True)
    known = {one.id: one.slug for one in before.organisations}
    assert [known[number] for number in before.rows.organisation.tolist()] == ["one", "one"]
    with unit_of_work(engine, SYSTEM) as uow:
        transfer = (
            "UPDATE report SET organisation_id = (SELECT id FROM organisation WHERE slug = 'other') WHERE id = :id"
        )
        uow.connection.execute(text(transfer), {"id": identifier})
    after = keeper.current(at_once=True)
    assert [known[number] for number in after.rows.organisation.tolist()] == ["one", "other"]
    assert after.version == CubeKeeper(engine).current().version != before.version


@pytest.mark.parametrize("state", ["rejected", "duplicate"])
def test_withdrawn_reports_leave_and_come_back(engine: Engine, add: Callable[..., str], state: str) -> None:
    keeper = CubeKeeper(engine)
    identifier = add()
    one = keeper.current(at_once=True)
    change = text("UPDATE report SET state = :state WHERE id = :id")
    with unit_of_work(engine, SYSTEM) as uow:
        uow.connection.execute(change, {"state": state, "id": identifier})
    assert len(keeper.current(at_once=True).rows) == 0
    with unit_of_work(engine, SYSTEM) as uow:
        uow.connection.execute(change, {"state": "new", "id": identifier})
    assert keeper.current(at_once=True).version == one.version


def test_a_truncated_table_is_loaded_anew(engine: Engine, owner_url: str, add: Callable[..., str]) -> None:
    keeper = CubeKeeper(engine)
    add()
    assert len(keeper.current(at_once=True).rows) == 1
    owner = create_engine(owner_url, poolclass=NullPool)
    with owner.begin() as connection:
        connection.execute(text("TRUNCATE report RESTART IDENTITY CASCADE"))
    assert len(keeper.current(at_once=True).rows) == 0


def test_the_day_is_that_of_amiens(engine: Engine, add: Callable[..., str]) -> None:
    add(observed_at="2026-06-30T22:30:00Z")
    assert day_of(CubeKeeper(engine).current().rows.day[0]) == date(2026, 7, 1)


def test_a_row_that_carries_a_number_of_another_cluster(
    engine: Engine, owner_url: str, add: Callable[..., str]
) -> None:
    keeper = CubeKeeper(engine)
    identifier = add()
    owner = create_engine(owner_url, poolclass=NullPool)
    with owner.begin() as connection:
        connection.execute(text("ALTER TABLE report DISABLE TRIGGER report_stamp"))
        connection.execute(text("ALTER TABLE report NO FORCE ROW LEVEL SECURITY"))
        connection.execute(text("UPDATE report SET changed_txid = 1 << 40"))
        connection.execute(text("ALTER TABLE report FORCE ROW LEVEL SECURITY"))
        connection.execute(text("ALTER TABLE report ENABLE TRIGGER report_stamp"))
    assert len(keeper.current(at_once=True).rows) == 1
    with unit_of_work(engine, SYSTEM) as uow:
        uow.connection.execute(text("UPDATE report SET state = 'rejected' WHERE id = :id"), {"id": identifier})
    assert len(keeper.current(at_once=True).rows) == 0


def test_without_a_database_the_last_cube_stays_and_says_so(app_url: str, add: Callable[..., str]) -> None:
    add()
    own = make_engine(app_url)
    keeper = CubeKeeper(own)
    before = keeper.current()
    own.dispose()
    keeper._engine = make_engine("postgresql+psycopg2://quietude_app@/quietude?host=/nowhere")
    after = keeper.current(at_once=True)
    assert after.is_stale
    assert (after.version, after.as_of) == (before.version, before.as_of)
    keeper._engine = own
    assert not keeper.current(at_once=True).is_stale
    own.dispose()


def test_without_a_database_from_the_start_it_is_an_error() -> None:
    with pytest.raises(OperationalError):
        CubeKeeper(make_engine("postgresql+psycopg2://quietude_app@/quietude?host=/nowhere")).current()
