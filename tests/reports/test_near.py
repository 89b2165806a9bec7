"""`/near`: what is open around a point, the nearest first, and only what somebody may see."""

from __future__ import annotations

import re
from typing import Any
from uuid import uuid4

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from app.db.session import unit_of_work
from app.people.actor import SYSTEM
from app.reports import near
from tests.reports.samples import LAT, LON
from tests.routing.world import World, body_at, make_world


@pytest.fixture
def world(engine: Engine, clean: None) -> World:
    return make_world(engine)


def _report(client: FlaskClient, world: World, east_m: float, north_m: float = 0, **changes: Any) -> str:
    body = body_at(east_m, north_m, **changes) | {"id": str(uuid4())}
    assert client.post("/api/reports", json=body, headers=world.headers("agent")).status_code == 201
    return str(body["id"])


def _set(engine: Engine, report_id: str, column: str, value: str) -> None:
    with unit_of_work(engine, SYSTEM) as uow:
        uow.connection.execute(
            text(f"UPDATE report SET {column} = :value WHERE id = :id"), {"value": value, "id": report_id}
        )


def test_the_nearest_first_with_distance_and_direction(client: FlaskClient, world: World, engine: Engine) -> None:
    far, close = _report(client, world, 300, 300), _report(client, world, -40)
    _report(client, world, 490, 200)  # inside the box, outside the circle
    _set(engine, _report(client, world, 5), "state", "resolved")
    with unit_of_work(engine, world.actors["agent"]) as uow:
        found = near.around(uow, world.actors["agent"], LON, LAT)
    assert [str(one.row.id) for one in found] == [close, far]
    assert [round(one.distance_m) for one in found] == [pytest.approx(40, abs=1), pytest.approx(424, abs=2)]
    assert [one.direction for one in found] == [6, 1]


@pytest.mark.parametrize(
    ("east_m", "north_m", "expected"),
    [
        (0, 9, 0),
        (9, 9, 1),
        (9, 0, 2),
        (9, -9, 3),
        (0, -9, 4),
        (-9, -9, 5),
        (-9, 0, 6),
        (-9, 9, 7),
        (-1, 9, 0),
        (0, 0, 0),
    ],
)
def test_eight_directions(east_m: float, north_m: float, expected: int) -> None:
    assert near.direction(east_m, north_m, abs(east_m) + abs(north_m)) == expected


def test_the_page_without_a_script(client: FlaskClient, world: World, engine: Engine) -> None:
    mine = _report(client, world, 20)
    hidden = _report(client, world, 25)
    _set(engine, hidden, "visibility", "restricted")
    headers = world.headers("hlm-b") | {"Accept-Language": "fr"}
    page = client.get(f"/near?lon={LON}&lat={LAT}", headers=headers)
    assert page.status_code == 200
    assert re.findall(r'data-id="([^"]+)"', page.text) == [mine]
    assert "à l'est" in page.get_data(as_text=True).replace("&#39;", "'")
    assert client.get("/near", headers=headers).status_code == 200
    empty = client.get(f"/near?lon={LON + 0.05}&lat={LAT}", headers=headers)
    assert "ouvert à moins de 500" in empty.text


def test_what_cannot_be_read_and_who_may_not(client: FlaskClient, world: World) -> None:
    headers = world.headers("agent")
    for query, named in (
        ("lon=x&lat=49", "lon"),
        ("lon=2.3", "lat"),
        ("lon=2.3&lat=nan", "lat"),
        ("lon=2.3&lat=80", "lat"),
        ("x=1", "x"),
    ):
        answer = client.get(f"/near?{query}", headers=headers | {"Accept": "application/json"})
        assert (answer.status_code, answer.get_json()["errors"][0]["field"]) == (400, named)
    assert client.get("/near", headers=world.headers("planner")).status_code == 403
    assert client.get("/near", headers={"Accept": "application/json"}).status_code == 401
