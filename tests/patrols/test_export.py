"""`/export/patrols.…` and OGC API's collection: where somebody looked and where nobody did; never people."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyogrio
import pytest
import shapely
from click.testing import CliRunner
from sqlalchemy import Engine, text

from app.db.session import unit_of_work
from app.exports.cli import export
from app.exports.dictionary import COLUMNS
from app.people.actor import SYSTEM
from tests.patrols.samples import passage

Send = Callable[..., Any]
EXPORT = "/export/patrols.geojson"
PROPERTIES = [column.name for column in COLUMNS["patrols"] if not column.csv_only]


@pytest.fixture
def passed(send: Send, going: dict[str, Any]) -> dict[str, Any]:
    """The round, whose first stop was passed, with one report found."""
    looked = passage(outcome="found", note="Bac plein")
    answer = send("hlm-a-agent", "POST", f"/api/patrols/{going['id']}/passages", looked)
    assert answer.status_code == 201, answer.json
    return going | {"passage": looked["id"]}


def features(send: Send, name: str, query: str = "") -> list[dict[str, Any]]:
    with send(name, "GET", EXPORT + query) as answer:
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json["features"]
        assert answer.json["numberReturned"] == len(found)
    return found


def test_every_stop_is_there_once_passed_or_not(send: Send, passed: dict[str, Any]) -> None:
    found = sorted(features(send, "planner"), key=lambda feature: int(feature["properties"]["position"]))
    assert [feature["properties"]["outcome"] for feature in found] == ["found", "not_passed", "not_passed"]
    assert [feature["properties"]["place"] for feature in found] == [stop["name"] for stop in passed["stops"]]
    assert [feature["geometry"]["coordinates"] for feature in found] == [
        [pytest.approx(stop["lon"]), pytest.approx(stop["lat"])] for stop in passed["stops"]
    ]
    first = found[0]["properties"]
    assert list(first) == PROPERTIES
    assert (first["id"], first["patrol"], first["kind"]) == (passed["passage"], passed["id"], passed["kind"])
    assert first["passed_at"].endswith("Z")
    assert found[1]["properties"]["passed_at"] is None
    # The same stop keeps its name from one export to the next.
    assert {feature["id"] for feature in found} == {feature["id"] for feature in features(send, "coordinator")}


def test_nobody_and_nothing_that_somebody_wrote_about_it_is_in_it(
    send: Send, passed: dict[str, Any], engine: Engine
) -> None:
    with unit_of_work(engine, SYSTEM) as uow:
        uow.connection.execute(
            text("INSERT INTO patrol_participant (patrol_id, role_code, people) VALUES (:id, 'prefecture', 7)"),
            {"id": passed["id"]},
        )
    for ending in ("geojson", "geojsonl", "csv", "gpkg"):
        with send("planner", "GET", f"/export/patrols.{ending}") as answer:
            for word in (b"prefecture", b"Bac plein", b"example.org"):
                assert word not in answer.data, (ending, word)


def test_who_and_what_is_refused(send: Send, passed: dict[str, Any]) -> None:
    expected = {None: 401, "hlm-a-agent": 403, "hlm-a": 403, "admin": 403}
    assert {name: send(name, "GET", EXPORT).status_code for name in expected} == expected
    for wrong in (
        "colour=red",
        "kind=magic",
        "state=open,nope",
        "filter=outcome = 'x'",
        "from=2026-05-04&to=2026-05-03",
    ):
        assert send("planner", "GET", f"{EXPORT}?{wrong}").status_code == 400, wrong


def test_filters_leave_what_they_say(send: Send, passed: dict[str, Any]) -> None:
    assert len(features(send, "planner", "?kind=round&state=open&organisation=hlm-a")) == 3
    assert features(send, "planner", "?state=closed") == []
    assert features(send, "planner", "?organisation=bus") == []
    assert features(send, "planner", "?to=2000-01-01") == []
    assert len(features(send, "planner", "?from=2000-01-01")) == 3
    assert [one["id"] for one in features(send, "planner", "?filter=outcome = 'found'")] == [passed["passage"]]
    assert len(features(send, "planner", "?filter=passed_at IS NULL AND reports = 0")) == 2
    lon, lat = (passed["stops"][0][axis] for axis in ("lon", "lat"))
    near = features(send, "planner", f"?bbox={lon},{lat},{lon},{lat}")
    assert [one["id"] for one in near] == [passed["passage"]]
    assert features(send, "planner", "?bbox=0,0,1,1") == []


def test_csv_and_geopackage_hold_the_same(send: Send, passed: dict[str, Any], tmp_path: Path) -> None:
    with send("planner", "GET", "/export/patrols.csv") as answer:
        rows = {row["id"]: row for row in csv.DictReader(io.StringIO(answer.text, newline=""), strict=True)}
    with send("planner", "GET", "/export/patrols.gpkg?crs=4326") as answer:
        (tmp_path / "got.gpkg").write_bytes(answer.data)
    meta, _fids, geometries, fields = pyogrio.raw.read(tmp_path / "got.gpkg", layer="patrols")
    assert list(meta["fields"]) == PROPERTIES
    assert meta["geometry_type"] == "Point"
    table = dict(zip(meta["fields"], fields, strict=True))
    by_id = dict(zip(table["id"], shapely.from_wkb(geometries), strict=True))
    for feature in features(send, "planner"):
        row, told = rows.pop(feature["id"]), feature["properties"]
        assert list(row) == [column.name for column in COLUMNS["patrols"]]
        assert {name: row[name] for name in ("outcome", "place", "title", "organisation", "state")} == {
            name: told[name] for name in ("outcome", "place", "title", "organisation", "state")
        }
        assert [float(row["lon"]), float(row["lat"])] == feature["geometry"]["coordinates"]
        assert (row["passed_at"] == "") == (told["passed_at"] is None)
        assert by_id[feature["id"]].equals_exact(shapely.Point(feature["geometry"]["coordinates"]), 1e-7)
    assert not rows


def test_each_export_is_written_down(send: Send, passed: dict[str, Any], engine: Engine) -> None:
    features(send, "planner", "?state=open")
    with unit_of_work(engine, SYSTEM) as uow:
        logged = uow.connection.execute(text("SELECT what, format, query, role FROM export_log")).all()
    assert [tuple(row) for row in logged] == [("patrols", "geojson", "state=open", "planner")]


def test_the_shell_writes_the_same(
    send: Send, passed: dict[str, Any], app_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUIETUDE_DATABASE_URL", app_url)
    monkeypatch.setenv("QUIETUDE_VAR_DIR", str(tmp_path / "var"))
    target = tmp_path / "rounds.geojson"
    done = CliRunner().invoke(export, ["patrols", str(target), "--state", "open"])
    assert done.exit_code == 0, done.output
    assert json.loads(target.read_text("utf-8"))["numberReturned"] == 3


def test_ogc_api_gives_the_same_to_whoever_may_read_rounds(send: Send, passed: dict[str, Any]) -> None:
    at = "/ogc/collections/patrols/items"

    def asked(name: str | None, query: str = "") -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = send(name, "GET", at + query, Accept="application/json").json["features"]
        return found

    exported = {feature["id"]: feature for feature in features(send, "planner")}
    assert {feature["id"]: feature for feature in asked("planner")} == exported
    assert {feature["id"] for feature in asked("hlm-a-agent")} == set(exported)
    assert asked("bus") == asked(None) == []
    assert [one["id"] for one in asked("planner", "?outcome=found&kind=round")] == [passed["passage"]]
    one = send("planner", "GET", f"{at}/{passed['passage']}", Accept="application/json")
    assert one.json["properties"] == exported[passed["passage"]]["properties"]
