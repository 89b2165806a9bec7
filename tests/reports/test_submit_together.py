"""Reports of several people in one statement: each keeps its own rights, its own answer, its own place in the order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import ProgrammingError

from app.db.gathering import Gathering
from app.db.session import unit_of_work
from app.nomenclature.store import load_nomenclature
from app.people.actor import SYSTEM, Actor
from app.reports import actions
from app.reports.commands import ReportCommand
from app.reports.store import Submission
from tests.reports.samples import body

Find = Callable[[str], Actor]
Make = Callable[..., Submission]
NOW = datetime(2026, 5, 4, 16, 30, 0, 123456, UTC)


@pytest.fixture
def made(engine: Engine, actor_of: Find) -> Make:
    with unit_of_work(engine, SYSTEM) as uow:
        nomenclature = load_nomenclature(uow.connection)

    def make(who: str = "agent", **values: Any) -> Submission:
        command = ReportCommand.model_validate(body(**values))
        new = actions._new_report(command, nomenclature, source="api", now=NOW)
        return Submission(new, actor_of(who))

    return make


def stored(engine: Engine) -> dict[UUID, tuple[int, str]]:
    """By id: the account and the role that the history has."""
    with unit_of_work(engine, SYSTEM) as uow:
        rows = uow.connection.execute(text("SELECT report_id, account_id, role FROM report_event")).all()
    return {row[0]: (row[1], row[2]) for row in rows}


def test_each_is_stored_as_its_own_sender_and_answered_in_order(engine: Engine, made: Make, actor_of: Find) -> None:
    people = ["coordinator", "agent", "bailleur", "agent", "coordinator"]
    submissions = [made(who, description=None if n % 2 else f"n° {n}") for n, who in enumerate(people)]
    added = actions.submit_together(engine, submissions)
    assert [a.outcome for a in added] == ["added"] * 5
    assert len({a.reporter_organisation for a in added}) == 3
    assert added[0].reporter_organisation == added[4].reporter_organisation != added[1].reporter_organisation
    rows = stored(engine)
    assert [rows[s.new.id] for s in submissions] == [(actor_of(who).user_id, actor_of(who).role) for who in people]


def test_the_same_id_twice_in_one_statement(engine: Engine, made: Make) -> None:
    first = made(description="Une fois")
    other = replace(first, new=replace(first.new, body_sha256=bytes(32)))
    outcomes = [a.outcome for a in actions.submit_together(engine, [first, made(), first, other])]
    assert outcomes == ["added", "added", "same", "taken"]
    assert len(stored(engine)) == 2


def test_a_token_that_is_worth_nothing_costs_the_others_nothing(engine: Engine, made: Make) -> None:
    bad = replace(made(), token_sha256=bytes(32))
    outcomes = [a.outcome for a in actions.submit_together(engine, [made(), bad, made("coordinator")])]
    assert outcomes == ["added", "actor", "added"]
    assert bad.new.id not in stored(engine)


def test_a_place_that_is_not_there_is_said_for_its_report_alone(engine: Engine, made: Make) -> None:
    outcomes = [a.outcome for a in actions.submit_together(engine, [made(place_id=999_999_999), made()])]
    assert outcomes == ["place", "added"]


def test_whom_the_database_refuses_takes_nobody_along(engine: Engine, made: Make) -> None:
    good = [made(), made("coordinator")]
    bad = replace(made(), actor=replace(made().actor, role="planner"))
    with pytest.raises(ProgrammingError, match="row-level security"):
        actions.submit_together(engine, [good[0], bad, good[1]])
    assert stored(engine) == {}
    # What the process does then: each alone.
    gathering = Gathering[Submission, Any](lambda some: actions.submit_together(engine, some))
    assert [gathering(submission).outcome for submission in good] == ["added", "added"]
    with pytest.raises(ProgrammingError, match="row-level security"):
        gathering(bad)
    assert set(stored(engine)) == {submission.new.id for submission in good}
