"""What a first visit of the form brings down to a phone, with all that the phone keeps for a day without network."""

from __future__ import annotations

import json
import re

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine

from app.db.cluster import Cluster
from app.offline.actions import FIRST_REPORTS
from app.people.actions import ensure_demo_accounts
from app.places.actions import seed_approximate
from benchmarks.data import fill_reports
from tests.interventions.conftest import Browser, signed_in

MOST_BYTES = 200_000
# gunicorn's own lines, at each answer: HTTP/1.1 200 OK, Server, Date, Connection.
SERVER_LINES = 17 + 18 + 37 + 24
# The worker asks once more for the modules that the page has loaded already, and is told 304.
ASKED_AGAIN = ("db", "keys", "seal", "send", "session")
PACKED = {"Accept-Encoding": "gzip, deflate, br"}
LAYERS = [f"/api/places/{kind}.geojson" for kind in ("commune", "neighbourhood", "line", "stop")]


def came_down(browser: Browser, path: str, **headers: str) -> int:
    """Bytes of one answer: its lines, and its body as it is sent."""
    answer = browser.get(path, **PACKED, **headers)
    assert answer.status_code in {200, 304}, path
    return SERVER_LINES + sum(len(f"{name}: {value}\r\n") for name, value in answer.headers) + 2 + len(answer.data)


def test_a_first_visit_with_all_that_the_phone_keeps_is_light(
    app: Flask, client: FlaskClient, engine: Engine, cluster: Cluster
) -> None:
    """On a register with more open reports than a first visit takes, with the approximate geography.

    Each answer once, with its own lines and those of the server: of some 197,000 bytes they are a sixth.
    """
    ensure_demo_accounts(engine, "a password for tests")
    seed_approximate(engine)
    fill_reports(cluster.url("superuser"), 3 * FIRST_REPORTS)
    agent, nobody = signed_in(app, engine, "agent@demo.quietude"), Browser(client)

    worker = agent.get("/sw.js").text
    facts = json.loads(re.search(r"RELEASE = (\{.*?\});\n", worker, re.DOTALL)[1])  # type: ignore[index]
    modules = {f"/{path}" for path in re.findall(r"from '\./(static/[^']+)'", worker)}
    assert modules
    shells = [f"/offline/shell?page={page}&lang=fr" for page in facts["shells"]]
    reports = agent.get("/api/offline/reports?first=1").get_json()
    assert (len(reports["reports"]), reports["partial"]) == (FIRST_REPORTS, True)
    lists = ["session", "reference", "reports?first=1", "patrols"]

    whole = came_down(agent, "/reports/new") + came_down(agent, "/sw.js")
    whole += sum(came_down(agent, path) for path in {*facts["files"], *modules, *LAYERS})
    whole += sum(came_down(nobody, path) for path in shells)  # asked for without a cookie
    whole += sum(came_down(agent, f"/api/offline/{name}") for name in lists)
    for name in ASKED_AGAIN:
        path = f"/static/js/offline-{name}.js"
        marked = agent.get(path, **PACKED).headers["ETag"]
        whole += came_down(agent, path, **{"If-None-Match": marked})
    assert MOST_BYTES / 2 < whole < MOST_BYTES
