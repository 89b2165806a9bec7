"""`POST /api/imports` and its status, for partners' machines."""

from __future__ import annotations

import io
from typing import Any

from werkzeug.test import TestResponse

from tests.imports.bench import Bench, row, table


def send(bench: Bench, content: bytes, who: str = "city", **form: Any) -> TestResponse:
    data = {"file": (io.BytesIO(content), "tickets.csv")} | form
    return bench.client.post("/api/imports", data=data, headers=bench.world.headers(who))


def test_a_machine_imports_with_a_kept_mapping(bench: Bench) -> None:
    bench.map(bench.uploaded(table(row(1))))
    kept = str(bench.one("SELECT id FROM import_mapping"))
    dry = send(bench, table(row(1), row(2)), mapping=kept, dry_run="true")
    assert (dry.status_code, dry.get_json()["state"]) == (202, "checking")
    sent = send(bench, table(row(1), row(2), row(3, longitude="x")), mapping=kept)
    assert (sent.status_code, sent.get_json()["state"]) == (202, "running")
    bench.office.do()
    # Begun at the same moment, one of the two lets the other go first.
    bench.office.hurry()
    bench.office.do()
    assert bench.status(dry.get_json()["id"])["checked"]["imported"] == 2
    done = bench.client.get(sent.headers["Location"], headers=bench.world.headers("city")).get_json()
    assert (done["state"], done["imported"], done["refused"], done["percent"]) == ("done", 2, 1, 100)
    refusals = bench.client.get(done["refusals"], headers=bench.world.headers("city"), buffered=True)
    assert refusals.status_code == 200


def test_what_is_wrong_is_a_problem_and_leaves_nothing(bench: Bench) -> None:
    before = set((bench.var_dir / "imports").glob("*"))
    cases = [
        (send(bench, b""), 422, "file"),
        (send(bench, table("1;2", header="foo;bar")), 422, "lon"),
        (send(bench, table(row(1)), mapping="x"), 422, "mapping"),
        (send(bench, table(row(1)), dry_run="yes"), 400, "dry_run"),
        (bench.client.post("/api/imports", data={}, headers=bench.world.headers("city")), 422, "file"),
    ]
    for answer, status, field in cases:
        assert (answer.status_code, answer.get_json()["errors"][0]["field"]) == (status, field)
        assert answer.mimetype == "application/problem+json"
    assert send(bench, table(row(1)), mapping="999999999").status_code == 404
    assert send(bench, table(row(1)), who="agent").status_code == 403
    assert set((bench.var_dir / "imports").glob("*")) == before
    assert bench.one("SELECT count(*) FROM import_batch") == 0
