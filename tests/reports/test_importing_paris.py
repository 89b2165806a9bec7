"""10,000 real reports of Paris, from the file to a reader's screen."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from app.cli import quietude
from app.db.session import unit_of_work
from app.nomenclature.store import load_nomenclature
from app.people.actor import SYSTEM
from app.reports.importing.mapping import ImportMapping, load_mapping
from tests.real_data import REAL
from tests.reports.import_samples import refusals, reports, run

PARIS = REAL / "incidents/dansmarue-paris-2024-12-14.csv"
SHIPPED = Path(__file__).parents[2] / "docs" / "import-mappings"
NOW = datetime(2026, 5, 4, tzinfo=UTC)

needs_file = pytest.mark.skipif(not PARIS.exists(), reason="the file of Paris is not here")


@pytest.fixture
def paris(engine: Engine, places: dict[str, int]) -> ImportMapping:
    """The territory is Paris."""
    [feature] = json.loads((SHIPPED / "paris-outline.geojson").read_text(encoding="utf-8"))["features"]
    query = text("UPDATE place SET geom_4326 = ST_SetSRID(ST_GeomFromGeoJSON(:geometry), 4326), updated_at = now()")
    with unit_of_work(engine, SYSTEM) as uow:
        uow.connection.execute(text(f"{query.text} WHERE is_territory"), {"geometry": json.dumps(feature["geometry"])})
        return load_mapping(SHIPPED / "dansmarue-paris.toml", nomenclature=load_nomenclature(uow.connection))


def test_the_outline_is_one_valid_polygon_of_the_size_of_paris(engine: Engine, paris: ImportMapping) -> None:
    query = text(
        "SELECT ST_IsValid(geom_4326), ST_Area(ST_Transform(geom_4326, 2154)) / 1e6 FROM place WHERE is_territory"
    )
    with unit_of_work(engine, SYSTEM) as uow:
        valid, area_km2 = uow.connection.execute(query).one()
    assert valid
    assert area_km2 == pytest.approx(105.4, rel=0.15)


@needs_file
def test_the_whole_file(
    engine: Engine,
    paris: ImportMapping,
    tmp_path: Path,
    client: FlaskClient,
    bearer: Callable[..., dict[str, str]],
) -> None:
    dry = run(engine, PARIS, paris, dry_run=True, now=NOW)
    assert reports(engine) == []
    first = run(engine, PARIS, paris, refusals=tmp_path / "refused.csv", now=NOW)
    assert first == dry
    assert first.read == 10_000 == first.imported + first.refused
    # Orders to teams, people in the street, traffic lights, lights of shops: left out on purpose, and nothing else is.
    assert set(first.by_reason) == {"category: left out", "category: no category"}
    assert first.by_reason["category: no category"] == 22
    assert first.refused == 358 == len(refusals(tmp_path / "refused.csv"))
    stored = reports(engine, "source_ref, category_code, neighbourhood_id, cell_25m, visibility")
    assert len(stored) == first.imported
    assert len({one["category_code"] for one in stored}) > 15

    second = run(engine, PARIS, paris, now=NOW)
    assert (second.imported, second.already_there, second.refused) == (0, first.imported, first.refused)
    assert reports(engine, "source_ref, category_code, neighbourhood_id, cell_25m, visibility") == stored

    answer = client.get("/api/reports?bbox=2.2,48.8,2.5,48.95", headers=bearer("planner"))
    assert answer.status_code == 200
    features = answer.get_json()["features"]
    assert len(features) > 100
    assert {feature["id"] for feature in features} <= {str(one["id"]) for one in reports(engine, "id, source_ref")}


def test_outside_the_territory_is_refused_with_the_distance(
    engine: Engine, paris: ImportMapping, tmp_path: Path
) -> None:
    header = "id_dmr,type,soustype,datedecl,geo_point_2d"
    rows = [
        "1,Propreté,Mégots,2024-07-25,\"{'lon': 2.3522, 'lat': 48.8566}\"",
        "2,Propreté,Mégots,2024-07-25,\"{'lon': 2.3022, 'lat': 49.8947}\"",
        "3,Propreté,Mégots,2024-07-25,\"{'lon': 48.8566, 'lat': 2.3522}\"",
    ]
    path = tmp_path / "in.csv"
    path.write_text("\n".join([header, *rows]), encoding="utf-8")
    outcome = run(engine, path, paris, refusals=tmp_path / "refused.csv", now=NOW)
    assert outcome.by_reason == {"lon: outside": 1, "lon: swapped": 1}
    far, swapped = refusals(tmp_path / "refused.csv")
    assert far["message"] == "This point lies outside the territory, 110 km from its border."
    assert swapped["message"].startswith("Longitude and latitude look swapped")


def test_the_command(
    engine: Engine, paris: ImportMapping, app_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUIETUDE_DATABASE_URL", app_url)
    monkeypatch.setenv("QUIETUDE_VAR_DIR", str(tmp_path / "var"))
    path = tmp_path / "in.csv"
    point = "\"{'lon': 2.3522, 'lat': 48.8566}\""
    path.write_text(
        f"id_dmr,type,soustype,datedecl,geo_point_2d\n1,Propreté,Mégots,2024-07-25,{point}\n2,x,y,2024-07-25,{point}\n",
        encoding="utf-8",
    )
    command = ["import", "reports", str(path), "--mapping", str(SHIPPED / "dansmarue-paris.toml")]
    dry = CliRunner().invoke(quietude, [*command, "--dry-run"])
    assert dry.exit_code == 0, dry.output
    assert "1 would be imported, 0 already there, 1 refused" in dry.output
    assert reports(engine) == []
    real = CliRunner().invoke(quietude, [*command, "--refusals", str(tmp_path / "refused.csv")])
    assert "1 imported, 0 already there, 1 refused" in real.output
    assert "1  category: no category" in real.output
    assert len(refusals(tmp_path / "refused.csv")) == 1
    again = CliRunner().invoke(quietude, command)
    assert "0 imported, 1 already there, 1 refused" in again.output
    wrong = CliRunner().invoke(quietude, [*command, "--encoding", "utf-9"])
    assert wrong.exit_code == 2
    assert "is not a text encoding" in wrong.output
