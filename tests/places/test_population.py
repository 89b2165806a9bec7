"""Residents of IRIS from a file like Insee's: kept beside the contours, whatever comes again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import Engine, text

from app.errors import GeodataError
from app.places.actions import import_places
from app.places.cli import geodata
from app.places.population import import_population

pytestmark = pytest.mark.usefixtures("clean")

HEAD = "IRIS;COM;TYP_IRIS;P15_POP;P21_POP;P21_POPH"
ROWS = (
    "800210101;80021;H;2100;2345.678901;1100",
    "800210102;80021;A;0;0;0",
    "800210103;80021;H;900;950;400",
    "806740000;80674;Z;3400;3500.5;1700",
    "80021;80021;H;1;1;1",
    "800210104;80021;H;1;beaucoup;1",
    "800210105;80021;H;1;-5;1",
)


def contours(path: Path, name: str = "Centre") -> Path:
    ring = [[2.2, 49.8], [2.3, 49.8], [2.3, 49.9], [2.2, 49.8]]
    features = [
        {
            "type": "Feature",
            "properties": {"code_iris": code, "nom_iris": name, "code_insee": "80021", "type_iris": "H"},
            "geometry": {"type": "Polygon", "coordinates": [ring]},
        }
        for code in ("800210101", "800210102")
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path


def insee(path: Path, *rows: str, head: str = HEAD) -> Path:
    path.write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
    return path


def known(engine: Engine) -> dict[str, Any]:
    query = text("SELECT code, attributes -> 'population' AS residents FROM place WHERE kind = 'iris'")
    with engine.connect() as connection:
        return {row.code: row.residents for row in connection.execute(query)}


def test_the_latest_year_is_kept_and_each_row_is_counted(engine: Engine, tmp_path: Path) -> None:
    import_places(engine, "iris", contours(tmp_path / "iris.geojson"))
    result = import_population(engine, insee(tmp_path / "a.csv", *ROWS))
    assert known(engine) == {"800210101": 2345.68, "800210102": 0}
    assert (result.updated, result.unchanged, result.unknown, result.skipped) == (2, 0, 2, 0)
    assert [(row.row, row.code) for row in result.refused] == [(6, None), (7, "800210104"), (8, "800210105")]
    again = import_population(engine, insee(tmp_path / "a.csv", *ROWS), only=["80021"])
    assert (again.updated, again.unchanged, again.unknown, again.skipped) == (0, 2, 1, 1)


def test_new_contours_keep_the_residents(engine: Engine, tmp_path: Path) -> None:
    import_places(engine, "iris", contours(tmp_path / "iris.geojson"))
    import_population(engine, insee(tmp_path / "a.csv", *ROWS))
    same = import_places(engine, "iris", contours(tmp_path / "iris.geojson"))
    assert (same.updated, same.unchanged) == (0, 2)
    renamed = import_places(engine, "iris", contours(tmp_path / "later.geojson", "Cathédrale"))
    assert renamed.updated == 2
    assert known(engine) == {"800210101": 2345.68, "800210102": 0}


def test_nothing_changes_when_nothing_fits(engine: Engine, tmp_path: Path) -> None:
    file = insee(tmp_path / "a.csv", *ROWS)
    with pytest.raises(GeodataError, match="geodata import iris"):
        import_population(engine, file)
    import_places(engine, "iris", contours(tmp_path / "iris.geojson"))
    with pytest.raises(GeodataError, match="no column p45_pop"):
        import_population(engine, insee(tmp_path / "b.csv", "800210101;5", head="IRIS;POPULATION"))
    assert set(known(engine).values()) == {None}


def test_the_command_says_what_it_did(
    engine: Engine, app_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUIETUDE_DATABASE_URL", app_url)
    monkeypatch.setenv("QUIETUDE_VAR_DIR", str(tmp_path / "var"))
    import_places(engine, "iris", contours(tmp_path / "iris.geojson"))
    file = insee(tmp_path / "a.csv", *ROWS)
    said = CliRunner().invoke(geodata, ["population", str(file), "--only", "80021,80674"])
    assert said.exit_code == 0, said.output
    assert "2 IRIS updated, 0 unchanged, 2 not imported here; 0 rows skipped, 3 refused" in said.output
    assert "beaucoup" in said.output
