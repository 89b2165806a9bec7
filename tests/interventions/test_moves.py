"""Moves over HTTP: the states, the clock, and reports resolved in the same transaction."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine, text

from app.db.session import unit_of_work
from app.people.actor import SYSTEM
from tests.interventions.samples import body
from tests.reports.samples import body as report_body

Send = Callable[..., Any]
API = "/api/interventions"


def move(send: Send, name: str, made: dict[str, Any], **values: Any) -> Any:
    return send(name, "POST", f"{API}/{made['id']}/moves", {"version": made["version"]} | values)


def report_of(send: Send, **changes: Any) -> str:
    """A report that the landlord answers for: linked to its residence."""
    made = send("agent", "POST", "/api/reports", report_body(category="broken_entrance", **changes))
    assert made.status_code == 201, made.json
    return str(made.json["id"])


def state(send: Send, report_id: str) -> str:
    return str(send("coordinator", "GET", f"/api/reports/{report_id}").json["state"])


def test_from_plan_to_verification(send: Send, planned: dict[str, Any]) -> None:
    started = move(send, "bailleur", planned, move="start").json
    assert (started["state"], started["version"]) == ("in_progress", 2)
    assert started["done_start"]
    done = move(send, "bailleur", started, move="finish", text="Remplacé").json
    assert done["state"] == "done"
    assert done["done_end"] >= done["done_start"]
    assert move(send, "bailleur", done, move="verify").status_code == 403
    resumed = move(send, "bailleur", done, move="resume", text="Encore une vis").json
    assert (resumed["state"], resumed["done_end"]) == ("in_progress", None)
    done = move(send, "bailleur", resumed, move="finish").json
    verified = move(send, "coordinator", done, move="verify").json
    assert verified["state"] == "verified"
    events = send("ametis", "GET", f"{API}/{planned['id']}/history").json["events"]
    assert [event["kind"] for event in events] == ["created", "start", "finish", "resume", "finish", "verify"]
    assert send("bailleur", "GET", f"{API}/{planned['id']}/moves").json["moves"] == []


def test_what_is_refused(send: Send, planned: dict[str, Any]) -> None:
    expected: dict[str, list[tuple[dict[str, Any], int]]] = {
        "bailleur": [
            ({"move": "verify"}, 403),
            ({"move": "replan"}, 409),
            ({"move": "cancel"}, 422),
            ({"move": "dance"}, 422),
            ({"move": "start", "version": 7}, 409),
            ({"move": "start", "version": None}, 422),
            ({"move": "start", "done_end": "2026-01-01T00:00:00Z"}, 422),
            ({"move": "start", "resolve": [planned["id"]]}, 422),
            ({"move": "finish", "resolve": [planned["id"]], "text": "x"}, 422),
            ({"move": "finish", "resolve": [planned["id"]]}, 422),
            ({"move": "finish", "done_end": "2026-01-01T00:00:00Z", "done_start": "2026-01-02T00:00:00Z"}, 422),
            ({"move": "finish", "done_end": "2040-01-01T00:00:00Z"}, 422),
        ],
        "ametis": [({"move": "start"}, 403)],
        "agent": [({"move": "start"}, 404)],
        "planner": [({"move": "start"}, 403)],
    }
    for name, cases in expected.items():
        for values, status in cases:
            assert move(send, name, planned, **values).status_code == status, (name, values)
    assert send("bailleur", "GET", f"{API}/{planned['id']}").json["version"] == 1


def test_a_lost_race_is_told(send: Send, planned: dict[str, Any]) -> None:
    assert move(send, "bailleur", planned, move="start").status_code == 200
    late = move(send, "coordinator", planned, move="cancel", text="Pas nécessaire")
    assert late.status_code == 409
    assert "En cours" in late.json["detail"]


def test_reports_are_resolved_with_it(send: Send, places: dict[str, int]) -> None:
    ids = [report_of(send, place_id=places["residence"]) for _ in range(2)]
    made = send("bailleur", "POST", API, body(reports=ids)).json
    assert set(send("bailleur", "GET", f"{API}/{made['id']}/moves").json["resolvable"]) == set(ids)
    done = move(send, "bailleur", made, move="finish", resolve=ids[:1], text="Serrure changée")
    assert done.status_code == 200, done.json
    assert [state(send, one) for one in ids] == ["resolved", "new"]
    history = send("agent", "GET", f"/api/reports/{ids[0]}/history").json["events"]
    assert [event["to_state"] for event in history] == ["new", None, "acknowledged", "resolved"]
    assert history[-1]["details"]["text"] == "Serrure changée"


def test_all_of_it_or_nothing(send: Send, engine: Engine, places: dict[str, int]) -> None:
    mine = report_of(send, place_id=places["residence"])
    other = send("agent", "POST", "/api/reports", report_body(category="pothole")).json["id"]
    made = send("bailleur", "POST", API, body(reports=[mine, other])).json
    refused = move(send, "bailleur", made, move="finish", resolve=[mine, other], text="Fait")
    assert refused.status_code == 422
    assert refused.json["errors"][0]["field"] == "resolve"
    assert [state(send, one) for one in (mine, other)] == ["new", "new"]
    with unit_of_work(engine, SYSTEM) as uow:
        assert uow.connection.scalar(text("SELECT state FROM intervention")) == "planned"
        assert uow.connection.scalar(text("SELECT count(*) FROM intervention_event WHERE kind = 'finish'")) == 0


def test_who_reported_it_verifies(send: Send, places: dict[str, int]) -> None:
    made = send("bailleur", "POST", API, body(reports=[report_of(send, place_id=places["residence"])])).json
    done = move(send, "bailleur", made, move="finish").json
    assert move(send, "ametis", done, move="verify").status_code == 403
    assert move(send, "agent", done, move="verify").json["state"] == "verified"


def test_recorded_after_it_was_done(send: Send) -> None:
    made = send("bailleur", "POST", API, body(state="done", planned_start=None, planned_end=None)).json
    assert made["state"] == "done"
    assert made["done_start"] == made["done_end"]
    given = body(state="done", done_start="2026-03-01T08:00:00Z", done_end="2026-03-01T09:30:00Z")
    assert send("bailleur", "POST", API, given).json["done_end"] == "2026-03-01T09:30:00Z"
