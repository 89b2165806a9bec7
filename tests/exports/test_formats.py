"""GeoJSON by lines and CSV: what other programs read, safe in a spreadsheet, and the dictionary that explains them."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pytest
import shapely
from flask.testing import FlaskClient
from pyproj import Transformer
from sqlalchemy import Engine, text

from app.db.session import unit_of_work
from app.exports.actions import export_reports
from app.exports.copying import GeometryAndText
from app.exports.dictionary import COLUMNS
from app.exports.formats import FORMATS
from app.people.actor import SYSTEM
from app.reports.filters import ReportFilter
from tests.exports.conftest import PLANNER
from tests.exports.samples import PROPERTIES, add_organisation, add_report
from tests.exports.test_actions import ODD

Bearer = Callable[..., dict[str, str]]
FORMULAS = ["=1+1", "+33 3 22", "-2", "@SUM(A1)", "\t=1", "  =1", "＝1", "\r@x"]
HARMLESS = ["bac plein", "l'abri", "a=b", "'=1", "3 - 2"]


def body(engine: Engine, ending: str, chosen: ReportFilter = ReportFilter()) -> bytes:  # noqa: B008  (it is frozen)
    return b"".join(export_reports(engine, PLANNER, chosen, FORMATS[ending]))


def rows(raw: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(raw.decode(), newline="")))


def test_the_same_features_a_line_each(engine: Engine, clean: None) -> None:
    with unit_of_work(engine, SYSTEM) as uow:
        for odd in ODD:
            add_report(uow, description=odd)
    lines = body(engine, "geojsonl").splitlines(keepends=True)
    assert all(line.endswith(b"\n") for line in lines)
    whole = {feature["id"]: feature for feature in json.loads(body(engine, "geojson"))["features"]}
    assert {feature["id"]: feature for feature in map(json.loads, lines)} == whole


def test_many_chunks_lose_no_line(engine: Engine, clean: None) -> None:
    with unit_of_work(engine, SYSTEM) as uow:
        first = add_report(uow)
        uow.connection.execute(
            text(
                "INSERT INTO report (id, category_code, geom_4326, cell_25m, severity, visibility, observed_at,"
                " description) SELECT gen_random_uuid(), category_code, geom_4326, cell_25m, severity, visibility,"
                " observed_at, repeat('filler ', 60) FROM report, generate_series(1, 2000) WHERE id = :id"
            ),
            {"id": first},
        )
    assert len({json.loads(line)["id"] for line in body(engine, "geojsonl").splitlines()}) == 2001
    assert len({row["id"] for row in rows(body(engine, "csv"))}) == 2001


def test_gdal_reads_the_lines(engine: Engine, clean: None) -> None:
    with unit_of_work(engine, SYSTEM) as uow:
        add_report(uow, description="Bac plein")
    meta, _fids, geometries, fields = pyogrio.raw.read(body(engine, "geojsonl"))
    assert meta["crs"] == "EPSG:4326"
    assert len(geometries) == 1
    assert dict(zip(meta["fields"], fields, strict=True))["description"][0] == "Bac plein"


@pytest.mark.parametrize("ending", ["geojsonl", "csv"])
def test_an_empty_register(engine: Engine, clean: None, ending: str) -> None:
    header = ",".join(column.name for column in COLUMNS["reports"]) + "\n"
    assert body(engine, ending).decode() == (header if ending == "csv" else "")


def test_csv_says_what_geojson_says(engine: Engine, clean: None) -> None:
    with unit_of_work(engine, SYSTEM) as uow:
        for number, odd in enumerate(ODD):
            body_id = add_organisation(uow, f"o{number}", f"{odd} SA")
            add_report(uow, description=odd, organisation_id=body_id)
        add_report(uow, due_at=None)
    features = {feature["id"]: feature for feature in json.loads(body(engine, "geojson"))["features"]}
    told = rows(body(engine, "csv"))
    assert list(told[0]) == [column.name for column in COLUMNS["reports"]]
    assert len(told) == len(ODD) + 1
    for row in told:
        feature = features[row["id"]]
        assert [float(row["lon"]), float(row["lat"])] == feature["geometry"]["coordinates"]
        for name in PROPERTIES:
            assert row[name] == _as_csv(feature["properties"][name]), name


def _as_csv(value: Any) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def test_a_merged_report_names_the_one_that_is_kept(engine: Engine, clean: None) -> None:
    with unit_of_work(engine, SYSTEM) as uow:
        kept, merged = add_report(uow), add_report(uow, state="duplicate")
        uow.connection.execute(
            text("UPDATE report SET duplicate_of = :kept WHERE id = :id"), {"kept": kept, "id": merged}
        )
    features = {feature["id"]: feature["properties"] for feature in json.loads(body(engine, "geojson"))["features"]}
    told = {row["id"]: row for row in rows(body(engine, "csv"))}
    assert (features[merged]["duplicate_of"], features[kept]["duplicate_of"]) == (kept, None)
    assert (told[merged]["duplicate_of"], told[kept]["duplicate_of"]) == (kept, "")


@pytest.mark.parametrize("formula", FORMULAS)
def test_a_spreadsheet_sees_no_formula(engine: Engine, clean: None, formula: str) -> None:
    with unit_of_work(engine, SYSTEM) as uow:
        add_report(uow, description=formula, organisation_id=add_organisation(uow, "odd", formula))
    (row,) = rows(body(engine, "csv"))
    assert (row["description"], row["organisation"]) == (f"'{formula}", f"'{formula}")


@pytest.mark.parametrize("plain", HARMLESS)
def test_what_is_no_formula_is_left_alone(engine: Engine, clean: None, plain: str) -> None:
    with unit_of_work(engine, SYSTEM) as uow:
        add_report(uow, description=plain)
    assert rows(body(engine, "csv"))[0]["description"] == plain


def test_a_time_for_every_state(engine: Engine, clean: None) -> None:
    with unit_of_work(engine, SYSTEM) as uow:
        moved, fresh = add_report(uow, state="reopened"), add_report(uow)
        for day, state in enumerate(("acknowledged", "resolved", "reopened", "resolved", "reopened"), start=1):
            uow.connection.execute(
                text(
                    "INSERT INTO report_event (report_id, at, kind, to_state, role)"
                    " VALUES (:id, make_timestamptz(2026, 6, :day, 8, 0, 0, 'UTC'), 'move', :state, 'system')"
                ),
                {"id": moved, "day": day, "state": state},
            )
    told = {row["id"]: row for row in rows(body(engine, "csv"))}
    times = {name: value for name, value in told[moved].items() if name.endswith("_at") and value[5:7] == "06"}
    assert times == {
        "acknowledged_at": "2026-06-01T08:00:00Z",
        "resolved_at": "2026-06-04T08:00:00Z",
        "reopened_at": "2026-06-05T08:00:00Z",
    }
    assert [name for name, value in told[fresh].items() if name.endswith("_at") and value] == [
        "observed_at", "received_at", "due_at",
    ]  # fmt: skip


@pytest.mark.parametrize("crs", [("", 2154), ("?crs=2154", 2154), ("?crs=EPSG:4326", 4326)])
def test_a_geopackage_has_types_and_a_reference_system(
    client: FlaskClient, bearer: Bearer, engine: Engine, tmp_path: Path, crs: tuple[str, int]
) -> None:
    query, epsg = crs
    with unit_of_work(engine, SYSTEM) as uow:
        full, bare = add_report(uow, description='é "x"'), add_report(uow, due_at=None)
    answer = client.get(f"/export/reports.gpkg{query}", headers=bearer("planner"))
    assert answer.headers["Content-Type"] == "application/geopackage+sqlite3"
    (tmp_path / "got.gpkg").write_bytes(answer.data)
    assert pyogrio.list_layers(tmp_path / "got.gpkg").tolist() == [["reports", "Point"], ["layer_styles", None]]
    meta, _fids, geometries, fields = pyogrio.raw.read(tmp_path / "got.gpkg", layer="reports")
    assert meta["crs"] == f"EPSG:{epsg}"
    assert list(meta["fields"]) == PROPERTIES
    types = dict(zip(meta["fields"], meta["dtypes"], strict=True))
    assert (types["severity"], types["is_synthetic"], types["observed_at"]) == ("int32", "bool", "datetime64[ms]")
    rows_by_id = {row[0]: dict(zip(meta["fields"], row, strict=True)) for row in zip(*fields, strict=True)}
    assert rows_by_id[full]["description"] == 'é "x"'
    assert rows_by_id[full]["received_at"] == np.datetime64("2026-05-04T18:31:02.500")
    assert np.isnat(rows_by_id[bare]["due_at"])
    point = shapely.from_wkb(geometries[0])
    lon, lat = Transformer.from_crs(epsg, 4326, always_xy=True).transform(point.x, point.y)
    assert (lon, lat) == pytest.approx((2.3022, 49.8947), abs=2e-7)
    with sqlite3.connect(tmp_path / "got.gpkg") as file:
        (told,) = file.execute("SELECT observed_at FROM reports LIMIT 1").fetchone()
    assert told == "2026-05-04T18:30:00.000Z"


def test_an_empty_geopackage_is_one(engine: Engine, clean: None, tmp_path: Path) -> None:
    (tmp_path / "got.gpkg").write_bytes(body(engine, "gpkg"))
    meta, _fids, geometries, _fields = pyogrio.raw.read(tmp_path / "got.gpkg", layer="reports")
    assert (list(meta["fields"]), len(geometries)) == (PROPERTIES, 0)


def test_several_batches_are_one_layer(
    engine: Engine, clean: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(GeometryAndText, "chunk_bytes", 1_000)
    with unit_of_work(engine, SYSTEM) as uow:
        ids = {add_report(uow) for _ in range(8)}
    (tmp_path / "got.gpkg").write_bytes(body(engine, "gpkg"))
    assert set(pyogrio.raw.read(tmp_path / "got.gpkg", layer="reports")[3][0]) == ids


@pytest.mark.parametrize("query", ["crs=3857", "crs=2154&crs=4326", "crs="])
def test_other_reference_systems_are_refused(client: FlaskClient, bearer: Bearer, query: str) -> None:
    answer = client.get(f"/export/reports.gpkg?{query}", headers=bearer("planner"))
    assert answer.status_code == 400
    assert "crs" in answer.text
    assert client.get("/export/reports.csv?crs=2154", headers=bearer("planner")).status_code == 400


def test_dictionary_has_the_columns_of_the_exports() -> None:
    assert [column.name for column in COLUMNS["reports"] if not column.csv_only] == PROPERTIES


def test_over_http_with_the_filter_and_a_line_in_the_log(client: FlaskClient, bearer: Bearer, engine: Engine) -> None:
    with unit_of_work(engine, SYSTEM) as uow:
        mine = add_report(uow, severity=4)
        add_report(uow, severity=1)
    headers = bearer("planner")
    answer = client.get("/export/reports.csv?severity=3", headers=headers)
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8; header=present"
    assert answer.headers["Content-Disposition"].endswith('.csv"')
    assert [row["id"] for row in rows(answer.data)] == [mine]
    lines = client.get("/export/reports.geojsonl", headers=headers)
    assert lines.headers["Content-Type"] == "application/x-ndjson"
    assert client.get("/export/reports.csv").status_code == 401
    with unit_of_work(engine, SYSTEM) as uow:
        log = uow.connection.execute(text("SELECT what, format, query, role FROM export_log ORDER BY id")).all()
    assert [tuple(line) for line in log] == [
        ("reports", "csv", "severity=3", "planner"),
        ("reports", "geojsonl", "", "planner"),
    ]


def test_the_page_shows_the_dictionary_to_all_and_the_files_to_planners(client: FlaskClient, bearer: Bearer) -> None:
    public = client.get("/export/")
    assert public.status_code == 200
    assert "observed_at" in public.text
    assert "/export/reports.csv" not in public.text
    headers = bearer("planner")
    client.get("/export/interventions.csv?state=done", headers=headers)
    page = client.get("/export/", headers=headers).text
    assert "/export/interventions.geojsonl" in page
    assert "/export/interventions.csv?state=done" in page
