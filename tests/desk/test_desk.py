"""The desk's lists, moves on many reports, undo and kept filters, through pages without JavaScript."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.db.session import unit_of_work
from app.reports import actions
from app.reports.workflow import state_times, time_lost
from tests.desk.moves_world import DeskWorld

NOW = datetime.now(UTC)
DAY = timedelta(days=1)


def listed(desk: DeskWorld, who: str, address: str) -> list[UUID]:
    """The reports of one page, in its order."""
    answer = desk.browse(who).get(address)
    assert answer.status_code == 200, answer.text
    return [UUID(one) for one in re.findall(r'href="/reports/([0-9a-f-]{36})"', answer.text)]


def send(desk: DeskWorld, who: str, reports: list[str], move: str, **fields: Any) -> Any:
    """Tick and press; the page that says what became of it."""
    bulk = str(uuid4())
    browser = desk.browse(who)
    form = {"report": reports, "move": move, "bulk": bulk, "back": "tab=todo"} | fields
    answer = browser.post("/desk/moves", "/account", **form)
    if answer.status_code != 303:
        return answer
    return browser.get(answer.headers["Location"])


def bulk_id(desk: DeskWorld) -> UUID:
    return UUID(str(desk.sql("SELECT id FROM bulk_move ORDER BY at DESC LIMIT 1")[0][0]))


def undo(desk: DeskWorld, who: str) -> Any:
    browser = desk.browse(who)
    answer = browser.post(f"/desk/moves/{bulk_id(desk)}/undo", "/account")
    return browser.get(answer.headers["Location"]) if answer.status_code == 303 else answer


# ── lists ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_todo_has_the_most_overdue_first_and_nobody_elses(desk: DeskWorld) -> None:
    late = desk.report("hlm-a", NOW - 5 * DAY, due_at=NOW - 2 * DAY)
    later = desk.report("hlm-a", NOW - 9 * DAY, due_at=NOW - DAY)
    desk.report("hlm-b", NOW)
    desk.report("hlm-a", NOW, state="resolved")
    future = desk.report("hlm-a", NOW, due_at=NOW + 30 * DAY)
    assert listed(desk, "hlm-a", "/desk") == [late, later, future]
    page = desk.browse("hlm-a").get("/desk").text
    assert re.search(r'class="count">3<', page)
    assert "2 en retard" in page


def test_soon_is_within_one_working_day(desk: DeskWorld) -> None:
    soon = desk.report("hlm-a", NOW, due_at=NOW + timedelta(hours=1))  # the run may have begun long before
    desk.report("hlm-a", NOW, due_at=NOW - timedelta(minutes=10))
    desk.report("hlm-a", NOW, due_at=NOW + 9 * DAY)
    assert listed(desk, "hlm-a", "/desk?tab=soon") == [soon]


def test_a_question_waits_with_one_and_is_to_answer_with_the_other(desk: DeskWorld) -> None:
    one = desk.report("hlm-a", NOW - DAY, due_at=NOW + 5 * DAY)
    desk.move("hlm-a", one, "acknowledge", NOW)
    desk.move("hlm-a", one, "ask", NOW, text="Which door?", organisation="city")
    assert listed(desk, "hlm-a", "/desk") == []
    assert listed(desk, "hlm-a", "/desk?tab=waiting") == [one]
    assert listed(desk, "city", "/desk?tab=reply") == [one]
    assert listed(desk, "hlm-b", "/desk?tab=reply") == []


def test_a_transfer_waits_until_the_next_one_has_taken_it(desk: DeskWorld) -> None:
    one = desk.report("hlm-a", NOW - DAY)
    desk.move("hlm-a", one, "transfer", NOW, organisation="bus", reason="other_place")
    assert listed(desk, "hlm-a", "/desk?tab=waiting") == [one]
    assert listed(desk, "bus", "/desk") == [one]
    desk.move("bus", one, "acknowledge", NOW)
    assert listed(desk, "hlm-a", "/desk?tab=waiting") == []


def test_what_nobody_answers_for_is_with_its_candidates(desk: DeskWorld) -> None:
    one = desk.report(None, NOW)
    ids = [desk.world.organisations[name] for name in ("hlm-a", "hlm-b")]
    desk.sql("UPDATE report SET candidate_ids = :ids WHERE id = :id", ids=ids, id=one)
    assert listed(desk, "hlm-b", "/desk?tab=reply") == [one]
    assert listed(desk, "bus", "/desk?tab=reply") == []


def test_who_reported_verifies_and_the_coordination_everybodys(desk: DeskWorld) -> None:
    one = desk.report("hlm-a", NOW, state="resolved")
    own = desk.report("city", NOW - DAY, state="resolved")
    assert listed(desk, "city", "/desk?tab=verify") == [one]
    assert listed(desk, "hlm-a", "/desk?tab=verify") == []
    assert listed(desk, "coordinator", "/desk?tab=verify") == [one, own]
    assert listed(desk, "coordinator", "/desk?tab=verify&organisation=city") == [own]


@pytest.mark.parametrize("tab", ["todo", "verify"])
def test_pages_follow_each_other_without_gap_or_repetition(desk: DeskWorld, tab: str) -> None:
    # Several of the same moment, also across the edge of the page.
    state = "new" if tab == "todo" else "resolved"
    made = {desk.report("hlm-a", NOW - DAY * (n // 30), due_at=NOW + DAY * (n // 30), state=state) for n in range(70)}
    who = "hlm-a" if tab == "todo" else "city"
    first = desk.browse(who).get(f"/desk?tab={tab}").text
    following = re.search(r'rel="next" href="([^"]+)"', first)
    assert following
    page_1 = listed(desk, who, f"/desk?tab={tab}")
    page_2 = listed(desk, who, following[1].replace("&amp;", "&"))
    assert (len(page_1), len(page_2)) == (50, 20)
    assert set(page_1) | set(page_2) == made


def test_filters_narrow_the_list(desk: DeskWorld) -> None:
    desk.report("hlm-a", NOW)
    bin_ = desk.report("hlm-a", NOW, category="overflowing_bin")
    assert listed(desk, "hlm-a", "/desk?theme=cleanliness") == [bin_]
    assert listed(desk, "hlm-a", "/desk?category=graffiti") == []


REFUSED = [
    ("planner", "/desk", 403),
    ("admin", "/desk", 403),
    ("hlm-a", "/desk?organisation=hlm-b", 403),
    ("coordinator", "/desk?organisation=nobody", 400),
    ("hlm-a", "/desk?tab=nothing", 400),
    ("hlm-a", "/desk?after=yesterday", 400),
    ("hlm-a", "/desk?due=over", 400),
    ("hlm-a", "/desk?theme=nothing", 400),
    ("hlm-a", f"/desk/moves/{UUID(int=1)}", 404),
]


def test_what_is_not_there_or_not_ones_own(desk: DeskWorld) -> None:
    answers = [(who, address, desk.browse(who).get(address).status_code) for who, address, _status in REFUSED]
    assert answers == REFUSED


def test_a_token_opens_the_pages_too(desk: DeskWorld) -> None:
    for address in ("/desk", "/dashboard"):
        headers = desk.world.headers("hlm-a", Accept="text/html")
        assert desk.app.test_client().get(address, headers=headers).status_code == 200, address


def test_nobody_is_asked_to_sign_in(desk: DeskWorld) -> None:
    assert desk.app.test_client().get("/desk", headers={"Accept": "text/html"}).status_code in {302, 401}


# ── moves on many ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_many_are_moved_one_by_one_and_the_rest_says_why_not(desk: DeskWorld) -> None:
    good = [desk.report("hlm-a", NOW) for _ in range(3)]
    taken = desk.report("hlm-a", NOW, state="in_progress")
    others = desk.report("hlm-b", NOW)
    stale = desk.report("hlm-a", NOW)
    reports = [*desk.ticked(*good, taken, others), f"{stale}.7"]
    page = send(desk, "hlm-a", reports, "acknowledge").text
    assert [desk.row(one)["state"] for one in good] == ["acknowledged"] * 3
    assert [desk.row(one)["state"] for one in (taken, others, stale)] == ["in_progress", "new", "new"]
    assert "3 signalements traités." in page
    assert "3 signalements refusés." in page
    told = dict(desk.sql("SELECT report_id, refused FROM bulk_move_report WHERE refused IS NOT NULL"))
    assert told == {taken: "state", others: "forbidden", stale: "changed"}
    assert desk.history(good[0]) == [("acknowledge", "new", "acknowledged")]


def test_a_transfer_of_many_with_its_reason(desk: DeskWorld) -> None:
    ids = [desk.report("hlm-a", NOW) for _ in range(2)]
    fields = {"transfer-organisation": "bus", "transfer-reason": "other_place", "reject-reason": "not_found"}
    send(desk, "hlm-a", desk.ticked(*ids), "transfer", **fields)
    assert {desk.row(one)["organisation_id"] for one in ids} == {desk.world.organisations["bus"]}
    assert desk.sql("SELECT DISTINCT details ->> 'reason' FROM report_event")[0][0] == "other_place"


def test_the_form_comes_back_with_its_ticks_when_something_is_missing(desk: DeskWorld) -> None:
    one = desk.report("hlm-a", NOW)
    answer = send(desk, "hlm-a", desk.ticked(one), "reject")
    assert answer.status_code == 422
    assert 'id="reject-reason-error"' in answer.text
    assert re.search(rf'value="{one}\.1" form="bulk" checked', answer.text)
    assert desk.row(one)["state"] == "new"


BAD_FORMS: list[tuple[list[str], dict[str, str]]] = [
    ([], {"move": "acknowledge"}),
    (["not-an-id.1"], {"move": "acknowledge"}),
    ([f"{UUID(int=1)}.99999999999"], {"move": "acknowledge"}),
    ([f"{UUID(int=n)}.1" for n in range(51)], {"move": "acknowledge"}),
    ([f"{UUID(int=1)}.1"], {"move": "ask"}),
    ([f"{UUID(int=1)}.1"], {"move": "acknowledge", "bulk": "x"}),
]


def test_bad_forms_are_told_so(desk: DeskWorld) -> None:
    for reports, fields in BAD_FORMS:
        answer = send(desk, "hlm-a", reports, **fields)
        assert answer.status_code == 422, (reports, fields)
        assert 'id="error-summary"' in answer.text


def test_the_same_form_sent_twice_is_done_once(desk: DeskWorld) -> None:
    one = desk.report("hlm-a", NOW)
    bulk = str(uuid4())
    for _ in range(2):
        send(desk, "hlm-a", desk.ticked(one), "acknowledge", bulk=bulk)
    assert len(desk.history(one)) == 1
    assert desk.sql("SELECT count(*) FROM bulk_move_report")[0][0] == 1
    # Nor can somebody else do anything under that id.
    other = desk.report("hlm-b", NOW)
    assert send(desk, "hlm-b", desk.ticked(other), "acknowledge", bulk=bulk).status_code == 409
    assert desk.row(other)["state"] == "new"


# ── undo ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

MOVES: dict[str, dict[str, str]] = {
    "acknowledge": {},
    "assign": {"assign-text": "Team 2"},
    "start": {},
    "reject": {"reject-reason": "not_found"},
    "transfer": {"transfer-organisation": "bus", "transfer-reason": "other_place"},
}


@pytest.mark.parametrize("move", list(MOVES))
def test_undo_gives_back_everything_and_the_history_keeps_both(desk: DeskWorld, move: str) -> None:
    one = desk.report("hlm-a", NOW - 3 * DAY, due_at=NOW - DAY, state="reopened")
    before = desk.row(one)
    send(desk, "hlm-a", desk.ticked(one), move, **MOVES[move])
    assert desk.row(one) != before
    made = desk.history(one)
    page = undo(desk, "hlm-a").text
    assert "1 signalement remis comme avant." in page
    assert desk.row(one) == before
    assert desk.history(one) == [*made, ("undo", desk.history(one)[0][2], "reopened")]
    assert f'action="/desk/moves/{bulk_id(desk)}/undo"' not in page


def test_what_somebody_has_moved_since_stays_and_is_named(desk: DeskWorld) -> None:
    ids = [desk.report("hlm-a", NOW) for _ in range(2)]
    send(desk, "hlm-a", desk.ticked(*ids), "transfer", **MOVES["transfer"])
    desk.move("bus", ids[0], "acknowledge", NOW)
    page = undo(desk, "hlm-a").text
    assert [desk.row(one)["state"] for one in ids] == ["acknowledged", "new"]
    assert desk.row(ids[1])["organisation_id"] == desk.world.organisations["hlm-a"]
    assert "1 signalement n'a pas pu l'être" in page
    assert len(desk.history(ids[0])) == 2


def test_undo_is_ones_own(desk: DeskWorld) -> None:
    one = desk.report("hlm-a", NOW)
    send(desk, "hlm-a", desk.ticked(one), "acknowledge")
    assert undo(desk, "hlm-b").status_code == 404
    assert desk.row(one)["state"] == "acknowledged"


def test_undo_is_too_late_after_ten_minutes(desk: DeskWorld, owner_engine: Any) -> None:
    one = desk.report("hlm-a", NOW)
    send(desk, "hlm-a", desk.ticked(one), "acknowledge")
    with owner_engine.begin() as connection:
        connection.execute(text("ALTER TABLE bulk_move NO FORCE ROW LEVEL SECURITY"))
        connection.execute(text("UPDATE bulk_move SET at = at - interval '11 minutes'"))
        connection.execute(text("ALTER TABLE bulk_move FORCE ROW LEVEL SECURITY"))
    assert undo(desk, "hlm-a").status_code == 409
    # Nor below the pages.
    with unit_of_work(desk.engine, desk.world.actors["hlm-a"]) as uow:
        binds = {"bulk": bulk_id(desk), "report": one, "oldest": datetime.now(UTC) - timedelta(minutes=10)}
        assert uow.connection.scalar(text("SELECT undo_report(:bulk, :report, :oldest)"), binds) is None
    assert desk.row(one)["state"] == "acknowledged"


def test_undone_twice_is_undone_once(desk: DeskWorld) -> None:
    one = desk.report("hlm-a", NOW)
    send(desk, "hlm-a", desk.ticked(one), "acknowledge")
    undo(desk, "hlm-a")
    desk.move("hlm-a", one, "acknowledge", NOW)
    undo(desk, "hlm-a")
    assert desk.row(one)["state"] == "acknowledged"
    assert [kind for kind, _from, _to in desk.history(one)] == ["acknowledge", "undo", "acknowledge"]


def test_what_was_undone_counts_no_time(desk: DeskWorld) -> None:
    one = desk.report("hlm-a", NOW - 2 * DAY)
    send(desk, "hlm-a", desk.ticked(one), "transfer", **MOVES["transfer"])
    undo(desk, "hlm-a")
    with unit_of_work(desk.engine, desk.world.actors["hlm-a"]) as uow:
        events = actions.history(uow, one)
    assert time_lost(events).transfers == 0
    assert state_times(events) == {}


def test_the_undoing_function_is_for_ones_own_moves_only(desk: DeskWorld) -> None:
    one = desk.report("hlm-a", NOW)
    send(desk, "hlm-a", desk.ticked(one), "acknowledge")
    binds = {"bulk": bulk_id(desk), "report": one, "oldest": NOW - DAY}
    with unit_of_work(desk.engine, desk.world.actors["hlm-b"]) as uow:
        assert uow.connection.scalar(text("SELECT undo_report(:bulk, :report, :oldest)"), binds) is None
        assert uow.connection.scalar(text("SELECT actor_role()")) == "partner"
    assert desk.row(one)["state"] == "acknowledged"


# ── row security ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_rows_of_others_are_not_there(desk: DeskWorld) -> None:
    one = desk.report("hlm-a", NOW)
    send(desk, "hlm-a", desk.ticked(one), "acknowledge")
    keep(desk, "hlm-a", "Mine")
    for who in ("hlm-b", "coordinator", "hlm-a-agent", "planner", "admin"):
        with unit_of_work(desk.engine, desk.world.actors[who]) as uow:
            counts = [
                uow.connection.scalar(text(f"SELECT count(*) FROM {table}"))
                for table in ("bulk_move", "bulk_move_report", "saved_filter")
            ]
        assert counts == [0, 0, 0], who


def write_as(desk: DeskWorld, who: str, statement: str, other: str) -> None:
    named = desk.world.actors[other]
    with unit_of_work(desk.engine, desk.world.actors[who]) as uow:
        uow.connection.execute(text(statement), {"account": named.user_id, "organisation": named.organisation_id})


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO bulk_move VALUES (gen_random_uuid(), :account, :organisation, 'start', now())",
        "INSERT INTO saved_filter (account_id, organisation_id, name, query) VALUES (:account, :organisation, 'x', '')",
    ],
)
def test_nobody_writes_in_anothers_name(desk: DeskWorld, statement: str) -> None:
    with pytest.raises(DBAPIError, match="row-level security"):
        write_as(desk, "hlm-a", statement, "hlm-b")
    write_as(desk, "hlm-a", statement, "hlm-a")


# ── kept filters ──────────────────────────────────────────────────────────────────────────────────────────────────────


def keep(desk: DeskWorld, who: str, name: str, **fields: str) -> Any:
    form = {"name": name, "back": "tab=soon&theme=cleanliness"} | fields
    return desk.browse(who).post("/desk/filters", "/account", **form)


def saved(desk: DeskWorld) -> list[tuple[str, str, bool]]:
    return [tuple(row) for row in desk.sql("SELECT name, query, shared FROM saved_filter ORDER BY name")]


def test_a_filter_is_kept_replaced_renamed_shared_and_deleted(desk: DeskWorld) -> None:
    assert keep(desk, "hlm-a", "Bins").status_code == 303
    keep(desk, "hlm-a", "Bins", back="tab=todo&severity=3")
    assert saved(desk) == [("Bins", "tab=todo&severity=3", False)]
    page = desk.browse("hlm-a").get("/desk").text
    assert 'href="/desk?tab=todo&amp;severity=3"' in page
    filter_id = desk.sql("SELECT id FROM saved_filter")[0][0]
    browser = desk.browse("hlm-a")
    browser.post(f"/desk/filters/{filter_id}", "/account", name="Urgences du soir", shared="1")
    assert saved(desk) == [("Urgences du soir", "tab=todo&severity=3", True)]
    assert "Urgences du soir" in desk.browse("hlm-a-agent").get("/desk").text
    assert "Urgences du soir" not in desk.browse("hlm-b").get("/desk").text
    # A colleague uses it, and changes nothing of it.
    colleague = desk.browse("hlm-a-agent")
    assert colleague.post(f"/desk/filters/{filter_id}", "/account", name="Ours").status_code == 404
    assert colleague.post(f"/desk/filters/{filter_id}", "/account", delete="1").status_code == 404
    browser.post(f"/desk/filters/{filter_id}", "/account", delete="1")
    assert saved(desk) == []


def test_two_filters_cannot_have_one_name(desk: DeskWorld) -> None:
    keep(desk, "hlm-a", "One")
    keep(desk, "hlm-a", "Two")
    filter_id = desk.sql("SELECT id FROM saved_filter WHERE name = 'Two'")[0][0]
    answer = desk.browse("hlm-a").post(f"/desk/filters/{filter_id}", "/account", name="One")
    assert answer.status_code == 422
    assert f'id="name-{filter_id}-error"' in answer.text


def test_names_are_short_and_plain(desk: DeskWorld) -> None:
    for name in ("", "   ", "<b>x</b>", "x" * 61, "\x00"):
        assert keep(desk, "hlm-a", name).status_code == 422, name
    assert saved(desk) == []
