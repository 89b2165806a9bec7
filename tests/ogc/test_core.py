"""OGC API – Features – Part 1 (17-069r4), one test a requirement, named after it."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs

import pytest
from flask import Flask
from sqlalchemy import Engine, text
from werkzeug.test import TestResponse

from app.db.session import unit_of_work
from app.ogc import store
from app.ogc.collections import COLLECTIONS
from app.ogc.collections import REPORTS as REPORTS_COLLECTION
from tests.ogc.conftest import Get
from tests.ogc.samples import REPORTS, TIMED, TIMELESS, report_id
from tests.routing.world import World

IDS = list(COLLECTIONS)
ITEMS = "/collections/reports/items"
GEOJSON = "application/geo+json"
CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
Json = dict[str, Any]


def body(answer: TestResponse) -> Json:
    assert answer.status_code == 200, answer.get_data(as_text=True)
    found = answer.get_json(force=True)
    assert isinstance(found, dict)
    return found


def links(document: Json, rel: str) -> list[Json]:
    return [link for link in document["links"] if link["rel"] == rel]


def ids(answer: TestResponse) -> list[str]:
    return [feature["id"] for feature in body(answer)["features"]]


def test_core_root_op_and_success(get: Get) -> None:
    document = body(get("/"))
    assert document["title"]
    assert {"self", "service-desc", "service-doc", "conformance", "data"} <= {link["rel"] for link in document["links"]}
    assert links(document, "service-desc")[0]["type"] == "application/vnd.oai.openapi+json;version=3.0"
    assert links(document, "service-doc")[0]["type"] == "text/html"


def test_core_every_link_of_the_landing_page_answers_with_its_type(get: Get) -> None:
    for link in body(get("/"))["links"]:
        answer = get(link["href"].removeprefix("http://localhost/ogc"), accept=link["type"])
        assert answer.status_code == 200
        assert answer.content_type.split(";")[0] == link["type"].split(";")[0]


def test_core_api_definition_op_and_success(get: Get) -> None:
    link = links(body(get("/")), "service-desc")[0]
    answer = get(link["href"].removeprefix("http://localhost/ogc"), accept=link["type"])
    assert body(answer)["openapi"].startswith("3.0")
    assert answer.content_type == "application/vnd.oai.openapi+json;version=3.0"


def test_core_conformance_op_and_success(get: Get) -> None:
    claimed = body(get("/conformance"))["conformsTo"]
    root = "http://www.opengis.net/spec/ogcapi-features-"
    wanted = {f"{root}1/1.0/conf/{name}" for name in ("core", "oas30", "html", "geojson")} | {f"{root}2/1.0/conf/crs"}
    wanted |= {f"{root}3/1.0/conf/{name}" for name in ("queryables", "queryables-query-parameters", "filter",
                                                       "features-filter")}  # fmt: skip
    cql2 = "http://www.opengis.net/spec/cql2/1.0/conf/"
    assert wanted | {f"{cql2}{name}" for name in ("basic-cql2", "cql2-text", "cql2-json")} <= set(claimed)
    assert len(claimed) == len(set(claimed))


@pytest.mark.parametrize(
    "path",
    ["/", "/api", "/conformance", "/collections", "/collections/reports", "/collections/reports/queryables",
     "/collections/reports/schema", "/collections/reports/items", f"/collections/reports/items/{report_id(1)}"],
)  # fmt: skip
def test_core_query_param_unknown(get: Get, path: str) -> None:
    answer = get(f"{path}?unknown=1")
    assert answer.status_code == 400
    assert answer.content_type == "application/problem+json"
    assert "unknown" in answer.get_json(force=True)["detail"]


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=-1", "limit=ten", "limit=1.5", "limit=%D9%A3", "limit=", "limit=NaN",
     "bbox=1,2,3", "bbox=1,2,3,4,5", "bbox=a,b,c,d", "bbox=NaN,0,1,1", "bbox=0,0,inf,1", "bbox=1_0,2,3,4", "bbox=",
     "bbox=2,50,3,49", "bbox=0,0,1,91", "bbox=-181,0,1,1", "bbox=0,0,1e999,1",
     "datetime=yesterday", "datetime=2026-13-01", "datetime=2026-05-02/2026-05-01", "datetime=a/b/c", "datetime=",
     "datetime=..", "datetime=2026-05-01T00:00:00", "datetime=9999-12-31", "datetime=0001-01-01T00:00:00%2B23:00",
     "crs=EPSG:4326", "crs=", "bbox-crs=nothing", "f=xml", "filter-lang=sql", "filter=", "after=1", "after=%00",
     "to=", "due=", "theme=",
     "category=nothing", "theme=nothing", "state=nothing", "severity=x", "severity_min=9", "severity_min=x",
     "from=1", "due=never", "kind=nothing",
     "id=1", "is_synthetic=yes", "observed_at=2026", "description=%00", "organisation=%00", "duplicate_of=x"],
)  # fmt: skip
def test_core_query_param_invalid(get: Get, query: str) -> None:
    answer = get(f"/collections/reports/items?{query}")
    assert answer.status_code == 400
    assert query.partition("=")[0] in answer.get_json(force=True)["detail"]


@pytest.mark.parametrize(
    "query", ["limit=1&limit=1", "bbox=1,2,3,4&bbox=1,2,3,4", "f=json&f=json", "category=a&category=b"]
)
def test_a_parameter_given_twice_is_refused(get: Get, query: str) -> None:
    assert get(f"/collections/reports/items?{query}").status_code == 400


def test_core_crs84(get: Get) -> None:
    feature = body(get("/collections/reports/items?limit=1"))["features"][0]
    lon, lat = feature["geometry"]["coordinates"]
    assert 2 < lon < 3
    assert 49 < lat < 50
    assert all(len(str(number).split(".")[1]) <= 7 for number in (lon, lat))


def test_core_fc_md_op_and_success_and_items(get: Get) -> None:
    document = body(get("/collections"))
    assert [one["id"] for one in document["collections"]] == IDS
    for one in document["collections"]:
        assert one["title"]
        assert one["description"]
        assert one["itemType"] == "feature"


def test_the_language_is_said(get: Get) -> None:
    assert get("/collections").headers["Content-Language"] == "fr"


@pytest.mark.parametrize(("path", "status"), [("/collections", 200), ("/nothing", 404), ("/collections?f=x", 400)])
def test_the_language_is_what_the_client_accepts_but_a_cookie_goes_first(
    ogc_app: Flask, path: str, status: int
) -> None:
    asked = {"Accept-Language": "en-GB,en;q=0.9,fr;q=0.5", "Accept": "application/json"}
    client = ogc_app.test_client(use_cookies=False)
    english = client.get(f"/ogc{path}", headers=asked)
    french = client.get(f"/ogc{path}", headers=asked | {"Cookie": "quietude_language=fr"})
    assert (english.status_code, french.status_code) == (status, status)
    said = ["Signalements" in french.text or "Introuvable" in french.text or "choisissez" in french.text]
    said += ["Reports" in english.text or "Not found" in english.text or "choose" in english.text]
    assert said == [True, True]
    assert {"accept-language", "cookie"} <= {name.lower() for name in english.vary}
    if status == 200:
        assert english.headers["Content-Language"] == "en"


def test_core_fc_md_links(get: Get) -> None:
    document = body(get("/collections"))
    assert links(document, "self")[0]["type"] == "application/json"
    assert links(document, "alternate")[0]["type"] == "text/html"
    assert all(link["type"] for link in document["links"])


def test_core_fc_md_items_links(get: Get) -> None:
    for one in body(get("/collections"))["collections"]:
        items = links(one, "items")
        assert {link["type"] for link in items} == {GEOJSON, "text/html"}
        for link in items:
            assert get(link["href"].removeprefix("http://localhost/ogc"), accept=link["type"]).status_code == 200


def test_core_fc_md_extent_and_multi(get: Get) -> None:
    for one in body(get("/collections"))["collections"]:
        west, south, east, north = one["extent"]["spatial"]["bbox"][0]
        assert -180 <= west <= east <= 180
        assert -90 <= south <= north <= 90
        assert one["extent"]["spatial"]["crs"] == CRS84
        whole = f"bbox={west},{south},{east},{north}&limit=1000"
        inside = ids(get(f"/collections/{one['id']}/items?{whole}"))
        assert inside == ids(get(f"/collections/{one['id']}/items?limit=1000"))
        assert inside


def test_the_extent_in_time_is_that_of_what_one_may_see(get: Get) -> None:
    def interval(collection: str, who: str | None) -> list[str | None]:
        listed = next(one for one in body(get("/collections", who=who))["collections"] if one["id"] == collection)
        alone = body(get(f"/collections/{collection}", who=who))["extent"]["temporal"]["interval"]
        assert [alone] == [listed["extent"]["temporal"]["interval"]]
        first_and_last: list[str | None] = alone[0]
        return first_and_last

    assert interval("reports", "planner") == ["2026-05-01T12:00:00Z", "2026-05-25T12:00:00Z"]
    assert interval("interventions", "planner") == ["2026-06-01T08:00:00Z", "2026-06-01T10:00:00Z"]
    # The restricted one is of another day.
    seen = [f["properties"]["observed_at"] for f in body(get(f"{ITEMS}?limit=1000", who="coordinator"))["features"]]
    assert interval("reports", "coordinator") == [min(seen), max(seen)] != interval("reports", "planner")
    assert interval("reports", None) == interval("interventions", None) == [None, None]


def test_an_end_in_time_that_takes_long_is_left_open(
    world: World, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = replace(REPORTS_COLLECTION, start="(SELECT report.observed_at FROM (SELECT pg_sleep(0.2)) AS slow)")
    monkeypatch.setattr(store, "PATIENCE", "20ms")
    with unit_of_work(engine, world.actors["planner"]) as uow:
        first, last = store.span(uow, slow)
        timeouts = uow.connection.scalar(text("SELECT current_setting('statement_timeout')"))
    assert (first, last and last.isoformat()) == (None, "2026-05-25T12:00:00+00:00")
    assert timeouts == "1min"


@pytest.mark.parametrize("collection", IDS)
def test_core_sfc_md_op_and_success(get: Get, collection: str) -> None:
    listed = next(one for one in body(get("/collections"))["collections"] if one["id"] == collection)
    alone = body(get(f"/collections/{collection}"))
    # Every link of the entry too.
    assert {key: value for key, value in alone.items() if key != "links"} == {
        key: value for key, value in listed.items() if key != "links"
    }
    assert {(link["rel"], link["href"], link["type"]) for link in listed["links"]} <= {
        (link["rel"], link["href"], link["type"]) for link in alone["links"]
    }
    for link in alone["links"]:
        assert get(link["href"].removeprefix("http://localhost/ogc"), accept=link["type"]).status_code == 200


@pytest.mark.parametrize("path", ["/collections/none", "/collections/none/items", "/collections/none/items/1",
                                  "/collections/none/queryables", "/collections/none/schema", "/none"])  # fmt: skip
def test_what_is_not_there(get: Get, path: str) -> None:
    answer = get(path)
    assert answer.status_code == 404
    problem = answer.get_json(force=True)
    assert problem["code"] == "NotFound"
    assert problem["description"] == problem["detail"]
    assert problem["status"] == 404


@pytest.mark.parametrize("collection", IDS)
def test_core_fc_op_and_response(get: Get, collection: str) -> None:
    answer = get(f"/collections/{collection}/items", accept=GEOJSON)
    document = body(answer)
    assert answer.content_type == GEOJSON
    assert document["type"] == "FeatureCollection"
    for feature in document["features"]:
        assert feature["type"] == "Feature"
        assert feature["geometry"]["type"]
        assert feature["properties"]["id"] == feature["id"]


def test_core_fc_limit_definition(get: Get) -> None:
    limit = body(get("/api"))["components"]["parameters"]["limit"]
    assert limit["in"] == "query"
    assert not limit["required"]
    assert limit["schema"] == {"type": "integer", "minimum": 1, "maximum": 10_000, "default": 10}
    assert limit["style"] == "form"
    assert limit["explode"] is False


LIMITS = [("", 10), ("?limit=3", 3), ("?limit=1000", 25), ("?limit=10001", 25), ("?limit=003", 3)]


@pytest.mark.parametrize(("query", "count"), [*LIMITS, (f"?limit={'9' * 40}", REPORTS)])
def test_core_fc_limit_response(get: Get, query: str, count: int) -> None:
    document = body(get(f"/collections/reports/items{query}"))
    assert len(document["features"]) == count


def test_core_fc_bbox_definition(get: Get) -> None:
    bbox = body(get("/api"))["components"]["parameters"]["bbox"]
    assert (bbox["name"], bbox["in"], bbox["style"], bbox["explode"]) == ("bbox", "query", "form", False)
    assert bbox["schema"]["type"] == "array"
    assert bbox["schema"]["items"] == {"type": "number"}


def edges(get: Get) -> tuple[float, float, float, float]:
    features = body(get("/collections/reports/items?limit=1000"))["features"]
    lons, lats = zip(*(feature["geometry"]["coordinates"] for feature in features), strict=True)
    return min(lons), min(lats), max(lons), max(lats)


def test_core_fc_bbox_response(get: Get) -> None:
    features = body(get("/collections/reports/items?limit=1000"))["features"]
    west, south, east, north = edges(get)
    middle = (west + east) / 2
    expected = [f["id"] for f in features if f["geometry"]["coordinates"][0] <= middle]
    assert 0 < len(expected) < REPORTS
    assert (
        ids(get(f"/collections/reports/items?limit=1000&bbox={west - 1},{south - 1},{middle},{north + 1}")) == expected
    )


def test_bbox_with_many_decimals_with_heights_and_with_blanks(get: Get) -> None:
    long = "2.20000000000000000001,49.80000000000000000001,2.40000000000000000001,49.99999999999999999999"
    assert len(ids(get(f"/collections/reports/items?limit=1000&bbox={long}"))) == REPORTS
    heights = "2.2,49.8,-100,2.4,50,8000"
    assert len(ids(get(f"/collections/reports/items?limit=1000&bbox={heights}"))) == REPORTS
    assert len(ids(get("/collections/reports/items?limit=1000&bbox=2.2, 49.8, 2.4, 5e1"))) == REPORTS


def test_bbox_over_the_antimeridian(get: Get) -> None:
    assert len(ids(get("/collections/reports/items?limit=1000&bbox=170,-80,3,80"))) == REPORTS
    assert ids(get("/collections/reports/items?limit=1000&bbox=170,-80,-170,80")) == []
    assert len(ids(get("/collections/stops/items?bbox=170,-80,3,80"))) == 1
    assert ids(get("/collections/stops/items?bbox=3,-80,2,80")) == []


def test_bbox_touches_lines_and_areas_where_they_are(get: Get) -> None:
    on_the_line, beside_it = "2.2749,49.8999,2.2751,49.9001", "2.30,49.85,2.31,49.86"
    assert ids(get(f"/collections/interventions/items?bbox={on_the_line}")) == [TIMELESS]
    assert ids(get(f"/collections/interventions/items?bbox={beside_it}")) == []
    assert len(ids(get(f"/collections/lines/items?bbox={on_the_line}"))) == 1
    assert ids(get(f"/collections/lines/items?bbox={beside_it}")) == []
    assert len(ids(get("/collections/iris/items?bbox=2.3,49.9,2.3,49.9"))) == 1  # a box that is a point


def test_core_fc_time_definition(get: Get) -> None:
    given = body(get("/api"))["components"]["parameters"]["datetime"]
    assert (given["in"], given["schema"], given["style"], given["explode"]) == (
        "query",
        {"type": "string"},
        "form",
        False,
    )


@pytest.mark.parametrize(
    ("times", "count"),
    [("2026-05-03T12:00:00Z", 1), ("2026-05-03T14:00:00%2B02:00", 1), ("2026-05-03t12:00:00.000000000z", 1),
     ("2026-05-03T12:00:01Z", 0), ("2026-05-03", 1), ("2026-05-03T12:00:00Z/2026-05-05T12:00:00Z", 3),
     ("2026-05-03/2026-05-05", 3), ("../2026-05-03T12:00:00Z", 3), ("/2026-05-03", 3), ("2026-05-23/..", 3),
     ("2026-05-23T12:00:00Z/", 3), ("../..", 25), ("/", 25), ("2025-01-01/2025-12-31", 0)],
)  # fmt: skip
def test_core_fc_time_response(get: Get, times: str, count: int) -> None:
    assert len(ids(get(f"/collections/reports/items?limit=1000&datetime={times}"))) == count


def test_what_has_no_time_matches_every_time(get: Get) -> None:
    within = ids(get("/collections/interventions/items?datetime=2026-06-01T09:00:00Z"))
    assert within == [TIMED, TIMELESS]
    assert ids(get("/collections/interventions/items?datetime=2026-06-01T10:00:00Z/..")) == [TIMED, TIMELESS]
    assert ids(get("/collections/interventions/items?datetime=2026-06-01T10:00:01Z/..")) == [TIMELESS]
    assert len(ids(get("/collections/stops/items?datetime=2026-06-01"))) == 1


def walk(get: Get, path: str) -> list[list[str]]:
    """Every page's ids, from page to page."""
    pages = []
    while path:
        document = body(get(path))
        pages.append([feature["id"] for feature in document["features"]])
        onward = links(document, "next")
        assert len(onward) <= 1
        path = onward[0]["href"].removeprefix("http://localhost/ogc") if onward else ""
    return pages


def test_core_fc_links_and_next(get: Get) -> None:
    document = body(get("/collections/reports/items?limit=10"))
    assert links(document, "self")[0]["href"] == "http://localhost/ogc/collections/reports/items?limit=10"
    assert links(document, "alternate")[0]["type"] == "text/html"
    assert links(document, "collection")[0]["href"] == "http://localhost/ogc/collections/reports"
    pages = walk(get, "/collections/reports/items?limit=10")
    assert [len(page) for page in pages] == [10, 10, 5]
    assert [id_ for page in pages for id_ in page] == [report_id(number + 1) for number in range(REPORTS)]
    assert [len(page) for page in walk(get, "/collections/reports/items?limit=5")] == [5] * 5


def test_next_keeps_every_parameter(get: Get) -> None:
    query = ("limit=2&bbox=1,49,3,51&crs=http://www.opengis.net/def/crs/EPSG/0/2154&state=new&f=json"
             "&datetime=2026-05-01/..&filter=severity%20%3E%200&category=lift_out&organisation=bus")  # fmt: skip
    document = body(get(f"/collections/reports/items?{query}"))
    onward = links(document, "next")[0]["href"]
    assert {"limit": ["2"]} | parse_qs(onward.partition("?")[2]) == parse_qs(query) | {
        "after": [document["features"][-1]["id"]]
    }
    pages = walk(get, f"/collections/reports/items?{query}")
    assert sum(len(page) for page in pages) == document["numberMatched"]


def test_pages_stay_as_they_are_when_reports_come_in(get: Get) -> None:
    """A page goes on where the last one ended, not so many rows on."""
    first = body(get("/collections/reports/items?limit=10"))
    onward = links(first, "next")[0]["href"]
    assert f"after={report_id(10)}" in onward


def test_core_fc_rel_type_and_link_headers(get: Get) -> None:
    answer = get("/collections/reports/items?limit=1")
    document = body(answer)
    assert all(link["rel"] and link["type"] for link in document["links"])
    headers = " ".join(answer.headers.getlist("Link"))
    for link in document["links"]:
        assert f'<{link["href"]}>; rel="{link["rel"]}"; type="{link["type"]}"' in headers


def test_core_fc_time_stamp(get: Get) -> None:
    stamp = body(get("/collections/reports/items"))["timeStamp"]
    assert stamp.endswith("Z")
    assert datetime.fromisoformat(stamp).tzinfo is not None


@pytest.mark.parametrize(
    ("query", "matched"), [("", REPORTS), ("?state=new", 9), ("?limit=5&state=new", 9), ("?bbox=0,0,1,1", 0)]
)
def test_core_fc_number_matched(get: Get, query: str, matched: int) -> None:
    assert body(get(f"/collections/reports/items{query}"))["numberMatched"] == matched


def test_core_fc_number_returned(get: Get) -> None:
    for query in ("", "?limit=3", "?bbox=0,0,1,1"):
        document = body(get(f"/collections/reports/items{query}"))
        assert document["numberReturned"] == len(document["features"])


@pytest.mark.parametrize("collection", IDS)
def test_core_f_op_and_success_and_links(get: Get, collection: str) -> None:
    listed = body(get(f"/collections/{collection}/items?limit=1"))["features"][0]
    answer = get(f"/collections/{collection}/items/{listed['id']}", accept=GEOJSON)
    feature = body(answer)
    assert answer.content_type == GEOJSON
    assert {key: value for key, value in feature.items() if key != "links"} == listed
    assert links(feature, "self")[0]["type"] == GEOJSON
    assert links(feature, "alternate")[0]["type"] == "text/html"
    assert links(feature, "collection")[0]["href"].endswith(f"/collections/{collection}")


@pytest.mark.parametrize("feature", ["abc", "1", "%00", "..", "00000000-0000-0000-0000-000000000000", report_id(9_000),
                                     report_id(1).replace("-", ""), "{" + report_id(1) + "}"])  # fmt: skip
def test_ids_that_are_not_ids_or_not_for_the_asker(get: Get, feature: str) -> None:
    assert get(f"/collections/reports/items/{feature}").status_code == 404


@pytest.mark.parametrize("feature", ["abc", "-1", "1.0", "9" * 30, "%D9%A3", "0"])
def test_numbers_that_are_not_numbers(get: Get, feature: str) -> None:
    assert get(f"/collections/stops/items/{feature}").status_code == 404


def test_geojson_every_awkward_text_survives(get: Get) -> None:
    feature = body(get(f"/collections/reports/items/{report_id(4)}"))
    assert feature["properties"]["description"] == 'Sac éventré, "près du quai"\n<b>&\\'


def test_the_properties_are_those_of_the_exports_in_their_order(get: Get) -> None:
    from app.exports.dictionary import COLUMNS

    text = get("/collections/reports/items?limit=1").get_data(as_text=True)
    names = list(json.loads(text)["features"][0]["properties"])
    assert names == [column.name for column in COLUMNS["reports"] if not column.csv_only]


@pytest.mark.parametrize(
    "path",
    ["/", "/api", "/conformance", "/collections", "/collections/reports", "/collections/reports/queryables",
     "/collections/reports/schema", "/collections/reports/items?limit=2", f"/collections/reports/items/{report_id(4)}",
     "/collections/lines/items", "/collections/neighbourhood_statistics/items"],
)  # fmt: skip
def test_html_content_and_alternates(get: Get, path: str) -> None:
    """/req/html/definition and content: every resource is a page too, and each says where its other form is."""
    page = get(path, accept="text/html")
    assert page.content_type == "text/html; charset=utf-8"
    text = page.get_data(as_text=True)
    assert '<html lang="' in text
    assert re.search(r'<link rel="alternate" type="application/[^"]*json', text)
    assert "&lt;b&gt;" in text if report_id(4) in path else "<b>&" not in text
    data = get(path, accept="application/json, application/geo+json, application/schema+json")
    assert any('rel="alternate"; type="text/html"' in link for link in data.headers.getlist("Link"))


def test_without_a_token_the_reports_are_there_and_empty(get: Get) -> None:
    document = body(get("/collections/reports/items", who=None))
    assert (document["features"], document["numberMatched"]) == ([], 0)
    assert links(document, "next") == []
    assert body(get("/collections/interventions/items", who=None))["features"] == []
    assert get(f"/collections/reports/items/{report_id(1)}", who=None).status_code == 404
    assert get("/collections/reports/items", who=None, accept="text/html").status_code == 200
    assert len(body(get("/collections/stops/items", who=None))["features"]) == 1


def test_whoever_may_read_more_sees_more(get: Get) -> None:
    assert body(get("/collections/reports/items", who="coordinator"))["numberMatched"] == REPORTS + 1


def test_a_bad_token_is_refused_everywhere(get: Get) -> None:
    answer = get("/collections", who=None, headers={"Authorization": "Bearer nonsense"})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert answer.get_json(force=True)["code"] == "NotAuthorized"


def test_only_reading(get: Get) -> None:
    answer = get("/collections/reports/items", method="POST")
    assert answer.status_code == 405
    assert "GET" in answer.headers["Allow"]
