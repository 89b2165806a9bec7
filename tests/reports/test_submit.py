"""POST /api/reports: stored once, placed, routed, with its history; refused with a message per field."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from app.db.session import unit_of_work
from app.people.actor import SYSTEM
from app.places.lattice import cells_of
from app.routing.deadlines import due_at
from tests.reports.samples import LAT, LON, body

Bearer = Callable[..., dict[str, str]]


def stored(engine: Engine, query: str, **binds: object) -> list[Any]:
    with unit_of_work(engine, SYSTEM) as uow:
        return list(uow.connection.execute(text(query), binds))


def test_the_first_time_is_created_and_placed(
    client: FlaskClient, bearer: Bearer, places: dict[str, int], engine: Engine
) -> None:
    sent = body(lon=LON + 0.0005, severity=3, observed_at="2026-05-04T18:30:00+02:00", description="Plein")
    answer = client.post("/api/reports", json=sent, headers=bearer("agent"))
    assert answer.status_code == 201, answer.text
    report = answer.get_json()
    assert list(report)[:13] == [
        "id", "category", "theme", "kind", "severity", "state", "visibility", "observed_at", "received_at", "due_at",
        "organisation", "neighbourhood", "description",
    ]  # fmt: skip
    assert report["observed_at"] == "2026-05-04T16:30:00Z"
    assert (report["state"], report["visibility"], report["theme"]) == ("new", "public", "cleanliness")
    assert report["organisation"].startswith("Ville d'Amiens")
    assert report["neighbourhood"] == "neighbourhood east"
    assert (report["iris"], report["nearest_stop"], report["qpv"]) == ("iris 800210101", "stop near", None)
    assert answer.headers["Location"].endswith(f"/api/reports/{sent['id']}")
    [row] = stored(engine, "SELECT cell_25m, source, version, due_at, received_at FROM report")
    assert row.cell_25m == int(cells_of([sent["lon"]], [LAT])[0])  # type: ignore[arg-type]
    assert (row.source, row.version, row.due_at) == ("api", 1, due_at(row.received_at, 24, severity=3))
    [event] = stored(engine, "SELECT kind, to_state, role FROM report_event")
    assert (event.kind, event.to_state, event.role) == ("created", "new", "agent")


def test_the_same_again_is_200_and_nothing_doubles(client: FlaskClient, bearer: Bearer, engine: Engine) -> None:
    sent, headers = body(), bearer("agent")
    first = client.post("/api/reports", json=sent, headers=headers)
    again = client.post("/api/reports", json=sent | {"lon": str(sent["lon"])}, headers=headers)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.get_json() == first.get_json()
    assert len(stored(engine, "SELECT id FROM report")) == len(stored(engine, "SELECT id FROM report_event")) == 1


@pytest.mark.parametrize("name", ["agent", "bailleur"])
def test_an_id_that_is_taken_is_409(client: FlaskClient, bearer: Bearer, engine: Engine, name: str) -> None:
    sent = body(category="staff_abuse")
    assert client.post("/api/reports", json=sent, headers=bearer("agent")).status_code == 201
    changed = sent | {"severity": 1} if name == "agent" else sent
    assert client.post("/api/reports", json=changed, headers=bearer(name)).status_code == 409
    assert len(stored(engine, "SELECT id FROM report")) == 1


def test_twice_at_once_is_stored_once(app: Flask, bearer: Bearer, engine: Engine) -> None:
    sent, headers = body(), bearer("agent")
    codes: list[int] = []
    start = threading.Barrier(6)

    def post() -> None:
        with app.test_client() as browser:
            start.wait()
            codes.append(browser.post("/api/reports", json=sent, headers=headers).status_code)

    threads = [threading.Thread(target=post) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(codes) == [200] * 5 + [201]
    assert len(stored(engine, "SELECT id FROM report")) == 1


def test_form_and_multipart_bodies_go_through_the_same_parser(client: FlaskClient, bearer: Bearer) -> None:
    headers = bearer("agent")
    form = {key: str(value) for key, value in body(severity="", observed_at="2026-05-04T18:30").items()}
    answer = client.post("/api/reports", data=form, headers=headers)
    assert answer.status_code == 201
    assert answer.get_json()["observed_at"] == "2026-05-04T16:30:00Z"
    again = client.post("/api/reports", data=form, headers=headers, content_type="multipart/form-data")
    assert again.status_code == 200


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"lon": 2.6}, {"lon", "lat"}),
        ({"lon": LAT, "lat": LON}, {"lon", "lat"}),
        ({"observed_at": "2199-01-01T00:00:00Z"}, {"observed_at"}),
        ({"category": "nonsense"}, {"category"}),
        ({"lon": float("nan")}, {"lon"}),
        ({"description": "<img src=x>"}, {"description"}),
        ({"description": "a\x00b"}, {"description"}),
        ({"description": "é" * 2_000_000}, {"description"}),
        ({"place_id": 999_999}, {"place_id"}),
        ({"lat": None, "severity": 7}, {"lat", "severity"}),
    ],
)
def test_bad_input_is_422_at_its_field_and_nothing_is_stored(
    client: FlaskClient, bearer: Bearer, engine: Engine, changes: dict[str, Any], fields: set[str]
) -> None:
    answer = client.post("/api/reports", json=body(**changes), headers=bearer("agent"))
    assert answer.status_code == 422, answer.text[:300]
    assert answer.content_type == "application/problem+json"
    problem = answer.get_json()
    assert {error["field"] for error in problem["errors"]} == fields
    assert problem["status"] == 422
    assert {"type", "title"} <= set(problem)
    assert stored(engine, "SELECT id FROM report") == []


def test_ten_megabytes_of_text_in_a_form_is_a_message_too(client: FlaskClient, bearer: Bearer) -> None:
    form = {key: str(value) for key, value in body(description="x" * 10_000_000).items()}
    answer = client.post("/api/reports", data=form, headers=bearer("agent"))
    assert answer.status_code == 422
    assert [error["field"] for error in answer.get_json()["errors"]] == ["description"]


def test_messages_speak_the_callers_language(client: FlaskClient, bearer: Bearer) -> None:
    headers = bearer("agent")
    sent = {"id": str(uuid4())}
    english = client.post("/api/reports", json=sent, headers=headers | {"Accept-Language": "en"}).get_json()
    french = client.post("/api/reports", json=sent, headers=headers | {"Accept-Language": "fr-FR"}).get_json()
    assert english["errors"][0]["message"] == "This field is required."
    assert french["errors"][0]["message"] == "Ce champ est obligatoire."


@pytest.mark.parametrize(
    ("data", "content_type", "status"),
    [
        (b"{", "application/json", 400),
        (b"[1]", "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (b'{"id": "\xff"}', "application/json", 400),
        (b"id=1", "text/plain", 415),
        (b"", "application/json", 400),
        (b"x" * 17_000_000, "application/json", 413),
    ],
)
def test_what_is_no_body_is_said_so(
    client: FlaskClient, bearer: Bearer, data: bytes, content_type: str, status: int
) -> None:
    answer = client.post("/api/reports", data=data, content_type=content_type, headers=bearer("agent"))
    assert answer.status_code == status
    assert answer.get_json()["status"] == status


@pytest.mark.parametrize(
    ("name", "scope", "status"),
    [
        (None, "", 401), ("agent", "read", 403), ("planner", "write", 403), ("admin", "write", 403),
        ("bailleur", "write", 201), ("coordinator", "write", 201),
    ],
)  # fmt: skip
def test_who_may_report(client: FlaskClient, bearer: Bearer, name: str | None, scope: str, status: int) -> None:
    headers = bearer(name, scope) if name else {}
    assert client.post("/api/reports", json=body(), headers=headers).status_code == status


def test_a_linked_residence_sends_it_to_its_landlord(
    client: FlaskClient, bearer: Bearer, places: dict[str, int]
) -> None:
    sent = body(category="bulky_waste", place_id=places["residence"])
    report = client.post("/api/reports", json=sent, headers=bearer("agent")).get_json()
    assert report["organisation"] == "Bailleur social (démo)"
    assert report["place"] == "residence r1"


def test_one_report_is_read_by_those_who_may(client: FlaskClient, bearer: Bearer) -> None:
    sent = body(category="suspected_dealing")
    client.post("/api/reports", json=sent, headers=bearer("agent"))
    path = f"/api/reports/{sent['id']}"
    readers = {name: client.get(path, headers=bearer(name)).status_code for name in ("agent", "coordinator", "planner")}
    assert readers == {"agent": 200, "coordinator": 200, "planner": 404}
    assert client.get(path).status_code == 401
    assert client.get("/api/reports/not-an-id", headers=bearer("agent")).status_code == 404


def test_the_window_gives_what_is_inside_it(client: FlaskClient, bearer: Bearer) -> None:
    headers = bearer("agent")
    inside, outside = body(), body(lon=LON + 0.05)
    for sent in (inside, outside):
        client.post("/api/reports", json=sent, headers=headers)
    answer = client.get(
        "/api/reports", query_string={"bbox": f"{LON},{LAT},{LON + 0.01},{LAT + 0.01}"}, headers=headers
    )
    found = answer.get_json()
    assert [feature["id"] for feature in found["features"]] == [inside["id"]]
    assert found["truncated"] is False
    for bad in ("1,2,3", "nan,0,1,1", "3,0,2,1", "-200,0,1,1"):
        assert client.get("/api/reports", query_string={"bbox": bad}, headers=headers).status_code == 400


def test_the_list_leads_on_page_by_page(client: FlaskClient, bearer: Bearer) -> None:
    headers = bearer("agent")
    sent = [body() for _ in range(5)]
    for one in sent:
        client.post("/api/reports", json=one, headers=headers)
    found: list[str] = []
    address: str = "/api/reports?limit=2&category=overflowing_bin"
    for _ in range(3):
        page = client.get(address, headers=headers)
        found += [feature["id"] for feature in page.get_json()["features"]]
        address = page.get_json()["next"]
        assert page.headers.get("Link") == (f'<{address}>; rel="next"' if address else None)
    assert not address
    assert found == [one["id"] for one in reversed(sent)]
    for bad in ("limit=0", "limit=1001", "limit=x", "limit=1_0", "after=x", "page=2", "limit=1&limit=2"):
        assert client.get(f"/api/reports?{bad}", headers=headers).status_code == 400, bad


def test_a_new_geography_moves_the_reports(
    client: FlaskClient, bearer: Bearer, engine: Engine, places: dict[str, int]
) -> None:
    from app.reports.actions import locate_again

    sent = body(lon=LON + 0.0005)
    client.post("/api/reports", json=sent, headers=bearer("agent"))
    assert locate_again(engine) == 0
    with unit_of_work(engine, SYSTEM) as uow:
        uow.connection.execute(text("UPDATE place SET closed_at = now() WHERE id = :id"), {"id": places["east"]})
    assert locate_again(engine) == 1
    [row] = stored(engine, "SELECT neighbourhood_id, version FROM report")
    assert row.neighbourhood_id is None
    assert row.version == 2
