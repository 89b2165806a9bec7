"""OGC API – Features – Part 3 (19-079r2), one test a requirement, named after it; and the product's own filters."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from app.ogc.collections import COLLECTIONS
from tests.ogc.conftest import Get
from tests.ogc.samples import REPORTS, TIMED, report_id
from tests.ogc.test_core import IDS, Json, body, ids, links
from tests.ogc.test_crs import EPSG, ITEMS

QUERYABLES = "http://www.opengis.net/def/rel/ogc/1.0/queryables"


@pytest.mark.parametrize("collection", IDS)
def test_queryables_get_queryables_op_and_response(get: Get, collection: str) -> None:
    answer = get(f"/collections/{collection}/queryables?f=json", accept="application/schema+json")
    document = body(answer)
    assert answer.content_type == "application/schema+json"
    assert document["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert document["$id"] == f"http://localhost/ogc/collections/{collection}/queryables"
    assert document["type"] == "object"
    assert set(document["properties"]) >= {"id", "geometry"}
    assert document["additionalProperties"] is False


@pytest.mark.parametrize("collection", IDS)
def test_queryables_queryables_link(get: Get, collection: str) -> None:
    for path in (f"/collections/{collection}", f"/collections/{collection}/items"):
        answer = get(path)
        link = links(body(answer), QUERYABLES)[0]
        assert link["href"].endswith(f"/collections/{collection}/queryables")
        assert link["type"] == "application/schema+json"
        assert any(f'rel="{QUERYABLES}"' in header for header in answer.headers.getlist("Link"))


@pytest.mark.parametrize("collection", IDS)
def test_the_schema_has_every_property(get: Get, collection: str) -> None:
    document = body(get(f"/collections/{collection}/schema", accept="application/schema+json"))
    feature = body(get(f"/collections/{collection}/items?limit=1"))["features"][0]
    assert list(document["properties"]) == [*feature["properties"], "geometry"]


def test_queryables_expression_construction(get: Get) -> None:
    assert get(f"{ITEMS}?filter=this_is_not_a_queryable IS NULL").status_code == 400


SIMPLE = {"string", "integer", "number", "boolean"}


@pytest.mark.parametrize("collection", IDS)
def test_queryables_query_parameters_parameters(get: Get, collection: str) -> None:
    """Every simple queryable is a parameter with its schema, and leaves what has that value."""
    described = body(get(f"/collections/{collection}/queryables"))["properties"]
    declared = {
        parameter["name"]
        for parameter in body(get("/api"))["paths"][f"/collections/{collection}/items"]["get"]["parameters"]
        if "name" in parameter
    }
    simple = {name for name, schema in described.items() if schema.get("type") in SIMPLE}
    assert simple <= declared
    features = body(get(f"/collections/{collection}/items?limit=1000"))["features"]
    for name in sorted(simple):
        values = [f["properties"][name] for f in features if f["properties"][name] is not None]
        if not values:
            assert get(f"/collections/{collection}/items?{name}=1").status_code in {200, 400}
            continue
        asked = json.dumps(values[-1]).strip('"') if not isinstance(values[-1], str) else values[-1]
        found = body(get(f"/collections/{collection}/items", query_string={name: asked, "limit": 1000}))["features"]
        assert [f["id"] for f in found] == [f["id"] for f in features if f["properties"][name] == values[-1]], name


def has(name: str, value: object) -> Callable[[Json], bool]:
    return lambda feature: bool(feature["properties"][name] == value)


@pytest.mark.parametrize(
    ("text", "test"),
    [
        ("state = 'new'", has("state", "new")),
        ("severity >= 3", lambda f: f["properties"]["severity"] >= 3),
        ("category = 'lift_out' AND NOT (severity = 2)", lambda f: f["properties"]["category"] == "lift_out" and
         f["properties"]["severity"] != 2),
        ("severity IN (1, 4)", lambda f: f["properties"]["severity"] in {1, 4}),
        ("description IS NOT NULL", lambda f: f["properties"]["description"] is not None),
        ("description LIKE '%quai%'", has("id", report_id(4))),
        ("organisation = 'The bus'", has("organisation", "The bus")),
        ("observed_at < TIMESTAMP('2026-05-04T00:00:00Z')", lambda f: f["properties"]["observed_at"] < "2026-05-04"),
        ("S_INTERSECTS(geometry, ENVELOPE(2.31, 49, 2.4, 50))", lambda f: f["geometry"]["coordinates"][0] >= 2.31),
        (f"id = '{report_id(7)}'", has("id", report_id(7))),
    ],
)  # fmt: skip
def test_filter_filter_param_and_response(get: Get, text: str, test: Callable[[Json], bool]) -> None:
    everything = body(get(f"{ITEMS}?limit=1000"))["features"]
    expected = [feature["id"] for feature in everything if test(feature)]
    assert 0 < len(expected) < REPORTS
    answer = get(ITEMS, query_string={"filter": text, "limit": 1000})
    assert ids(answer) == expected
    assert body(answer)["numberMatched"] == len(expected)


def test_filter_filter_lang_param(get: Get) -> None:
    as_json = {"op": "=", "args": [{"property": "state"}, "new"]}
    query = {"filter": json.dumps(as_json), "filter-lang": "cql2-json"}
    assert ids(get(ITEMS, query_string=query)) == ids(get(f"{ITEMS}?state=new"))
    assert ids(get(f"{ITEMS}?filter=state='new'&filter-lang=cql2-text")) == ids(get(f"{ITEMS}?state=new"))
    parameter = body(get("/api"))["components"]["parameters"]["filter-lang"]
    assert parameter["schema"]["enum"] == ["cql2-text", "cql2-json"]
    assert parameter["schema"]["default"] == "cql2-text"


@pytest.mark.parametrize(
    "query",
    ["filter=THIS IS NOT A FILTER", "filter=state =", "filter=severity = 'x'", "filter=(", "filter={", "filter=%00",
     "filter={}&filter-lang=cql2-json", "filter=state='new'&filter-lang=cql2-json"],
)  # fmt: skip
def test_filter_filter_param_invalid(get: Get, query: str) -> None:
    assert get(f"{ITEMS}?{query}").status_code == 400


@pytest.mark.parametrize("collection", IDS)
def test_filter_every_queryable_of_every_collection(get: Get, collection: str) -> None:
    everything = ids(get(f"/collections/{collection}/items?limit=1000"))
    for name in body(get(f"/collections/{collection}/queryables"))["properties"]:
        missing = ids(
            get(f"/collections/{collection}/items", query_string={"filter": f"{name} IS NULL", "limit": 1000})
        )
        there = ids(
            get(f"/collections/{collection}/items", query_string={"filter": f"{name} IS NOT NULL", "limit": 1000})
        )
        assert sorted(map(str, missing + there)) == sorted(map(str, everything))


@pytest.mark.parametrize("collection", IDS)
def test_filter_filter_crs_wgs84(get: Get, collection: str) -> None:
    west, south, east, north = body(get(f"/collections/{collection}"))["extent"]["spatial"]["bbox"][0]
    box = f"S_INTERSECTS(geometry, ENVELOPE({west},{south},{east},{north}))"
    at = f"/collections/{collection}/items"
    assert ids(get(at, query_string={"filter": box, "limit": 1000})) == ids(get(f"{at}?limit=1000"))
    outside = "S_INTERSECTS(geometry, ENVELOPE(1000000,1000000,2000000,2000000))"
    assert get(at, query_string={"filter": outside}).status_code == 400


def test_filter_filter_crs_param(get: Get) -> None:
    expected = ids(get(f"{ITEMS}?limit=1000&bbox=2.3,49.8,2.31,50"))
    turned = {
        "filter": "S_INTERSECTS(geometry, ENVELOPE(49.8,2.3,50,2.31))",
        "filter-crs": f"{EPSG}4326",
        "limit": 1000,
    }
    assert ids(get(ITEMS, query_string=turned)) == expected
    metres = {"filter": "S_INTERSECTS(geometry, ENVELOPE(640000,6970000,660000,6990000))",
              "filter-crs": f"{EPSG}2154", "limit": 1000}  # fmt: skip
    assert len(ids(get(ITEMS, query_string=metres))) == REPORTS


def test_features_filter_filter_with_everything_else(get: Get) -> None:
    query = {"filter": "severity > 1", "bbox": "2.3,49.8,2.31,50", "datetime": "2026-05-01/2026-05-20", "state": "new",
             "crs": f"{EPSG}2154"}  # fmt: skip
    found = body(get(ITEMS, query_string=query))["features"]
    assert found
    assert all(f["properties"]["severity"] > 1 and f["properties"]["state"] == "new" for f in found)


def test_filter_the_filter_language_of_the_map(get: Get) -> None:
    """theme, category, state, severity_min, from, to, organisation: as the map and the exports have them."""
    everything = body(get(f"{ITEMS}?limit=1000"))["features"]

    def expect(query: str, test: Callable[[Json], bool]) -> None:
        expected = [f["id"] for f in everything if test(f["properties"])]
        assert 0 < len(expected) < REPORTS
        assert ids(get(f"{ITEMS}?limit=1000&{query}")) == expected

    expect("severity_min=3", lambda p: p["severity"] >= 3)
    expect("severity=3&severity_min=2", lambda p: p["severity"] == 3)
    expect("state=new,resolved", lambda p: p["state"] in {"new", "resolved"})
    theme = everything[0]["properties"]["theme"]
    expect(f"theme={theme}", lambda p: p["theme"] == theme)
    expect("from=2026-05-10&to=2026-05-12", lambda p: "2026-05-10" <= p["observed_at"] < "2026-05-13")
    expect("organisation=bus", lambda p: p["organisation"] == "The bus")
    expect("organisation=The bus", lambda p: p["organisation"] == "The bus")
    assert ids(get(f"{ITEMS}?due=over")) == ids(get(f"{ITEMS}?filter=due_at IS NOT NULL AND state <> 'resolved'"))


def test_the_filter_language_of_interventions(get: Get) -> None:
    at = "/collections/interventions/items"
    assert ids(get(f"{at}?from=2026-06-01&to=2026-06-01")) == [TIMED]
    assert len(ids(get(f"{at}?kind=cleaning&organisation=city"))) == 2
    assert ids(get(f"{at}?neighbourhood=1")) == []
    assert ids(get(f"{at}?neighbourhood=nowhere")) == []
    assert get(f"{at}?kind=nothing").status_code == 400


def test_every_filter_says_what_it_means() -> None:
    for one in COLLECTIONS.values():
        assert set(one.filters) == set(one.meanings)
