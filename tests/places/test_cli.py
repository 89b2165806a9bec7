"""`quietude geodata …` as a person types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import Engine, text

from app.cli import quietude
from app.db.session import unit_of_work
from app.errors import GeodataError
from app.people.actor import SYSTEM
from app.places import actions
from app.places.cli import geodata

pytestmark = pytest.mark.usefixtures("clean")


@pytest.fixture
def runner(app_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    monkeypatch.setenv("QUIETUDE_DATABASE_URL", app_url)
    monkeypatch.setenv("QUIETUDE_VAR_DIR", str(tmp_path / "var"))
    return CliRunner()


def _communes(path: Path) -> Path:
    ring = [[2.2, 49.8], [2.4, 49.8], [2.4, 50.0], [2.2, 49.8]]
    good = {"type": "Feature", "properties": {"code": "80021", "nom": "Amiens"}}
    features = [
        {**good, "geometry": {"type": "Polygon", "coordinates": [ring]}},
        {"type": "Feature", "properties": {"code": "80001", "nom": "Abbeville"}, "geometry": None},
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path


def test_import_says_what_it_did_and_what_it_refused(runner: CliRunner, tmp_path: Path, engine: Engine) -> None:
    refusals = tmp_path / "refusals.csv"
    file = _communes(tmp_path / "communes.geojson")
    arguments = ["import", "commune", str(file), "--territory", "--refusals", str(refusals)]
    result = runner.invoke(geodata, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    assert "commune (ign-admin-express): 2 rows read, 1 places added, 0 updated" in result.output
    assert "refused: commune row 2: no readable geometry" in result.output
    assert refusals.read_text().splitlines() == ["kind,row,code,reason", "commune,2,80001,no readable geometry"]
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT code FROM place WHERE is_territory")) == "80021"


def test_refusals_are_told_also_when_nothing_is_imported(runner: CliRunner, tmp_path: Path) -> None:
    refusals = tmp_path / "refusals.csv"
    file = _communes(tmp_path / "communes.geojson")
    with pytest.raises(GeodataError, match="nothing usable"):
        runner.invoke(
            geodata,
            ["import", "commune", str(file), "--only", "80001", "--refusals", str(refusals)],
            catch_exceptions=False,
        )
    assert "no readable geometry" in refusals.read_text()


def test_only_takes_commas_and_repeats(runner: CliRunner, tmp_path: Path) -> None:
    file = _communes(tmp_path / "communes.geojson")
    result = runner.invoke(geodata, ["import", "commune", str(file), "--only", "80021,80674", "--only", "80164"])
    assert "1 rows skipped" in result.output


def test_what_is_above_hears_of_an_import(runner: CliRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[str] = []
    monkeypatch.setattr(actions, "AFTER_IMPORT", [lambda engine: heard.append(engine.name)])
    file = _communes(tmp_path / "communes.geojson")
    runner.invoke(geodata, ["import", "commune", str(file)], catch_exceptions=False)
    assert heard == ["postgresql"]


def test_list_names_sources_and_imports(runner: CliRunner) -> None:
    empty = runner.invoke(geodata, ["list"], catch_exceptions=False)
    assert "Nothing is imported yet." in empty.output
    assert "Contours… IRIS" in empty.output
    runner.invoke(geodata, ["seed"], catch_exceptions=False)
    assert "stop: 15 open places from quietude-approximate" in runner.invoke(geodata, ["list"]).output


def test_an_unknown_kind_is_a_usage_error(runner: CliRunner, tmp_path: Path) -> None:
    result = runner.invoke(geodata, ["import", "moon", str(tmp_path)])
    assert result.exit_code == 2
    assert "'moon' is not one of" in result.output


def test_reports_find_their_neighbourhood_again(runner: CliRunner, tmp_path: Path, engine: Engine) -> None:
    actions.seed_approximate(engine)
    with unit_of_work(engine, SYSTEM) as uow:
        uow.connection.execute(
            text(
                "INSERT INTO report (id, category_code, geom_4326, cell_25m, severity, visibility, observed_at)"
                " SELECT gen_random_uuid(), code, ST_SetSRID(ST_MakePoint(2.3022, 49.8947), 4326), 0, 1, 'public',"
                " now() FROM category LIMIT 1"
            )
        )
    ring = [[2.30, 49.89], [2.31, 49.89], [2.31, 49.90], [2.30, 49.90], [2.30, 49.89]]
    geometry = {"type": "Polygon", "coordinates": [ring]}
    feature = {"type": "Feature", "properties": {"nom": "Cathédrale"}, "geometry": geometry}
    file = tmp_path / "quartiers.geojson"
    file.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    arguments = ["geodata", "import", "neighbourhood", str(file)]
    assert runner.invoke(quietude, arguments, catch_exceptions=False).exit_code == 0
    with unit_of_work(engine, SYSTEM) as uow:
        asked = "SELECT place.name FROM report JOIN place ON place.id = report.neighbourhood_id"
        assert uow.connection.scalar(text(asked)) == "Cathédrale"
