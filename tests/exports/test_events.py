"""`/export/events.csv` and `quietude export events`: the history of the reports that one may see, as a table."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from app.db.session import unit_of_work
from app.exports.dictionary import COLUMNS
from app.people.actor import SYSTEM
from tests.exports.samples import add_organisation, add_report

URL = "/export/events.csv"
EVENTS = tuple(column.name for column in COLUMNS["events"])
Bearer = Callable[..., dict[str, str]]
_EVENT = text(
    "INSERT INTO report_event (report_id, at, kind, from_state, to_state, organisation_id, role, details)"
    " VALUES (:report_id, '2026-05-04T18:30:00.25Z', :kind, :from_state, :to_state, :organisation_id, 'partner',"
    " CAST(:details AS jsonb)) RETURNING id"
)
AWKWARD = 'Régie "du Nord", <b>\n& fils 🚌'


@pytest.fixture
def steps(engine: Engine, clean: None) -> dict[str, int]:
    """Name → number of an event: two of one report, one of a restricted one."""
    with unit_of_work(engine, SYSTEM) as uow:
        organisation_id = add_organisation(uow, "nord", AWKWARD)
        one, hidden = add_report(uow, category="fire"), add_report(uow, visibility="restricted")

        def add(report_id: str, kind: str, **values: Any) -> int:
            binds = {
                "report_id": report_id,
                "kind": kind,
                "from_state": None,
                "to_state": None,
                "organisation_id": None,
            }
            details = json.dumps({"reason": AWKWARD}) if kind == "reject" else "{}"
            return int(uow.connection.execute(_EVENT, binds | {"details": details} | values).scalar_one())

        return {
            "created": add(one, "created", to_state="new"),
            "reject": add(one, "reject", from_state="new", to_state="rejected", organisation_id=organisation_id),
            "hidden": add(hidden, "created", to_state="new"),
        }


def rows(answer: Any) -> dict[int, dict[str, str]]:
    """Number → row, as Python's own reader takes the file."""
    assert answer.status_code == 200, answer.text
    read = csv.DictReader(io.StringIO(answer.data.decode("utf-8"), newline=""), strict=True)
    assert tuple(read.fieldnames or ()) == EVENTS
    return {int(row["event"]): row for row in read}


def test_a_planner_reads_the_steps(client: FlaskClient, bearer: Bearer, steps: dict[str, int]) -> None:
    answer = client.get(URL, headers=bearer("planner"))
    found = rows(answer)
    assert set(found) == {steps["created"], steps["reject"]}
    assert answer.mimetype == "text/csv"
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="quietude-events-20')
    assert answer.headers["Content-Disposition"].endswith('.csv"')
    created, rejected = found[steps["created"]], found[steps["reject"]]
    assert json.loads(rejected.pop("details")) == {"reason": AWKWARD}
    assert rejected == {
        "event": str(steps["reject"]), "report": created["report"], "category": "fire", "kind": "reject",
        "from_state": "new", "to_state": "rejected", "at": "2026-05-04T18:30:00.250000Z", "role": "partner",
        "organisation": AWKWARD,
    }  # fmt: skip
    assert (created["from_state"], created["organisation"], created["details"]) == ("", "", "{}")
    assert set(rows(client.get(URL, headers=bearer("coordinator")))) == set(steps.values())


def test_the_filter_is_that_of_the_reports(client: FlaskClient, bearer: Bearer, steps: dict[str, int]) -> None:
    headers = bearer("coordinator")
    assert set(rows(client.get(f"{URL}?category=fire", headers=headers))) == {steps["created"], steps["reject"]}
    assert rows(client.get(f"{URL}?from=2026-05-05", headers=headers)) == {}
    assert client.get(f"{URL}?colour=red", headers=headers).status_code == 400


def test_who_may_not(client: FlaskClient, bearer: Bearer) -> None:
    assert client.get(URL).status_code == 401
    refused = {name: client.get(URL, headers=bearer(name)).status_code for name in ("agent", "bailleur", "admin")}
    assert refused == {"agent": 403, "bailleur": 403, "admin": 403}
