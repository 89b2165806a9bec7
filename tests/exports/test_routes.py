"""`GET /export/reports.geojson` over HTTP: who may, which parameters, and that a broken stream is seen as broken."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from typing import Any

import psycopg2
import pytest
from flask import Flask
from flask.testing import FlaskClient
from lxml import etree
from sqlalchemy import Engine

from app.db.session import unit_of_work
from app.exports import routes, store
from app.exports.dictionary import COLUMNS
from app.people.actor import SYSTEM
from tests.exports.samples import add_organisation, add_report
from tests.exports.test_actions import failing_in_the_middle

URL = "/export/reports.geojson"
Bearer = Callable[..., dict[str, str]]


def ids(answer: Any) -> set[str]:
    assert answer.status_code == 200, answer.text
    return {feature["id"] for feature in json.loads(answer.data)["features"]}


def test_the_public_must_sign_in(client: FlaskClient) -> None:
    answer = client.get(URL)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert answer.mimetype == "application/problem+json"


@pytest.mark.parametrize("name", ["agent", "bailleur", "ametis", "admin"])
def test_other_roles_may_not(client: FlaskClient, bearer: Bearer, name: str) -> None:
    answer = client.get(URL, headers=bearer(name))
    assert answer.status_code == 403
    assert answer.mimetype == "application/problem+json"


def test_a_planner_with_a_reading_token_gets_the_rows(client: FlaskClient, bearer: Bearer, engine: Engine) -> None:
    with unit_of_work(engine, SYSTEM) as uow:
        report_id = add_report(uow)
        restricted = add_report(uow, visibility="restricted")
    answer = client.get(URL, headers=bearer("planner", "read"))
    assert ids(answer) == {report_id}
    assert answer.headers["Content-Type"] == "application/geo+json"
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="quietude-reports-20')
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Content-Encoding" not in answer.headers
    assert ids(client.get(URL, headers=bearer("coordinator"))) == {report_id, restricted}


@pytest.mark.parametrize(("what", "coloured"), [("reports", "theme"), ("interventions", None), ("patrols", "outcome")])
def test_every_layer_has_a_style_of_qgis_that_names_nobody(
    client: FlaskClient, what: str, coloured: str | None
) -> None:
    answer = client.get(f"/export/{what}.qml")
    assert (answer.status_code, answer.mimetype) == (200, "application/x-qgis-layer-settings")
    root = etree.fromstring(answer.data)
    aliases = [one.get("field") for one in root.iterfind("aliases/alias")]
    assert aliases == [column.name for column in COLUMNS[what] if not column.csv_only]
    assert all(one.get("name") for one in root.iterfind("aliases/alias"))
    renderer = root.find("renderer-v2")
    assert (None if renderer is None else renderer.get("attr")) == coloured
    assert client.get(f"/export/{what}.qml?theme=street").status_code == 400
    assert client.get("/export/events.qml").status_code == 404


def test_the_organisation_that_answers_is_a_filter(client: FlaskClient, bearer: Bearer, engine: Engine) -> None:
    with unit_of_work(engine, SYSTEM) as uow:
        mine = add_report(uow, organisation_id=add_organisation(uow, "one", "One"))
        add_report(uow, organisation_id=add_organisation(uow, "other", "Other"))
        add_report(uow)
    assert ids(client.get(f"{URL}?organisation=one", headers=bearer("planner"))) == {mine}


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("limit=5", "limit"),
        ("Theme=cleanliness", "Theme"),
        ("theme=cleanliness&theme=street", "theme"),
        ("theme=nope", "theme"),
        ("category=nope", "category"),
        ("from=yesterday", "from"),
        ("from=2026-05-04&to=2026-05-03", "to"),
        ("state=gone", "state"),
        ("severity=5", "severity"),
        ("bbox=1,2,3", "bbox"),
        ("bbox=nan,0,1,1", "bbox"),
    ],
)
def test_a_wrong_parameter_is_named(client: FlaskClient, bearer: Bearer, query: str, parameter: str) -> None:
    answer = client.get(f"{URL}?{query}", headers=bearer("planner"))
    assert answer.status_code == 400
    assert [error["field"] for error in json.loads(answer.data)["errors"]] == [parameter]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("theme=cleanliness", {"bin"}),
        ("theme=cleanliness,tranquillity", {"bin", "fire"}),
        ("category=fire", {"fire"}),
        ("from=2026-05-05", {"fire"}),
        ("to=2026-05-04", {"bin"}),
        ("state=resolved", {"fire"}),
        ("severity=3", {"fire"}),
        ("bbox=2.3,49.8,2.305,49.9", {"bin"}),
        ("bbox=2.3022,49.8947,2.3022,49.8947", {"bin"}),
        ("bbox=-10,-10,0,0", set()),
        ("theme=", {"bin", "fire"}),
        ("", {"bin", "fire"}),
    ],
)
def test_the_maps_filters(client: FlaskClient, bearer: Bearer, engine: Engine, query: str, expected: set[str]) -> None:
    with unit_of_work(engine, SYSTEM) as uow:
        names = {
            # 23:59 and 00:00 in Amiens, two hours before in UTC.
            add_report(uow, observed_at="2026-05-04T21:59:59Z"): "bin",
            add_report(
                uow,
                category="fire",
                severity=4,
                state="resolved",
                observed_at="2026-05-04T22:00:00Z",
                lon=2.2712,
                lat=49.9021,
            ): "fire",
        }
    assert {names[found] for found in ids(client.get(f"{URL}?{query}", headers=bearer("planner")))} == expected


def test_head_has_the_headers_and_runs_no_query(
    client: FlaskClient, bearer: Bearer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes, "export_reports", lambda *_, **__: pytest.fail("the query ran"))
    answer = client.head(URL, headers=bearer("planner"))
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/geo+json"
    assert answer.data == b""
    assert client.head(f"{URL}?limit=1", headers=bearer("planner")).status_code == 400


def test_gzip_when_accepted(client: FlaskClient, bearer: Bearer, engine: Engine) -> None:
    with unit_of_work(engine, SYSTEM) as uow:
        report_id = add_report(uow)
    answer = client.get(URL, headers=bearer("planner") | {"Accept-Encoding": "br, gzip;q=0.5"})
    assert answer.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in answer.headers["Vary"]
    assert [f["id"] for f in json.loads(gzip.decompress(answer.data))["features"]] == [report_id]
    refused = client.get(URL, headers=bearer("planner") | {"Accept-Encoding": "gzip;q=0"})
    assert "Content-Encoding" not in refused.headers


def test_an_error_before_the_first_row_is_a_5xx(
    app: Flask, client: FlaskClient, bearer: Bearer, monkeypatch: pytest.MonkeyPatch
) -> None:
    app.config["PROPAGATE_EXCEPTIONS"] = False
    monkeypatch.setattr(store, "_query", lambda *_: b"SELECT (1 / 0)::text")
    answer = client.get(URL, headers=bearer("planner"))
    assert answer.status_code == 500
    assert answer.mimetype == "application/problem+json"
    assert b"division" not in answer.data


def test_an_error_in_the_middle_reaches_the_server(
    client: FlaskClient, bearer: Bearer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server then closes the connection without the last chunk; test_wire.py shows it on a socket."""
    monkeypatch.setattr(store, "_query", failing_in_the_middle)
    answer = client.get(URL, headers=bearer("planner"))
    assert answer.status_code == 200
    with pytest.raises(psycopg2.errors.DivisionByZero):
        _ = answer.data


def test_at_most_a_quarter_of_the_threads_export_at_once(client: FlaskClient, bearer: Bearer, app: Flask) -> None:
    headers = bearer("planner")
    held = [client.get(URL, headers=headers, buffered=False) for _ in range(2)]
    answer = client.get(URL, headers=headers)
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    for one in held:
        one.close()
    assert client.get(URL, headers=headers).status_code == 200


@pytest.mark.parametrize("path", ["reports.xlsx", "interventions.shp", "events.gpkg", "organisations.csv"])
def test_other_formats_are_not_there(client: FlaskClient, bearer: Bearer, path: str) -> None:
    assert client.get(f"/export/{path}", headers=bearer("planner")).status_code == 404
