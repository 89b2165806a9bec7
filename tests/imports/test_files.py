"""Files of every kind and of bad will: each is read, or refused with a sentence that says what to do."""

from __future__ import annotations

import gzip
import io
import json
import sqlite3
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pytest
import shapely
from sqlalchemy import Engine

from app.reports.importing.formats import FileFormatError, detect, to_csv
from tests.imports.bench import HEADER, Bench, geojson, row, table
from tests.reports import import_samples
from tests.reports.samples import LAT, LON

POINT = {"type": "Point", "coordinates": [LON, LAT]}
WHAT = {"numero": "G1", "type": "Tag", "date": "2026-05-04T14:30:00+02:00"}


def spreadsheet() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("xl/workbook.xml", "<workbook/>")
    return made.getvalue()


def bomb() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("reports.csv", b"0" * 20_000_000)
    return made.getvalue()


REFUSED: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "The file is empty."),
    "blank": (b" \r\n\n", "The file is empty."),
    "header only": (table(), "a header but no row"),
    "spreadsheet": (spreadsheet(), "Save it as CSV"),
    "old spreadsheet": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "Save it as CSV"),
    "zip bomb": (bomb(), "Unpack it"),
    "gzip": (gzip.compress(table(row(1))), "Unpack it"),
    "picture": (b"\x89PNG\r\n\x1a\n" + b"\0" * 99, "a picture or a PDF"),
    "null bytes": (b"a,b\n" + b"\0" * 5000, "full of null bytes"),
    "one endless line": (b"x" * 300_000, "first line is too long"),
    "html": (b"<!doctype html><p>Sign in</p>", "XML or HTML"),
    "a list": (b"[1, 2]", "JSON but not GeoJSON"),
    "an object": (b'{"a": 1}', "FeatureCollection"),
    "another database": (b"", "no GeoPackage"),
    "truncated GeoJSON": (geojson((POINT, WHAT))[:-40], "FeatureCollection"),
    "not really a database": (b"SQLite format 3\0" + b"\xff" * 4000, "damaged or is none"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_be_read_is_said(bench: Bench, kind: str, tmp_path: Path) -> None:
    content, message = REFUSED[kind]
    if kind == "another database":
        with sqlite3.connect(tmp_path / "x.db") as connection:
            connection.execute("CREATE TABLE contacts (name text)")
        connection.close()
        content = (tmp_path / "x.db").read_bytes()
    answer = bench.upload(content, "file.csv")
    assert answer.status_code == 422
    assert message in answer.get_data(as_text=True)
    assert list((bench.var_dir / "imports").glob("*")) == [] or bench.one("SELECT count(*) FROM import_batch") == 0


def test_a_file_above_the_bound_is_refused(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.imports.receiving.MAX_BYTES", 1000)
    before = set((bench.var_dir / "imports").glob("*"))
    answer = bench.upload(table(*(row(number) for number in range(100))))
    assert answer.status_code == 422
    assert "50 MB at most" in answer.get_data(as_text=True)
    assert set((bench.var_dir / "imports").glob("*")) == before
    monkeypatch.setattr("app.imports.routes.MAX_BYTES", -500_000)
    assert bench.upload(b"x" * 200_000).status_code == 413


@pytest.mark.parametrize(
    ("encoding", "end"),
    [
        ("utf-8", "\n"),
        ("utf-8-sig", "\r\n"),
        ("utf-16", "\r\n"),
        ("utf-16-le", "\n"),
        ("cp1252", "\r\n"),
        ("utf-8", "\r"),
    ],
)
def test_every_usual_encoding_and_line_end(bench: Bench, encoding: str, end: str) -> None:
    text = end.join([HEADER, row(1, type="Déjections", description="près de l'école"), ""])
    done = bench.run(bench.uploaded(text.encode(encoding)))
    assert (done["imported"], done["refused"]) == (1, 0)
    stored = bench.rows("SELECT category_code, description FROM report")
    assert [tuple(one) for one in stored] == [("fouling", "près de l'école")]


def test_duplicate_headers_cannot_be_chosen(bench: Bench) -> None:
    batch = bench.uploaded(table(row(1) + ";a;b", header=f"{HEADER};double;double"))
    assert '<option value="double"' not in (html := bench.page(batch))
    assert "<option>double" not in html
    answer = bench.map(batch, description_1="double")
    assert answer.status_code == 422
    assert "no column “double”" in answer.get_data(as_text=True)


@pytest.mark.parametrize(
    ("x", "y", "header", "expected"),
    [
        ("649000,5", "6977000,25", "x;y", {"x": "x", "y": "y", "crs": 2154}),
        (f"{LON}", f"{LAT}", "lon;lat", {"lon": "lon", "lat": "lat"}),
    ],
)
def test_the_coordinate_system_by_the_values(
    bench: Bench, x: str, y: str, header: str, expected: dict[str, Any]
) -> None:
    batch = bench.uploaded(table(f"1;{x};{y};2026-05-04;Tag", header=f"id;{header};date;type"))
    assert bench.mapping(batch)["coordinates"] == expected
    assert bench.run(batch)["imported"] == 1


@pytest.mark.parametrize(
    ("cell", "form"),
    [
        (f"{LAT}, {LON}", "lat,lon"),
        (f"{LON} {LAT}", "lon,lat"),
        (f"{{'lon': {LON}, 'lat': {LAT}}}", "python-dict"),
        (json.dumps({"type": "Point", "coordinates": [LON, LAT]}), "json"),
        (f"POINT ({LON} {LAT})", "wkt"),
    ],
)
def test_positions_in_one_text(bench: Bench, cell: str, form: str) -> None:
    quoted = cell.replace('"', '""')
    batch = bench.uploaded(table(f'1;"{quoted}";2026-05-04;Tag', header="id;geo_point_2d;date;type"))
    assert bench.mapping(batch)["coordinates"]["format"] == form
    assert bench.run(batch)["imported"] == 1


def test_geojson_with_a_crs_and_shapes_that_are_no_points(bench: Bench) -> None:
    line = {"type": "LineString", "coordinates": [[649000, 6977000], [649010, 6977000]]}
    lambert = {"type": "Point", "coordinates": [649000, 6977000]}
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::2154"}}
    content = geojson((lambert, WHAT), (line, WHAT | {"numero": "G2"}), (None, WHAT | {"numero": "G3"}), crs=crs)
    batch = bench.uploaded(content, "points.geojson")
    assert bench.mapping(batch)["coordinates"] == {"geometry": True}
    html = bench.page(batch)
    assert "EPSG:2154" in html
    assert "shapes that are no points (linestring)" in html
    done = bench.run(batch)
    assert (done["imported"], done["by_reason"]) == (1, {"lon: coordinates": 2})
    said = bench.get(f"/imports/{batch}/refusals.csv").get_data(as_text=True).splitlines()
    # Features are counted from 1: there is no header in between.
    assert [line.split(",")[0] for line in said[1:]] == ["2", "3"]
    lon, lat = bench.rows("SELECT ST_X(geom_4326), ST_Y(geom_4326) FROM report")[0]
    assert (round(lon, 6), round(lat, 6)) == (2.290852, 49.889656)


def geopackage(path: Path, **layers: int) -> None:
    for name, number in layers.items():
        shapes = shapely.to_wkb(shapely.points([[649000.0 + one, 6977000.0] for one in range(number)]))
        ids = np.array([f"{name}-{one}" for one in range(number)], dtype=object)
        what, when = (np.array([value] * number, dtype=object) for value in ("Tag", "2026-05-04 14:30"))
        pyogrio.raw.write(
            path,
            shapes,
            [ids, what, when],
            ["numero", "type", "date"],
            layer=name,
            driver="GPKG",
            crs="EPSG:2154",
            geometry_type="Point",
            append=path.exists(),
        )


def test_a_geopackage_and_its_layers(bench: Bench, tmp_path: Path) -> None:
    geopackage(tmp_path / "a.gpkg", tickets=2, archive=1)
    content = (tmp_path / "a.gpkg").read_bytes()
    answer = bench.upload(content, "a.gpkg")
    assert answer.status_code == 422
    assert "tickets, archive" in answer.get_data(as_text=True)
    done = bench.run(bench.uploaded(content, "a.gpkg", layer="tickets"))
    assert (done["imported"], done["refused"]) == (2, 0)


def test_a_geopackage_runs_nothing_of_its_own(tmp_path: Path) -> None:
    """Views and virtual tables are refused before GDAL opens the file; triggers do not run by reading."""
    path = tmp_path / "a.gpkg"
    geopackage(path, tickets=1)
    with sqlite3.connect(path) as connection:
        connection.execute(
            "CREATE VIEW evil AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
            " SELECT i, i AS geom FROM n"
        )
        connection.execute(
            "INSERT INTO gpkg_contents (table_name, data_type, identifier, srs_id)"
            " VALUES ('evil', 'features', 'evil', 2154)"
        )
    connection.close()
    assert detect(path) == "gpkg"
    with pytest.raises(FileFormatError, match="“evil” is a view"):
        to_csv(path, "gpkg", tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists()


def test_refusals_are_no_formulas(bench: Bench) -> None:
    batch = bench.uploaded(table(row(1), row(2, numero="=1+1", type="?")))
    bench.run(batch)
    said = bench.get(f"/imports/{batch}/refusals.csv")
    assert said.headers["Content-Disposition"] == "attachment; filename=refused-rows.csv"
    assert "3,'=1+1,category," in said.get_data(as_text=True)


def test_rows_without_an_identifier_are_known_by_their_content(bench: Bench) -> None:
    content = table(
        "2026-05-04;Tag;2.29;49.89",
        "2026-05-04;Tag;2.29;49.89",
        "2026-05-05;Tag;2.29;49.89",
        header="date;type;lon;lat",
    )
    batch = bench.uploaded(content)
    assert bench.mapping(batch)["id"] == {"digest": True}
    done = bench.run(batch)
    assert (done["imported"], done["refused"]) == (2, 1)
    again = bench.run(bench.uploaded(content + b"2026-05-06;Tag;2.29;49.89\n"))
    assert (again["imported"], again["already_there"]) == (1, 2)


def test_the_command_line_reads_the_same_files(bench: Bench, engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(geojson((POINT, WHAT), (POINT, WHAT | {"numero": "G2", "type": "?"})))
    rules = {
        "id": {"column": "numero"},
        "coordinates": {"geometry": True},
        "observed_at": {"column": "date"},
        "category": {"columns": ["type"], "values": {"tag": "graffiti"}},
        "description": None,
    }
    outcome = import_samples.run(
        engine, tmp_path / "in", import_samples.mapping(**rules), now=datetime.now(UTC), refusals=tmp_path / "out.csv"
    )
    assert (outcome.imported, outcome.refused) == (1, 1)
    assert [one["line"] for one in import_samples.refusals(tmp_path / "out.csv")] == ["2"]
