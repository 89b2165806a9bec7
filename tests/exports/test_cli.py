"""`quietude export reports`, `interventions` and `events` from the shell."""

from __future__ import annotations

import csv
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from app.db.session import unit_of_work
from app.people.actor import SYSTEM
from tests.exports.samples import add_intervention, add_many, add_organisation, add_report

Run = Callable[..., "subprocess.CompletedProcess[bytes]"]


@pytest.fixture
def run(app_url: str, clean: None, tmp_path: Path) -> Run:
    """The command in a process of its own, as a shell runs it."""
    environ = {
        "PATH": os.environ["PATH"],
        "QUIETUDE_DATABASE_URL": app_url,
        "QUIETUDE_VAR_DIR": str(tmp_path / "var"),
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }

    def start(
        *arguments: str, what: str = "reports", stdout: int = subprocess.PIPE
    ) -> subprocess.CompletedProcess[bytes]:
        command = [sys.executable, "-m", "app.cli", "export", what, *arguments]
        return subprocess.run(command, env=environ, stdout=stdout, stderr=subprocess.PIPE, check=False, cwd=tmp_path)

    return start


def test_a_file_with_what_a_planner_sees(run: Run, engine: Engine, tmp_path: Path) -> None:
    with unit_of_work(engine, SYSTEM) as uow:
        seen = {add_report(uow), add_report(uow, visibility="partner")}
        restricted = add_report(uow, visibility="restricted")
    done = run("out.geojson")
    assert done.returncode == 0, done.stderr
    assert b"2/2" in done.stderr
    got = json.loads((tmp_path / "out.geojson").read_text(encoding="utf-8"))
    assert {feature["id"] for feature in got["features"]} == seen
    assert run("out.geojson", "--restricted").returncode == 0
    got = json.loads((tmp_path / "out.geojson").read_text(encoding="utf-8"))
    assert {feature["id"] for feature in got["features"]} == seen | {restricted}
    assert {path.name for path in tmp_path.iterdir()} <= {"out.geojson", "var"}


def test_filters_and_standard_output(run: Run, engine: Engine) -> None:
    with unit_of_work(engine, SYSTEM) as uow:
        add_report(uow)
        fire = add_report(uow, category="fire")
    done = run("-", "--category", "fire", "--from", "2026-05-04", "--bbox=-1,49,3,50")
    assert [feature["id"] for feature in json.loads(done.stdout)["features"]] == [fire]


def test_a_wrong_filter_is_one_line(run: Run, tmp_path: Path) -> None:
    done = run("out.geojson", "--theme", "nope")
    assert done.returncode == 1
    assert done.stderr.count(b"\n") == 1
    assert b"theme" in done.stderr
    assert not (tmp_path / "out.geojson").exists()


def test_a_folder_that_is_not_there_is_one_line(run: Run) -> None:
    done = run("nowhere/out.geojson")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == b"Error: nowhere/out.geojson: No such file or directory"
    assert b"Traceback" not in done.stderr


def test_a_disk_that_is_full_is_one_line(run: Run, engine: Engine) -> None:
    with unit_of_work(engine, SYSTEM) as uow:
        add_many(uow, 1_000)
    done = run("/dev/full")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == b"Error: /dev/full: No space left on device"
    assert Path("/dev/full").is_char_device()


def test_the_old_file_stays_when_the_export_fails(run: Run, tmp_path: Path) -> None:
    (tmp_path / "out.geojson").write_text("old", encoding="utf-8")
    assert run("out.geojson", "--from", "never").returncode == 1
    assert (tmp_path / "out.geojson").read_text(encoding="utf-8") == "old"


def test_a_reader_that_has_enough_is_no_traceback(run: Run, engine: Engine) -> None:
    with unit_of_work(engine, SYSTEM) as uow:
        add_many(uow, 20_000)
    read_end, write_end = os.pipe()
    os.close(read_end)
    done = run("-", stdout=write_end)
    os.close(write_end)
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr


def test_interventions_that_a_planner_sees(run: Run, engine: Engine, tmp_path: Path) -> None:
    with unit_of_work(engine, SYSTEM) as uow:
        organisation_id = add_organisation(uow, "city", "City")
        seen = add_intervention(uow, organisation_id, "works")
        add_intervention(uow, organisation_id, "cleaning")
        hidden = add_intervention(uow, organisation_id, "works", "restricted")
    done = run("out.geojson", "--kind", "works", what="interventions")
    assert done.returncode == 0, done.stderr
    assert b"1/1" in done.stderr
    got = json.loads((tmp_path / "out.geojson").read_text(encoding="utf-8"))
    assert (got["name"], [feature["id"] for feature in got["features"]]) == ("interventions", [seen])
    got = json.loads(run("-", "--kind", "works", "--restricted", what="interventions").stdout)
    assert {feature["id"] for feature in got["features"]} == {seen, hidden}
    wrong = run("-", "--kind", "magic", what="interventions")
    assert (wrong.returncode, wrong.stderr.count(b"\n")) == (1, 1)


def test_a_geopackage_with_french_words(run: Run, engine: Engine, tmp_path: Path) -> None:
    with unit_of_work(engine, SYSTEM) as uow:
        add_report(uow)
    done = run("out.gpkg", "--format", "gpkg")
    assert done.returncode == 0, done.stderr
    assert b"1/1" in done.stderr
    with sqlite3.connect(tmp_path / "out.gpkg") as file:
        title = file.execute("SELECT title FROM gpkg_data_columns WHERE column_name = 'severity'").fetchone()
        assert title == ("Gravité",)
        assert file.execute("SELECT count(*) FROM reports").fetchone() == (1,)


def test_histories_as_csv(run: Run, engine: Engine) -> None:
    with unit_of_work(engine, SYSTEM) as uow:
        report_id, restricted = add_report(uow), add_report(uow, visibility="restricted")
        for one in (report_id, restricted):
            uow.connection.execute(
                text("INSERT INTO report_event (report_id, kind, role) VALUES (:id, 'created', 'system')"), {"id": one}
            )
    done = run("-", what="events")
    assert done.returncode == 0, done.stderr
    assert b"1/1" in done.stderr
    assert [row["report"] for row in csv.DictReader(done.stdout.decode().splitlines())] == [report_id]
