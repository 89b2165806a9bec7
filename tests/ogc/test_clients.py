"""What real clients need and nobody guesses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from flask import Flask

from app import create_app
from app.settings import load_settings
from app.web.context import services
from tests.ogc.conftest import Get
from tests.ogc.samples import REPORTS, report_id
from tests.ogc.test_core import GEOJSON, body
from tests.routing.world import World

ITEMS = "/collections/reports/items"
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
OPENAPI = "application/vnd.oai.openapi+json;version=3.0"
SCHEMA = "application/schema+json"
EVERY = ["/", "/api", "/conformance", "/collections", "/collections/reports", "/collections/reports/queryables",
         "/collections/reports/schema", f"{ITEMS}?limit=2", f"{ITEMS}/{report_id(1)}"]  # fmt: skip


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("application/geo+json, application/json", GEOJSON),
        ("application/json, application/geo+json", GEOJSON),
        ("application/json", "application/json"),
        ("application/geo+json;q=0.5, application/json", "application/json"),
        ("*/*", GEOJSON),
        (None, GEOJSON),
        ("application/*", GEOJSON),
        (BROWSER, "text/html"),
        ("text/html;q=0.1, application/geo+json", GEOJSON),
    ],
)
def test_what_is_accepted_decides(get: Get, accept: str | None, media_type: str) -> None:
    for path in (ITEMS, f"{ITEMS}/{report_id(1)}"):
        assert get(path, accept=accept).mimetype == media_type


@pytest.mark.parametrize(
    ("path", "accept", "media_type"),
    [
        ("/api", OPENAPI, OPENAPI),
        ("/api", f"{OPENAPI}, application/openapi+json;version=3.0, application/json", OPENAPI),
        ("/api", "application/vnd.oai.openapi+json", OPENAPI),
        ("/api", "application/json", "application/json"),
        ("/api", None, OPENAPI),
        ("/collections/reports/queryables", f"{SCHEMA}, application/json", SCHEMA),
        ("/collections/reports/queryables", "application/json", "application/json"),
        ("/collections", BROWSER, "text/html; charset=utf-8"),
        ("/", "*/*", "application/json"),
    ],
)
def test_every_resource_by_the_names_it_goes_by(get: Get, path: str, accept: str | None, media_type: str) -> None:
    assert get(path, accept=accept).content_type == media_type


@pytest.mark.parametrize("path", EVERY)
def test_f_goes_before_accept(get: Get, path: str) -> None:
    joined = "&" if "?" in path else "?"
    assert get(f"{path}{joined}f=html", accept="application/json").mimetype == "text/html"
    assert get(f"{path}{joined}f=json", accept="text/html").content_type.partition(";")[0].endswith("json")
    assert get(f"{path}{joined}f=", accept="text/html").status_code == 400


@pytest.mark.parametrize("path", EVERY)
def test_nothing_acceptable_is_406(get: Get, path: str) -> None:
    answer = get(path, accept="application/xml")
    assert answer.status_code == 406
    assert answer.get_json(force=True)["code"] == "NotAcceptable"


@pytest.mark.parametrize("path", EVERY)
def test_head_is_the_head_of_get(get: Get, path: str) -> None:
    whole, head = get(path), get(path, method="HEAD")
    assert head.data == b""
    kept = {"Content-Type", "Content-Length", "Link", "Content-Crs", "Vary"}
    assert [(k, v) for k, v in head.headers if k in kept] == [(k, v) for k, v in whole.headers if k in kept]


@pytest.mark.parametrize("path", [*EVERY, "/nowhere", f"{ITEMS}?limit=0", f"{ITEMS}/none"])
def test_cors(get: Get, path: str) -> None:
    answer = get(path, headers={"Origin": "https://elsewhere.example"})
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in answer.headers
    exposed = answer.headers["Access-Control-Expose-Headers"]
    assert {"Content-Crs", "Link", "ETag"} <= {name.strip() for name in exposed.split(",")}
    assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    asked = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"}
    before = get(path, who=None, accept=None, method="OPTIONS", headers=asked)
    assert before.status_code == 200
    assert "Authorization" in before.headers["Access-Control-Allow-Headers"]
    assert "GET" in before.headers["Access-Control-Allow-Methods"]


def test_a_page_that_the_client_has_is_not_sent_again(get: Get) -> None:
    first = get(ITEMS)
    again = get(ITEMS, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    assert again.headers["Content-Crs"] == first.headers["Content-Crs"]
    other = get(f"{ITEMS}?state=new", headers={"If-None-Match": first.headers["ETag"]})
    assert other.status_code == 200
    assert get(ITEMS, who=None, headers={"If-None-Match": first.headers["ETag"]}).status_code == 200


def test_compressed_when_accepted(get: Get) -> None:
    import gzip

    packed = get(f"{ITEMS}?limit=25", headers={"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert json.loads(gzip.decompress(packed.data))["numberReturned"] == REPORTS
    assert "Content-Encoding" not in get(f"{ITEMS}?limit=25").headers


def test_what_it_says_to_a_person_is_a_page(get: Get) -> None:
    for path in ("/nowhere", f"{ITEMS}?limit=0"):
        answer = get(path, accept=BROWSER)
        assert answer.status_code in {400, 404}
        assert answer.mimetype == "text/html"


FORWARDED = {"X-Forwarded-Host": "city.example", "X-Forwarded-Proto": "https", "X-Forwarded-Prefix": "/quietude"}


def test_headers_of_a_proxy_that_nobody_trusts_are_ignored(get: Get) -> None:
    for path in ("/", "/collections", f"{ITEMS}?limit=1"):
        answer = get(path, headers=FORWARDED)
        hrefs = [one["href"] for one in body(answer)["links"]]
        assert all(href.startswith("http://localhost/ogc") for href in hrefs)
        assert "city.example" not in str(answer.headers)


def test_behind_a_trusted_proxy_every_link_is_one_of_the_outside(
    ogc_app: Flask, world: World, app_url: str, tmp_path: Path
) -> None:
    environ = {"DATABASE_URL": app_url, "VAR_DIR": str(tmp_path), "SECRET_KEY": "x" * 20, "TRUSTED_PROXIES": "1"}
    behind = create_app(load_settings({f"QUIETUDE_{name}": value for name, value in environ.items()}))
    try:
        client = behind.test_client()
        for path in ("/ogc/", "/ogc/collections", f"/ogc{ITEMS}?limit=1"):
            # The client's own word comes first, the proxy's last.
            forwarded = {name: f"evil, {value}" for name, value in FORWARDED.items()}
            answer = client.get(path, headers=world.headers("planner") | forwarded | {"Accept": "application/json"})
            hrefs = [one["href"] for one in body(answer)["links"]]
            assert all(href.startswith("https://city.example/quietude/ogc") for href in hrefs)
            assert "evil" not in f"{answer.headers}{answer.data!r}"
            for link in answer.headers.getlist("Link"):
                assert link.startswith("<https://city.example/quietude/ogc")
        served = client.get("/ogc/api", headers=FORWARDED | {"Accept": "application/json"}).get_json(force=True)
        assert served["servers"] == [{"url": "https://city.example/quietude/ogc"}]
    finally:
        with behind.app_context():
            services().engine.dispose()
