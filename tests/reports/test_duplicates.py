"""Merging and unmerging over HTTP, on the real database as the application role: who may, what it leaves."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError
from werkzeug.test import TestResponse

from app.db.session import unit_of_work
from app.nomenclature.store import load_nomenclature
from app.people.actor import SYSTEM
from app.places.actions import seed_approximate
from app.reports import duplicates
from app.reports.demo import load_demo
from app.reports.duplicates_commands import MergeCommand
from app.reports.duplicates_rules import can_keep, can_merge, state_after, who_may
from app.reports.rules import OPEN_STATES, STATES
from tests.reports.demo_samples import NOW
from tests.reports.duplicate_samples import Register
from tests.routing.world import ACCOUNTS, World, make_world


@pytest.fixture
def world(engine: Engine, clean: None) -> World:
    return make_world(engine)


@pytest.fixture
def register(client: FlaskClient, world: World, engine: Engine) -> Register:
    return Register(client, world, engine)


# ── what is near while reporting ────────────────────────────────────────────────────────────────────────────────────


def test_what_is_reported_already_the_nearest_first(register: Register) -> None:
    far, near = register.report(20), register.report(8)
    register.report(40)  # farther than the 25 m of its theme
    register.report(5, category="graffiti")  # another theme
    closed = register.report(3)
    register.move("hlm-a", closed, "reject", reason="no_problem")
    register.move("hlm-a-agent", near, "still_there")
    answer = register.similar("agent", 0)
    assert (answer["theme"], answer["distance_m"]) == ("building", 25)
    assert [one["id"] for one in answer["reports"]] == [near, far]
    first = answer["reports"][0]
    assert first["distance_m"] == pytest.approx(8, abs=0.1)
    assert (first["label"], first["confirmations"], first["merged"]) == ("Ascenseur en panne", 1, 0)
    assert first["age"] == "à l'instant"
    assert [one["id"] for one in register.similar("agent", 0, leave_out=near)["reports"]] == [far]


def test_the_very_category_comes_first(register: Register) -> None:
    nearer, same = register.report(5, category="broken_entrance"), register.report(10)
    assert [one["id"] for one in register.similar("agent", 0)["reports"]] == [same, nearer]
    assert [one["id"] for one in register.similar("agent", 0, category="broken_entrance")["reports"]] == [nearer, same]
    for metres in (1, 2, 3):
        register.report(metres)
    assert len(register.similar("agent", 0)["reports"]) == 3


def test_the_distance_is_the_theme_s_or_the_category_s_own(register: Register, engine: Engine) -> None:
    report_id = register.report(40)
    assert register.similar("agent", 0)["reports"] == []
    with unit_of_work(engine, SYSTEM) as uow:
        uow.connection.execute(text("UPDATE category SET duplicate_distance_m = 45 WHERE code = 'lift_out'"))
    register.client.application.extensions.pop("quietude_nomenclature")
    answer = register.similar("agent", 0)
    assert (answer["distance_m"], [one["id"] for one in answer["reports"]]) == (45, [report_id])


def test_similar_shows_what_the_asker_may_see(register: Register) -> None:
    mine = register.report(0, who="agent", category="suspected_dealing")
    assert register.sql("SELECT visibility FROM report WHERE id = :id", id=mine)[0][0] == "restricted"
    register.report(1, who="hlm-b", category="noise")
    seen = {who: len(register.similar(who, 0, category="noise")["reports"]) for who in ACCOUNTS}
    # The restricted one: who reported it, who answers for it, the coordination.
    assert seen == {
        "agent": 2, "city": 2, "hlm-a": 1, "hlm-b": 1, "hlm-a-agent": 1, "bus": 1, "police": 2, "planner": 1,
        "coordinator": 2, "admin": 1,
    }  # fmt: skip
    assert register.client.get("/api/reports/similar?lon=2.3&lat=49.9&category=noise").status_code == 401


def test_a_bad_question_is_named(register: Register) -> None:
    for query, name in (
        ("lon=2.3&lat=49.9", "category"),
        ("lon=2.3&lat=49.9&category=none", "category"),
        ("lat=49.9&category=noise", "lon"),
        ("lon=nan&lat=49.9&category=noise", "lon"),
        ("lon=2.3&lat=91&category=noise", "lat"),
        ("lon=2.3&lat=49.9&category=noise&except=x", "except"),
        ("lon=2.3&lat=49.9&category=noise&radius=3", "radius"),
    ):
        answer = register.get("agent", f"/api/reports/similar?{query}")
        assert answer.status_code == 400, query
        assert answer.get_json()["errors"][0]["field"] == name


def test_nothing_is_near_where_nothing_is(register: Register) -> None:
    for where in ("lon=-170&lat=10", "lon=2.3&lat=-90", "lon=9.99&lat=41.01", "lon=2.3&lat=49.9"):
        answer = register.get("agent", f"/api/reports/similar?{where}&category=noise")
        assert (answer.status_code, answer.get_json()["reports"]) == (200, []), where


def test_a_new_report_says_where_similar_ones_are(register: Register) -> None:
    first = register.report(0)
    second = register.report(3)
    answer = register.client.post(
        "/api/reports",
        json={"id": second, "category": "lift_out"} | dict(zip(("lon", "lat"), _point(register, second), strict=True)),
        headers=register.world.headers("agent"),
    )
    assert answer.status_code == 200
    link, _separator, rel = answer.headers["Link"].partition(">; ")
    assert rel == 'rel="related"'
    found = register.get("agent", link.lstrip("<")).get_json()["reports"]
    assert [one["id"] for one in found] == [first]


def _point(register: Register, report_id: str) -> tuple[float, float]:
    row = register.sql("SELECT ST_X(geom_4326), ST_Y(geom_4326) FROM report WHERE id = :id", id=report_id)[0]
    return float(row[0]), float(row[1])


# ── merging ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_merging_and_taking_out_again_with_history_on_both(register: Register) -> None:
    kept, other = register.report(0), register.report(10)
    register.move("hlm-a", other, "acknowledge")
    answer = register.merged(other, kept, who="hlm-a")
    assert (answer["state"], answer["duplicate_of"], answer["moves"]) == ("duplicate", kept, [])
    assert register.told(other)[-1] == ("merge", "acknowledged", "duplicate")
    assert register.told(kept)[-1] == ("merge_in", None, None)
    back = register.unmerge("hlm-a", other).get_json()
    assert (back["state"], back["duplicate_of"]) == ("acknowledged", None)
    assert register.told(other)[-1] == ("unmerge", "duplicate", "acknowledged")
    assert register.told(kept)[-1] == ("merge_out", None, None)
    assert register.read(kept)["state"] == "new"


def test_every_role_and_relation(register: Register) -> None:
    """hlm-a answers for the report, the city's agent reported it: who may merge it, and take it out again."""
    kept, other = register.report(0), register.report(10)
    allowed = {"hlm-a", "coordinator"}
    for who in ACCOUNTS:
        answer = register.merge(who, other, kept)
        assert answer.status_code == (200 if who in allowed else 403), (who, answer.text)
        if who in allowed:
            assert register.unmerge(who, other).status_code == 200
    register.merged(other, kept)
    for who in ACCOUNTS:
        answer = register.unmerge(who, other)
        # An agent of another organisation does not see a closed report at all.
        assert answer.status_code == (200 if who in allowed else 403), (who, answer.text)
        if who in allowed:
            register.merged(other, kept)
    assert register.client.post(f"/api/reports/{other}/merge", json={}).status_code in {400, 401}


def test_rules_in_every_state_and_relation() -> None:
    class Row:
        organisation_id: int | None = 1
        reporter_organisation_id = 2
        candidate_ids = (3,)
        asked_organisation_id = 4
        paused_at = datetime(2026, 5, 4, tzinfo=UTC)
        state = "new"

    class Somebody:
        def __init__(self, role: str, organisation_id: int | None) -> None:
            self.role, self.organisation_id = role, organisation_id

    roles = ("public", "agent", "partner", "planner", "coordinator", "admin", "system")
    may = {(role, org) for role in roles for org in (None, 1, 2, 3, 4, 9) if who_may(Row(), Somebody(role, org))}
    assert may == {("partner", 1), *(("coordinator", org) for org in (None, 1, 2, 3, 4, 9))}
    assert [state for state in STATES if can_merge(state)] == list(OPEN_STATES)
    assert [state for state in STATES if can_keep(state)] == list(OPEN_STATES)
    expected = {state: state if state in OPEN_STATES else "reopened" for state in STATES}
    assert {state: state_after(state) for state in STATES} == expected
    assert state_after(None) == "reopened"


def test_chains_collapse_and_there_is_no_circle(register: Register) -> None:
    a, b, c, d = (register.report(metres) for metres in (0, 5, 10, 15))
    register.merged(b, c)
    assert register.merged(a, b)["duplicate_of"] == c
    answer = register.merge("coordinator", c, a)
    assert answer.status_code == 409
    assert "déjà" in answer.get_json()["detail"]
    # What is kept may itself turn out to be the same: everything counts with the last one.
    register.merged(c, d)
    assert {register.read(one)["duplicate_of"] for one in (a, b, c)} == {d}
    assert register.similar("agent", 0)["reports"][0]["merged"] == 3
    # Taking one out takes along what was merged into it, and no more.
    assert register.unmerge("coordinator", c).status_code == 200
    assert [register.read(one)["duplicate_of"] for one in (a, b, c)] == [c, c, None]


def test_the_database_refuses_a_circle_by_itself(register: Register, engine: Engine) -> None:
    a, b = register.report(0), register.report(5)
    register.merged(a, b)
    change = text("UPDATE report SET state = 'duplicate', duplicate_of = :into WHERE id = :id")
    for into in (a, b):
        with pytest.raises(IntegrityError), unit_of_work(engine, SYSTEM) as uow:
            uow.connection.execute(change, {"id": b, "into": into})


def test_confirmations_count_on_the_kept_one(register: Register) -> None:
    kept, other = register.report(0), register.report(10)
    register.move("hlm-a-agent", other, "still_there")
    register.move("agent", kept, "still_there")
    register.move("hlm-b", kept, "gone")
    register.merged(other, kept)
    one = register.similar("agent", 0)["reports"]
    assert [(o["id"], o["confirmations"], o["merged"]) for o in one] == [(kept, 2, 1)]
    page = register.get("hlm-a", f"/reports/{kept}").text
    assert "1 autre signalement de la même chose" in page
    assert "Revu 2 fois" in page
    query = "SELECT still_there, last_still_there, gone, last_gone FROM report_groups(ARRAY[CAST(:id AS uuid)])"
    there, last_there, gone, last_gone = register.sql(query, id=kept)[0]
    times = "SELECT kind, max(at) AS at FROM report_event WHERE kind IN ('still_there', 'gone') GROUP BY kind"
    assert {"still_there": last_there, "gone": last_gone} == {row.kind: row.at for row in register.sql(times)}
    assert (there, gone) == (2, 1)
    assert other in page


def test_the_page_of_a_merged_one_says_into_which(register: Register) -> None:
    kept, other = register.report(0, who="hlm-b"), register.report(10)
    register.merged(other, kept)
    assert f"/reports/{kept}" in register.get("hlm-a", f"/reports/{other}").text
    # Closed: an agent of another organisation may not read it any more, but what became of it.
    register.sql("UPDATE report SET state = 'resolved' WHERE id = :id", id=kept)
    page = register.get("agent", f"/reports/{other}").text
    assert "que vous ne pouvez pas lire" in page
    assert "Résolu" in page


def test_candidates_are_offered_to_those_who_may(register: Register) -> None:
    one, other = register.report(0), register.report(10)
    assert f'name="into" value="{other}"' in register.get("hlm-a", f"/reports/{one}").text
    assert f'name="into" value="{one}"' in register.get("coordinator", f"/reports/{other}").text
    for who in ("agent", "hlm-b", "planner"):
        assert 'name="into"' not in register.get(who, f"/reports/{one}").text


def test_what_cannot_be_the_same(register: Register) -> None:
    report_id = register.report(0)
    for into, code, status in (
        (str(uuid4()), "unknown", 422),
        (report_id, "same", 422),
        (register.report(600), "far", 422),
        (register.report(3, category="suspected_dealing"), "restricted", 422),
    ):
        answer = register.merge("coordinator", report_id, into)
        assert answer.status_code == status, code
        error = answer.get_json()["errors"][0]
        assert error["field"] == "into"
    closed = register.report(4)
    register.move("hlm-a", closed, "reject", reason="no_problem")
    assert register.merge("coordinator", report_id, closed).status_code == 409
    assert register.merge("coordinator", closed, report_id).status_code == 409
    assert register.unmerge("coordinator", report_id).status_code == 409
    assert register.read(report_id)["state"] == "new"


def test_a_bad_body_is_named(register: Register) -> None:
    headers = register.world.headers("coordinator")
    bodies: list[tuple[dict[str, object], str]] = [
        ({}, "into"),
        ({"into": "x", "version": 1}, "into"),
        ({"into": str(uuid4())}, "version"),
        ({"into": str(uuid4()), "version": 0}, "version"),
        ({"into": str(uuid4()), "version": 1, "why": 2}, "why"),
    ]
    for body, field in bodies:
        answer = register.client.post(f"/api/reports/{uuid4()}/merge", json=body, headers=headers)
        assert answer.status_code == (428 if field == "version" and "version" not in body else 422), body
        assert field in {error["field"] for error in answer.get_json()["errors"]}


def test_what_is_not_seen_is_not_found(register: Register) -> None:
    hidden = register.report(0, who="police", category="suspected_dealing")
    shown = register.report(3)
    assert register.merge("hlm-b", hidden, shown).status_code == 404
    answer = register.merge("hlm-a", shown, hidden)
    assert (answer.status_code, answer.get_json()["errors"][0]["field"]) == (422, "into")
    assert register.merge("coordinator", str(uuid4()), shown).status_code == 404


def test_a_report_that_changed_meanwhile_is_left_alone(register: Register) -> None:
    kept, other = register.report(0), register.report(10)
    seen = register.version(other)
    register.move("hlm-a", other, "acknowledge")
    answer = register.merge("hlm-a", other, kept, version=seen)
    assert answer.status_code == 409
    headers = register.world.headers("hlm-a", **{"If-Match": f'"{other}-{seen}"'})
    answer = register.client.post(f"/api/reports/{other}/merge", json={"into": kept}, headers=headers)
    assert answer.status_code == 412
    assert register.read(other)["state"] == "acknowledged"


def test_the_time_as_a_duplicate_is_given_back(register: Register, world: World, engine: Engine) -> None:
    """A question since Monday noon, merged on Tuesday noon, taken out on Thursday noon: three working days later."""
    kept, other = register.report(0), register.report(10)
    monday = datetime(2026, 6, 1, 10, tzinfo=UTC)
    register.sql(
        "UPDATE report SET state = 'assigned', due_at = :due, paused_at = :asked, asked_organisation_id = :who"
        " WHERE id = :id",
        due=monday + timedelta(hours=1), asked=monday, who=world.organisations["city"], id=other,
    )  # fmt: skip
    actor = world.actors["hlm-a"]
    with unit_of_work(engine, actor) as uow:
        nomenclature = load_nomenclature(uow.connection)
        command = MergeCommand(into=UUID(kept), version=register.version(other))
        merged = duplicates.merge(
            uow, actor, UUID(other), command, nomenclature=nomenclature, now=monday + timedelta(days=1)
        )
        assert (merged.paused_at, merged.due_at) == (None, monday + timedelta(days=1, hours=1))
    with unit_of_work(engine, actor) as uow:
        back = duplicates.unmerge(
            uow, actor, UUID(other), version=merged.version, nomenclature=nomenclature, now=monday + timedelta(days=3)
        )
    assert (back.state, back.due_at) == ("assigned", monday + timedelta(days=3, hours=1))
    assert register.sql("SELECT paused_s FROM report WHERE id = :id", id=other)[0][0] == 3 * 86_400


def test_two_merges_crosswise_at_once(register: Register, app: Flask) -> None:
    """A into B and B into A, again and again: one wins, the other is told, no circle, no deadlock, no 500."""
    for _round in range(6):
        a, b = register.report(0), register.report(10)
        answers = _at_once(app, register, [(a, b), (b, a)])
        assert sorted(answer.status_code for answer in answers) == [200, 409], [answer.text for answer in answers]
        assert sorted(register.read(one)["state"] for one in (a, b)) == ["duplicate", "new"]


def test_three_merges_round_in_a_circle_at_once(register: Register, app: Flask) -> None:
    for _round in range(4):
        a, b, c = (register.report(metres) for metres in (0, 5, 10))
        answers = _at_once(app, register, [(a, b), (b, c), (c, a)])
        assert {answer.status_code for answer in answers} <= {200, 409}, [answer.text for answer in answers]
        states = [register.read(one)["state"] for one in (a, b, c)]
        assert sum(answer.status_code == 200 for answer in answers) == states.count("duplicate") > 0
        assert states.count("new") >= 1


def test_the_database_lets_no_circle_through_from_two_sides(register: Register, engine: Engine) -> None:
    """Two transactions that see nothing of each other: the second waits for the first, then is refused."""
    a, b = register.report(0), register.report(5)
    change = text("UPDATE report SET state = 'duplicate', duplicate_of = :into WHERE id = :id")
    outcome: list[str] = []

    def second() -> None:
        try:
            with unit_of_work(engine, SYSTEM) as uow:
                uow.connection.execute(change, {"id": b, "into": a})
            outcome.append("stored")
        except IntegrityError as error:
            outcome.append(str(error.orig).splitlines()[0])

    thread = threading.Thread(target=second)
    with unit_of_work(engine, SYSTEM) as uow:
        uow.connection.execute(change, {"id": a, "into": b})
        thread.start()
        waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        while thread.is_alive() and not register.sql(waiting)[0][0]:
            thread.join(0.01)
    thread.join()
    assert outcome == [f"report {b} would be a duplicate of itself"]


def _at_once(app: Flask, register: Register, pairs: list[tuple[str, str]]) -> list[TestResponse]:
    barrier = threading.Barrier(len(pairs))
    answers: list[TestResponse] = []
    bodies = [{"into": into, "version": register.version(report_id)} for report_id, into in pairs]

    def go(report_id: str, body: dict[str, object]) -> None:
        client = app.test_client()
        barrier.wait()
        headers = register.world.headers("coordinator")
        answers.append(client.post(f"/api/reports/{report_id}/merge", json=body, headers=headers))

    threads = [threading.Thread(target=go, args=(pair[0], body)) for pair, body in zip(pairs, bodies, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


# ── several at once ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_several_from_the_list_all_or_nothing(register: Register, world: World) -> None:
    ids = [register.report(metres) for metres in (0, 5, 10)]
    headers = world.headers("hlm-a")
    page = register.client.get("/reports/merge", query_string={"report": ids}, headers=headers)
    assert page.status_code == 200
    form = {"report": ids, "into": ids[0]} | {f"version-{one}": register.version(one) for one in ids}
    stale = form | {f"version-{ids[2]}": 7}
    assert register.client.post("/reports/merge", data=stale, headers=headers).status_code == 409
    assert {register.read(one)["state"] for one in ids} == {"new"}
    answer = register.client.post("/reports/merge", data=form, headers=headers)
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/reports/{ids[0]}")
    assert [register.read(one)["state"] for one in ids] == ["new", "duplicate", "duplicate"]


def test_the_choice_from_the_list_has_its_limits(register: Register, world: World) -> None:
    mine, other = register.report(0), register.report(200, who="hlm-b")
    assert register.get("agent", f"/reports/merge?report={mine}").status_code == 403
    for query in (f"report={mine}", ""):
        assert "au moins deux" in register.get("hlm-a", f"/reports/merge?{query}").text
    assert "disabled" in register.get("hlm-a", f"/reports/merge?report={mine}&report={other}").text
    many = "&".join(f"report={uuid4()}" for _ in range(21))
    assert register.get("hlm-a", f"/reports/merge?{many}").status_code == 400
    assert register.get("hlm-a", "/reports/merge?report=x").status_code == 400
    assert register.get("hlm-a", f"/reports/merge?report={uuid4()}").status_code == 404
    headers = world.headers("hlm-a")
    answer = register.client.post("/reports/merge", data={"report": [mine, other]}, headers=headers)
    assert answer.status_code == 422
    answer = register.client.post("/reports/merge", data={"report": [mine, other], "into": other}, headers=headers)
    assert answer.status_code == 400


def test_the_demo_has_merged_ones(engine: Engine, clean: None) -> None:
    seed_approximate(engine)
    load_demo(engine, lambda _said: None, now=NOW, count=600)
    query = "SELECT count(*), count(duplicate_of), count(kept_id) FROM report LEFT JOIN kept_report(id) ON true"
    with unit_of_work(engine, SYSTEM) as uow:
        found = uow.connection.execute(text(f"{query} WHERE state = 'duplicate'")).one()
    assert found[0] == found[1] == found[2] > 0


# ── the floor ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_row_security_under_merging(register: Register, world: World, engine: Engine) -> None:
    """Whoever does not answer for a report cannot make it a duplicate, whatever Python forgets."""
    kept, other = register.report(0), register.report(10)
    change = text("UPDATE report SET state = 'duplicate', duplicate_of = :into WHERE id = :id")
    changed = {}
    for who, actor in world.actors.items():
        with unit_of_work(engine, actor) as uow:
            changed[who] = uow.connection.execute(change, {"id": UUID(other), "into": UUID(kept)}).rowcount
        register.sql("UPDATE report SET state = 'new', duplicate_of = NULL WHERE id = :id", id=other)
    assert {who for who, rows in changed.items() if rows} == {"hlm-a", "coordinator"}


def test_helpers_leave_the_actor_as_it_was(register: Register, world: World, engine: Engine) -> None:
    """The functions that look as the system does stop doing so when they end."""
    hidden = register.report(0, who="police", category="suspected_dealing")
    with unit_of_work(engine, world.actors["hlm-b"]) as uow:
        uow.connection.execute(text("SELECT lock_for_merge(ARRAY[CAST(:id AS uuid)])"), {"id": hidden})
        uow.connection.execute(text("SELECT * FROM report_groups(ARRAY[CAST(:id AS uuid)])"), {"id": hidden})
        uow.connection.execute(text("SELECT * FROM kept_report(:id)"), {"id": hidden})
        assert uow.connection.scalar(text("SELECT current_setting('app.role')")) == "partner"
        assert uow.connection.scalar(text("SELECT count(*) FROM report WHERE id = :id"), {"id": hidden}) == 0
