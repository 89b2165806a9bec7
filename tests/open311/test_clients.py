"""The PyPI client `three` against the real server over HTTP, and abuse: whatever is sent, never a 500."""

from __future__ import annotations

import io
import itertools
import threading
import warnings
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree
from werkzeug.serving import make_server

from app.open311.render import as_xml
from tests.open311.conftest import Api
from tests.photos.samples import jpeg
from tests.routing.world import at

LON, LAT = at(0)


@pytest.fixture
def three(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The client as it is, but for two things of Python 2 that it cannot run without: ifilter, and keys() as a list."""
    monkeypatch.setattr(itertools, "ifilter", filter, raising=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # escapes in its texts that Python warns of today
        from three import core

    class Three(core.Three):  # type: ignore[misc]
        def convert(self, content: bytes, conversion: bool) -> Any:  # noqa: FBT001  (its signature)
            if self.format == "xml" and conversion:
                (data,) = core.xml(content).values()
                return data
            return super().convert(content, conversion)

    monkeypatch.delenv("OPEN311_API_KEY", raising=False)
    monkeypatch.delenv("OPEN311_CITY_INFO", raising=False)
    return Three


@pytest.fixture
def address(api: Api) -> Iterator[str]:
    """The endpoint behind a real port."""
    server = make_server("127.0.0.1", 0, api.client.application, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/open311/v2/"
    server.shutdown()
    thread.join()
    server.server_close()


def test_three_reads_and_posts_json(api: Api, address: str, three: Any) -> None:
    client = three(address, api_key=api.world.tokens["agent"], jurisdiction="80021")
    assert client.discovery()["endpoints"][0]["specification"].endswith("GeoReport_v2")
    assert client.services()[0]["service_code"] == "fly_tipping"
    assert client.services("lift_out")["service_code"] == "lift_out"
    (made,) = client.post(
        "lift_out", lat=LAT, long=LON, description="The lift", name="Jeanne Dupontel", address="12 rue", phone="06"
    )
    assert client.post_response.status_code == 201
    client.session.params = {"api_key": api.world.tokens["hlm-a"]}
    request_id = made["service_request_id"]
    assert [one["service_request_id"] for one in client.request(request_id)] == [request_id]
    tomorrow = (date.today() + timedelta(days=1)).strftime("%m-%d-%Y")  # noqa: DTZ011  (as it does)
    yesterday = (date.today() - timedelta(days=1)).strftime("%m-%d-%Y")  # noqa: DTZ011
    listed = client.requests("lift_out", start=yesterday, end=tomorrow, count=10)
    assert [one["description"] for one in listed] == ["The lift"]
    assert client.token(request_id)[0]["token"] == request_id
    assert client.requests("nothing")[0]["code"] == 400


def test_three_reads_and_posts_xml_with_a_picture(api: Api, address: str, three: Any) -> None:
    client = three(address, api_key=api.world.tokens["agent"], format="xml")
    assert client.services()["service"][0]["service_name"] == "Dépôt sauvage"
    assert client.services("lift_out")["attributes"]["attribute"][1]["values"]["value"][3]["key"] == "4"
    media = io.BytesIO(jpeg(60, 40))
    media.name = "lift.jpg"
    made = client.post("lift_out", lat=LAT, long=LON, description="Ä & <none>"[:3], media=media)
    request_id = made["request"]["service_request_id"]
    client.session.params = {"api_key": api.world.tokens["hlm-a"]}
    assert client.request(request_id)["request"]["media_url"].startswith("https://quietude.example/q/photos/")
    assert client.request("1")["error"]["code"] == "404"


# ── abuse ───────────────────────────────────────────────────────────────────────────────────────────────────────────

ANY = st.text(max_size=40) | st.sampled_from(
    [
        "", " ", "0", "-1", "1e400", "NaN", "∞", "1" * 400, "\x00", "😀", "true", "null", "%00", "' OR 1=1 --",
        "2026-01-01T00:00:00Z", "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", "2026-W01-1T00:00:00Z",
        "lift_out", "lift_out,graffiti", "open", "80021", "8b1ff6a8-2f0f-4d4e-9d4e-5f2d8f1c0000", f"{LAT}", f"{LON}",
    ]
)  # fmt: skip
QUERY = (
    "jurisdiction_id", "service_request_id", "service_code", "start_date", "end_date", "updated_after",
    "updated_before", "status", "page", "page_size", "extensions",
)  # fmt: skip
FIELDS = (
    "jurisdiction_id", "service_code", "lat", "long", "description", "address_string", "address_id", "email",
    "media_url", "attribute[severity]", "attribute[place_id]", "attribute[observed_at]", "attribute[x]", "attribute",
)  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY, inner, max_size=3),
    max_leaves=6,
)
RUN = settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])


def _in_order(answer: Any, ending: str, allowed: set[int]) -> None:
    assert answer.status_code in allowed, (answer.status_code, answer.text)
    if ending == "xml":
        etree.fromstring(answer.data)
    elif answer.mimetype == "application/json":
        assert answer.get_json() is not None
    if answer.status_code >= 400 and ending in {"json", "xml"}:
        assert answer.mimetype == {"json": "application/json", "xml": "text/xml"}[ending]


def test_no_query_is_an_error_of_ours(api: Api) -> None:
    api.made()

    @RUN
    @given(query=st.dictionaries(st.sampled_from(QUERY), ANY, max_size=4), ending=st.sampled_from(["json", "xml"]))
    def ask(query: dict[str, str], ending: str) -> None:
        _in_order(api.get(f"requests.{ending}", "coordinator", **query), ending, {200, 400, 404})

    ask()


def test_no_address_is_an_error_of_ours(api: Api) -> None:
    @RUN
    @given(
        resource=st.sampled_from(["services", "requests", "tokens", "discovery", ""]),
        key=ANY,
        ending=st.sampled_from(["json", "xml", "csv", ""]),
        method=st.sampled_from(["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"]),
    )
    def ask(resource: str, key: str, ending: str, method: str) -> None:
        path = f"/open311/v2/{resource}/{quote(key, safe='')}.{ending}"
        answer = api.client.open(path, method=method, headers=api.world.headers("coordinator"))
        assert answer.status_code in {200, 308, 404, 405}, answer.text

    ask()


def test_no_post_is_an_error_of_ours(api: Api) -> None:
    good = {"service_code": "lift_out", "lat": str(LAT), "long": str(LON)}

    @RUN
    @given(
        changes=st.dictionaries(st.sampled_from(FIELDS), ANY, max_size=4),
        key=st.none() | st.text("abc\u00e9 ", max_size=300),
        ending=st.sampled_from(["json", "xml"]),
    )
    def form(changes: dict[str, str], key: str | None, ending: str) -> None:
        headers = api.world.headers("agent") | ({"Idempotency-Key": key} if key else {})
        answer = api.client.post(f"/open311/v2/requests.{ending}", data=good | changes, headers=headers)
        _in_order(answer, ending, {200, 201, 400, 404, 409})

    @RUN
    @given(changes=st.dictionaries(st.sampled_from([*FIELDS, "api_key"]), JSON, max_size=4) | JSON)
    def body(changes: Any) -> None:
        sent = good | changes if isinstance(changes, dict) else changes
        answer = api.client.post("/open311/v2/requests.json", json=sent, headers=api.world.headers("agent"))
        _in_order(answer, "json", {200, 201, 400, 404, 409})

    form()
    body()


@RUN
@given(text=st.text())
def test_whatever_a_text_holds_its_xml_can_be_read(text: str) -> None:
    etree.fromstring(as_xml("services", [{"service_name": text}]))


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (b"\xff\xfe", "application/x-www-form-urlencoded"),
        (b"service_code=%ff%fe&lat=%00&long=%", "application/x-www-form-urlencoded"),
        (b"--x\r\n", "multipart/form-data; boundary=x"),
        (b"nothing", "multipart/form-data"),
        (b"[" * 100_000, "application/json"),
        (b'{"a": ', "application/json"),
        (b"<service_requests/>", "text/xml"),
        (b"", "application/octet-stream"),
    ],
)
def test_a_body_that_is_none(api: Api, content: bytes, content_type: str) -> None:
    answer = api.client.post(
        "/open311/v2/requests.json", data=content, content_type=content_type, headers=api.world.headers("agent")
    )
    assert answer.status_code in {400, 404}, answer.text
    assert isinstance(answer.get_json(), list)
