"""Moves over HTTP, on the real database as the application role: who may, what is needed, what the history says."""

from __future__ import annotations

import io
import threading
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from click.testing import CliRunner
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, text
from werkzeug.test import TestResponse

from app.db.session import unit_of_work
from app.errors import ForbiddenError
from app.nomenclature.store import load_nomenclature
from app.people.actor import SYSTEM
from app.reports import moves, moves_store
from app.reports.actions import history
from app.reports.cli import reports_group
from app.reports.moves_commands import MoveCommand
from app.reports.workflow import MOVES
from app.routing.deadlines import due_at, working_between
from tests.photos.samples import jpeg
from tests.routing.world import World, body_at, make_world

NEEDED: dict[str, dict[str, str]] = {
    "resolve": {"text": "Repaired"},
    "reopen": {"text": "Still broken"},
    "reject": {"reason": "not_found"},
    "transfer": {"organisation": "bus", "reason": "other_place"},
    "route": {"organisation": "hlm-b"},
    "ask": {"text": "Which door?"},
    "answer": {"text": "The left one"},
}


@pytest.fixture
def world(engine: Engine, clean: None) -> World:
    return make_world(engine)


class Desk:
    """Makes reports and moves them."""

    def __init__(self, client: FlaskClient, world: World, engine: Engine) -> None:
        self.client, self.world, self.engine = client, world, engine

    def report(self, east_m: float = 0, who: str = "agent", **changes: Any) -> str:
        """A new one; by default a broken lift at hlm-a's residence, reported by the city's agent."""
        body = body_at(east_m, **changes) | {"id": str(uuid4())}
        answer = self.client.post("/api/reports", json=body, headers=self.world.headers(who))
        assert answer.status_code == 201, answer.text
        return str(body["id"])

    def version(self, report_id: str) -> int:
        return int(self.sql("SELECT version FROM report WHERE id = :id", id=report_id)[0][0])

    def move(self, who: str, report_id: str, move: str, **values: Any) -> TestResponse:
        body = {"move": move, "version": self.version(report_id)} | NEEDED.get(move, {}) | values
        body = {name: value for name, value in body.items() if value is not None}
        return self.client.post(f"/api/reports/{report_id}/moves", json=body, headers=self.world.headers(who))

    def done(self, who: str, report_id: str, *names: str) -> Any:
        """Moves that must succeed; the last answer."""
        for name in names:
            answer = self.move(who, report_id, name)
            assert answer.status_code == 200, (name, answer.text)
        return answer.get_json()

    def sql(self, query: str, **binds: Any) -> list[Any]:
        with unit_of_work(self.engine, SYSTEM) as uow:
            done = uow.connection.execute(text(query), binds)
            return list(done) if done.returns_rows else []

    def state(self, report_id: str) -> str:
        return str(self.sql("SELECT state FROM report WHERE id = :id", id=report_id)[0][0])

    def events(self, report_id: str, who: str = "coordinator") -> list[dict[str, Any]]:
        answer = self.client.get(f"/api/reports/{report_id}/history", headers=self.world.headers(who))
        assert answer.status_code == 200, answer.text
        events: list[dict[str, Any]] = answer.get_json()["events"]
        return events

    def offered(self, who: str, report_id: str) -> set[str]:
        answer = self.client.get(f"/api/reports/{report_id}/moves", headers=self.world.headers(who))
        assert answer.status_code == 200, answer.text
        return {one["move"] for one in answer.get_json()["moves"]}


@pytest.fixture
def desk(client: FlaskClient, world: World, engine: Engine) -> Desk:
    return Desk(client, world, engine)


PATHS: dict[str, list[str]] = {
    "new": [], "acknowledged": ["acknowledge"], "assigned": ["acknowledge", "assign"],
    "in_progress": ["acknowledge", "start"], "resolved": ["acknowledge", "resolve"],
    "rejected": ["reject"],
}  # fmt: skip
ACTORS = ("agent", "city", "hlm-a", "hlm-a-agent", "hlm-b", "planner", "coordinator", "admin")


def test_the_whole_way_with_a_time_for_every_state(desk: Desk) -> None:
    report_id = desk.report()
    answer = desk.done("hlm-a", report_id, "acknowledge", "assign", "start", "resolve")
    assert (answer["state"], answer["version"]) == ("resolved", 5)
    answer = desk.done("agent", report_id, "verify")
    assert answer["state"] == "verified"
    told = [(e["kind"], e["from_state"], e["to_state"], e["organisation"], e["role"]) for e in desk.events(report_id)]
    assert told == [
        ("created", None, "new", "The city", "agent"),
        ("acknowledge", "new", "acknowledged", "The hlm-a", "partner"),
        ("assign", "acknowledged", "assigned", "The hlm-a", "partner"),
        ("start", "assigned", "in_progress", "The hlm-a", "partner"),
        ("resolve", "in_progress", "resolved", "The hlm-a", "partner"),
        ("verify", "resolved", "verified", "The city", "agent"),
    ]
    assert desk.events(report_id)[4]["details"] == {"text": "Repaired"}


@pytest.mark.parametrize("state", [*PATHS, "verified", "reopened"])
def test_what_is_offered_is_what_the_database_lets_through(desk: Desk, state: str) -> None:
    """Each move by each account on a report of its own: offered and done, or neither, and nothing changes."""
    path = PATHS.get(state, PATHS["resolved"])
    last = {"verified": ("coordinator", "verify"), "reopened": ("coordinator", "reopen")}.get(state)
    report_id = desk.report()
    desk.done("hlm-a", report_id, *path) if path else None
    if last:
        desk.done(last[0], report_id, last[1])
    prepared = {"state": state}
    for who in ACTORS:
        seen = desk.client.get(f"/api/reports/{report_id}", headers=desk.world.headers(who))
        offered = desk.offered(who, report_id) if seen.status_code == 200 else set()
        for name in MOVES:
            answer = desk.move(who, report_id, name)
            if name in offered:
                assert answer.status_code == 200, (who, name, answer.text)
                _put_back(desk, report_id, prepared["state"])
            else:
                assert answer.status_code in {403, 404, 409}, (who, name, answer.text)
                assert desk.state(report_id) == state, (who, name)


def _put_back(desk: Desk, report_id: str, state: str) -> None:
    desk.sql(
        "UPDATE report SET state = :state, paused_at = NULL, asked_organisation_id = NULL,"
        " passed_by_organisation_id = NULL, organisation_id = (SELECT id FROM organisation WHERE slug = 'hlm-a')"
        " WHERE id = :id",
        id=report_id,
        state=state,
    )


def test_nobody_verifies_its_own_repair(desk: Desk) -> None:
    report_id = desk.report(who="hlm-a")
    desk.done("hlm-a", report_id, "acknowledge", "resolve")
    assert "verify" not in desk.offered("hlm-a", report_id)
    assert desk.move("hlm-a", report_id, "verify").status_code == 403
    assert desk.done("coordinator", report_id, "verify")["state"] == "verified"


# ── what is needed ──────────────────────────────────────────────────────────────────────────────────────────────────


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("resolve", {"text": None}, "text"),
    ("resolve", {"text": "  "}, "text"),
    ("resolve", {"text": "x" * 501}, "text"),
    ("resolve", {"text": "<b>done</b>"}, "text"),
    ("resolve", {"text": ["done"]}, "text"),
    ("resolve", {"reason": "other"}, "reason"),
    ("reject", {"reason": None}, "reason"),
    ("reject", {"reason": "because"}, "reason"),
    ("reject", {"reason": "other_place"}, "reason"),
    ("reject", {"reason": "other"}, "text"),
    ("transfer", {"organisation": None}, "organisation"),
    ("transfer", {"organisation": "nobody"}, "organisation"),
    ("transfer", {"organisation": "hlm-a"}, "organisation"),
    ("transfer", {"organisation": 3}, "organisation"),
    ("transfer", {"reason": None}, "reason"),
    ("ask", {"organisation": "hlm-a"}, "organisation"),
    ("start", {"version": None}, "version"),
    ("start", {"version": "latest"}, "version"),
    ("start", {"version": 10**12}, "version"),
    ("start", {"text": "now"}, "text"),
    ("start", {"when": "now"}, "when"),
    ("vanish", {}, "move"),
    ("duplicate", {}, "move"),
]


def test_a_refused_move_names_the_field(desk: Desk) -> None:
    report_id = desk.report()
    desk.done("hlm-a", report_id, "acknowledge")
    for move, values, field in REFUSED:
        answer = desk.move("hlm-a", report_id, move, **values)
        # A change that says nothing of the version it is made on: 428, with the same words.
        assert answer.status_code == (428 if values.get("version", 0) is None else 422), (move, values, answer.text)
        assert [error["field"] for error in answer.get_json()["errors"]] == [field], (move, values)
    assert desk.state(report_id) == "acknowledged"
    assert len(desk.events(report_id)) == 2


def test_a_body_that_is_no_move(desk: Desk) -> None:
    headers = desk.world.headers("hlm-a")
    path = f"/api/reports/{desk.report()}/moves"
    for data in (b"", b"{", b"[]", b'"x"', b"[" * 5000):
        assert desk.client.post(path, data=data, content_type="application/json", headers=headers).status_code == 400
        assert desk.client.post(path, data=data, content_type="text/plain", headers=headers).status_code == 415


def test_who_is_nobody_and_what_is_not_there(desk: Desk) -> None:
    report_id = desk.report()
    assert desk.client.post(f"/api/reports/{report_id}/moves", json={"move": "start"}).status_code == 401
    assert desk.client.get(f"/api/reports/{report_id}/history").status_code == 401
    for path in ("moves", "history"):
        answer = desk.client.get(f"/api/reports/{uuid4()}/{path}", headers=desk.world.headers("coordinator"))
        assert answer.status_code == 404
    headers = desk.world.headers("hlm-a")
    body = {"move": "acknowledge", "version": 1}
    assert desk.client.post(f"/api/reports/{uuid4()}/moves", json=body, headers=headers).status_code == 404


def test_a_move_of_a_state_that_is_over_is_a_conflict(desk: Desk) -> None:
    report_id = desk.report()
    desk.done("hlm-a", report_id, "acknowledge")
    assert desk.move("hlm-a", report_id, "acknowledge").status_code == 409


# ── two at once ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_who_saw_an_older_report_is_told_so(desk: Desk) -> None:
    report_id = desk.report()
    seen = desk.version(report_id)
    desk.done("hlm-a", report_id, "acknowledge")
    answer = desk.move("coordinator", report_id, "reject", version=seen)
    assert answer.status_code == 409
    assert "«\u00a0Pris en compte\u00a0»" in answer.get_json()["detail"]
    assert desk.state(report_id) == "acknowledged"


def test_if_match_stands_for_the_version(desk: Desk) -> None:
    report_id = desk.report()
    tries = (('"{id}-{version}"', 7, 412), ("{version}", 7, 412), ('"{version}"', 2, 412), ('"{id}-{version}"', 1, 200))
    for spelt, version, status in tries:
        headers = desk.world.headers("hlm-a", **{"If-Match": spelt.format(id=report_id, version=version)})
        answer = desk.client.post(f"/api/reports/{report_id}/moves", json={"move": "acknowledge"}, headers=headers)
        assert answer.status_code == status, answer.text
    assert answer.headers["ETag"] == f'"{report_id}-2"'


def test_of_two_at_once_one_is_done_and_the_other_is_told(app: Flask, desk: Desk) -> None:
    report_id = desk.report()
    answers: list[int] = []
    ready = threading.Barrier(4)

    def run() -> None:
        ready.wait()
        answer = app.test_client().post(
            f"/api/reports/{report_id}/moves",
            json={"move": "acknowledge", "version": 1},
            headers=desk.world.headers("hlm-a"),
        )
        answers.append(answer.status_code)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [200, 409, 409, 409]
    assert [event["kind"] for event in desk.events(report_id)] == ["created", "acknowledge"]


# ── transfers ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("category", ["lift_out", "suspected_dealing"])
def test_a_transfer_counts_the_time_lost_and_starts_the_clock_again(desk: Desk, category: str) -> None:
    report_id = desk.report(category=category)
    holder = {"lift_out": "hlm-a", "suspected_dealing": "police"}[category]
    desk.sql("UPDATE report SET escalated_at = now() WHERE id = :id", id=report_id)
    answer = desk.move(holder, report_id, "transfer", organisation="hlm-b", reason="other", text="The next block")
    assert answer.status_code == 200, answer.text
    assert (answer.get_json()["state"], answer.get_json()["organisation"]) == ("new", "The hlm-b")
    said = desk.events(report_id)[-1]
    assert (said["from_state"], said["to_state"], said["organisation"]) == ("new", "new", f"The {holder}")
    assert said["details"] == {
        "reason": "other", "text": "The next block", "lost_s": said["details"]["lost_s"],
        "lost_working_s": said["details"]["lost_working_s"],
        "from_organisation_id": desk.world.organisations[holder], "from_organisation": f"The {holder}",
        "to_organisation_id": desk.world.organisations["hlm-b"], "to_organisation": "The hlm-b",
    }  # fmt: skip
    [row] = desk.sql("SELECT due_at, escalated_at FROM report WHERE id = :id", id=report_id)
    at = datetime.fromisoformat(said["at"])
    assert row.due_at == due_at(at, 24, severity=3)
    assert row.escalated_at is None
    assert desk.done("hlm-b", report_id, "acknowledge")["state"] == "acknowledged"
    assert desk.move(holder, report_id, "start").status_code in {403, 404}


def test_lost_time_runs_from_where_it_came_to_the_wrong_one(desk: Desk, engine: Engine, world: World) -> None:
    report_id = desk.report()
    with unit_of_work(engine, world.actors["hlm-a"]) as uow:
        since = history(uow, UUID(report_id))[0].at
        nomenclature = load_nomenclature(uow.connection)
        command = MoveCommand(move="transfer", version=1, organisation="bus", reason="agreed")
        now = since + timedelta(hours=50)
        moves.make_move(uow, world.actors["hlm-a"], UUID(report_id), command, nomenclature=nomenclature, now=now)
    said = desk.events(report_id)[-1]["details"]
    assert said["lost_s"] == 50 * 3600
    assert said["lost_working_s"] == round(working_between(since, now).total_seconds())


def test_who_sent_a_restricted_report_on_sees_it_until_it_is_taken(desk: Desk) -> None:
    report_id = desk.report(category="suspected_dealing")
    assert desk.move("police", report_id, "transfer", organisation="hlm-b").status_code == 200
    path, headers = f"/api/reports/{report_id}", desk.world.headers("police")
    assert desk.client.get(path, headers=headers).status_code == 200
    desk.done("hlm-b", report_id, "acknowledge")
    assert desk.client.get(path, headers=headers).status_code == 404
    assert desk.client.get(path, headers=desk.world.headers("hlm-a")).status_code == 404


# ── asking instead of guessing ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("who", ["agent", "hlm-a", "hlm-b", "hlm-a-agent", "coordinator"])
def test_between_two_doors_whoever_knows_says_which(desk: Desk, who: str) -> None:
    body = body_at(401) | {"id": str(uuid4())}
    sent = desk.client.post("/api/reports", json=body, headers=desk.world.headers("agent")).get_json()
    assert sent["organisation"] is None
    assert [one["organisation"] for one in sent["candidates"]] == ["hlm-a", "hlm-b"]
    report_id = str(body["id"])
    refused = desk.move(who, report_id, "route", organisation="bus")
    assert refused.status_code == (200 if who == "coordinator" else 422)
    if who != "coordinator":
        answer = desk.move(who, report_id, "route", organisation="hlm-b")
        assert answer.status_code == 200, answer.text
        assert answer.get_json()["organisation"] == "The hlm-b"
        assert desk.events(report_id)[-1]["details"]["to_organisation"] == "The hlm-b"
        assert desk.move(who, report_id, "route", organisation="hlm-a").status_code in {403, 409}


def test_others_do_not_choose(desk: Desk) -> None:
    report_id = desk.report(401)
    for who in ("bus", "police", "planner", "admin"):
        assert "route" not in desk.offered(who, report_id)
        assert desk.move(who, report_id, "route").status_code == 403


# ── questions ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_question_stops_the_clock_until_it_is_answered(desk: Desk) -> None:
    report_id = desk.report()
    desk.done("hlm-a", report_id, "acknowledge", "ask")
    [before] = desk.sql("SELECT due_at, paused_at, state FROM report WHERE id = :id", id=report_id)
    assert before.state == "acknowledged"
    assert before.paused_at is not None
    assert desk.move("hlm-a", report_id, "ask").status_code == 409
    desk.sql("UPDATE report SET paused_at = paused_at - interval '3 days' WHERE id = :id", id=report_id)
    desk.done("agent", report_id, "answer")
    [after] = desk.sql("SELECT due_at, paused_at FROM report WHERE id = :id", id=report_id)
    answered = desk.events(report_id)[-1]
    at = datetime.fromisoformat(answered["at"])
    waited = working_between(before.paused_at - timedelta(days=3), at)
    assert after.paused_at is None
    assert working_between(before.due_at, after.due_at) == waited
    assert answered["details"]["paused_s"] == pytest.approx(3 * 86400, abs=60)


def test_whoever_was_asked_sees_and_answers_though_it_is_restricted(desk: Desk) -> None:
    report_id = desk.report(category="suspected_dealing")
    desk.done("police", report_id, "acknowledge")
    path, headers = f"/api/reports/{report_id}", desk.world.headers("bus")
    assert desk.client.get(path, headers=headers).status_code == 404
    assert desk.move("police", report_id, "ask", organisation="bus").status_code == 200
    assert desk.client.get(path, headers=headers).status_code == 200
    assert desk.offered("bus", report_id) == {"answer", "still_there", "gone"}
    assert desk.move("hlm-b", report_id, "answer").status_code == 404
    desk.done("bus", report_id, "answer")
    desk.done("police", report_id, "resolve")
    assert desk.client.get(path, headers=headers).status_code == 404


def test_any_other_step_ends_the_pause(desk: Desk) -> None:
    report_id = desk.report()
    desk.done("hlm-a", report_id, "acknowledge", "ask", "start")
    assert desk.sql("SELECT paused_at FROM report WHERE id = :id", id=report_id)[0].paused_at is None
    assert desk.move("hlm-a", report_id, "answer").status_code == 409


def test_nobody_asks_itself(desk: Desk) -> None:
    report_id = desk.report(who="hlm-a")
    desk.done("hlm-a", report_id, "acknowledge")
    answer = desk.move("hlm-a", report_id, "ask")
    assert answer.status_code == 422
    assert answer.get_json()["errors"][0]["field"] == "organisation"


# ── confirmations ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_still_there_is_an_event_and_changes_nothing(desk: Desk) -> None:
    report_id = desk.report()
    for _tap in range(2):
        assert desk.move("hlm-a-agent", report_id, "still_there", version=None).status_code == 200
    desk.done("bus", report_id, "gone")
    assert [event["kind"] for event in desk.events(report_id)] == ["created", "still_there", "gone"]
    assert desk.version(report_id) == 1
    desk.done("hlm-a", report_id, "acknowledge", "resolve")
    desk.done("coordinator", report_id, "verify")
    assert desk.move("agent", report_id, "still_there").status_code == 409


# ── late ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _late(desk: Desk, report_id: str, **changes: str) -> None:
    parts = {"due_at": "now() - interval '1 hour'"} | changes
    setters = ", ".join(f"{name} = {value}" for name, value in parts.items())
    desk.sql(f"UPDATE report SET {setters} WHERE id = :id", id=report_id)


def test_what_is_late_is_escalated_once(desk: Desk, engine: Engine) -> None:
    late, waiting, closed, on_time = (desk.report() for _ in range(4))
    _late(desk, late)
    _late(desk, waiting, paused_at="now()", asked_organisation_id="reporter_organisation_id")
    _late(desk, closed, state="'rejected'")
    now = datetime.now(UTC)
    with unit_of_work(engine, SYSTEM) as uow:
        assert [str(row.id) for row in moves_store.overdue(uow.connection, now)] == [late]
        [found] = moves.escalate_overdue(uow, SYSTEM, now=now)
    assert (str(found.id), found.organisation_id) == (late, desk.world.organisations["hlm-a"])
    with unit_of_work(engine, SYSTEM) as uow:
        assert moves.escalate_overdue(uow, SYSTEM, now=now) == ()
    assert [event["kind"] for event in desk.events(late)] == ["created", "escalated"]
    assert desk.events(late)[-1]["role"] == "system"
    assert on_time not in {str(row.id) for row in [found]}


def test_only_the_system_escalates(engine: Engine, world: World) -> None:
    actor = world.actors["coordinator"]
    with pytest.raises(ForbiddenError), unit_of_work(engine, actor) as uow:
        moves.escalate_overdue(uow, actor, now=datetime.now(UTC))


def test_the_command_line_escalates(desk: Desk, app_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    late = desk.report()
    _late(desk, late)
    monkeypatch.setenv("QUIETUDE_DATABASE_URL", app_url)
    first, second = (CliRunner().invoke(reports_group, ["escalate"]) for _ in range(2))
    assert (first.exit_code, second.exit_code) == (0, 0), first.output
    assert first.output.startswith("1 report")
    assert second.output.startswith("0 reports")
    assert desk.events(late)[-1]["kind"] == "escalated"


def test_lists_of_due_soon_and_over(desk: Desk) -> None:
    late, soon, far, other = desk.report(), desk.report(), desk.report(), desk.report(200)
    _late(desk, late)
    _late(desk, soon, due_at="now() + interval '1 hour'")
    _late(desk, far, due_at="now() + interval '30 days'")
    _late(desk, other)

    def listed(query: str) -> set[str]:
        page = desk.client.get(f"/reports?{query}", headers=desk.world.headers("coordinator"))
        assert page.status_code == 200, page.text
        return {one for one in (late, soon, far, other) if one in page.text}

    assert listed("due=over") == {late, other}
    assert listed("due=over&organisation=hlm-a") == {late}
    assert listed("due=soon&organisation=hlm-a") == {soon}
    assert listed("organisation=nobody") == set()
    for query in ("due=never", "organisation=The%20city", "organisation=%00"):
        assert desk.client.get(f"/reports?{query}", headers=desk.world.headers("hlm-a")).status_code == 400


# ── pages and ways out ──────────────────────────────────────────────────────────────────────────────────────────────


def test_the_page_shows_the_moves_and_takes_them_without_javascript(desk: Desk) -> None:
    report_id = desk.report()
    headers = desk.world.headers("hlm-a")
    page = desk.client.get(f"/reports/{report_id}", headers=headers)
    assert page.status_code == 200
    assert 'value="acknowledge"' in page.text
    assert 'value="resolve"' not in page.text
    path = f"/reports/{report_id}/moves"
    done = desk.client.post(path, data={"move": "acknowledge", "version": "1"}, headers=headers)
    assert (done.status_code, done.headers["Location"]) == (303, f"/reports/{report_id}")
    again = desk.client.post(path, data={"move": "start", "version": "1"}, headers=headers)
    assert again.status_code == 409
    assert "entre-temps" in again.text
    refused = desk.client.post(path, data={"move": "resolve", "version": "2", "text": ""}, headers=headers)
    assert refused.status_code == 422
    assert 'details class="more" open' in refused.text


def test_what_was_repaired_is_shown_by_photos_sent_with_the_move(desk: Desk) -> None:
    report_id = desk.report()
    desk.done("hlm-a", report_id, "acknowledge")
    headers = desk.world.headers("hlm-a")
    path = f"/reports/{report_id}/moves"
    pictures = [(io.BytesIO(jpeg(64, 48)), "after.jpg"), (io.BytesIO(b"no picture"), "list.jpg")]
    sent = {"move": "resolve", "text": "Repaired", "photos": pictures}
    stale = desk.client.post(path, data={"move": "resolve", "text": "Repaired", "version": "1"}, headers=headers)
    assert stale.status_code == 409
    assert desk.sql("SELECT count(*) FROM photo") == [(0,)]
    done = desk.client.post(path, data=sent | {"version": "2"}, headers=headers)
    assert done.status_code == 303
    photos = desk.sql("SELECT stage, state FROM photo WHERE report_id = :id", id=report_id)
    assert photos == [("after", "hidden")]
    assert "list.jpg" in desk.client.get(f"/reports/{report_id}", headers=headers).text  # refused, and said


def test_the_page_tells_everything_in_both_languages(desk: Desk) -> None:
    report_id = desk.report(401)
    desk.done("agent", report_id, "still_there", "route")
    desk.done("hlm-b", report_id, "acknowledge", "ask", "answer", "transfer")
    headers = desk.world.headers("coordinator")
    french = desk.client.get(f"/reports/{report_id}", headers=headers).text
    desk.client.set_cookie("quietude_language", "en")
    english = desk.client.get(f"/reports/{report_id}", headers=headers).text
    for words in ("Transferred to The bus", "Question to The city", "Routed to The hlm-b", "Which door?"):
        assert words in english
    for words in ("Transféré à The bus", "Which door?", "agent de terrain", "partenaire", "1 transfert"):
        assert words in french
    assert "The left one" in french
