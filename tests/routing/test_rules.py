"""Rules in the browser: who may, what is refused, order, preview before saving, dry run."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, text
from sqlalchemy.exc import ProgrammingError

from app.db.session import unit_of_work
from app.people.actor import PUBLIC, SYSTEM
from tests.routing.world import World, at, body_at

GOOD = {"label": "Nights", "organisation": "police", "active": "1"}


def rules(engine: Engine) -> list[Any]:
    with unit_of_work(engine, SYSTEM) as uow:
        return list(uow.connection.execute(text("SELECT * FROM routing_rule ORDER BY position, id")))


def save(client: FlaskClient, world: World, path: str = "/routing/new", **values: Any) -> Any:
    return client.post(path, data=GOOD | values, headers=world.headers("coordinator"))


def triangle(*corners: tuple[float, float]) -> str:
    ring = [list(at(*corner)) for corner in (*corners, corners[0])]
    return json.dumps({"type": "Polygon", "coordinates": [ring]})


def test_every_condition_is_stored_and_comes_back(client: FlaskClient, world: World, engine: Engine) -> None:
    zone = triangle((0, 0), (100, 0), (0, 100))
    done = save(client, world, what="theme:street", place_kind="stop", zone=zone, weekdays=["5", "6"],
                from_time="22:00", to_time="06:00")  # fmt: skip
    assert done.status_code == 303, done.text
    [rule] = rules(engine)
    assert (rule.label, rule.theme_code, rule.category_code, rule.place_kind) == ("Nights", "street", None, "stop")
    assert (list(rule.weekdays), str(rule.from_time), str(rule.to_time)) == ([5, 6], "22:00:00", "06:00:00")
    assert (rule.active, rule.position, rule.version) == (True, 1, 1)
    page = client.get(f"/routing/{rule.id}", headers=world.headers("coordinator")).text
    for kept in ('value="22:00"', 'value="theme:street" selected', 'id="day-5" name="weekdays" value="5" checked'):
        assert kept in page
    listed = client.get("/routing", headers=world.headers("coordinator")).text
    assert "Nights" in listed
    assert "22:00 – 06:00" in listed


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"label": " "}, "label"),
    ({"label": "x" * 121}, "label"),
    ({"label": "<b>"}, "label"),
    ({"organisation": ""}, "organisation"),
    ({"organisation": "nobody"}, "organisation"),
    ({"what": "category:nothing"}, "category"),
    ({"what": "theme:nothing"}, "theme"),
    ({"what": "rule:1"}, "what"),
    ({"place_kind": "pub"}, "place_kind"),
    ({"zone_place_id": "0"}, "zone_place_id"),
    ({"zone_place_id": "999999"}, "zone_place_id"),
    ({"zone_place_id": "1", "zone": triangle((0, 0), (9, 0), (0, 9))}, "zone"),
    ({"zone": "here"}, "zone"),
    ({"zone": "[" * 3000}, "zone"),
    ({"zone": '{"type": "Point", "coordinates": [2, 49]}'}, "zone"),
    ({"zone": '{"type": "Polygon", "coordinates": [[[2, 49], [2, NaN], [3, 49], [2, 49]]]}'}, "zone"),
    ({"zone": '{"type": "Polygon", "coordinates": [[[2, 49], [400, 49], [3, 50], [2, 49]]]}'}, "zone"),
    ({"zone": '{"type": "Polygon", "coordinates": [[[2, 49], [2, 1e400], [3, 49], [2, 49]]]}'}, "zone"),
    ({"zone": '{"type": "Polygon", "coordinates": [[[2, 49], [2, 1%s], [3, 49], [2, 49]]]}' % ("0" * 400)}, "zone"),
    ({"zone": '{"type": "Polygon", "coordinates": []}'}, "zone"),
    ({"zone": triangle((0, 0), (9, 9), (9, 0), (0, 9))}, "zone"),
    ({"weekdays": ["8"]}, "weekdays"),
    ({"weekdays": ["x"]}, "weekdays"),
    ({"from_time": "25:00", "to_time": "06:00"}, "from_time"),
    ({"from_time": "22:00"}, "to_time"),
    ({"from_time": "22:00", "to_time": "22:00"}, "to_time"),
    ({"position": "0"}, "position"),
]


@pytest.mark.parametrize("path", ["/routing/new", "/routing/preview"])
def test_a_refused_rule_names_the_field_and_keeps_what_was_typed(
    client: FlaskClient, world: World, engine: Engine, path: str
) -> None:
    for values, field in REFUSED:
        answer = save(client, world, path, **({"label": "Kept as typed"} | values))
        assert answer.status_code == 422, (values, answer.text)
        assert f'href="#{field}"' in answer.text, (values, field)
        assert ("Kept as typed" in answer.text) == ("label" not in values)
    assert rules(engine) == []


def test_only_coordinators_see_and_change_rules(client: FlaskClient, world: World, engine: Engine) -> None:
    save(client, world)
    for who in ("agent", "hlm-a", "planner", "admin"):
        headers = world.headers(who)
        for path in ("/routing", "/routing/new", "/routing/1", "/routing/try"):
            assert client.get(path, headers=headers).status_code == 403, (who, path)
        for path in ("/routing/new", "/routing/1", "/routing/preview", "/routing/1/shift", "/routing/1/active"):
            answer = client.post(path, data=GOOD | {"direction": "up"}, headers=headers)
            assert answer.status_code == 403, (who, path)
    assert client.get("/api/").status_code in {200, 404}
    assert client.get("/routing", headers={"Accept": "application/json"}).status_code in {302, 401}
    assert [rule.version for rule in rules(engine)] == [1]


def test_the_database_lets_only_coordinators_write(world: World, engine: Engine, client: FlaskClient) -> None:
    save(client, world)
    for who, actor in {**world.actors, "public": PUBLIC}.items():
        with unit_of_work(engine, actor) as uow:
            seen = uow.connection.scalar(text("SELECT count(*) FROM routing_rule"))
            changed = uow.connection.execute(text("UPDATE routing_rule SET label = label")).rowcount
        assert (seen, changed) == (0 if who == "public" else 1, 1 if who == "coordinator" else 0), who
    add = text("INSERT INTO routing_rule (position, label, organisation_id) VALUES (1, 'x', 1)")
    with pytest.raises(ProgrammingError, match="row-level security"), unit_of_work(engine, world.actors["bus"]) as uow:
        uow.connection.execute(add)


def test_order_on_off_and_what_is_not_there(client: FlaskClient, world: World, engine: Engine) -> None:
    for label in ("one", "two", "three"):
        save(client, world, label=label)
    save(client, world, label="zero", position="1")
    headers = world.headers("coordinator")

    def labels() -> list[str]:
        rows = rules(engine)
        assert [rule.position for rule in rows] == list(range(1, len(rows) + 1))
        return [rule.label for rule in rows]

    assert labels() == ["zero", "one", "two", "three"]
    ids = {rule.label: rule.id for rule in rules(engine)}
    for label, direction in (("three", "up"), ("zero", "down"), ("one", "up"), ("two", "down")):
        done = client.post(f"/routing/{ids[label]}/shift", data={"direction": direction}, headers=headers)
        assert done.status_code == 303
    assert labels() == ["one", "zero", "three", "two"]
    assert client.post(f"/routing/{ids['one']}/active", data={"active": "0"}, headers=headers).status_code == 303
    assert [rule.label for rule in rules(engine) if not rule.active] == ["one"]
    for path, data in (("shift", {"direction": "left"}), ("active", {"active": "maybe"})):
        assert client.post(f"/routing/{ids['one']}/{path}", data=data, headers=headers).status_code == 400
    for path, data in (("/shift", {"direction": "up"}), ("/active", {"active": "1"}), ("", GOOD | {"version": "1"})):
        assert client.post(f"/routing/4711{path}", data=data, headers=headers).status_code == 404
    assert client.get("/routing/4711", headers=headers).status_code == 404
    assert client.get("/routing/99999999999999999999", headers=headers).status_code == 404


def test_who_saw_an_older_rule_is_told_so(client: FlaskClient, world: World, engine: Engine) -> None:
    save(client, world)
    [rule] = rules(engine)
    assert save(client, world, f"/routing/{rule.id}", label="First", version="1").status_code == 303
    answer = save(client, world, f"/routing/{rule.id}", label="Second", version="1")
    assert answer.status_code == 409
    assert "Second" in answer.text
    assert [rule.label for rule in rules(engine)] == ["First"]


# ── preview and dry run ─────────────────────────────────────────────────────────────────────────────────────────────


def report(client: FlaskClient, world: World, east_m: float, **changes: Any) -> str:
    body = body_at(east_m, **changes) | {"id": str(uuid4())}
    assert client.post("/api/reports", json=body, headers=world.headers("agent")).status_code == 201
    return str(body["id"])


def test_a_preview_lists_who_would_go_elsewhere_and_stores_nothing(
    client: FlaskClient, world: World, engine: Engine
) -> None:
    moved, same, old = report(client, world, 0), report(client, world, 200), report(client, world, 0)
    with unit_of_work(engine, SYSTEM) as uow:
        age = text("UPDATE report SET received_at = now() - interval '31 days' WHERE id = :id")
        uow.connection.execute(age, {"id": old})
    zone = triangle((-50, -50), (50, -50), (0, 100))
    shown = save(client, world, "/routing/preview", zone=zone)
    assert shown.status_code == 200, shown.text
    assert moved in shown.text
    assert same not in shown.text
    assert old not in shown.text
    assert "The hlm-a" in shown.text
    assert "The police" in shown.text
    assert rules(engine) == []
    # Nothing moves by itself: the report stays where it is, the next one goes by the stored rule.
    save(client, world, zone=zone)
    unchanged = save(client, world, "/routing/preview", zone=zone, rule_id=str(rules(engine)[0].id), version="1")
    assert moved not in unchanged.text
    off = GOOD | {"zone": zone, "rule_id": str(rules(engine)[0].id), "version": "1"}
    off.pop("active")
    switched = client.post("/routing/preview", data=off, headers=world.headers("coordinator"))
    assert moved in switched.text
    assert [rule.active for rule in rules(engine)] == [True]
    assert save(client, world, "/routing/preview", rule_id="x").status_code == 400
    assert save(client, world, "/routing/preview", rule_id="4711", version="1").status_code == 404


def test_the_reason_is_kept_with_the_report(client: FlaskClient, world: World, engine: Engine) -> None:
    save(client, world, label="Everything to the police")
    report_id = report(client, world, 0)
    with unit_of_work(engine, SYSTEM) as uow:
        details = uow.connection.scalar(text("SELECT details FROM report_event"))
    assert details["routing"] == {"by": "rule", "rule_id": 1, "rule": "Everything to the police"}
    assert details["responsible_id"] == world.organisations["police"]
    page = client.get(f"/reports/{report_id}", headers=world.headers("agent")).text
    assert "Everything to the police" in page


def test_a_dry_run_says_which_rule_and_why(client: FlaskClient, world: World) -> None:
    headers = world.headers("coordinator")
    lon, lat = at(0)

    def ask(**changes: Any) -> Any:
        query = {"category": "lift_out", "lon": lon, "lat": lat} | changes
        return client.get("/routing/try", query_string=query, headers=headers)

    assert "residence a" in ask().text
    save(client, world, label="Nights only", from_time="22:00", to_time="06:00")
    assert "Nights only" in ask(at="2026-05-04T23:00").text
    assert "Nights only" not in ask(at="2026-05-04T12:00").text
    assert "The hlm-b" in ask(lon=at(401)[0], at="2026-05-04T12:00").text
    assert client.get("/routing/try", headers=headers).status_code == 200
    assert ask(at="2026-05-04T12:00+23:59").status_code == 200
    refused = ({"category": "x"}, {"lon": "east"}, {"lat": "91"}, {"lon": "nan"}, {"at": "noon"}, {"at": "0001-01-01"})
    for wrong in refused:
        assert ask(**wrong).status_code == 400, wrong
