"""What is no filter is refused at once, with a message that says what and what would do; nothing falls over."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import Engine
from werkzeug.datastructures import MultiDict

from app.filtering import FilterError, parse_clause, parse_crs, parse_datetime
from tests.filtering.things import QUERYABLES, compiled, found

GEOMETRY = '{"op":"s_within","args":[{"property":"geometry"},%s]}'


@pytest.mark.parametrize(
    ("filter_", "message"),
    [
        ("", "empty"),
        ("   ", "empty"),
        ("number =", "ends too early"),
        ("(number = 1", "ends too early"),
        ("name = 'x", "from character 8 on: “'x”"),
        ("number == 1", "from character 9 on"),
        ("number = 1 number", "from character 12 on"),
        ("number = 1; DROP TABLE report", "from character 11 on"),
        ("numbre = 1", "no property “numbre”; known are number, size, name"),
        ('"; DROP TABLE report" = 1', "no property"),
        ("number = 'three'", "“number” is a number and cannot be compared with a text"),
        ("name = 3", "“name” is a text and cannot be compared with a number"),
        ("1 = 'x'", "a number cannot be compared with a text"),
        ("flag = 1", "“flag” is true or false"),
        ("colour = 'green'", "“green” is no value of “colour”; possible are blue, red"),
        ("'green' <> colour", "possible are blue, red"),
        ("colour IN ('red', 'green')", "possible are blue, red"),
        ("id = 'x'", "no identifier"),
        ("at > 'yesterday'", "“yesterday” is no time; write YYYY-MM-DD or"),
        ("number", "“number” is a number; here belongs true or false"),
        ("'x'", "here belongs true or false, not a text"),
        ("name AND flag", "“name” is a text"),
        ("number + 'x' > 1", "here belongs a number, not a text"),
        ("name LIKE name", "the pattern of LIKE"),
        ("name LIKE 'x\\'", "single \\"),
        ("number LIKE '1%'", "“number” is a number; here belongs a text"),
        ("number IN ()", "from character 12 on"),
        ("geometry = geometry", "a geometry is compared by S_CONTAINS"),
        ("tags = ['a']", "a list is compared by A_CONTAINEDBY"),
        ("A_CONTAINS(tags, [1])", "texts only"),
        ("A_CONTAINS(tags, [['a']])", "no list"),
        ("A_CONTAINS(name, ['a'])", "“name” is a text; here belongs a list"),
        ("pg_sleep(10) = 1", "no function “pg_sleep”"),
        ("S_INTERSECTS(geometry)", "operands of “s_intersects”: exactly 2"),
        ("S_INTERSECTS(geometry, name)", "“name” is a text; here belongs a geometry"),
        ("S_INTERSECTS(geometry, POINT(1))", "the geometry cannot be read"),
        ("S_INTERSECTS(geometry, POINT(NaN 1))", "character"),
        ("S_INTERSECTS(geometry, POINT(1e999 1))", "geometry"),
        ("S_INTERSECTS(geometry, POINT(200 1))", "outside of the earth"),
        ("S_INTERSECTS(geometry, POINT(652469 6862035))", "is filter-crs right"),
        ("S_INTERSECTS(geometry, POLYGON((0 0,1 1,0 1,1 0,0 0)))", "not valid: Self-intersection"),
        ("S_INTERSECTS(geometry, ENVELOPE(1, 2, 3))", "four numbers"),
        ("S_INTERSECTS(geometry, ENVELOPE(1, 5, 3, 2))", "low corner first"),
        ("S_WITHIN(geometry, GEOMETRYCOLLECTION(POINT(1 2)))", "only taken by S_INTERSECTS, S_DISJOINT"),
        ("at > DATE('2026-02-30')", "“2026-02-30” is no date"),
        ("at > DATE('12026-01-01')", "is no date"),
        ("at > TIMESTAMP('2026-06-30T23:59:60Z')", "is no time"),
        ("at > TIMESTAMP('0001-01-01T00:00:00+23:59')", "is no time"),
        ("at > DATE(number)", "is no date"),
        ("at > '2026-02-30'", "“2026-02-30” is no date"),
        ("T_DURING(at, INTERVAL('2026-02-01', '2026-01-01'))", "ends before it begins"),
        ("T_DURING(at, INTERVAL('2026-02-01'))", "two ends"),
        ("T_DURING(at, INTERVAL(1, 2))", "the ends of an interval"),
        ("T_DURING(at, INTERVAL(number, '..'))", "“number” is a number; here belongs a time"),
        ("T_AFTER(name, DATE('2026-01-01'))", "“name” is a text; here belongs a time"),
        ("number > 1e999", "too large"),
        ("number > " + "9" * 5000, "too large"),
        ("number ^ 0.5 > 1", "a whole number from -16 to 16"),
        ("number ^ number > 1", "a whole number from -16 to 16"),
        ("((number ^ 16) ^ 16) > 1", "too large"),
        ("name = 'a\0'", "null character"),
        ("name = 'x'" + " OR name = 'x'" * 1_000, "too many terms"),
        ("number = 1" + " OR number = 1" * 100_000, "too long"),
        ("NOT " * 4_000 + "flag", "nested too deeply"),
        ("CASEI(" * 2_000 + "name" + ")" * 2_000, "nested too deeply"),
        ("1" + "+1" * 5_000 + " > 0", "nested too deeply"),
        ("[" * 9_000, "ends too early"),
        ("S_WITHIN(geometry," + "GEOMETRYCOLLECTION(" * 900 + "POINT(1 1)" + ")" * 901, "only taken by"),
    ],
)
def test_text(engine: Engine, filter_: str, message: str) -> None:
    with pytest.raises(FilterError) as refused:
        found(engine, filter_)

    assert message in refused.value.message
    assert refused.value.parameter == "filter"
    assert len(refused.value.message) < 500


@pytest.mark.parametrize(
    ("filter_", "message"),
    [
        ("{", "no JSON"),
        ("NaN", "NaN is no number"),
        ('{"op":"=","args":[{"property":"number"},Infinity]}', "Infinity is no number"),
        ('{"op":"=","args":[{"property":"number"},null]}', "ask with isNull"),
        ('{"op":"=","args":[{"property":"number"}]}', "operands of “=”: exactly 2"),
        ('{"op":"=","args":{}}', "“args” a list"),
        ('{"op":1,"args":[]}', "“op” is a text"),
        ('{"op":"drop","args":[]}', "no operator “drop”"),
        ('{"op":"and","args":[true]}', "two operands or more"),
        ('{"op":"in","args":[{"property":"number"},[]]}', "at least one value"),
        ('{"op":"in","args":[{"property":"number"},1]}', "at least one value"),
        ('{"property":7}', "the name of a property is a text"),
        ('{"colour":"red"}', "not “colour”"),
        ('{"op":"=","args":[{"property":"name"},"\\ud800"]}', "half a character"),
        ('{"op":"=","args":[{"property":"name"},"\\u0000"]}', "null character"),
        ('{"op":"t_during","args":[{"property":"at"},{"interval":"x"}]}', "two ends"),
        ('{"op":"=","args":[{"property":"at"},{"timestamp":7}]}', "is no time"),
        ('{"op":"=","args":[{"property":"number"},' + "9" * 5000 + "]}", "no JSON"),
        ("[" * 19_000, "nested too deeply"),
        ('{"op":"not","args":[' * 900, "nested too deeply"),
        ('{"op":"not","args":[' * 200 + "true" + "]}" * 200, "nested too deeply"),
        (GEOMETRY % '{"type":"Point","coordinates":[]}', "empty"),
        (GEOMETRY % '{"type":"Point","coordinates":["a",1]}', "cannot be read"),
        (GEOMETRY % '{"type":"Point","coordinates":null}', "cannot be read"),
        (GEOMETRY % '{"type":"Cube","coordinates":[1,2]}', "cannot be read"),
        (GEOMETRY % '{"type":"Feature","coordinates":[1,2]}', "not a feature"),
        (GEOMETRY % '{"type":"Polygon","coordinates":[[[0,0],[1,1]]]}', "cannot be read"),
        (GEOMETRY % '{"bbox":[1,2,"3",4]}', "four numbers"),
        (GEOMETRY % '{"bbox":[true,2,3,4]}', "four numbers"),
    ],
)
def test_json(engine: Engine, filter_: str, message: str) -> None:
    with pytest.raises(FilterError) as refused:
        found(engine, filter_, "cql2-json")

    assert message in refused.value.message


def test_deep_brackets_of_json_are_refused_however_deep_the_caller_stands() -> None:
    def deeper(levels: int) -> None:
        if levels:
            deeper(levels - 1)
            return
        with pytest.raises(FilterError, match="deeply"):
            compiled("[" * 9_999 + "]" * 9_999, "cql2-json")

    deeper(200)


def test_ten_thousand_parentheses_are_no_depth_of_their_own() -> None:
    assert compiled("(" * 9_000 + "flag" + ")" * 9_000) == compiled("flag")


@pytest.mark.parametrize(
    ("args", "parameter"),
    [
        ({"filter": "flag", "filter-lang": "cql-text"}, "filter-lang"),
        ({"filter": "flag", "filter-crs": "EPSG:4326"}, "filter-crs"),
        ({"filter": "flog"}, "filter"),
        ({"datetime": "2026-13-01"}, "datetime"),
        ({"datetime": "2026-02-01/2026-01-01"}, "datetime"),
        ({"datetime": "2026-01-01/2026-02-01/2026-03-01"}, "datetime"),
        ({"datetime": "now"}, "datetime"),
        ({"datetime": ".."}, "datetime"),
    ],
)
def test_the_parameter_is_named(args: dict[str, str], parameter: str) -> None:
    with pytest.raises(FilterError) as refused:
        parse_clause(MultiDict(args), QUERYABLES, time_property="at")

    assert refused.value.parameter == parameter


def test_parameters() -> None:
    as_json = json.dumps({"op": "=", "args": [{"property": "number"}, 1]})

    guessed = parse_clause({"filter": as_json}, QUERYABLES)
    named = parse_clause({"filter": "number = 1", "filter-lang": "cql2-text"}, QUERYABLES)

    assert guessed is not None
    assert named is not None
    assert (guessed.sql, guessed.binds) == (named.sql, named.binds)
    assert named.parameters == {"filter": "number = 1", "filter-lang": "cql2-text"}
    assert parse_clause({"datetime": "2026"}, QUERYABLES) is None
    assert parse_clause({"filter": ""}, QUERYABLES) is None
    assert parse_crs("http://www.opengis.net/def/crs/EPSG/0/4326").lat_lon


@pytest.mark.parametrize("value", ["../2026-05-04", "/2026-05-04", "2026-05-04", "2026-05-04/..", "../.."])
def test_datetime_is_an_interval(value: str) -> None:
    found_ = parse_datetime(value)

    assert (found_.start is None) == (value[0] in "./")
    assert (found_.end is None) == value.endswith("..")
