"""Interventions through the API: recorded once, checked field by field, moved, linked, seen by whom it may."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Engine, text

from app.db.session import unit_of_work
from app.people.actor import SYSTEM
from tests.interventions.samples import AREA, LINE, POINT, body
from tests.reports.samples import LAT, LON
from tests.reports.samples import body as report_body

Send = Callable[..., Any]
API = "/api/interventions"


def sql(engine: Engine, query: str, **binds: Any) -> list[Any]:
    with unit_of_work(engine, SYSTEM) as uow:
        return list(uow.connection.execute(text(query), binds))


def test_recorded_once_however_often_it_is_sent(send: Send, engine: Engine) -> None:
    sent = body(description="Serrure remplacée", teams=["technical"], team_size=2, cost_eur="1 250,50", hours=3.5)
    first, again = (send("bailleur", "POST", API, sent) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json == again.json
    assert first.headers["Location"] == f"{API}/{sent['id']}"
    assert first.json["cost_eur"] == 1250.5
    assert first.json["organisation"] == "Bailleur social (démo)"
    assert first.json["neighbourhood"] == "neighbourhood west"
    assert send("bailleur", "POST", API, sent | {"kind": "cleaning"}).status_code == 409
    assert sql(engine, "SELECT count(*) FROM intervention") == [(1,)]
    assert sql(engine, "SELECT kind, to_state FROM intervention_event") == [("created", "planned")]


def test_a_point_a_line_or_an_area(send: Send) -> None:
    for geometry in (POINT, LINE, AREA):
        assert send("bailleur", "POST", API, body(geometry=geometry)).json["geometry"] == geometry
    feature = send("planner", "GET", f"{API}?bbox={LON - 0.01},{LAT - 0.01},{LON + 0.01},{LAT + 0.01}").json
    assert {one["geometry"]["type"] for one in feature["features"]} == {"Point", "LineString", "Polygon"}


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"kind": "magic"}, "kind"),
    ({"id": "1"}, "id"),
    ({"geometry": {"type": "Point", "coordinates": [0, 0]}}, "geometry"),
    ({"geometry": {"type": "MultiPoint", "coordinates": [[LON, LAT]]}}, "geometry"),
    ({"geometry": {"type": "Point", "coordinates": [LON, LAT, 3]}}, "geometry"),
    ({"geometry": {"type": "LineString", "coordinates": [[LON, LAT], [LON, LAT]]}}, "geometry"),
    ({"geometry": {"type": "Polygon", "coordinates": [[[LON, LAT], [LON + 0.1, LAT]]]}}, "geometry"),
    ({"geometry": {"type": "Point", "coordinates": [float("inf"), LAT]}}, "geometry"),
    ({"geometry": "nowhere"}, "geometry"),
    ({"planned_end": "2026-05-01T08:00:00+02:00"}, "planned_end"),
    ({"planned_start": None}, "planned_start"),
    ({"planned_start": "2026-06-01T08:00:00"}, "planned_start"),
    ({"planned_start": "2026-06-01T08:00:00+16:00"}, "planned_start"),
    ({"planned_start": 12}, "planned_start"),
    ({"state": "verified"}, "state"),
    ({"state": "done", "done_start": "2030-06-01T08:00:00Z"}, "done_start"),
    ({"done_start": "2026-01-01T08:00:00Z"}, "done_start"),
    ({"state": "in_progress", "done_end": "2026-01-01T08:00:00Z"}, "done_end"),
    ({"teams": ["wizards"]}, "teams"),
    ({"teams": "technical"}, "teams"),
    ({"team_size": 0}, "team_size"),
    ({"team_size": True}, "team_size"),
    ({"cost_eur": "-1"}, "cost_eur"),
    ({"cost_eur": "1.234"}, "cost_eur"),
    ({"cost_eur": True}, "cost_eur"),
    ({"cost_eur": float("nan")}, "cost_eur"),
    ({"hours": "many"}, "hours"),
    ({"description": "<script>alert(1)</script>"}, "description"),
    ({"description": "x" * 501}, "description"),
    ({"visibility": "secret"}, "visibility"),
    ({"reports": [str(uuid4())]}, "reports"),
    ({"reports": ["x"]}, "reports"),
    ({"reports": [str(uuid4())] * 101}, "reports"),
    ({"organisation": "ametis-demo"}, "organisation"),
    ({"organisation": "nobody"}, "organisation"),
    ({"author": "me"}, "author"),
]


def test_what_is_wrong_is_said_at_its_field(send: Send, engine: Engine) -> None:
    for changes, field in WRONG:
        answer = send("bailleur", "POST", API, body(**changes))
        assert answer.status_code == 422, (changes, answer.json)
        assert field in {error["field"] for error in answer.json["errors"]}, changes
        assert all(error["message"] for error in answer.json["errors"])
    assert sql(engine, "SELECT count(*) FROM intervention") == [(0,)]


def test_partners_and_the_coordination_record(send: Send) -> None:
    expected = {None: 401, "agent": 403, "planner": 403, "admin": 403, "coordinator": 201}
    assert {name: send(name, "POST", API, body()).status_code for name in expected} == expected


def test_the_coordination_records_for_others(send: Send) -> None:
    made = send("coordinator", "POST", API, body(organisation="ametis-demo"))
    assert made.json["organisation"] == "Ametis (démo)"


def test_a_token_that_reads_does_not_write(client: Any, bearer: Callable[..., dict[str, str]]) -> None:
    headers = bearer("bailleur", "read")
    assert client.post(API, json=body(), headers=headers).status_code == 403
    assert client.get(API, headers=headers).status_code == 200


# ── who sees what ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("visibility", "seen"),
    [
        ("public", {"bailleur", "ametis", "planner", "coordinator", "admin"}),
        ("partner", {"bailleur", "ametis", "planner", "coordinator", "admin"}),
        ("restricted", {"bailleur", "coordinator"}),
    ],
)
def test_visibility(send: Send, visibility: str, seen: set[str]) -> None:
    made = send("bailleur", "POST", API, body(visibility=visibility)).json
    names = ("agent", "bailleur", "ametis", "planner", "coordinator", "admin")
    assert {name for name in names if send(name, "GET", f"{API}/{made['id']}").status_code == 200} == seen
    listed = {name for name in names if send(name, "GET", API).json["features"]}
    assert listed == seen
    assert send(None, "GET", f"{API}/{made['id']}").status_code == 401


def test_agents_see_what_answers_a_report_that_they_see(send: Send) -> None:
    report = send("agent", "POST", "/api/reports", report_body()).json
    made = send("bailleur", "POST", API, body(reports=[report["id"]])).json
    assert made["report_ids"] == [report["id"]]
    assert send("agent", "GET", f"{API}/{made['id']}").status_code == 200
    send("bailleur", "DELETE", f"{API}/{made['id']}/reports/{report['id']}")
    assert send("agent", "GET", f"{API}/{made['id']}").status_code == 404


def test_cost_is_for_those_who_do_steer_and_plan(send: Send) -> None:
    made = send("bailleur", "POST", API, body(cost_eur=12)).json
    costs = {
        name: send(name, "GET", f"{API}/{made['id']}").json["cost_eur"]
        for name in ("bailleur", "ametis", "planner", "coordinator")
    }
    assert costs == {"bailleur": 12, "ametis": None, "planner": 12, "coordinator": 12}


def test_no_answer_names_an_author(send: Send, planned: dict[str, Any]) -> None:
    for path in (f"{API}/{planned['id']}", f"{API}/{planned['id']}/history", API):
        said = send("planner", "GET", path).text
        assert "author" not in said
        assert "account" not in said


# ── links ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_many_reports_and_many_interventions(send: Send) -> None:
    reports = [send("agent", "POST", "/api/reports", report_body()).json["id"] for _ in range(2)]
    first = send("bailleur", "POST", API, body(reports=reports)).json
    second = send("ametis", "POST", API, body()).json
    linked = send("ametis", "POST", f"{API}/{second['id']}/reports", {"reports": reports[:1]})
    assert linked.json["report_ids"] == reports[:1]
    assert set(first["report_ids"]) == set(reports)
    kinds = [event["kind"] for event in send("agent", "GET", f"/api/reports/{reports[0]}/history").json["events"]]
    assert kinds == ["created", "intervention_linked", "intervention_linked"]
    again = send("ametis", "POST", f"{API}/{second['id']}/reports", {"reports": reports[:1]})
    assert again.json["report_ids"] == reports[:1]
    assert send("bailleur", "POST", f"{API}/{second['id']}/reports", {"reports": reports}).status_code == 403
    assert send("agent", "POST", f"{API}/{second['id']}/reports", {"reports": reports}).status_code == 403


def test_what_answers_a_restricted_report_is_restricted(send: Send) -> None:
    restricted = send("coordinator", "POST", "/api/reports", report_body(category="suspected_dealing"))
    assert restricted.status_code == 201, restricted.json
    assert restricted.json["visibility"] == "restricted"
    ids = [restricted.json["id"]]
    sent = body(reports=ids, organisation="ametis-demo")
    assert send("coordinator", "POST", API, sent | {"visibility": "partner"}).json["errors"][0]["field"] == "visibility"
    made = send("coordinator", "POST", API, sent)
    assert made.json["visibility"] == "restricted"
    assert send("bailleur", "GET", f"{API}/{made.json['id']}").status_code == 404
    open_one = send("coordinator", "POST", API, body()).json
    linked = send("coordinator", "POST", f"{API}/{open_one['id']}/reports", {"reports": ids}).json
    assert linked["visibility"] == "restricted"


# ── editing ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_edited_only_as_it_was_seen(send: Send, planned: dict[str, Any]) -> None:
    path = f"{API}/{planned['id']}"
    details = {"kind": "lighting", "geometry": AREA, "planned_start": "2026-06-02T08:00:00Z", "version": 1}
    changed = send("bailleur", "PATCH", path, details)
    assert changed.status_code == 200, changed.json
    assert (changed.json["kind"], changed.json["version"]) == ("lighting", 2)
    late = send("bailleur", "PATCH", path, details)
    assert late.status_code == 409
    assert late.json["detail"]
    events = send("bailleur", "GET", f"{path}/history").json["events"]
    assert set(events[-1]["details"]["fields"]) == {"kind", "geometry", "planned_start", "planned_end"}
    assert send("ametis", "PATCH", path, details | {"version": 2}).status_code == 403
    assert send("agent", "PATCH", path, details | {"version": 2}).status_code == 404


def test_filters(send: Send, planned: dict[str, Any]) -> None:
    send("ametis", "POST", API, body(kind="stop_security", planned_start="2026-07-01T08:00:00Z", planned_end=None))

    def kinds(query: str) -> list[str]:
        return [one["properties"]["kind"] for one in send("coordinator", "GET", f"{API}?{query}").json["features"]]

    assert kinds("") == ["stop_security", "repair"]
    assert kinds("kind=repair,works") == ["repair"]
    assert kinds("organisation=ametis-demo") == ["stop_security"]
    assert kinds("to=2026-06-01") == ["repair"]
    assert kinds("from=2026-06-02") == ["stop_security"]
    assert kinds("state=done") == []
    assert kinds("bbox=2.0,49.0,2.1,49.1") == []
    for wrong in ("kind=magic", "state=new", "from=tomorrow", "neighbourhood=x", "colour=red", "organisation=A B"):
        assert send("coordinator", "GET", f"{API}?{wrong}").status_code == 400, wrong


def test_an_id_that_is_none(send: Send) -> None:
    assert send("coordinator", "GET", f"{API}/xyz").status_code == 404
    assert send("coordinator", "GET", f"{API}/{uuid4()}").status_code == 404
    assert send("coordinator", "POST", f"{API}/{uuid4()}/moves", {"move": "start", "version": 1}).status_code == 404
