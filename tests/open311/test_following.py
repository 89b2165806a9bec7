"""What another city's server says becomes moves of our own workflow: forwards only, contradictions written down."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import get_args
from uuid import UUID

import pytest

from app.open311.following import Target, fit_to_keep, target_of, way_to
from app.reports.moves_commands import parse_move
from app.reports.rules import CLOSED_STATES, STATES
from app.reports.workflow import MOVES
from tests.open311.conftest import Town


@pytest.fixture
def sent(town: Town) -> tuple[Town, UUID, str]:
    """A report of ours that is there, and its id there."""
    town.add_remote()
    report_id = town.report()
    town.tell()
    return town, report_id, str(town.neighbour.reports()[0]["id"])


def test_each_step_there_is_a_step_here(sent: tuple[Town, UUID, str]) -> None:
    town, report_id, theirs = sent
    town.poll()
    assert town.state(report_id) == "new"
    for move, state in (("acknowledge", "acknowledged"), ("assign", "acknowledged"), ("start", "in_progress")):
        town.neighbour.move(town.office.context, theirs, move)
        town.poll()
        assert town.state(report_id) == state
    town.neighbour.move(town.office.context, theirs, "resolve", text="Repaired")
    town.poll()
    town.poll()
    assert town.history(report_id) == [
        ("created", "new"),
        ("open311_sent", None),
        ("acknowledge", "acknowledged"),
        ("start", "in_progress"),
        ("resolve", "resolved"),
    ]
    ((organisation_id, role, account),) = town.sql(
        "SELECT organisation_id, role, account_id FROM report_event WHERE to_state = 'resolved'"
    )
    assert (organisation_id, role) == (town.world.organisations["hlm-a"], "partner")
    ((active, email),) = town.sql("SELECT active, email FROM account WHERE id = :id", id=account)
    assert (active, email) == (False, "open311-voisine-hlm-a@quietude.invalid")


def test_several_steps_at_once(sent: tuple[Town, UUID, str]) -> None:
    town, report_id, theirs = sent
    town.neighbour.move(town.office.context, theirs, "reject", reason="no_problem")
    town.poll()
    assert town.state(report_id) == "rejected"
    ((details,),) = town.sql("SELECT details FROM report_event WHERE to_state = 'rejected'")
    assert details == {"reason": "other", "text": "voisine: Rejeté"}


def test_never_backwards_and_a_contradiction_is_said_once(sent: tuple[Town, UUID, str]) -> None:
    town, report_id, theirs = sent
    town.move("hlm-a", report_id, "acknowledge")
    town.move("hlm-a", report_id, "resolve", text="Repaired by us")
    town.poll()  # there it is new: they have simply not looked yet
    assert len(town.history(report_id)) == 4
    town.neighbour.move(town.office.context, theirs, "acknowledge")
    town.poll()
    town.poll()
    assert town.state(report_id) == "resolved"
    assert town.history(report_id)[4:] == [("open311_conflict", None)]
    # We disagree with ourselves: reopened here, closed there. Nothing new was said, nothing happens.
    town.neighbour.move(town.office.context, theirs, "resolve", text="Repaired")
    town.poll()
    town.move("agent", report_id, "reopen", text="Still broken")
    town.poll()
    assert town.state(report_id) == "reopened"


def test_what_is_another_s_by_now_is_not_moved(sent: tuple[Town, UUID, str]) -> None:
    town, report_id, theirs = sent
    town.move("hlm-a", report_id, "transfer", organisation="hlm-b", reason="other_place")
    town.neighbour.move(town.office.context, theirs, "acknowledge")
    town.poll()
    assert town.state(report_id) == "new"
    assert town.history(report_id)[-1] == ("open311_conflict", None)


def test_a_remote_that_is_away_is_noted_and_forgotten_when_it_is_back(sent: tuple[Town, UUID, str]) -> None:
    town, _report_id, _theirs = sent
    door = town.neighbour.door
    for status, body, said in (
        ("500 Internal Server Error", b"", "answered 500"),
        ("302 Found", b"", "redirects are not followed"),
        ("200 OK", b"{}", "without XML"),
        ("403 Forbidden", b"<errors><error><description>api_key: no</description></error></errors>", "api_key: no"),
    ):
        door.instead = [(status, body)]
        town.poll()
        ((error, polled_at),) = town.sql("SELECT error, polled_at FROM open311_remote")
        assert said in error
        assert polled_at is None
    town.poll()
    ((error, polled_at),) = town.sql("SELECT error, polled_at FROM open311_remote")
    assert error is None
    assert polled_at is not None


def test_a_month_after_it_was_closed_nobody_asks_any_more(sent: tuple[Town, UUID, str]) -> None:
    town, _report_id, theirs = sent
    town.neighbour.move(town.office.context, theirs, "reject", reason="no_problem")
    town.poll()
    long_ago = datetime.now(UTC) - timedelta(days=31)
    town.sql("UPDATE open311_push SET remote_changed_at = :at", at=long_ago)
    town.poll()
    assert town.sql("SELECT is_over FROM open311_push") == [(True,)]


# ── rules ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_way_is_one_of_the_workflow_and_leads_forwards() -> None:
    order = [
        "new",
        "reopened",
        "acknowledged",
        "assigned",
        "in_progress",
        "resolved",
        "verified",
        "rejected",
        "duplicate",
    ]
    assert sorted(order) == sorted(STATES)
    for target in get_args(Target):
        for state in STATES:
            for before in (None, "open", "closed"):
                way = way_to(target, state, before)
                at = state
                for name in way.moves:
                    move = MOVES[name]
                    assert at in move.from_states, (target, state, name)
                    assert move.to_state is not None
                    assert order.index(move.to_state) > order.index(at)
                    at = move.to_state
                assert not way.moves or at == target
                if state in CLOSED_STATES:
                    assert way.moves == ()
                assert not (way.contradicts and way.moves)


@pytest.mark.parametrize(
    ("status", "state", "target"),
    [
        ("open", None, "open"),
        ("closed", None, "resolved"),
        ("OPEN", "in_progress", "in_progress"),
        ("closed", "in_progress", "resolved"),
        ("open", "resolved", "open"),
        ("closed", "duplicate", "rejected"),
        ("investigating", None, "acknowledged"),
        ("fixed", None, "resolved"),
        ("no further action", None, "rejected"),
        ("", None, "open"),
        ("something of their own", None, "open"),
    ],
)
def test_what_a_remote_means(status: str, state: str | None, target: str) -> None:
    assert target_of(status, state) == target


def test_a_stranger_s_words_are_fit_to_keep() -> None:
    said = "<script>x</script>\x00 call 06.12.34.56.78\r\nor a@b.example, car AB-123-CD "
    assert fit_to_keep(said) == "scriptx/script call […]\nor […], car […]"
    assert len(fit_to_keep("x" * 600)) == 500
    # What comes out is a text that a move takes.
    for words in (said, "x" * 600, "<" * 10, "\u202eabc", ""):
        parse_move({"move": "assign", "version": 1, "text": fit_to_keep(words)})
