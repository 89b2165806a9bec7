"""Undo of a whole import: what nobody touched goes without a trace but in the log, what somebody touched stays."""

from __future__ import annotations

from pathlib import Path

import pytest
from psycopg2.errors import ForeignKeyViolation
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError, ProgrammingError

from app.db.session import unit_of_work
from app.heat.keeper import CubeKeeper
from app.people.actor import SYSTEM
from tests.imports.bench import Bench, row, table


def imported(bench: Bench, *rows: str) -> str:
    batch = bench.uploaded(table(*rows))
    assert bench.run(batch)["imported"] == len(rows)
    return batch


def ids(bench: Bench) -> dict[str, str]:
    return {one.source_ref: str(one.id) for one in bench.rows("SELECT source_ref, id FROM report")}


def test_what_somebody_touched_stays_with_the_reason(bench: Bench, engine: Engine) -> None:
    batch = imported(bench, *(row(number) for number in range(1, 8)))
    known = ids(bench)
    city = bench.world.headers("city")
    moved = bench.client.post(f"/api/reports/{known['T1']}/moves", json={"move": "still_there"}, headers=city)
    assert moved.status_code in {200, 201}, moved.get_data(as_text=True)
    bench.rows("INSERT INTO patrol_passage_report SELECT gen_random_uuid(), :id, 1 WHERE false", id=known["T2"])
    with unit_of_work(engine, SYSTEM) as uow:
        uow.connection.execute(
            text("UPDATE report SET state = 'duplicate', duplicate_of = :kept WHERE id = :id"),
            {"id": known["T3"], "kept": known["T4"]},
        )
        # What the clock does by itself is nothing that happened to a report.
        uow.connection.execute(
            text("INSERT INTO report_event (report_id, kind, role) VALUES (:id, 'escalated', 'system')"),
            {"id": known["T5"]},
        )
    undone = bench.undo(batch)
    assert (undone["state"], undone["removed"], undone["kept"]) == ("undone", 5, 2)
    assert set(ids(bench)) == {"T1", "T4"}
    html = bench.page(batch)
    assert "Somebody has dealt with it since." in html
    assert "Another report was merged into it." in html
    assert bench.one("SELECT count(*) FROM report_event") == 3  # created twice, and the move


def test_desk_exports_and_lists_forget_them_and_the_log_does_not(bench: Bench) -> None:
    batch = imported(bench, row(1), row(2))
    path = next(iter(ids(bench).values()))
    lines = bench.get("/export/reports.csv", "planner").get_data(as_text=True).count("\n")
    assert path in bench.get("/reports").get_data(as_text=True)
    bench.undo(batch)
    assert path not in bench.get("/reports").get_data(as_text=True)
    assert bench.get(f"/reports/{path}").status_code == 404
    assert bench.get("/export/reports.csv", "planner").get_data(as_text=True).count("\n") == lines - 2
    assert bench.one("SELECT count(*) FROM report_event") == 0
    assert bench.one("SELECT count(*) FROM import_report") == 0
    log = bench.rows("SELECT state, imported, removed, undone_by, undone_at IS NOT NULL FROM import_batch")
    assert [tuple(one) for one in log] == [("undone", 2, 2, bench.world.actors["city"].user_id, True)]
    assert "Undone" in bench.get("/imports").get_data(as_text=True)


def test_the_heat_cube_forgets_at_once(bench: Bench, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.heat.keeper.REFRESH_S", 0.0)
    # Deleted rows come into the statistics seconds later: without them, only the log says it.
    monkeypatch.setattr(
        "app.heat.store._WATERMARK",
        text(str(_watermark()).replace("pg_stat_get_tuples_deleted('report'::regclass)", "0")),
    )
    keeper = CubeKeeper(engine)
    batch = imported(bench, row(1), row(2), row(3))
    assert len(keeper.current(at_once=True).rows) == 3
    bench.undo(batch)
    assert len(keeper.current(at_once=True).rows) == 0
    imported(bench, row(1))
    assert len(keeper.current(at_once=True).rows) == 1


def _watermark() -> object:
    from app.heat import store

    return store._WATERMARK


def test_the_same_file_may_come_again_after_an_undo(bench: Bench) -> None:
    batch = imported(bench, row(1), row(2))
    before = set(ids(bench).values())
    bench.undo(batch)
    again = imported(bench, row(1), row(2))
    assert set(ids(bench).values()) == before
    assert bench.undo(again)["removed"] == 2


def test_an_import_takes_back_only_what_it_added(bench: Bench) -> None:
    first = imported(bench, row(1), row(2))
    second = bench.uploaded(table(row(1), row(2), row(3)))
    assert bench.run(second)["already_there"] == 2
    assert bench.undo(second)["removed"] == 1
    assert set(ids(bench)) == {"T1", "T2"}
    assert bench.undo(first)["removed"] == 2


def test_undo_is_refused_where_there_is_nothing_to_take_back(bench: Bench) -> None:
    draft = bench.uploaded(table(row(1)))
    assert bench.post(f"/imports/{draft}/undo").status_code == 409
    batch = imported(bench, row(2))
    bench.undo(batch)
    assert bench.post(f"/imports/{batch}/undo").status_code == 409


def test_the_database_itself_removes_nothing_else(bench: Bench, engine: Engine, owner_engine: Engine) -> None:
    """The floor: without the state, without the system, or with something that refers to it, nothing is removed."""
    batch = imported(bench, row(1))
    remove = text("SELECT remove_imported(CAST(:id AS uuid))")
    with pytest.raises(ProgrammingError, match="is not being undone"), unit_of_work(engine, SYSTEM) as uow:
        uow.connection.execute(remove, {"id": batch})
    bench.rows("UPDATE import_batch SET state = 'undoing' WHERE id = :id", id=batch)
    city = bench.world.actors["city"]
    with pytest.raises(ProgrammingError, match="is not being undone"), unit_of_work(engine, city) as uow:
        uow.connection.execute(remove, {"id": batch})
    report = ids(bench)["T1"]
    bench.rows("INSERT INTO report_event (report_id, kind, role) VALUES (:id, 'still_there', 'agent')", id=report)
    with pytest.raises(ProgrammingError, match="append-only"), unit_of_work(engine, SYSTEM) as uow:
        uow.connection.execute(remove, {"id": batch})
    with pytest.raises(ProgrammingError, match="permission denied"), unit_of_work(engine, SYSTEM) as uow:
        uow.connection.execute(text("DELETE FROM report"))
    assert bench.reports() == 1
    with owner_engine.begin() as connection:  # the owner too: only what is being undone, and only when it says so
        assert connection.execute(text("DELETE FROM report")).rowcount == 0


def test_a_reference_that_the_check_overlooks_stops_the_whole_undo(bench: Bench, engine: Engine) -> None:
    batch = imported(bench, row(1), row(2))
    known = ids(bench)
    bench.rows("UPDATE import_batch SET state = 'undoing' WHERE id = :id", id=batch)
    with unit_of_work(engine, SYSTEM) as uow:
        uow.connection.execute(
            text("UPDATE report SET state = 'duplicate', duplicate_of = :kept WHERE id = :id"),
            {"id": known["T1"], "kept": known["T2"]},
        )
        uow.connection.execute(
            text("UPDATE import_report SET kept_because = 'x' WHERE report_id = :id"), {"id": known["T1"]}
        )
    with pytest.raises(IntegrityError) as caught, unit_of_work(engine, SYSTEM) as uow:
        uow.connection.execute(text("SELECT remove_imported(CAST(:id AS uuid))"), {"id": batch})
    assert isinstance(caught.value.orig, ForeignKeyViolation)
    assert bench.reports() == 2


def test_nothing_of_the_path_leaves_the_folder(bench: Bench, tmp_path: Path) -> None:
    batch = bench.uploaded(table(row(1)), name="../../../etc/\u202epasswd  2.csv")
    assert bench.status(batch)["file_name"] == "passwd 2.csv"
    assert {one.name for one in bench.folder(batch).iterdir()} == {"upload"}
    assert bench.post(f"/imports/{batch}/discard").status_code == 303
    assert not bench.folder(batch).exists()
