"""The GeoPackage as other programs take it: GDAL's own check of the standard, Debian's GDAL and QGIS, SQLite."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from lxml import etree
from sqlalchemy import Engine, text

from app.db.session import unit_of_work
from app.exports.actions import export_interventions, export_reports
from app.exports.dictionary import COLUMNS
from app.exports.formats import FORMATS
from app.interventions.filters import InterventionFilter
from app.people.actor import SYSTEM
from app.reports.filters import ReportFilter
from tests.exports.conftest import PLANNER
from tests.exports.samples import add_intervention, add_many, add_organisation, add_report
from tests.exports.test_actions import ODD

# Comes with python3-gdal, on which python3-qgis depends.
CHECK = Path("/usr/lib/python3/dist-packages/osgeo_utils/samples/validate_gpkg.py")


def made(engine: Engine, path: Path, what: str) -> Path:
    """The export of a planner as a file."""
    if what == "reports":
        export = export_reports(engine, PLANNER, ReportFilter(), FORMATS["gpkg"])
    else:
        export = export_interventions(engine, PLANNER, InterventionFilter(), FORMATS["gpkg"])
    path.write_bytes(b"".join(export))
    export.close()
    return path


@pytest.fixture
def both(engine: Engine, clean: None, tmp_path: Path) -> dict[str, Path]:
    """Both layers, of a register with something of everything."""
    with unit_of_work(engine, SYSTEM) as uow:
        add_many(uow, 500)
        for odd in ODD:
            add_report(uow, description=odd)
        add_report(uow, due_at=None, organisation_id=add_organisation(uow, "odd", "A\x1fB"))
        organisation_id = add_organisation(uow, "city", "City")
        add_intervention(uow, organisation_id, "works")
        area = add_intervention(uow, organisation_id, "cleaning")
        uow.connection.execute(
            text(
                "UPDATE intervention SET geom_4326 = ST_Envelope(ST_Buffer(geom_4326, 0.001)), teams = '{a,b}',"
                " cost_eur = 12.5, team_size = 3 WHERE id = :id"
            ),
            {"id": area},
        )
    return {what: made(engine, tmp_path / f"{what}.gpkg", what) for what in ("reports", "interventions")}


@pytest.mark.parametrize("what", ["reports", "interventions"])
def test_gdal_finds_it_conformant(both: dict[str, Path], what: str) -> None:
    done = subprocess.run(
        ["/usr/bin/python3", str(CHECK), "--warning-as-error", str(both[what])],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, ""), done.stdout


def test_debians_gdal_reads_and_changes_it(both: dict[str, Path]) -> None:
    def told(*arguments: str) -> str:
        done = subprocess.run(["ogrinfo", *arguments], check=True, capture_output=True, text=True)
        assert "ERROR" not in done.stderr
        assert "Warning" not in done.stderr
        return done.stdout

    summary = told("-so", str(both["reports"]), "reports")
    assert f"Feature Count: {500 + len(ODD) + 1}" in summary
    fields = [line.partition(":")[0] for line in summary.splitlines() if line.endswith("(0.0)")]
    assert fields == [column.name for column in COLUMNS["reports"] if not column.csv_only]
    # Its triggers are back: what GDAL takes out is also out of the index and of the count.
    told(str(both["reports"]), "-sql", "DELETE FROM reports WHERE description LIKE 'report number%'")
    with sqlite3.connect(both["reports"]) as file:
        assert file.execute("SELECT rtreecheck('rtree_reports_geom')").fetchone() == ("ok",)
        assert file.execute("SELECT count(*) FROM rtree_reports_geom").fetchone() == (len(ODD) + 1,)
        assert file.execute("SELECT feature_count FROM gpkg_ogr_contents").fetchone() == (len(ODD) + 1,)


def test_values_keep_their_types_and_their_characters(both: dict[str, Path]) -> None:
    with sqlite3.connect(both["reports"]) as file:
        assert file.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        told = [text for (text,) in file.execute("SELECT description FROM reports") if not text or "number" not in text]
        assert sorted(filter(None, told)) == sorted(ODD)
        kinds = "SELECT DISTINCT typeof(severity), typeof(is_synthetic), typeof(observed_at), typeof(qpv) FROM reports"
        assert file.execute(kinds).fetchall() == [("integer", "integer", "text", "null")]
        assert file.execute("SELECT count(*) FROM reports WHERE organisation = 'AB'").fetchone() == (1,)
    with sqlite3.connect(both["interventions"]) as file:
        query = "SELECT kind, teams, cost_eur, team_size, reports, done_start FROM interventions ORDER BY kind"
        assert file.execute(query).fetchall() == [
            ("cleaning", "a;b", 12.5, 3, 0, None),
            ("works", None, None, None, 0, None),
        ]


def in_qgis(source: str, home: Path) -> dict[str, Any]:
    """What the system's QGIS makes of it, with a profile of its own."""
    environ = {
        "PATH": os.environ["PATH"],
        "QT_QPA_PLATFORM": "offscreen",
        "HOME": str(home),
        "XDG_RUNTIME_DIR": str(home),
    }
    done = subprocess.run(
        ["/usr/bin/python3", str(Path(__file__).with_name("qgis_look.py")), source],
        check=True, capture_output=True, text=True, env=environ,
    )  # fmt: skip
    seen: dict[str, Any] = json.loads(done.stdout)
    return seen


def test_qgis_opens_reports_coloured_by_theme_with_french_words(
    client: FlaskClient, bearer: Callable[..., dict[str, str]], engine: Engine, tmp_path: Path
) -> None:
    with unit_of_work(engine, SYSTEM) as uow:
        add_many(uow, 20)
        add_report(uow, category="fire", severity=4)
    answer = client.get("/export/reports.gpkg", headers=bearer("planner") | {"Accept-Language": "fr"})
    (tmp_path / "got.gpkg").write_bytes(answer.data)
    seen = in_qgis(f"{tmp_path / 'got.gpkg'}|layername=reports", tmp_path)
    assert (seen["valid"], seen["count"], seen["crs"]) == (True, 21, "EPSG:2154")
    assert (seen["renderer"], seen["attribute"], seen["grows"]) == ("categorizedSymbol", "theme", True)
    assert dict(zip(seen["colours"], seen["legend"], strict=True))["cleanliness"] == "Propreté"
    assert len(set(seen["colours"].values())) == len(seen["colours"]) == 8
    shown = [column.name for column in COLUMNS["reports"] if not column.csv_only]
    assert [name for name, alias in seen["aliases"].items() if alias] == shown
    assert (seen["aliases"]["severity"], seen["aliases"]["due_at"]) == ("Gravité", "À traiter avant le")
    assert {"Danger immédiat": "4"} in seen["labels"]["severity"]
    assert set(seen["labels"]) == {"category", "theme", "kind", "severity", "state", "visibility"}


def test_qgis_opens_interventions_that_are_no_points(both: dict[str, Path], tmp_path: Path) -> None:
    seen = in_qgis(f"{both['interventions']}|layername=interventions|geometrytype=Polygon", tmp_path)
    assert (seen["valid"], seen["count"], seen["renderer"]) == (True, 1, "singleSymbol")
    assert seen["aliases"]["team_size"]
    assert set(seen["labels"]) == {"kind", "state", "visibility"}


def test_the_other_style_is_wellformed_and_has_a_rule_a_theme(both: dict[str, Path]) -> None:
    with sqlite3.connect(both["reports"]) as file:
        (sld, title) = file.execute("SELECT styleSLD, description FROM layer_styles").fetchone()
    rules = etree.fromstring(sld.encode()).findall(".//{http://www.opengis.net/se}Rule")
    assert len(rules) == 8
    assert title
