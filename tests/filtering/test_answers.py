"""Random filters against a small evaluation in Python, over rows with nulls: the database chooses the same rows."""

from __future__ import annotations

import json
import unicodedata
from datetime import UTC, date, datetime, time
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from tests.filtering.things import THINGS, compiled, found

Json = Any


def values(of: str) -> st.SearchStrategy[Json]:
    """Operands of one kind: a property, a literal, or something made of them."""
    return {
        "number": st.one_of(
            st.sampled_from(["number", "size"]).map(lambda name: {"property": name}),
            st.integers(-5, 5),
            st.tuples(st.sampled_from("+-*"), st.just({"property": "number"}), st.integers(-3, 3)).map(
                lambda parts: {"op": parts[0], "args": list(parts[1:])}
            ),
        ),
        "name": st.one_of(
            st.just({"property": "name"}),
            st.sampled_from(["", "100 %", "Rue de l'Église", "rue de l'eglise", "a"]),
            st.sampled_from(["casei", "accenti"]).map(lambda op: {"op": op, "args": [{"property": "name"}]}),
        ),
        "time": st.one_of(
            st.sampled_from(["at", "day"]).map(lambda name: {"property": name}),
            st.sampled_from(["2026-05-03", "2026-05-04", "2026-01-01"]).map(lambda day: {"date": day}),
            st.sampled_from(["2026-05-04T18:30:00Z", "2025-05-04T18:30:00Z"]).map(lambda at: {"timestamp": at}),
        ),
    }[of]


COMPARED = st.sampled_from(["number", "name", "time"]).flatmap(
    lambda of: st.tuples(st.sampled_from(["=", "<>", "<", ">", "<=", ">="]), values(of), values(of)).map(
        lambda parts: {"op": parts[0], "args": list(parts[1:])}
    )
)
IN = st.tuples(values("number"), st.lists(st.integers(-4, 3), min_size=1, max_size=3)).map(
    lambda parts: {"op": "in", "args": list(parts)}
)
BETWEEN = st.tuples(values("number"), st.integers(-4, 3), st.integers(-4, 3)).map(
    lambda parts: {"op": "between", "args": list(parts)}
)
NULL = st.sampled_from(["number", "name", "time"]).flatmap(values).map(lambda value: {"op": "isNull", "args": [value]})
LEAF = st.one_of(COMPARED, COMPARED, IN, BETWEEN, NULL, st.just({"property": "flag"}), st.booleans())
FILTERS = st.recursive(
    LEAF,
    lambda inner: st.one_of(
        st.tuples(st.sampled_from(["and", "or"]), st.lists(inner, min_size=2, max_size=3)).map(
            lambda parts: {"op": parts[0], "args": parts[1]}
        ),
        inner.map(lambda one: {"op": "not", "args": [one]}),
    ),
    max_leaves=8,
)


def text_of(node: Json) -> str:  # noqa: PLR0911  (one a kind)
    """CQL2 JSON written as CQL2 text, with a parenthesis around everything."""
    if isinstance(node, bool):
        return str(node).upper()
    if isinstance(node, int | float):
        return repr(node)
    if isinstance(node, str):
        return "'" + node.replace("'", "''") + "'"
    if "property" in node:
        return str(node["property"])
    if "date" in node:
        return f"DATE('{node['date']}')"
    if "timestamp" in node:
        return f"TIMESTAMP('{node['timestamp']}')"
    name, args = node["op"], node["args"]
    if name == "in":
        return f"({text_of(args[0])} IN ({', '.join(map(text_of, args[1]))}))"
    parts = [text_of(arg) for arg in args]
    written = {
        "not": "(NOT {0})",
        "isNull": "({0} IS NULL)",
        "between": "({0} BETWEEN {1} AND {2})",
        "casei": "CASEI({0})",
        "accenti": "ACCENTI({0})",
    }.get(name)
    return written.format(*parts) if written else f"({f' {name.upper()} '.join(parts)})"


def span(value: Any) -> tuple[datetime, datetime]:
    if isinstance(value, datetime):
        return value, value
    return datetime.combine(value, time.min, UTC), datetime.combine(value, time.max, UTC)


def compare(sign: str, left: Any, right: Any) -> bool:
    if isinstance(left, date) or isinstance(right, date):
        a, b = span(left), span(right)
        within = a[0] >= b[0] and a[1] <= b[1]
        if a[0] != a[1] and b[0] == b[1]:
            within = b[0] >= a[0] and b[1] <= a[1]
        truth = {"=": within, "<>": not within, "<": a[1] < b[0], ">": a[0] > b[1]}
        return truth[sign] if sign in truth else (a[0] <= b[1] if sign == "<=" else a[1] >= b[0])
    signs: dict[str, bool] = {"=": left == right, "<>": left != right, "<": left < right, ">": left > right}
    return signs[sign] if sign in signs else bool(left <= right if sign == "<=" else left >= right)


def evaluate(node: Json, row: dict[str, Any]) -> Any:  # noqa: PLR0911  (one a kind)
    """Three-valued: None is unknown."""
    if not isinstance(node, dict):
        return node
    if "property" in node:
        return row[node["property"]]
    if "date" in node:
        return date.fromisoformat(node["date"])
    if "timestamp" in node:
        return datetime.fromisoformat(node["timestamp"])
    name, args = node["op"], node["args"]
    if name in {"and", "or"}:
        return joined(name, [evaluate(arg, row) for arg in args])
    if name == "in":
        return joined("or", [applied("=", [evaluate(args[0], row), item]) for item in args[1]])
    return applied(name, [evaluate(arg, row) for arg in args])


def joined(name: str, operands: list[Any]) -> Any:
    decisive = name == "or"
    if decisive in operands:
        return decisive
    return None if None in operands else not decisive


def applied(name: str, args: list[Any]) -> Any:  # noqa: PLR0911  (one a kind)
    if name == "isNull":
        return args[0] is None
    if None in args:
        return None
    if name == "not":
        return not args[0]
    if name == "between":
        return args[1] <= args[0] <= args[2]
    if name == "casei":
        return args[0].lower()
    if name == "accenti":
        return "".join(c for c in unicodedata.normalize("NFD", args[0]) if not "\u0300" <= c <= "\u036f")
    if name in {"+", "-", "*"}:
        return {"+": args[0] + args[1], "-": args[0] - args[1], "*": args[0] * args[1]}[name]
    return compare(name, *args)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(FILTERS)
def test_the_database_chooses_what_the_filter_says(engine: Engine, filter_: Json) -> None:
    expected = [number for number, row in enumerate(THINGS) if evaluate(filter_, row) is True]

    assert found(engine, json.dumps(filter_), "cql2-json") == expected
    assert compiled(text_of(filter_)) == compiled(json.dumps(filter_), "cql2-json")
