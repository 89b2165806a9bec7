"""The export as bytes: what is in it, what never is, and what happens when something goes wrong."""

from __future__ import annotations

import json
import time
import tracemalloc
from datetime import date
from itertools import zip_longest
from typing import Any

import psycopg2
import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from app.db.session import UnitOfWork, make_engine, unit_of_work
from app.errors import ForbiddenError, NotSignedInError
from app.exports import actions, store
from app.exports.actions import Watch, export_reports
from app.exports.channel import ReaderGoneError
from app.exports.copying import CHUNK_BYTES, CopyStream, Lines
from app.exports.formats import FORMATS
from app.exports.store import plan_reports
from app.people.actor import PUBLIC, SYSTEM, Actor
from app.reports.filters import ReportFilter
from tests.exports.conftest import PLANNER
from tests.exports.samples import PROPERTIES, add_many, add_organisation, add_place, add_report

COORDINATOR = Actor("coordinator", user_id=1, organisation_id=1)
EVERYTHING = ReportFilter()
# What a description can hold and JSON or COPY could stumble over.
ODD = [
    'say "hello"',
    "back\\slash \\n \\. \\",
    "two\nlines\r\nand\ttab",
    "line\u2028separator\u2029paragraph",
    "\u0001\u0002\u001f\u007f\u0085 control",
    "🗑️ 𝔘 é € ﷽ \ufeff \ufffd",
    ",",
    "\\.",
    "null",
    "</script>&amp;'",
    "%s %(x)s :bind",
    "{}[]",
]


def read(engine: Engine, actor: Actor = PLANNER, chosen: ReportFilter = EVERYTHING) -> Any:
    return json.loads(b"".join(export_reports(engine, actor, chosen)))


def running_copies(engine: Engine) -> int:
    """Sessions of the application that still do something, besides the one that asks."""
    query = "SELECT count(*) FROM pg_stat_activity WHERE usename = current_user AND state <> 'idle'"
    with engine.connect() as connection:
        return int(connection.scalar(text(query + " AND pid <> pg_backend_pid()")) or 0)


def test_an_empty_register_is_a_valid_empty_collection(engine: Engine, clean: None) -> None:
    assert read(engine) == {"type": "FeatureCollection", "name": "reports", "features": [], "numberReturned": 0}


def test_a_feature_has_the_contracts_properties_in_their_order(engine: Engine, clean: None) -> None:
    with unit_of_work(engine, SYSTEM) as uow:
        report_id = add_report(
            uow,
            lon=2.30221234567,
            lat=-0.00000004,
            organisation_id=add_organisation(uow, "city", 'Ville "A"'),
            neighbourhood_id=add_place(uow, "neighbourhood", "n", "Saint-\\Leu"),
            description="Bac plein",
        )
    (feature,) = read(engine)["features"]
    assert list(feature) == ["type", "id", "geometry", "properties"]
    assert feature["id"] == report_id
    assert feature["geometry"] == {"type": "Point", "coordinates": [2.3022123, 0.0]}
    assert list(feature["properties"]) == PROPERTIES
    assert feature["properties"] == {
        "id": report_id,
        "category": "overflowing_bin",
        "theme": "cleanliness",
        "kind": "defect",
        "severity": 2,
        "state": "new",
        "visibility": "public",
        "observed_at": "2026-05-04T18:30:00Z",
        "received_at": "2026-05-04T18:31:02.5Z",
        "due_at": "2026-05-05T18:31:02Z",
        "organisation": 'Ville "A"',
        "neighbourhood": "Saint-\\Leu",
        "description": "Bac plein",
        "place": None,
        "nearest_stop": None,
        "iris": None,
        "qpv": None,
        "is_synthetic": False,
        "source": "test",
        "duplicate_of": None,
    }


def test_odd_characters_survive(engine: Engine, clean: None) -> None:
    with unit_of_work(engine, SYSTEM) as uow:
        ids = {add_report(uow, description=odd, source=f"import:{odd}"): odd for odd in ODD}
    features = read(engine)["features"]
    assert {f["id"]: f["properties"]["description"] for f in features} == ids
    assert {f["id"]: f["properties"]["source"].removeprefix("import:") for f in features} == ids


def test_each_feature_is_one_line(engine: Engine, clean: None) -> None:
    with unit_of_work(engine, SYSTEM) as uow:
        for odd in ODD:
            add_report(uow, description=odd)
    lines = b"".join(export_reports(engine, PLANNER, EVERYTHING)).split(b"\n")
    assert len(lines) == len(ODD) + 3
    for line in lines[1:-2]:
        assert json.loads(line.removeprefix(b","))["type"] == "Feature"


def test_missing_values_are_null(engine: Engine, clean: None) -> None:
    with unit_of_work(engine, SYSTEM) as uow:
        add_report(uow, due_at=None)
    (feature,) = read(engine)["features"]
    assert [n for n, v in feature["properties"].items() if v is None] == [
        "due_at", "organisation", "neighbourhood", "description", "place", "nearest_stop", "iris", "qpv",
        "duplicate_of",
    ]  # fmt: skip


def test_no_author_is_in_it(engine: Engine, clean: None) -> None:
    with unit_of_work(engine, SYSTEM) as uow:
        add_report(uow, reporter_organisation_id=add_organisation(uow, "secret-reporter", "The reporting body"))
    body = b"".join(export_reports(engine, COORDINATOR, EVERYTHING))
    assert b"reporting body" not in body
    assert b"reporter" not in body
    assert b"account" not in body


def test_restricted_rows_are_for_coordinators(engine: Engine, clean: None) -> None:
    with unit_of_work(engine, SYSTEM) as uow:
        open_ids = {add_report(uow), add_report(uow, visibility="partner")}
        restricted = add_report(uow, visibility="restricted")
    assert {f["id"] for f in read(engine)["features"]} == open_ids
    assert {f["id"] for f in read(engine, COORDINATOR)["features"]} == open_ids | {restricted}


def test_only_planners_and_coordinators_may(engine: Engine) -> None:
    with pytest.raises(NotSignedInError):
        export_reports(engine, PUBLIC, EVERYTHING)
    for role in ("agent", "partner", "admin"):
        with pytest.raises(ForbiddenError):
            export_reports(engine, Actor(role, user_id=1, organisation_id=1), EVERYTHING)


def test_a_filter_holds(engine: Engine, clean: None) -> None:
    with unit_of_work(engine, SYSTEM) as uow:
        wanted = add_report(uow, severity=4)
        add_report(uow, severity=1)
        add_report(uow, category="fire", severity=4)
    chosen = ReportFilter(themes=("cleanliness",), severity_min=3, from_date=date(2026, 5, 4), to_date=date(2026, 5, 4))
    assert [f["id"] for f in read(engine, chosen=chosen)["features"]] == [wanted]


def test_a_value_of_the_filter_never_becomes_sql(engine: Engine, clean: None) -> None:
    nasty = ("x') OR true --", "%s", "\\'", ":themes")
    assert read(engine, chosen=ReportFilter(categories=nasty))["features"] == []


def test_a_query_that_fails_at_once_is_an_error(engine: Engine, clean: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "_query", lambda *_: b"SELECT (1 / 0)::text")
    with pytest.raises(psycopg2.errors.DivisionByZero):
        export_reports(engine, PLANNER, EVERYTHING)
    monkeypatch.undo()
    assert read(engine)["features"] == []


def failing_in_the_middle(*_: object) -> bytes:
    query = "SELECT ',' || (n / CASE WHEN n = 150000 THEN 0 ELSE 1 END) FROM generate_series(1, 200000) AS n"
    return query.encode()


def test_a_query_that_fails_in_the_middle_never_looks_complete(
    engine: Engine, clean: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "_query", failing_in_the_middle)
    export = export_reports(engine, PLANNER, EVERYTHING)
    chunks: list[bytes] = []
    with pytest.raises(psycopg2.errors.DivisionByZero):
        chunks.extend(export)
    got = b"".join(chunks)
    assert len(got) > CHUNK_BYTES
    with pytest.raises(json.JSONDecodeError):
        json.loads(got)
    export.close()
    assert running_copies(engine) == 0


def test_a_lost_database_connection_is_an_error_and_the_pool_recovers(
    engine: Engine, owner_engine: Engine, clean: None, cluster: Any
) -> None:
    with unit_of_work(engine, SYSTEM) as uow:
        add_many(uow, 20_000)
    stream = iter(export_reports(engine, PLANNER, EVERYTHING))
    next(stream)
    killer = psycopg2.connect(cluster.url("superuser").replace("postgresql+psycopg2", "postgresql"))
    with killer, killer.cursor() as cursor:
        cursor.execute("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE query LIKE 'COPY (%'")
        assert cursor.fetchone() == (1,)
    killer.close()
    with pytest.raises(DBAPIError):
        list(stream)
    assert len(read(engine)["features"]) == 20_000


def test_closing_stops_the_query_and_frees_the_connection(engine: Engine, clean: None) -> None:
    with unit_of_work(engine, SYSTEM) as uow:
        add_many(uow, 20_000)
    for _ in range(30):  # more often than the pool has connections
        export = export_reports(engine, PLANNER, EVERYTHING)
        next(iter(export))
        assert running_copies(engine) == 1
        export.close()
        export.close()
        assert running_copies(engine) == 0
    assert len(read(engine)["features"]) == 20_000


def test_closing_stops_a_query_that_has_no_row_yet(
    engine: Engine, clean: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "_query", lambda *_: b"SELECT pg_sleep(600)::text")
    asked = []

    def is_gone() -> bool:
        asked.append(running_copies(engine))
        return True

    with pytest.raises(ReaderGoneError):
        export_reports(engine, PLANNER, EVERYTHING, watch=Watch(is_gone=is_gone))
    assert asked == [1]
    assert running_copies(engine) == 0


def test_a_reader_that_leaves_while_a_geopackage_is_made_stops_it(engine: Engine, clean: None) -> None:
    with unit_of_work(engine, SYSTEM) as uow:
        add_many(uow, 20_000)
    with pytest.raises(ReaderGoneError):
        export_reports(engine, PLANNER, EVERYTHING, FORMATS["gpkg"], Watch(is_gone=lambda: True))
    assert running_copies(engine) == 0


def test_a_reader_that_takes_nothing_loses_the_query(engine: Engine, clean: None) -> None:
    with unit_of_work(engine, SYSTEM) as uow:
        add_many(uow, 20_000)
    export = export_reports(engine, PLANNER, EVERYTHING, watch=Watch(stalled_s=0.1))
    while running_copies(engine):
        time.sleep(0.01)
    with pytest.raises(ReaderGoneError):
        list(export)


def test_the_usual_statement_timeout_does_not_cut_an_export(
    engine: Engine, clean: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = b"""SELECT ',"' || current_setting('statement_timeout') || '"'"""
    monkeypatch.setattr(store, "_query", lambda *_: query)
    assert read(engine)["features"] == ["12h"]
    with engine.connect() as connection:
        assert connection.scalar(text("SHOW statement_timeout")) == "1min"
        assert connection.scalar(text("SHOW timezone")) == "UTC"


def test_the_reader_holds_the_writer_back(engine: Engine, clean: None) -> None:
    """Not more than a few chunks are ever in memory, however much there is."""
    row_bytes = 100_000
    query = f"SELECT repeat('x', {row_bytes}) FROM generate_series(1, 1000)".encode()
    tracemalloc.start()
    stream = CopyStream(engine, PLANNER, lambda _: [query], Lines)
    size = sum(len(chunk) for chunk in stream)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size == 1000 * (row_bytes + 1)
    assert stream.rows == 1000
    assert peak < 30 * CHUNK_BYTES


def test_two_parts_give_every_report_once(engine: Engine, clean: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "SPLIT_PAGES", 2)
    with unit_of_work(engine, SYSTEM) as uow:
        add_many(uow, 5_000)
        assert len(plan_reports(uow, EVERYTHING)) == 2
        expected = set(uow.connection.scalars(text("SELECT id::text FROM report")))
    got = read(engine)
    ids = [feature["id"] for feature in got["features"]]
    assert len(ids) == got["numberReturned"] == 5_000
    assert set(ids) == expected
    assert running_copies(engine) == 0


@pytest.mark.parametrize("query", ["geojson", "csv", "gpkg"])
def test_no_report_waits_for_the_others(engine: Engine, cleaner: Engine, clean: None, query: str) -> None:
    """A join that hashed or sorted reports would hold all of them before the first one leaves."""
    with unit_of_work(engine, SYSTEM) as uow:
        add_many(uow, 2_000)
        for number in range(50):
            add_place(uow, "residence", f"r{number}", f"Residence {number}")
    with cleaner.begin() as connection:
        # The planner is to choose by what is there, and not by what the last look of autovacuum found.
        connection.execute(text("ANALYZE report, place"))
    with unit_of_work(engine, SYSTEM) as uow:
        for part in plan_reports(uow, EVERYTHING, query):
            plan = "\n".join(uow.connection.exec_driver_sql(f"EXPLAIN {part.decode()}").scalars())
            assert "Seq Scan on report" in plan
            for node in ("Hash", "Sort", "Materialize"):
                assert node not in plan, plan


def test_two_parts_see_the_same_moment(engine: Engine, clean: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is stored after the first part began is in neither part."""
    with unit_of_work(engine, SYSTEM) as uow:
        add_many(uow, 1_000)

    def plan(uow: UnitOfWork) -> list[bytes]:
        with unit_of_work(engine, SYSTEM) as other:
            add_many(other, 1_000)
        return [b"SELECT 'first'::text FROM report", b"SELECT 'second'::text FROM report"]

    stream = CopyStream(engine, PLANNER, plan, Lines)
    lines = b"".join(stream).split()
    assert (lines.count(b"first"), lines.count(b"second")) == (1_000, 1_000)
    assert stream.rows == 2_000


def test_two_parts_run_in_turn_when_connections_are_few(engine: Engine, clean: None, app_url: str) -> None:
    small = make_engine(app_url, pool_size=1)
    with small.connect():
        stream = CopyStream(small, PLANNER, lambda _: [b"SELECT 'first'::text", b"SELECT 'second'::text"], Lines)
        assert sorted(b"".join(stream).split()) == [b"first", b"second"]
    small.dispose()


@pytest.mark.parametrize("bad", [0, 1])
def test_an_error_in_either_part_is_the_readers(engine: Engine, clean: None, bad: int) -> None:
    long = b"SELECT repeat('x', 1000) FROM generate_series(1, 1000000)"
    queries = [long, long]
    queries[bad] = b"SELECT (1 / (n - 2000))::text || repeat('x', 1000) FROM generate_series(1, 3000) AS n"
    stream = CopyStream(engine, PLANNER, lambda _: queries, Lines)
    with pytest.raises(psycopg2.errors.DivisionByZero):
        list(stream)
    assert running_copies(engine) == 0


def test_closing_stops_both_parts(engine: Engine, clean: None) -> None:
    long = b"SELECT repeat('x', 1000) FROM generate_series(1, 10000000)"
    for _ in range(10):
        stream = CopyStream(engine, PLANNER, lambda _: [long, long], Lines)
        next(iter(stream))
        stream.close()
        assert running_copies(engine) == 0


def test_two_exports_at_once_are_both_whole(engine: Engine, clean: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read in turn, each in two parts: four sessions at once."""
    monkeypatch.setattr(store, "SPLIT_PAGES", 2)
    with unit_of_work(engine, SYSTEM) as uow:
        add_many(uow, 5_000)
    exports = [export_reports(engine, PLANNER, EVERYTHING, FORMATS[ending]) for ending in ("geojson", "csv")]
    whole, table = (b"".join(chunks) for chunks in zip(*zip_longest(*exports, fillvalue=b""), strict=True))
    assert json.loads(whole)["numberReturned"] == 5_000
    assert len(table.splitlines()) == 5_001
    assert running_copies(engine) == 0


def test_a_snapshot_is_read_only(engine: Engine, clean: None) -> None:
    def plan(uow: UnitOfWork) -> list[bytes]:
        uow.connection.execute(text("UPDATE report SET severity = 1"))
        return []

    with pytest.raises(DBAPIError, match="read-only"):
        list(CopyStream(engine, SYSTEM, plan, Lines))


def test_the_count_at_the_end_is_the_number_of_features(engine: Engine, clean: None) -> None:
    with unit_of_work(engine, SYSTEM) as uow:
        add_many(uow, 3_000)
    got = read(engine)
    assert got["numberReturned"] == len(got["features"]) == 3_000


def test_the_file_name_has_the_day() -> None:
    assert actions.file_name("reports", "csv", date(2026, 5, 4)) == "quietude-reports-2026-05-04.csv"
