"""The document is made from the code: no view for machines is missing in it, and it says what is so."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from schemathesis import openapi

from app.api.document import operations
from app.web.described import endpoint_of
from app.web.problems import TITLES


@pytest.fixture
def document(client: FlaskClient) -> Any:
    answer = client.get("/api/openapi.json")
    assert answer.content_type == "application/json"
    return answer.get_json()


def test_every_machine_view_is_declared(app: Flask) -> None:
    """A view that is added to the API says what it takes and gives."""
    missing = []
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith(("/api/", "/tiles/", "/export/")) and rule.endpoint != "exports.index":
            try:
                endpoint_of(app.view_functions[rule.endpoint])
            except LookupError:
                missing.append(f"{rule.endpoint} {rule.rule}")
    assert missing == [], "declare them: app/web/described.py"


def test_what_is_declared_is_in_the_document(app: Flask, document: Any) -> None:
    found = {(path, method.upper()) for path, item in document["paths"].items() for method in item}
    assert {(one.path.template, one.method) for one in operations(app)} == found
    assert ("/api/interventions/{subject_id}/photos", "POST") in found
    assert ("/export/reports.{ending}", "GET") in found
    names = [item[method]["operationId"] for item in document["paths"].values() for method in item]
    assert len(names) == len(set(names))


def test_it_is_valid_openapi(document: Any) -> None:
    openapi.from_dict(document).validate()


def test_it_knows_this_register(document: Any) -> None:
    body = document["components"]["schemas"]["ReportCommand"]
    assert "pothole" in body["properties"]["category"]["enum"]
    assert body["additionalProperties"] is False
    assert set(body["required"]) == {"id", "category", "lon", "lat"}


def test_it_is_in_english_whoever_asks(client: FlaskClient) -> None:
    answers = [client.get("/api/openapi.json", headers={"Accept-Language": code}).get_data() for code in ("fr", "en")]
    assert answers[0] == answers[1]
    assert b"Submit a report" in answers[0]


def test_every_problem_has_its_words() -> None:
    assert {400, 401, 403, 404, 405, 409, 412, 413, 415, 422, 428, 429, 500, 503} <= set(TITLES)


def test_it_is_asked_for_again_cheaply(client: FlaskClient) -> None:
    first = client.get("/api/openapi.json")
    again = client.get("/api/openapi.json", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.get_data()) == (304, b"")
