"""Examples for every clause of OGC 21-065r2: text and JSON mean the same SQL, and it finds its rows."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from tests.filtering.things import compiled, found

EXAMPLES = [
    json.loads(line) for line in (Path(__file__).parent / "examples.jsonl").read_text(encoding="utf-8").splitlines()
]


def p(name: str) -> dict[str, Any]:
    return {"property": name}


def o(op: str, *args: Any) -> dict[str, Any]:
    return {"op": op, "args": list(args)}


@pytest.mark.parametrize("example", EXAMPLES, ids=[example["text"][:60] for example in EXAMPLES])
def test_both_encodings_mean_the_same_and_find_their_rows(engine: Engine, example: dict[str, Any]) -> None:
    written, encoded = example["text"], json.dumps(example["json"])

    assert compiled(written) == compiled(encoded, "cql2-json")
    assert found(engine, written) == example["rows"]


@pytest.mark.parametrize(
    ("draft", "final"),
    [
        ({"op": "=", "args": [{"casei": p("name")}, {"casei": "X"}]}, o("=", o("casei", p("name")), o("casei", "X"))),
        (o("between", p("number"), [1, 2]), o("between", p("number"), 1, 2)),
        ({"function": {"name": "casei", "args": ["x"]}}, o("casei", "x")),
        (o("in", p("number"), [1]), o("in", p("number"), [1])),
    ],
)
def test_what_drafts_of_the_standard_had_is_still_read(draft: Any, final: Any) -> None:
    wrapped = [o("isNull", one) for one in (draft, final)] if "function" in draft else [draft, final]

    assert compiled(json.dumps(wrapped[0]), "cql2-json") == compiled(json.dumps(wrapped[1]), "cql2-json")


def test_and_takes_more_than_two() -> None:
    three = o("and", p("flag"), o("=", p("number"), 1), o("isNull", p("name")))

    assert compiled(json.dumps(three), "cql2-json") == compiled("flag AND number = 1 AND name IS NULL")


def test_every_bind_has_its_place() -> None:
    for example in EXAMPLES:
        condition, binds = compiled(example["text"])
        assert set(re.findall(r":(cql_\d+)", condition)) == set(binds), example["text"]


def test_every_value_is_a_bind() -> None:
    condition, binds = compiled("name = 'x'' OR 1=1 --' AND number = 42 AND at > DATE('2026-01-01')")

    assert "42" not in condition
    assert "1=1" not in condition
    assert "x' OR 1=1 --" in binds.values()
