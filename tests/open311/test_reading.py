"""GeoReport v2 as clients read it: discovery, services, requests, tokens, in JSON and XML, as far as a key may see."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from lxml import etree
from sqlalchemy import event

from app.nomenclature.store import load_nomenclature
from app.web.context import services
from tests.open311.conftest import BASE, Api, errors_of, xml_of
from tests.photos.samples import jpeg

REQUEST_FIELDS = [
    "service_request_id", "status", "status_notes", "service_name", "service_code", "description", "agency_responsible",
    "service_notice", "requested_datetime", "updated_datetime", "expected_datetime", "address", "address_id", "zipcode",
    "lat", "long", "media_url",
]  # fmt: skip


def _ids(answer: Any) -> list[str]:
    return [one["service_request_id"] for one in answer.get_json()]


def test_discovery_in_both_formats_and_places(api: Api) -> None:
    for path in ("/open311/discovery", "/open311/v2/discovery"):
        said = api.client.get(f"{path}.json").get_json()
        assert said["endpoints"][0]["url"] == f"{BASE}/open311/v2"
        assert said["endpoints"][0]["formats"] == ["text/xml", "application/json"]
        root = xml_of(api.client.get(f"{path}.xml"))
        assert root.tag == "discovery"
        assert root.findtext("endpoints/endpoint/specification") == "http://wiki.open311.org/GeoReport_v2"
        assert [one.text for one in root.iterfind("endpoints/endpoint/formats/format")] == [
            "text/xml",
            "application/json",
        ]


def test_every_active_category_is_a_service_in_the_asked_language(api: Api) -> None:
    with api.engine.connect() as connection:
        codes = [one.code for one in load_nomenclature(connection).categories]
    listed = api.get("services.json").get_json()
    assert [one["service_code"] for one in listed] == codes
    assert {(one["metadata"], one["type"]) for one in listed} == {(True, "realtime")}
    assert listed[0]["service_name"] == "Dépôt sauvage"
    english = api.client.get("/open311/v2/services.xml", headers={"Accept-Language": "en"})
    root = xml_of(english)
    assert (root.tag, root[0].tag, root[0].findtext("service_name")) == ("services", "service", "Fly-tipping")
    assert root[0].findtext("metadata") == "true"


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        ({}, "introuvable"),
        ({"Accept-Language": "en-GB,en;q=0.9"}, "not found"),
        ({"Accept-Language": "en", "Cookie": "quietude_language=fr"}, "introuvable"),
    ],
)
def test_an_error_is_told_in_the_language_that_was_asked_for(api: Api, headers: dict[str, str], words: str) -> None:
    client = api.client.application.test_client(use_cookies=False)
    answer = client.get("/open311/v2/services/none.xml", headers=headers)
    assert (answer.status_code, words in answer.text) == (404, True), answer.text
    assert "Accept-Language" in answer.headers["Vary"]


def test_a_definition_has_the_four_severities(api: Api) -> None:
    said = api.get("services/lift_out.json").get_json()
    severity = next(one for one in said["attributes"] if one["code"] == "severity")
    assert (severity["datatype"], severity["required"], severity["variable"]) == ("singlevaluelist", False, True)
    assert [one["key"] for one in severity["values"]] == ["1", "2", "3", "4"]
    assert [one["order"] for one in said["attributes"]] == [1, 2, 3, 4]
    root = xml_of(api.get("services/lift_out.xml"))
    assert root.tag == "service_definition"
    assert len(root.findall("attributes/attribute/values/value")) == 4


def test_a_request_has_every_field_of_the_specification(api: Api) -> None:
    made = api.made(**{"attribute[severity]": "4"})
    (one,) = api.get(f"requests/{made}.json", "hlm-a").get_json()
    assert list(one) == REQUEST_FIELDS
    assert (one["status"], one["service_code"], one["agency_responsible"]) == ("open", "lift_out", "The hlm-a")
    assert one["requested_datetime"] == one["updated_datetime"]
    assert datetime.fromisoformat(one["requested_datetime"]).microsecond == 0
    assert one["expected_datetime"] > one["requested_datetime"]
    assert isinstance(one["lat"], float)
    root = xml_of(api.get(f"requests/{made}.xml", "hlm-a"))
    assert (root.tag, len(root), [child.tag for child in root[0]]) == ("service_requests", 1, REQUEST_FIELDS)
    assert root[0].findtext("zipcode") == ""
    (extended,) = api.get(f"requests/{made}.json", "hlm-a", extensions="true").get_json()
    assert extended["extended_attributes"]["state"] == "new"
    assert extended["extended_attributes"]["severity"] == 4


def test_what_nobody_may_see_is_not_listed(api: Api) -> None:
    made = api.made()
    assert api.get("requests.json").get_json() == []
    assert api.get(f"requests/{made}.json").status_code == 404
    api.sql("UPDATE report SET visibility = 'restricted' WHERE id = :id", id=made)
    assert _ids(api.get("requests.json", "hlm-b")) == []
    assert _ids(api.get("requests.json", service_request_id=made)) == []
    assert _ids(api.get("requests.json", "hlm-a")) == [made]
    assert _ids(api.get("requests.json", "coordinator")) == [made]
    assert api.get(f"tokens/{made}.json", "hlm-b").status_code == 404
    assert api.get(f"tokens/{made}.json", "hlm-a").get_json() == [{"service_request_id": made, "token": made}]
    # A cookie is nobody: what a browser carries along opens nothing here.
    with api.client.session_transaction() as session:
        session.update({"_user_id": "coordinator", "_fresh": True, "sid": "one"})
    assert _ids(api.get("requests.json")) == []


@pytest.fixture
def many(api: Api) -> dict[str, str]:
    """Five requests, received so many days ago."""
    made = {}
    for name, days, code in (
        ("today", 0, "lift_out"), ("week", 7, "graffiti"), ("month", 30, "lift_out"), ("near", 89, "graffiti"),
        ("old", 91, "lift_out"),
    ):  # fmt: skip
        made[name] = api.made(service_code=code, description=name)
        at = datetime.now(UTC) - timedelta(days=days)
        api.sql("UPDATE report SET received_at = :at WHERE id = :id", at=at, id=made[name])
    return made


def _named(api: Api, many: dict[str, str], **query: Any) -> list[str]:
    answer = api.get("requests.json", "coordinator", **query)
    assert answer.status_code == 200, answer.text
    names = {report_id: name for name, report_id in many.items()}
    return [names[one] for one in _ids(answer)]


def _days_ago(days: float) -> str:
    return (datetime.now(UTC) - timedelta(days=days)).isoformat().replace("+00:00", "Z")


def test_filters(api: Api, many: dict[str, str]) -> None:
    assert _named(api, many) == ["today", "week", "month", "near"]
    assert _named(api, many, service_code="graffiti") == ["week", "near"]
    assert _named(api, many, service_code="graffiti,lift_out") == ["today", "week", "month", "near"]
    api.sql("UPDATE report SET state = 'verified' WHERE id = :id", id=many["week"])
    assert _named(api, many, status="closed") == ["week"]
    assert _named(api, many, status="open,closed") == ["today", "week", "month", "near"]
    assert _named(api, many, start_date=_days_ago(31), end_date=_days_ago(6)) == ["week", "month"]
    assert _named(api, many, end_date=_days_ago(88)) == ["near", "old"]
    assert _named(api, many, start_date=_days_ago(95)) == ["week", "month", "near", "old"]
    # An offset whose + a client forgot to escape.
    start = (datetime.now(UTC) - timedelta(days=31)).isoformat()
    assert "+" in start
    assert _named(api, many, start_date=start.replace("+", " "), status="open") == ["today", "month"]
    ids = f"{many['old']}, nonsense,{many['week']},{uuid4()}"
    assert _named(api, many, service_request_id=ids, status="bogus", start_date="never") == ["week", "old"]


def test_pages_do_not_overlap_and_name_the_next(api: Api, many: dict[str, str]) -> None:
    seen, pages = [], 0
    query: dict[str, Any] = {"page_size": 2}
    while True:
        answer = api.get("requests.json", "coordinator", **query)
        seen += _ids(answer)
        pages += 1
        if "Link" not in answer.headers:
            break
        query["page"] = pages + 1
        assert answer.headers["Link"] == f'<{BASE}/open311/v2/requests.json?page_size=2&page={pages + 1}>; rel="next"'
    assert pages == 3  # the second page was full: only the third, empty one says that it was the last
    assert seen == [many[name] for name in ("today", "week", "month", "near")]
    assert len(_ids(api.get("requests.json", "coordinator", page_size=5000))) == 4


def test_what_changed_since(api: Api, many: dict[str, str]) -> None:
    before = _days_ago(0)
    version = api.row(many["old"])["version"]
    moved = api.client.post(
        f"/api/reports/{many['old']}/moves",
        json={"move": "acknowledge", "version": version},
        headers=api.world.headers("hlm-a"),
    )
    assert moved.status_code == 200, moved.text
    # Without a window of its own, also what was requested long ago.
    assert _named(api, many, updated_after=before) == ["old"]
    assert _named(api, many, updated_before=before) == ["today", "week", "month", "near"]
    assert _named(api, many, updated_after=before, start_date=_days_ago(80)) == []
    (one,) = api.get(f"requests/{many['old']}.json", "coordinator").get_json()
    assert one["updated_datetime"] > one["requested_datetime"]
    assert one["status_notes"] == "Pris en compte"


def test_a_photo_is_named_to_those_who_may_see_it(api: Api) -> None:
    made = api.made(media=(io.BytesIO(jpeg(80, 60)), "lift.jpg"))
    (seen,) = api.get("requests.json", "hlm-a").get_json()
    assert seen["media_url"].startswith(f"{BASE}/photos/")
    (other,) = api.get(f"requests/{made}.json", "hlm-b").get_json()
    assert other["media_url"] is None


def test_a_list_takes_as_many_statements_whatever_its_length(api: Api, many: dict[str, str]) -> None:
    counts = []
    with api.client.application.app_context():
        engine = services().engine
    asked: list[str] = []

    def listen(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        asked.append(statement)

    api.get("services.json", "coordinator")  # the first use of a token is noted
    event.listen(engine, "before_cursor_execute", listen)
    for query in ({"page_size": "1"}, {}):
        asked.clear()
        api.get("requests.json", "coordinator", **query)
        counts.append(len(asked))
    assert counts[0] == counts[1] <= 5  # the token, the actor, requests, changes, photos


# ── refusals ────────────────────────────────────────────────────────────────────────────────────────────────────────


REFUSALS: tuple[tuple[str, dict[str, str], int, str], ...] = (
    ("services", {"jurisdiction_id": "75056"}, 404, "jurisdiction_id"),
    ("requests", {"jurisdiction_id": "city.example"}, 404, "jurisdiction_id"),
    ("services/nothing", {}, 404, "service_code"),
    ("requests/nothing", {}, 404, "service_request_id"),
    ("requests/8b1ff6a8-2f0f-4d4e-9d4e-5f2d8f1c0000", {}, 404, ""),
    ("tokens/1", {}, 404, ""),
    ("requests", {"service_code": "nothing"}, 400, "service_code"),
    ("requests", {"status": "new"}, 400, "status"),
    ("requests", {"start_date": "2026-01-01T00:00:00"}, 400, "start_date"),
    ("requests", {"start_date": "2026-01-01"}, 400, "start_date"),
    ("requests", {"start_date": "01-02-2026"}, 400, "start_date"),
    ("requests", {"end_date": "0001-01-01T00:00:00Z"}, 400, "start_date"),
    ("requests", {"start_date": "2026-01-01T00:00:00Z", "end_date": "2026-06-01T00:00:00Z"}, 400, "end_date"),
    ("requests", {"start_date": "2026-02-01T00:00:00Z", "end_date": "2026-01-01T00:00:00Z"}, 400, "end_date"),
    ("requests", {"updated_after": "x"}, 400, "updated_after"),
    ("requests", {"page": "0"}, 400, "page"),
    ("requests", {"page": "99999999999999999999"}, 400, "page"),
    ("requests", {"page_size": "ten"}, 400, "page_size"),
    ("requests", {"api_key": "wrong"}, 403, "api_key"),
    ("anything", {}, 404, ""),
)


def test_refusals_are_arrays_in_the_asked_format(api: Api) -> None:
    for ending, mimetype in (("json", "application/json"), ("xml", "text/xml")):
        for path, query, code, said in REFUSALS:
            answer = api.get(f"{path}.{ending}", **query)
            assert (answer.status_code, answer.mimetype) == (code, mimetype), (path, query)
            ((told, description),) = errors_of(answer)
            assert told == code
            assert description
            assert said in description, (path, query)


def test_the_territory_s_own_code_is_the_jurisdiction(api: Api) -> None:
    assert api.get("services.json", jurisdiction_id="80021").status_code == 200
    assert api.get("requests.json", jurisdiction_id="").status_code == 200


def test_a_method_that_is_not_there_says_which_are(api: Api) -> None:
    for method, path in (("DELETE", "requests.json"), ("POST", "services.xml"), ("PUT", "tokens/1.json")):
        answer = api.client.open(f"/open311/v2/{path}", method=method)
        assert answer.status_code == 405
        assert "GET" in answer.headers["Allow"]
        assert errors_of(answer)[0][0] == 405


def test_without_a_format_the_client_s_wish_decides_and_xml_is_usual(api: Api) -> None:
    for path in ("services", "services.yaml", "requests/1", "", "requests.csv", "nothing/at/all"):
        usual = api.client.get(f"/open311/v2/{path}", headers={"Accept": "*/*"})
        assert usual.status_code == 404
        assert xml_of(usual).tag == "errors"
        wished = api.client.get(f"/open311/v2/{path}", headers={"Accept": "application/json"})
        assert wished.get_json()[0]["code"] == 404


def test_characters_that_xml_has_not_are_left_out(api: Api) -> None:
    made = api.made(description="a & b")
    # Older rows, or other ways in, may hold what GeoReport's own post refuses.
    api.sql("UPDATE report SET description = :text WHERE id = :id", text="left \x01\x0b￾ & right 🚮", id=made)
    root = xml_of(api.get(f"requests/{made}.xml", "hlm-a"))
    assert root[0].findtext("description") == "left  & right 🚮"
    assert isinstance(root, etree._Element)


def test_apps_of_other_origins_may_read(api: Api) -> None:
    answer = api.get("services.json")
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in answer.headers
    asked = api.client.options("/open311/v2/requests.json", headers={"Origin": "https://app.example"})
    assert asked.status_code == 200
    assert "Authorization" in asked.headers["Access-Control-Allow-Headers"]
