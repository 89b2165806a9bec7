"""Debian's GDAL against the production server: what tests/ogc/test_gdal.py does not ask, and vector tiles."""

from __future__ import annotations

import json
import sqlite3
import subprocess
from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests.ogc.live import Live
from tests.qgis.conftest import rows

SEEN = "visibility <> 'restricted'"


def gdal(live: Live, *command: str) -> str:
    """As in the guide: the token is the password of Basic, whose user's name says nothing."""
    done = subprocess.run(
        [command[0], "--config", "GDAL_HTTP_USERPWD", f"jeton:{live.token}", *command[1:]],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, "ERROR" in done.stderr) == (0, False), done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("asked", "condition"),
    [
        ("severity = 3", "severity = 3"),
        ("severity > 2 AND category = 'lift_out'", "severity > 2 AND category_code = 'lift_out'"),
        ("category = 'lift_out'", "category_code = 'lift_out'"),
        ("state IN ('new', 'resolved')", "state IN ('new', 'resolved')"),
        ("severity = 1 OR severity = 4", "severity IN (1, 4)"),
        ("description LIKE '%quai%'", "description LIKE '%quai%'"),
        ("observed_at >= '2026-05-20T00:00:00Z'", "observed_at >= '2026-05-20Z'"),
    ],
)
def test_a_condition_leaves_what_it_says(live: Live, engine: Engine, asked: str, condition: str) -> None:
    """GDAL hands over what the API describes and does the rest itself: both must mean the same."""
    found = gdal(
        live, "ogrinfo", "-ro", "-so", "-oo", "PAGE_SIZE=1000", f"OAPIF:{live.url}/ogc", "reports", "-where", asked
    )
    [(expected,)] = rows(engine, f"SELECT count(*) FROM report WHERE {SEEN} AND {condition}")
    assert 0 < expected < 300
    assert f"Feature Count: {expected}\n" in found


def test_a_statement_of_sql_runs_over_the_api(live: Live, engine: Engine) -> None:
    sql = "SELECT state, count(*) AS n FROM reports GROUP BY state ORDER BY state"
    found = gdal(
        live,
        "ogrinfo",
        "-ro",
        "-q",
        f"OAPIF:{live.url}/ogc",
        "-oo",
        "PAGE_SIZE=1000",
        "-dialect",
        "SQLite",
        "-sql",
        sql,
    )
    for state, number in rows(engine, f"SELECT state, count(*) FROM report WHERE {SEEN} GROUP BY state"):
        assert f"state (String) = {state}\n  n (Integer) = {number}\n" in found


def test_every_attribute_arrives_in_a_geopackage_in_lambert_93(live: Live, engine: Engine, tmp_path: Path) -> None:
    out = tmp_path / "out.gpkg"
    gdal(live, "ogr2ogr", "-t_srs", "EPSG:2154", str(out), f"OAPIF:{live.url}/ogc", "reports", "-oo", "PAGE_SIZE=100")
    read = gdal(live, "ogr2ogr", "-f", "GeoJSON", "/vsistdout/", str(out), "reports", "-t_srs", "EPSG:2154")
    features = {one["properties"]["id"]: one for one in json.loads(read)["features"]}
    expected = rows(
        engine,
        f"""
        SELECT id::text, category_code, severity, state, visibility, description,
            to_char(observed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
            (SELECT name FROM organisation WHERE organisation.id = organisation_id),
            (SELECT name FROM place WHERE place.id = neighbourhood_id),
            ST_X(ST_Transform(geom_4326, 2154)), ST_Y(ST_Transform(geom_4326, 2154))
        FROM report WHERE {SEEN}
        """,
    )
    assert len(features) == len(expected) == 300
    names = (
        "category",
        "severity",
        "state",
        "visibility",
        "description",
        "observed_at",
        "organisation",
        "neighbourhood",
    )
    for id_, *values, x_m, y_m in expected:
        properties = features[id_]["properties"]
        assert [properties[name] for name in names] == values
        assert features[id_]["geometry"]["coordinates"] == pytest.approx([x_m, y_m], abs=0.05)
    with sqlite3.connect(out) as file:
        types = dict(file.execute("SELECT name, type FROM pragma_table_info('reports')"))
    assert (types["severity"], types["is_synthetic"], types["due_at"]) == ("MEDIUMINT", "BOOLEAN", "DATETIME")


def test_a_folder_of_vector_tiles_opens_by_its_tilejson(live: Live, engine: Engine) -> None:
    """MVT:…/tiles/reports/ZOOM finds /tiles/reports.json by itself, and asks only for the tiles of a box."""
    box = f"SELECT ST_Extent(ST_Transform(geom_4326, 3857)) FROM report WHERE {SEEN}"
    [corners] = rows(
        engine, f"SELECT ST_XMin(b) - 1, ST_YMin(b) - 1, ST_XMax(b) + 1, ST_YMax(b) + 1 FROM ({box}) AS t (b)"
    )
    folder = ["-oo", "TILE_EXTENSION=mvt", "-oo", "CLIP=YES", f"MVT:{live.url}/tiles/reports/15", "reports"]
    spat = ["-spat", *map(str, corners)]
    layer = gdal(live, "ogrinfo", "-ro", "-so", *spat, *folder)
    for field in ("severity: Real", "category: String", "observed_on: String", "label_fr: String"):
        assert field in layer
    clipped = gdal(live, "ogr2ogr", "-f", "GeoJSON", "/vsistdout/", *spat, *folder)
    # A tile overlaps its neighbours: a report near an edge is in both.
    found = {one["properties"]["id"] for one in json.loads(clipped)["features"]}
    assert found == {id_ for (id_,) in rows(engine, f"SELECT id::text FROM report WHERE {SEEN}")}


def test_one_vector_tile_opens_where_it_is(live: Live, engine: Engine) -> None:
    number = 1 << 12
    [(lon, lat_mercator)] = rows(
        engine, "SELECT min(ST_X(geom_4326)), min(ST_Y(ST_Transform(geom_4326, 3857))) FROM report"
    )
    column = int((lon + 180) / 360 * number)
    row = int((1 - lat_mercator / 20037508.342789244) / 2 * number)
    found = gdal(
        live,
        "ogr2ogr",
        "-f",
        "GeoJSON",
        "/vsistdout/",
        f"MVT:{live.url}/tiles/reports/12/{column}/{row}.mvt",
        "clusters",
    )
    features = json.loads(found)["features"]
    assert sum(one["properties"]["count"] for one in features) >= 300
    # In EPSG:3857, as the driver says.
    assert all(abs(one["geometry"]["coordinates"][0] - lon / 180 * 20037508.34) < 20_000 for one in features)


def test_the_geopackage_of_the_exports_is_the_same_data(live: Live, engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "reports.gpkg"
    subprocess.run(
        ["curl", "-sf", "-u", f"jeton:{live.token}", "-o", str(path), f"{live.url}/export/reports.gpkg"], check=True
    )
    counted = gdal(
        live, "ogrinfo", "-ro", "-q", str(path), "-sql", "SELECT sum(severity) AS s, count(*) AS n FROM reports"
    )
    [(severity, number)] = rows(engine, f"SELECT sum(severity), count(*) FROM report WHERE {SEEN}")
    assert f"s (Integer) = {severity}" in counted
    assert f"n (Integer) = {number}" in counted
    styles = gdal(live, "ogrinfo", "-ro", "-q", str(path), "-sql", "SELECT styleName, useAsDefault FROM layer_styles")
    assert "useAsDefault (Integer(Boolean)) = 1" in styles
