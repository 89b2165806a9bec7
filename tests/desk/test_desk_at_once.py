"""Eight agents report while eight partners work on the same reports, on two applications: nothing is lost or stuck."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import Engine

from app import create_app
from app.settings import load_settings
from app.web.context import services
from tests.desk.moves_world import DeskWorld
from tests.routing.world import body_at

AGENTS = PARTNERS = 8
REPORTS_EACH, ROUNDS = 5, 4
NOW = datetime.now(UTC)


@pytest.fixture
def pair(desk: DeskWorld, app_url: str, engine: Engine, tmp_path: Path) -> Iterator[tuple[DeskWorld, DeskWorld]]:
    """Two applications on one database, as `quietude serve` has two processes."""
    made: list[Flask] = []
    for n in range(2):
        environ = {"DATABASE_URL": app_url, "VAR_DIR": str(tmp_path / str(n)), "SECRET_KEY": "k" * 20, "DEMO": "0"}
        app = create_app(load_settings({f"QUIETUDE_{name}": value for name, value in environ.items()}))
        app.config.update(TESTING=True, RATELIMIT_ENABLED=False)
        made.append(app)
    yield DeskWorld(made[0], engine, desk.world), DeskWorld(made[1], engine, desk.world)
    for app in made:
        with app.app_context():
            services().engine.dispose()


def submit(desk: DeskWorld) -> Counter[int]:
    """An agent that reports again and again."""
    client, told = desk.app.test_client(), Counter[int]()
    for _ in range(REPORTS_EACH):
        body = body_at(0) | {"id": str(uuid4())}
        told[client.post("/api/reports", json=body, headers=desk.world.headers("agent")).status_code] += 1
    return told


def work(desk: DeskWorld, ids: list[UUID], n: int) -> Counter[int]:
    """A partner that moves the same reports as its colleagues: some one by one, some at once; some it takes back."""
    client, browser, told = desk.app.test_client(), desk.browse("hlm-a"), Counter[int]()
    for turn in range(ROUNDS):
        move = ("acknowledge", "start", "reject", "acknowledge")[turn]
        for one in ids[n % 3 :: 3]:
            version = int(desk.ticked(one)[0].rpartition(".")[2])
            body = {"move": move, "version": version} | ({"reason": "not_found"} if move == "reject" else {})
            answer = client.post(f"/api/reports/{one}/moves", json=body, headers=desk.world.headers("hlm-a"))
            told[answer.status_code] += 1
        # Colleagues tick in different orders.
        chosen = desk.ticked(*(ids if n % 2 else reversed(ids)))
        form = {"report": chosen, "move": move, "bulk": str(uuid4()), "reject-reason": "not_found"}
        answer = browser.post("/desk/moves", "/account", **form)
        told[answer.status_code] += 1
        if answer.status_code == 303 and turn % 2:
            address = answer.headers["Location"].split("?")[0]
            told[browser.post(f"{address}/undo", "/account").status_code] += 1
    return told


def test_sixteen_at_once_lose_nothing_and_never_wait_in_a_circle(pair: tuple[DeskWorld, DeskWorld]) -> None:
    ids = [pair[0].report("hlm-a", NOW) for _ in range(12)]
    with ThreadPoolExecutor(AGENTS + PARTNERS) as pool:
        agents = [pool.submit(submit, pair[n % 2]) for n in range(AGENTS)]
        partners = [pool.submit(work, pair[n % 2], ids, n) for n in range(PARTNERS)]
        reported = sum((one.result() for one in agents), Counter[int]())
        moved = sum((one.result() for one in partners), Counter[int]())
    assert reported == {201: AGENTS * REPORTS_EACH}
    # What somebody else was quicker with is a clear 409, or a 403 when it is no longer theirs to move; never a 5xx.
    assert set(moved) <= {200, 303, 403, 409}
    assert moved[200] > 0
    assert moved[409] > 0
    desk = pair[0]
    assert desk.sql("SELECT count(*) FROM report")[0][0] == len(ids) + AGENTS * REPORTS_EACH
    for one in ids:
        history = desk.history(one)
        # No update was lost: every change left its line, and each line begins where the one before ended.
        version = desk.sql("SELECT version FROM report WHERE id = :id", id=one)[0][0]
        assert version == 1 + len(history)
        for (_kind, _from, ended), (_next, began, _to) in pairwise(history):
            assert began == ended
        if history:
            assert history[-1][2] == desk.row(one)["state"]
