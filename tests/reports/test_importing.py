"""A CSV file → reports: all or nothing, nothing doubled, every refused row named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from app.db.session import unit_of_work
from app.errors import ConflictError
from app.people.actor import SYSTEM
from app.reports.importing import bulk
from app.reports.importing.mapping import MappingError
from tests.reports.import_samples import NOW, mapping, refusals, reports, row, run, write
from tests.reports.samples import LAT, LON

Places = dict[str, int]


def test_good_rows_become_reports(engine: Engine, places: Places, tmp_path: Path) -> None:
    path = write(tmp_path / "in.csv", row(1, text="Débordé, « plein »\nencore"), row(2, what=" TAG "))
    outcome = run(engine, path)
    assert (outcome.read, outcome.imported, outcome.already_there, outcome.refused) == (2, 2, 0, 0)
    first, second = reports(engine)
    assert (first["source"], first["source_ref"], first["category_code"]) == ("import:test", "1", "overflowing_bin")
    assert first["description"] == "Débordé, « plein »\nencore"
    assert first["observed_at"].isoformat() == "2026-04-01T08:00:00+00:00"
    assert (first["received_at"], first["state"], first["is_synthetic"]) == (NOW, "new", False)
    assert (second["category_code"], second["description"], second["severity"]) == ("graffiti", None, 1)


def test_a_second_run_doubles_nothing(engine: Engine, places: Places, tmp_path: Path) -> None:
    path = write(tmp_path / "in.csv", row(1), row(2), row(2), row(3, what="?"))
    first = run(engine, path)
    before = reports(engine)
    second = run(engine, path)
    assert (first.imported, first.already_there, first.refused) == (2, 0, 2)
    assert (second.imported, second.already_there, second.refused) == (0, 2, 2)
    assert second.by_reason == first.by_reason == {"id: duplicate": 1, "category: no category": 1}
    assert reports(engine) == before


def test_a_longer_file_adds_its_new_rows(engine: Engine, places: Places, tmp_path: Path) -> None:
    run(engine, write(tmp_path / "in.csv", row(1)))
    outcome = run(engine, write(tmp_path / "in.csv", row(2), row(1)))
    assert (outcome.imported, outcome.already_there) == (1, 1)


def test_a_dry_run_counts_the_same_and_writes_nothing(engine: Engine, places: Places, tmp_path: Path) -> None:
    path = write(tmp_path / "in.csv", row(1), row(2), row(2), row(3, lon=9), "broken", row(4, what="secret"))
    dry = run(engine, path, dry_run=True, refusals=tmp_path / "dry.csv")
    assert reports(engine) == []
    real = run(engine, path, refusals=tmp_path / "real.csv")
    assert dry == real
    assert (tmp_path / "dry.csv").read_bytes() == (tmp_path / "real.csv").read_bytes()
    assert run(engine, path, dry_run=True) == run(engine, path)


def test_every_refused_row_is_named(engine: Engine, places: Places, tmp_path: Path) -> None:
    path = write(
        tmp_path / "in.csv",
        row(1),
        row(2, lon=2.5),
        row(3, when="2026-05-05T10:00:00+02:00"),
        row(4, what="nothing of ours"),
        row(5, lon="abc", lat=""),
        row("", when=""),
        row(7, lon=LAT, lat=LON),
        row(8, text="<script>alert(1)</script>"),
        row(9, text="x" * 501),
        "10,2.3",
        row(11, when="1999-12-31T10:00:00+02:00"),
        row(1),
        row("r" * 201),
    )
    outcome = run(engine, path, refusals=tmp_path / "out.csv")
    assert (outcome.read, outcome.imported, outcome.refused) == (13, 1, 12)
    assert sum(outcome.by_reason.values()) == outcome.refused
    said = {(one["line"], one["field"]): one["message"] for one in refusals(tmp_path / "out.csv")}
    assert said["3", "lon"] == "This point lies outside the territory, 7.0 km from its border."
    assert said["4", "observed_at"] == "This time lies in the future. Choose now or earlier."
    assert said["5", "category"] == "“nothing of ours” has no category here."
    assert said["6", "lon"] == "Give the longitude in degrees, between -180 and 180."
    assert said["6", "lat"] == "Give the latitude in degrees, between -90 and 90."
    assert said["7", "id"] == said["7", "observed_at"] == "This field is required."
    assert said["8", "lon"].startswith("Longitude and latitude look swapped")
    assert said["9", "description"] == "Write plain text: no HTML, no < and > around words."
    assert said["10", "description"] == "Shorten the text by 1 character."
    assert said["11", ""] == "The row has 2 cells, the header 6."
    assert said["12", "observed_at"] == "This time is too long ago (before 2000)."
    assert said["13", "id"] == "This id stands in an earlier row of the file."
    assert said["14", "id"] == "The id is longer than 200 characters."
    assert len(said) == 14


def test_refusals_carry_the_row_and_are_no_formulas(engine: Engine, places: Places, tmp_path: Path) -> None:
    path = write(tmp_path / "in.csv", row('=HYPERLINK("http://x")', what="+1"), row("nul\0", what="bin"))
    run(engine, path, refusals=tmp_path / "out.csv")
    formula, null = refusals(tmp_path / "out.csv")
    assert formula["id"] == '\'=HYPERLINK("http://x")'
    assert formula["raw"].startswith('"=HYPERLINK(')
    assert (null["message"], null["raw"].split(",")[0]) == ("The row holds a null byte.", "nul␀")
    assert "\0" not in (tmp_path / "out.csv").read_text(encoding="utf-8")


def test_a_formula_is_only_text(engine: Engine, places: Places, tmp_path: Path) -> None:
    run(engine, write(tmp_path / "in.csv", row(1, text="=1+1"), row(2, text="\\.\n\\."), row(3, text="\\N")))
    assert [one["description"] for one in reports(engine)] == ["=1+1", "\\.\n\\.", "\\N"]


def test_ctrl_c_leaves_nothing_half_done(
    engine: Engine, places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "BATCH_ROWS", 10)
    path = write(tmp_path / "in.csv", *(row(number) for number in range(30)))
    seen: list[int] = []

    def stop(done: int) -> None:
        seen.append(done)
        if len(seen) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(engine, path, progress=stop, refusals=tmp_path / "out.csv")
    assert len(seen) == 2
    assert reports(engine) == []
    assert [one.name for one in tmp_path.iterdir()] == ["in.csv"]
    assert run(engine, path).imported == 30


def test_duplicates_are_found_across_batches(
    engine: Engine, places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "BATCH_ROWS", 3)
    path = write(tmp_path / "in.csv", *(row(number % 5) for number in range(20)))
    dry, real, again = run(engine, path, dry_run=True), run(engine, path), run(engine, path)
    assert dry == real
    assert (real.imported, real.refused) == (5, 15)
    assert (again.imported, again.already_there, again.refused) == (0, 5, 15)


def test_a_limit_reads_the_first_rows(engine: Engine, places: Places, tmp_path: Path) -> None:
    outcome = run(engine, write(tmp_path / "in.csv", row(1), "broken", row(3)), limit=2)
    assert (outcome.read, outcome.imported, outcome.refused) == (2, 1, 1)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "The file is empty"),
        (b"\n \n", "The file is empty"),
        (b"a,b\n1,2\n", "there is no column “id”; there are: a, b"),
        (b"id;lon;lat;when;what;text\n", "one column only: is the delimiter ',' right?"),
        (b"id,lon,lat,when,what,text,id\n", "the column “id” is there 2 times"),
        (b"\xff\xfei\0d\0", "the file is UTF-16"),
        (b'id,"lon\n', "the header cannot be read"),
    ],
)
def test_a_file_that_does_not_fit_is_one_line(
    engine: Engine, places: Places, tmp_path: Path, content: bytes, message: str
) -> None:
    path = tmp_path / "in.csv"
    path.write_bytes(content)
    with pytest.raises(MappingError) as caught:
        run(engine, path)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_header_alone_is_no_error(engine: Engine, places: Places, tmp_path: Path) -> None:
    outcome = run(engine, write(tmp_path / "in.csv"))
    assert (outcome.read, outcome.imported, outcome.refused) == (0, 0, 0)


def test_two_imports_of_one_source_do_not_run_at_once(engine: Engine, places: Places, tmp_path: Path) -> None:
    path = write(tmp_path / "in.csv", row(1))
    with unit_of_work(engine, SYSTEM) as uow:
        uow.connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('import:test', 0))"))
        with pytest.raises(ConflictError):
            run(engine, path)
    assert run(engine, path).imported == 1


def test_the_state_of_the_other_system_is_kept(engine: Engine, places: Places, tmp_path: Path) -> None:
    rule = {"column": "text", "values": {"Clos": "resolved"}, "default": "new"}
    used = mapping(state=rule, description=None)
    run(engine, write(tmp_path / "in.csv", row(1, text="CLOS"), row(2)), used)
    assert [one["state"] for one in reports(engine)] == ["resolved", "new"]
    query = text("SELECT kind, from_state, to_state, role FROM report_event ORDER BY id")
    with unit_of_work(engine, SYSTEM) as uow:
        events = [tuple(event) for event in uow.connection.execute(query)]
    assert events == [
        ("created", None, "new", "system"),
        ("created", None, "new", "system"),
        ("imported_state", "new", "resolved", "system"),
    ]


def test_the_reporting_organisation_must_exist(engine: Engine, places: Places, tmp_path: Path) -> None:
    path = write(tmp_path / "in.csv", row(1))
    with pytest.raises(MappingError, match="there is no organisation 'nobody'"):
        run(engine, path, mapping(organisation="nobody"))
    run(engine, path, mapping(organisation="ville-amiens-demo"))
    [stored] = reports(engine)
    assert stored["reporter_organisation_id"] is not None


@pytest.mark.parametrize(
    ("changes", "severities"),
    [
        ({}, [1, 1, 1]),
        ({"severity": {"constant": 4}}, [4, 4, 4]),
        ({"severity": {"column": "text", "values": {"urgent": 3}, "default": 2}}, [3, 2, 2]),
        ({"severity": {"column": "text", "values": {"urgent": 3}}}, [3, 1, 1]),
    ],
)
def test_severity(
    engine: Engine, places: Places, tmp_path: Path, changes: dict[str, Any], severities: list[int]
) -> None:
    path = write(tmp_path / "in.csv", row(1, text="Urgent"), row(2, text="2"), row(3))
    run(engine, path, mapping(**changes))
    assert [one["severity"] for one in reports(engine)] == severities


def test_severity_of_the_column_itself(engine: Engine, places: Places, tmp_path: Path) -> None:
    path = write(tmp_path / "in.csv", row(1, text="3"), row(2, text="9"), row(3))
    outcome = run(engine, path, mapping(severity={"column": "text"}))
    assert [one["severity"] for one in reports(engine)] == [3, 1]
    assert outcome.by_reason == {"severity: not valid": 1}


def test_projected_coordinates(engine: Engine, places: Places, tmp_path: Path) -> None:
    header = "id,lon,lat,when,what,text"
    path = write(
        tmp_path / "in.csv",
        row(1, lon="650 000,5", lat="6 977 867,25"),
        row(2, lon="650\u202f000.5", lat="6977867.25"),
        row(3, lon="x", lat=1),
        row(4, lon="inf", lat=1),
        row(5, lon="1e30", lat="1e30"),
        header=header,
    )
    used = mapping(coordinates={"x": "lon", "y": "lat", "crs": "EPSG:2154"})
    outcome = run(engine, path, used, refusals=tmp_path / "out.csv")
    assert (outcome.imported, outcome.refused) == (2, 3)
    first, second = reports(engine, "ST_X(ST_Transform(geom_4326, 2154)), ST_Y(ST_Transform(geom_4326, 2154))")
    assert list(first.values()) == pytest.approx([650000.5, 6977867.25], abs=0.001)
    assert first == second
    assert {one["message"] for one in refusals(tmp_path / "out.csv")} >= {"x, 1 is no position in EPSG:2154."}


def test_the_refusals_never_overwrite_the_file(engine: Engine, places: Places, tmp_path: Path) -> None:
    path = write(tmp_path / "in.csv", row(1))
    with pytest.raises(MappingError, match="would overwrite the file itself"):
        run(engine, path, refusals=tmp_path / "sub" / ".." / "in.csv")
    assert path.read_text(encoding="utf-8").startswith("id,lon")


def test_a_refusals_file_that_cannot_be_written_stops_the_import(
    engine: Engine, places: Places, tmp_path: Path
) -> None:
    path = write(tmp_path / "in.csv", row(1))
    with pytest.raises(MappingError, match="cannot be written"):
        run(engine, path, refusals=tmp_path / "missing" / "out.csv")
    assert reports(engine) == []


def test_numbers_beyond_all_bounds_are_refused(engine: Engine, places: Places, tmp_path: Path) -> None:
    texts = ["{'lon': " + "9" * 1500 + ", 'lat': 1}", "{'lon': 1e400, 'lat': 1}", "{'lon': [1], 'lat': None}"]
    path = write(tmp_path / "in.csv", *(row(number, text=text) for number, text in enumerate(texts)))
    for crs in (4326, 2154):
        used = mapping(coordinates={"text": "text", "format": "python-dict", "crs": crs}, description=None)
        assert run(engine, path, used).refused == 3
