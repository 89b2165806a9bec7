"""Patrols through the API: recorded once, walked once, in whatever order a phone without network sends it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Engine, text

from app.db.session import unit_of_work
from app.people.actor import SYSTEM
from tests.patrols.samples import passage, patrol
from tests.routing.world import World, at, body_at

Send = Callable[..., Any]
API = "/api/patrols"


def test_recorded_once_however_often_it_is_sent(send: Send, world: World) -> None:
    sent = patrol(
        world.places["a"], world.places["stop"], title="  Tour du\nsoir ", participants={"residents": 5, "elected": "1"}
    )
    first, again = (send("hlm-a-agent", "POST", API, sent) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json == again.json
    assert first.headers["Location"] == f"{API}/{sent['id']}"
    assert first.json["title"] == "Tour du soir"
    assert first.json["organisation"] == "The hlm-a"
    assert first.json["participants"] == {"elected": 1, "residents": 5}
    assert [(one["stop"], one["name"]) for one in first.json["stops"]] == [(1, "residence a"), (2, "stop stop")]
    assert send("hlm-a-agent", "POST", API, sent | {"title": "Autre"}).status_code == 409
    assert send("agent", "POST", API, sent).status_code == 409, "another organisation's id tells nothing"


def test_a_free_round_needs_no_stop_and_gets_a_title(send: Send) -> None:
    made = send("agent", "POST", API, {"id": str(uuid4()), "kind": "free", "planned_at": "2026-05-04T18:30:00+02:00"})
    assert made.status_code == 201
    assert made.json["title"] == "Marche libre · 4 mai 2026"
    assert made.json["state"] == "planned"
    assert made.json["started_at"] is None


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"id": "no"}, {"id"}),
        ({"kind": "march"}, {"kind"}),
        ({"stops": []}, {"stops"}),
        ({"stops": [{"place_id": 10**9}]}, {"stops"}),
        ({"stops": [{"lon": 2.3, "lat": 49.9}]}, {"stops"}),
        ({"stops": [{"lon": 4.0, "lat": 45.0, "name": "Ailleurs"}]}, {"stops"}),
        ({"stops": "all"}, {"stops"}),
        ({"title": "x" * 121}, {"title"}),
        ({"title": "<b>x</b>"}, {"title"}),
        ({"planned_at": "2026-05-04T18:30:00"}, {"planned_at"}),
        ({"planned_at": "2199-05-04T18:30:00Z"}, {"planned_at"}),
        ({"planned_at": "2026-05-04T18:30:00+16:00"}, {"planned_at"}),
        ({"participants": {"Madame Dupont": 1}}, {"participants"}),
        ({"participants": {"residents": 1000}}, {"participants"}),
        ({"participants": {"residents": True}}, {"participants"}),
        ({"participants": {"residents": -1}}, {"participants"}),
        ({"state": "closed"}, {"state"}),
        ({"people": 3}, {"people"}),
    ],
)
def test_each_refusal_names_its_field(send: Send, world: World, changes: dict[str, Any], fields: set[str]) -> None:
    answer = send("agent", "POST", API, patrol(world.places["a"], **changes))
    assert answer.status_code == 422, answer.json
    assert {error["field"] for error in answer.json["errors"]} == fields
    assert all(error["message"] for error in answer.json["errors"])


def test_passages_are_stored_once_also_after_the_end(send: Send, going: dict[str, Any]) -> None:
    path, sent = f"{API}/{going['id']}/passages", passage(2, note="Éclairage vérifié")
    first, again = (send("hlm-a-agent", "POST", path, sent) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json == again.json
    assert first.json["name"] == "stop stop"
    assert first.json["outcome"] == "nothing"
    seen = send("hlm-a-agent", "GET", f"{API}/{going['id']}").json
    assert (seen["stops_seen"], seen["stop_count"], seen["passage_count"]) == (1, 3, 1)
    assert send("hlm-a-agent", "POST", path, sent | {"outcome": "found"}).status_code == 409
    end = {"move": "finish", "version": seen["version"]}
    assert send("hlm-a-agent", "POST", f"{API}/{going['id']}/moves", end).json["state"] == "closed"
    assert send("hlm-a-agent", "POST", path, sent).status_code == 200, "sent again by a phone that lost the answer"
    assert send("hlm-a-agent", "POST", path, passage(3)).status_code == 409


def test_a_passage_may_come_before_its_report(send: Send, going: dict[str, Any], world: World) -> None:
    report = body_at(0, id=str(uuid4()))
    path = f"{API}/{going['id']}/passages"
    sent = passage(1, outcome="found", reports=[report["id"]])
    assert send("hlm-a-agent", "POST", path, sent).status_code == 201
    assert send("hlm-a-agent", "POST", "/api/reports", report).status_code == 201
    assert send("hlm-a-agent", "GET", f"{API}/{going['id']}").json["passages"][0]["reports"] == [report["id"]]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"stop": 9}, "stop"),
        ({"stop": None}, "stop"),
        ({"stop": None, "place_id": 10**9}, "place_id"),
        ({"stop": None, "lon": 2.3}, "lon"),
        ({"outcome": "maybe"}, "outcome"),
        ({"reports": [str(uuid4())]}, "reports"),
        ({"outcome": "found", "reports": ["x"]}, "reports"),
        ({"passed_at": "2199-01-01T00:00:00Z"}, "passed_at"),
        ({"passed_at": "yesterday"}, "passed_at"),
        ({"passed_at": "2026-05-04T18:30:00-23:59"}, "passed_at"),
        ({"who": "x"}, "who"),
    ],
)
def test_each_refused_passage_names_its_field(
    send: Send, going: dict[str, Any], changes: dict[str, Any], field: str
) -> None:
    answer = send("hlm-a-agent", "POST", f"{API}/{going['id']}/passages", passage() | changes)
    assert answer.status_code == 422, answer.json
    assert {error["field"] for error in answer.json["errors"]} == {field}


def test_a_point_outside_the_territory_is_refused(send: Send, going: dict[str, Any]) -> None:
    answer = send("hlm-a-agent", "POST", f"{API}/{going['id']}/passages", passage(None, lon=4.0, lat=45.0))
    assert answer.status_code == 422
    assert {error["field"] for error in answer.json["errors"]} == {"lon", "lat"}


def test_a_passage_is_taken_back_and_the_history_says_so(send: Send, going: dict[str, Any]) -> None:
    path = f"{API}/{going['id']}"
    sent = passage(1, outcome="found", reports=[str(uuid4())])
    send("hlm-a-agent", "POST", f"{path}/passages", sent)
    assert send("agent", "DELETE", f"{path}/passages/{sent['id']}").status_code == 404
    assert send("hlm-a-agent", "DELETE", f"{path}/passages/{sent['id']}").status_code == 204
    assert send("hlm-a-agent", "DELETE", f"{path}/passages/{sent['id']}").status_code == 404
    # A phone that did not get the first answer.
    assert send("hlm-a-agent", "POST", f"{path}/passages", sent).status_code == 409
    assert send("hlm-a-agent", "GET", path).json["passages"] == []
    kinds = [event["kind"] for event in send("hlm-a-agent", "GET", f"{path}/history").json["events"]]
    assert kinds == ["created", "passage_removed"]


def test_moves_in_their_order_only_and_never_on_another_version(send: Send, world: World) -> None:
    made = send("hlm-a", "POST", API, patrol(world.places["a"], state="planned")).json
    moves = f"{API}/{made['id']}/moves"
    assert send("hlm-a", "POST", moves, {"move": "finish", "version": 1}).status_code == 409
    started = send("hlm-a", "POST", moves, {"move": "start", "version": 1})
    assert started.json["state"] == "open"
    assert started.json["started_at"]
    assert send("hlm-a", "POST", moves, {"move": "finish", "version": 1}).status_code == 409
    assert send("hlm-a", "POST", moves, {"move": "finish"}, **{"If-Match": started.headers["ETag"]}).status_code == 200
    for move in ("start", "finish", "cancel"):
        assert send("hlm-a", "POST", moves, {"move": move, "version": 3}).status_code == 409, move


def test_the_first_passage_begins_a_planned_round(send: Send, world: World) -> None:
    """A phone without a network cannot press start."""
    made = patrol(world.places["a"], world.places["b"], state="planned", planned_at="2026-05-04T18:30:00+02:00")
    send("hlm-a", "POST", API, made)
    path = f"{API}/{made['id']}"
    sent = passage(1, passed_at="2026-05-04T17:00:00Z")
    assert send("agent", "POST", f"{path}/passages", sent).status_code == 404
    assert send("hlm-a-agent", "POST", f"{path}/passages", passage(9)).status_code == 422
    assert send("hlm-a-agent", "GET", path).json["state"] == "planned"
    answers = [send("hlm-a-agent", "POST", f"{path}/passages", one) for one in (sent, sent, passage(2))]
    assert [answer.status_code for answer in answers] == [201, 200, 201]
    begun = send("hlm-a-agent", "GET", path).json
    assert (begun["state"], begun["started_at"], begun["stops_seen"]) == ("open", "2026-05-04T17:00:00Z", 2)
    events = send("hlm-a-agent", "GET", f"{path}/history").json["events"]
    assert [(event["kind"], event["to_state"]) for event in events] == [("created", "planned"), ("start", "open")]


def test_who_sees_and_who_walks(send: Send, going: dict[str, Any]) -> None:
    path = f"{API}/{going['id']}"
    statuses = {
        "hlm-a-agent": (200, 201), "hlm-a": (200, 201), "coordinator": (200, 403), "planner": (200, 403),
        "agent": (404, 404), "hlm-b": (404, 404), "admin": (404, 403), None: (401, 401),
    }  # fmt: skip
    for name, (reads, walks) in statuses.items():
        assert send(name, "GET", path).status_code == reads, name
        assert send(name, "POST", f"{path}/passages", passage()).status_code == walks, name
    listed = {name: send(name, "GET", API) for name in ("hlm-a", "hlm-b", "planner", "admin", None)}
    assert [len(listed[name].json["patrols"]) for name in ("hlm-a", "hlm-b", "planner")] == [1, 0, 1]
    assert [listed[name].status_code for name in ("admin", None)] == [403, 401]


def test_the_list_goes_on_from_where_it_ended(
    send: Send, world: World, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.patrols.actions.PAGE", 2)
    for day in (1, 2, 2, 3, 4):
        send("hlm-a", "POST", API, patrol(world.places["a"], state="planned", planned_at=f"2026-05-0{day}T08:00:00Z"))
    seen, path = [], f"{API}?kind=round"
    while path:
        page = send("hlm-a", "GET", path).json
        seen += [one["planned_at"][:10] for one in page["patrols"]]
        path = page["next"]
    assert seen == ["2026-05-04", "2026-05-03", "2026-05-02", "2026-05-02", "2026-05-01"]
    for query in ("state=x", "after=x", "colour=red"):
        assert send("hlm-a", "GET", f"{API}?{query}").status_code == 400, query
    with unit_of_work(engine, SYSTEM) as uow:
        assert uow.connection.scalar(text("SELECT count(*) FROM patrol")) == 5


def test_the_cell_is_where_the_phone_was(send: Send, going: dict[str, Any], engine: Engine) -> None:
    lon, lat = at(60)
    for sent in (passage(1), passage(1, lon=lon, lat=lat)):
        assert send("hlm-a-agent", "POST", f"{API}/{going['id']}/passages", sent).status_code == 201
    with unit_of_work(engine, SYSTEM) as uow:
        query = text("SELECT count(DISTINCT cell_25m), count(DISTINCT stop_id) FROM patrol_passage")
        assert tuple(uow.connection.execute(query).one()) == (2, 1)
