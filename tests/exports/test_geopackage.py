"""The GeoPackage as other programs take it: GDAL's own check of the standard, Debian's GDAL, SQLite."""

from __future__ import annotations

import sqlite3
import subprocess
from pathlib import Path

import pytest
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
