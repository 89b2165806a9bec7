"""The real GDAL against the production server."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.ogc.live import Live
from tests.ogc.samples import report_id
from tests.ogc.test_core import IDS


def gdal(live: Live, *command: str, token: bool = True) -> str:
    headers = ["--config", "GDAL_HTTP_HEADERS", f"Authorization: Bearer {live.token}"] if token else []
    done = subprocess.run([command[0], *headers, *command[1:]], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "ERROR" not in done.stderr
    return done.stdout


def test_ogrinfo_lists_every_collection(live: Live) -> None:
    found = gdal(live, "ogrinfo", "-ro", f"OAPIF:{live.url}")
    for number, name in enumerate(IDS, 1):
        assert f"{number}: {name} " in found


def test_ogrinfo_knows_type_count_extent_and_fields(live: Live) -> None:
    found = gdal(live, "ogrinfo", "-ro", "-so", f"OAPIF:{live.url}", "reports")
    assert "Geometry: Point" in found
    assert "Feature Count: 300" in found
    assert "observed_at: DateTime" in found
    assert "severity: Integer" in found
    assert "is_synthetic: Integer(Boolean)" in found


@pytest.mark.parametrize("size", [10, 100, 1000])
def test_ogr2ogr_reads_everything_once_by_pages(live: Live, tmp_path: Path, size: int) -> None:
    out = tmp_path / "out.geojson"
    gdal(live, "ogr2ogr", str(out), f"OAPIF:{live.url}", "reports", "-oo", f"PAGE_SIZE={size}")
    features = json.loads(out.read_text(encoding="utf-8"))["features"]
    assert [feature["properties"]["id"] for feature in features] == [report_id(number + 1) for number in range(300)]
    assert features[3]["properties"]["description"] == 'Sac éventré, "près du quai"\n<b>&\\'


def test_ogr2ogr_hands_its_box_to_the_server(live: Live, tmp_path: Path) -> None:
    out = tmp_path / "out.geojson"
    gdal(live, "ogr2ogr", str(out), f"OAPIF:{live.url}/collections/reports", "-spat", "2.3", "49.8", "2.31", "50")
    features = json.loads(out.read_text(encoding="utf-8"))["features"]
    assert 0 < len(features) < 300
    assert all(2.3 <= feature["geometry"]["coordinates"][0] <= 2.31 for feature in features)


def test_ogr2ogr_without_a_token_reads_what_is_public(live: Live, tmp_path: Path) -> None:
    out = tmp_path / "out.gpkg"
    gdal(live, "ogr2ogr", str(out), f"OAPIF:{live.url}", "neighbourhoods", "lines", token=False)
    assert "Feature Count: 2" in gdal(live, "ogrinfo", "-ro", "-so", str(out), "neighbourhoods", token=False)
    assert "Feature Count: 0" in gdal(live, "ogrinfo", "-ro", "-so", f"OAPIF:{live.url}", "reports", token=False)


def test_the_token_may_come_from_a_file(live: Live, tmp_path: Path) -> None:
    path = tmp_path / "headers"
    path.write_text(f"Authorization: Bearer {live.token}\n", encoding="ascii")
    given = ["--config", "GDAL_HTTP_HEADER_FILE", str(path)]
    done = subprocess.run(
        ["ogrinfo", *given, "-ro", "-so", f"OAPIF:{live.url}", "reports"], capture_output=True, text=True, check=True
    )
    assert "Feature Count: 300" in done.stdout
