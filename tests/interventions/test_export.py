"""`/export/interventions.geojson`: what the API says, all at once, for planners and coordinators."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyogrio
import shapely

from app.exports.dictionary import COLUMNS
from tests.interventions.samples import AREA, LINE, POINT, body

Send = Callable[..., Any]
EXPORT = "/export/interventions.geojson"


def exported_by(send: Send, name: str, query: str = "") -> Any:
    """The collection; closing the answer gives the export's place back."""
    with send(name, "GET", EXPORT + query) as answer:
        assert answer.status_code == 200
        assert answer.headers["Content-Type"] == "application/geo+json"
        return answer.json


def test_the_same_as_the_api(send: Send) -> None:
    for geometry in (POINT, LINE, AREA):
        send("bailleur", "POST", "/api/interventions", body(geometry=geometry, cost_eur=12.5, description='a "b"\nc'))
    send("bailleur", "POST", "/api/interventions", body(visibility="restricted"))
    exported = exported_by(send, "planner")
    assert (exported["name"], exported["numberReturned"]) == ("interventions", 3)
    listed = send("planner", "GET", "/api/interventions").json["features"]
    for feature in listed:
        del feature["properties"]["label"]
    by_id = {feature["id"]: feature for feature in exported["features"]}
    assert by_id == {feature["id"]: feature for feature in listed}
    first = exported["features"][0]
    assert list(first["properties"]) == list(listed[0]["properties"])
    assert exported_by(send, "coordinator")["numberReturned"] == 4
    assert exported_by(send, "planner", "?kind=works")["features"] == []


def test_who_and_what_is_refused(send: Send) -> None:
    expected = {None: 401, "agent": 403, "bailleur": 403, "admin": 403}
    assert {name: send(name, "GET", EXPORT).status_code for name in expected} == expected
    for wrong in ("colour=red", "kind=magic", "kind=repair&kind=works"):
        assert send("planner", "GET", f"{EXPORT}?{wrong}").status_code == 400


def test_csv_has_the_geometry_and_a_time_for_every_state(send: Send) -> None:
    made = send("bailleur", "POST", "/api/interventions", body(geometry=LINE, cost_eur=12.5, state="done")).json
    with send("planner", "GET", "/export/interventions.csv") as answer:
        (row,) = csv.DictReader(io.StringIO(answer.text, newline=""))
    assert list(row) == [column.name for column in COLUMNS["interventions"]]
    assert (row["id"], row["state"], row["cost_eur"]) == (made["id"], "done", "12.50")
    assert row["wkt"].startswith("LINESTRING(")
    assert row["done_at"].endswith("Z")
    assert row["cancelled_at"] == ""
    assert 2 < float(row["lon"]) < 3


def test_geopackage_holds_every_kind_of_geometry(send: Send, tmp_path: Path) -> None:
    for geometry in (POINT, LINE, AREA):
        send("bailleur", "POST", "/api/interventions", body(geometry=geometry, teams=["cleaning"]))
    with send("planner", "GET", "/export/interventions.gpkg?crs=4326") as answer:
        (tmp_path / "got.gpkg").write_bytes(answer.data)
    meta, _fids, geometries, fields = pyogrio.raw.read(tmp_path / "got.gpkg", layer="interventions")
    assert {shapely.from_wkb(one).geom_type for one in geometries} == {"Point", "LineString", "Polygon"}
    assert set(dict(zip(meta["fields"], fields, strict=True))["teams"]) == {"cleaning"}


def test_histories_come_as_csv(send: Send) -> None:
    made = send("bailleur", "POST", "/api/interventions", body(state="done")).json
    send("bailleur", "POST", "/api/interventions", body(visibility="restricted"))
    with send("planner", "GET", "/export/intervention_events.csv") as answer:
        steps = list(csv.DictReader(io.StringIO(answer.text, newline=""), strict=True))
    told = send("planner", "GET", f"/api/interventions/{made['id']}/history").json["events"]
    assert list(steps[0]) == [column.name for column in COLUMNS["intervention_events"]]
    assert {step["intervention"] for step in steps} == {made["id"]}
    assert [(step["kind"], step["to_state"]) for step in steps] == [(e["kind"], e["to_state"] or "") for e in told]
    with send("coordinator", "GET", "/export/intervention_events.csv?kind=works") as answer:
        assert len(answer.text.splitlines()) == 1
    assert send("bailleur", "GET", "/export/intervention_events.csv").status_code == 403
