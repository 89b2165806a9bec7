"""The real files of the reference data, all the way into PostGIS."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, text

from app.places.actions import import_places, seed_approximate
from app.places.territory import territory
from tests.real_data import REAL

pytestmark = [
    pytest.mark.usefixtures("clean"),
    pytest.mark.skipif(not REAL.exists(), reason="the reference files are not on this machine"),
]


def test_the_communes_of_the_somme(engine: Engine) -> None:
    seed_approximate(engine)
    file = REAL / "boundaries/communes-80-somme.geojson"
    first = import_places(engine, "commune", file, territory=True, only=["80021"])
    assert (first.read, first.skipped, first.updated, first.added) == (779, 778, 1, 0)
    second = import_places(engine, "commune", file)
    assert (second.added, second.unchanged, second.closed, len(second.refused)) == (778, 1, 0, 0)
    third = import_places(engine, "commune", file)
    assert (third.added, third.updated, third.unchanged) == (0, 0, 779)
    with engine.connect() as connection:
        assert territory(connection).names == ("Amiens",)
        area = connection.scalar(
            text("SELECT ST_Area(ST_Transform(geom_4326, 2154)) / 1e6 FROM place WHERE is_territory")
        )
    assert area == pytest.approx(50.4, abs=0.1)


def test_the_ametis_feed(engine: Engine) -> None:
    seed_approximate(engine)
    file = REAL / "transit/ametis-gtfs-scol-2025-10-no-stop_times.zip"
    first = import_places(engine, "gtfs", file)
    assert {kind.kind: (kind.read, kind.added, kind.skipped, kind.refused) for kind in first.kinds} == {
        "stop": (1215, 799, 416, 0),
        "line": (43, 43, 0, 0),
    }
    second = import_places(engine, "gtfs", file)
    assert (second.added, second.updated, second.unchanged, second.closed) == (0, 0, 842, 0)
    with engine.connect() as connection:
        asked = "SELECT count(*) FROM place WHERE kind = 'stop' AND approximate AND closed_at IS NULL"
        assert connection.scalar(text(asked)) == 0


def test_iris_and_schools(engine: Engine) -> None:
    iris = import_places(engine, "iris", REAL / "formats/georef-france-iris-bondy-shp.zip", source="opendatasoft-iris")
    assert (iris.added, len(iris.refused)) == (23, 0)
    # One school stands twice in the file.
    schools = import_places(engine, "school", REAL / "facilities/lycees-picardie-epsg3857.geojson")
    assert (schools.read, schools.added) == (433, 432)
    assert [row.code for row in schools.refused] == ["0596281G"]
    amiens = import_places(engine, "school", REAL / "facilities/lycees-picardie-epsg3857.geojson", only=["80021"])
    assert (amiens.unchanged, amiens.closed) == (24, 0)
