"""Debian's QGIS without a screen against the production server: one run looks at everything, each test at a part."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from lxml import etree
from sqlalchemy import Engine

from app.exports.dictionary import COLUMNS
from app.exports.legend import COLOURS
from app.exports.project import AUTHCFG, CLOSE, LABELLED
from tests.ogc.live import Live
from tests.qgis.conftest import rows

Seen = dict[str, Any]
LOOK = Path(__file__).with_name("look.py")


def fetch(live: Live, path: str, *options: str) -> bytes:
    command = ["curl", "-sf", "-u", f"jeton:{live.token}", "-H", "Accept-Language: fr", *options, f"{live.url}{path}"]
    return subprocess.run(command, check=True, capture_output=True).stdout


@pytest.fixture(scope="module")
def seen(live: Live, engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Seen:
    """What QGIS read, with a profile of its own."""
    folder = tmp_path_factory.mktemp("qgis")
    folder.chmod(0o700)
    (folder / "token").write_text(live.token, encoding="ascii")
    (folder / "quietude.qgs").write_bytes(fetch(live, "/export/quietude.qgs"))
    box = "SELECT ST_Extent(ST_Transform(geom_4326, 2154)) FROM report"
    [middle] = rows(engine, f"SELECT ST_X(ST_Centroid(b)), ST_Y(ST_Centroid(b)) FROM ({box}) AS t (b)")
    environ = {"PATH": os.environ["PATH"], "QT_QPA_PLATFORM": "offscreen", "HOME": str(folder)}
    environ |= {"XDG_RUNTIME_DIR": str(folder), "QGIS_AUTH_DB_DIR_PATH": str(folder)}
    done = subprocess.run(
        ["/usr/bin/python3", str(LOOK), live.url, str(folder / "token"), str(folder), *map(str, middle)],
        env=environ, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    made: Seen = json.loads((folder / "seen.json").read_text(encoding="utf-8"))
    return made


@pytest.fixture(scope="module")
def layers(seen: Seen) -> dict[str, Seen]:
    return {one["name"].replace("\N{NO-BREAK SPACE}", " "): one for one in seen["project"]["layers"]}


def test_whoever_has_no_token_opens_an_empty_layer(seen: Seen) -> None:
    assert seen["stranger"] == [True, 0]


def test_signing_in_shows_everything_although_the_same_address_was_read_before(seen: Seen, engine: Engine) -> None:
    """QGIS keeps answers on disk: what a stranger got must not be what the planner gets."""
    assert seen["signed_in"]
    assert (seen["reports"]["valid"], seen["reports"]["count"], len(seen["reports"]["rows"])) == (True, 300, 300)
    expected = {id_ for (id_,) in rows(engine, "SELECT id::text FROM report WHERE visibility <> 'restricted'")}
    assert {row["id"] for row in seen["reports"]["rows"]} == expected


def test_every_attribute_is_typed_and_as_the_database_has_it(seen: Seen, engine: Engine) -> None:
    types = seen["reports"]["types"]
    assert list(types) == [column.name for column in COLUMNS["reports"] if not column.csv_only]
    assert (types["severity"], types["is_synthetic"], types["observed_at"]) == ("Integer", "Boolean", "DateTime")
    found = {row["id"]: row for row in seen["reports"]["rows"]}
    expected = rows(
        engine,
        """
        SELECT id::text, category_code, severity, state, description,
            to_char(observed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
            (SELECT name FROM organisation WHERE organisation.id = organisation_id), ST_X(geom_4326), ST_Y(geom_4326)
        FROM report WHERE visibility <> 'restricted'
        """,
    )
    for id_, *values, lon, lat in expected:
        names = ("category", "severity", "state", "description", "observed_at", "organisation")
        assert [found[id_][name] for name in names] == values
        assert seen["reports"]["places"][id_] == pytest.approx([lon, lat], abs=1e-6)


def test_a_box_and_a_condition_leave_what_they_say(seen: Seen, engine: Engine) -> None:
    west, _south, east, _north = seen["reports"]["extent"]
    places = seen["reports"]["places"]
    expected = {id_ for id_, (lon, _lat) in places.items() if lon <= (west + east) / 2}
    assert 0 < len(expected) < 300
    assert set(seen["reports"]["west"]) == expected
    condition = "severity = 3 AND category_code = 'overflowing_bin' AND visibility <> 'restricted'"
    some = {id_ for (id_,) in rows(engine, f"SELECT id::text FROM report WHERE {condition}")}
    assert 0 < len(some) < 100
    assert set(seen["reports"]["filtered"]) == some


def test_the_project_opens_in_lambert_93_with_every_layer_grouped_and_named(
    seen: Seen, layers: dict[str, Seen]
) -> None:
    assert (seen["project"]["opened"], seen["project"]["crs"], seen["project"]["title"]) == (
        True,
        "EPSG:2154",
        "Quiétude",
    )
    assert [(one["group"], name) for name, one in layers.items()] == [
        ("Signalements", "Signalements, un par un"),
        ("Signalements", "Signalements, en nombre"),
        ("Interventions", "Interventions : points"),
        ("Interventions", "Interventions : lignes"),
        ("Interventions", "Interventions : surfaces"),
        ("Transports en commun", "Arrêts"),
        ("Transports en commun", "Lignes"),
        ("Quartiers", "Quartiers prioritaires (QPV)"),
        ("Quartiers", "Signalements par km² et par 30 jours"),
    ]
    assert all(one["valid"] and one["authcfg"] for one in layers.values())


def test_its_layers_hold_what_the_database_holds(layers: dict[str, Seen], engine: Engine) -> None:
    counts = {name: one.get("count") for name, one in layers.items()}
    assert counts["Signalements, un par un"] == 300
    kinds = dict(rows(engine, "SELECT GeometryType(geom_4326), count(*) FROM intervention GROUP BY 1"))
    assert counts["Interventions : points"] == kinds.get("POINT", 0) == 1
    assert counts["Interventions : lignes"] == kinds.get("LINESTRING", 0) == 1
    assert counts["Interventions : surfaces"] == kinds.get("POLYGON", 0) == 0
    places = dict(rows(engine, "SELECT kind, count(*) FROM place GROUP BY 1"))
    assert counts["Arrêts"] == places["stop"]
    assert counts["Lignes"] == places["line"]
    assert counts["Quartiers prioritaires (QPV)"] == places["qpv"]
    assert counts["Signalements par km² et par 30 jours"] == places["neighbourhood"]


def test_its_colours_are_those_of_the_product(layers: dict[str, Seen], engine: Engine) -> None:
    reports, clusters = layers["Signalements, un par un"], layers["Signalements, en nombre"]
    themes = rows(engine, "SELECT code, label_fr FROM theme ORDER BY position")
    assert reports["renderer"] == "categorizedSymbol"
    assert list(reports["colours"].items()) == [(code, COLOURS[n]) for n, (code, _label) in enumerate(themes)]
    assert list(clusters["colours"].items()) == [(label, COLOURS[n]) for n, (_code, label) in enumerate(themes)]
    neighbourhoods = layers["Signalements par km² et par 30 jours"]
    assert neighbourhoods["renderer"] == "graduatedSymbol"
    assert len(set(neighbourhoods["colours"].values())) == 7
    assert "Gravité" in reports["aliases"]


def test_single_reports_show_close_up_and_clusters_further_out(seen: Seen, layers: dict[str, Seen]) -> None:
    reports, clusters = layers["Signalements, un par un"], layers["Signalements, en nombre"]
    assert (reports["limited"], reports["scales"][0]) == (True, CLOSE)
    assert (clusters["limited"], clusters["scales"][1]) == (True, CLOSE)
    assert reports["label_scale"] == LABELLED
    project = seen["project"]
    assert project["far"] > project["clusters_far"] > 50
    assert project["clusters_near"] == 0
    assert project["near"] > 200


def test_no_token_is_inside_and_the_address_is_the_servers_own(live: Live) -> None:
    whole = fetch(live, "/export/quietude.qgs?authcfg=abc1234").decode()
    assert live.token not in whole
    assert "authcfg=abc1234" in whole
    assert f"authcfg={AUTHCFG}" not in whole
    sources = etree.fromstring(whole.encode()).findall(".//maplayer/datasource")
    assert all(
        live.url.split("://")[1] in (source.text or "").replace("%3A", ":").replace("%2F", "/") for source in sources
    )


@pytest.mark.parametrize("query", ["authcfg=", "authcfg=ABCDEFG", "authcfg=12345678", "authcfg=a'b%20c", "token=x"])
def test_other_parameters_are_refused_by_name(live: Live, query: str) -> None:
    with pytest.raises(subprocess.CalledProcessError, match="22"):
        fetch(live, f"/export/quietude.qgs?{query}")


def test_a_stranger_does_not_get_it(client: FlaskClient) -> None:
    assert client.get("/export/quietude.qgs").status_code == 401
