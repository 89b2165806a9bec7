"""The floor under the moves: what the database refuses when Python checks nothing."""

from __future__ import annotations

from uuid import uuid4

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import ProgrammingError

from app.db.session import unit_of_work
from app.people.actor import SYSTEM
from tests.routing.world import World, make_world

_ADD = text("""
    INSERT INTO report (id, category_code, geom_4326, cell_25m, severity, state, visibility, observed_at,
                        organisation_id, reporter_organisation_id, candidate_ids, paused_at, asked_organisation_id)
    VALUES (:id, 'lift_out', ST_SetSRID(ST_Point(2.3, 49.9), 4326), 1, 2, :state, 'restricted', now(), :responsible,
            :reporter, :candidates, CASE WHEN CAST(:asked AS integer) IS NOT NULL THEN now() END, :asked)
""")


@pytest.fixture
def world(engine: Engine, clean: None) -> World:
    return make_world(engine)


# Who, the report as it is, what is tried, and whether the database lets it through (False: an error; None: no row).
CASES: list[tuple[str, dict[str, str | list[str]], str, bool | None]] = [
    ("hlm-a", {"responsible": "hlm-a"}, "state = 'acknowledged'", True),
    ("hlm-b", {"responsible": "hlm-a"}, "state = 'acknowledged'", None),
    ("hlm-a-agent", {"responsible": "hlm-a"}, "state = 'acknowledged'", None),
    # Sending on: as oneself, and anew.
    ("hlm-a", {"responsible": "hlm-a"}, "organisation_id = {bus}", False),
    ("hlm-a", {"responsible": "hlm-a"}, "organisation_id = {bus}, passed_by_organisation_id = {hlm-b}", False),
    ("hlm-a", {"responsible": "hlm-a"}, "organisation_id = {bus}, passed_by_organisation_id = {hlm-a}", True),
    (
        "hlm-a",
        {"responsible": "hlm-a", "state": "resolved"},
        "organisation_id = {bus}, passed_by_organisation_id = {hlm-a}",
        False,
    ),
    # Judging: who reported it, never who repaired it, and nothing else.
    ("agent", {"responsible": "hlm-a", "reporter": "city", "state": "resolved"}, "state = 'verified'", True),
    ("agent", {"responsible": "hlm-a", "reporter": "city", "state": "resolved"}, "state = 'reopened'", True),
    ("agent", {"responsible": "hlm-a", "reporter": "city", "state": "resolved"}, "severity = 4", False),
    ("agent", {"responsible": "hlm-a", "reporter": "city", "state": "in_progress"}, "state = 'verified'", None),
    ("agent", {"responsible": "hlm-a", "reporter": "city", "state": "verified"}, "severity = 4", None),
    ("agent", {"responsible": "city", "reporter": "city", "state": "resolved"}, "state = 'verified'", False),
    # Choosing between the candidates.
    ("hlm-b", {"candidates": ["hlm-a", "hlm-b"]}, "organisation_id = {hlm-a}", True),
    ("agent", {"candidates": ["hlm-a", "hlm-b"], "reporter": "city"}, "organisation_id = {hlm-a}", True),
    ("hlm-b", {"candidates": ["hlm-a", "hlm-b"]}, "organisation_id = {bus}", False),
    ("bus", {"candidates": ["hlm-a", "hlm-b"]}, "organisation_id = {bus}", None),
    ("agent", {"reporter": "city"}, "organisation_id = {bus}", None),
    # Answering ends the pause, and nothing else is in reach.
    ("bus", {"responsible": "hlm-a", "asked": "bus", "state": "assigned"}, "paused_at = NULL", True),
    ("bus", {"responsible": "hlm-a", "asked": "bus", "state": "assigned"}, "severity = 4", False),
    ("hlm-b", {"responsible": "hlm-a", "asked": "bus", "state": "assigned"}, "paused_at = NULL", None),
    ("planner", {"responsible": "hlm-a"}, "severity = 4", None),
    ("admin", {"responsible": "hlm-a"}, "severity = 4", None),
]


def test_what_the_database_lets_through(world: World, engine: Engine) -> None:
    ids = world.organisations
    for who, given, change, allowed in CASES:
        report_id = uuid4()
        candidates = given.get("candidates")
        binds = {
            "id": report_id,
            "state": given.get("state", "new"),
            "responsible": ids.get(str(given.get("responsible"))),
            "reporter": ids.get(str(given.get("reporter"))),
            "candidates": [ids[slug] for slug in candidates] if candidates else None,
            "asked": ids.get(str(given.get("asked"))),
        }
        with unit_of_work(engine, SYSTEM) as uow:
            uow.connection.execute(_ADD, binds)
        update = text(f"UPDATE report SET {change.format(**ids)} WHERE id = :id")
        outcome: bool | None = False
        try:
            with unit_of_work(engine, world.actors[who]) as uow:
                outcome = True if uow.connection.execute(update, {"id": report_id}).rowcount else None
        except ProgrammingError as error:
            assert "row-level security" in str(error)  # noqa: PT017  (which of the cases it was is said below)
        assert outcome == allowed, (who, given, change)
