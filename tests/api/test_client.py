"""The example client of docs/api, against the real server: nothing in it is said that is not so."""

from __future__ import annotations

import importlib.util
import io
import json
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any
from uuid import uuid4

import pytest
from PIL import Image

from tests.api.serving import Site
from tests.reports.samples import LAT, LON
from tests.serving import ROOT


def _load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("quietude_client", ROOT / "docs/api/quietude_client.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


api = _load()


@pytest.fixture
def client(site: Site) -> Any:
    return api.Client(site.url, site.tokens["coordinator"])


def _report(**changes: Any) -> Any:
    return api.NewReport(**{"category": "overflowing_bin", "lon": LON, "lat": LAT} | changes)


def _picture() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (64, 48), (120, 130, 140)).save(out, "JPEG")
    return out.getvalue()


def test_a_report_is_sent_once_however_often_it_is_sent(client: Any) -> None:
    report = _report(description="Poubelle pleine", severity=2)
    first, again = client.submit(report), client.submit(report)
    assert first == again
    assert first["id"] == report.id
    assert client.report(report.id).body["description"] == "Poubelle pleine"


def test_a_refusal_names_the_field_and_the_fix(client: Any) -> None:
    with pytest.raises(api.ApiError) as refused:
        client.submit(_report(category="nothing_of_the_kind"))
    assert refused.value.status == 422
    assert [one.field for one in refused.value.errors] == ["category"]
    assert "does not exist" in str(refused.value)
    assert refused.value.request_id


def test_pages_are_read_to_the_end(client: Any) -> None:
    sent = {client.submit(_report(category="graffiti"))["id"] for _ in range(5)}
    found = [feature["id"] for feature in client.reports(category="graffiti", limit=2)]
    assert sent <= set(found)
    assert len(found) == len(set(found))


def test_a_state_is_changed_on_the_version_that_was_seen(client: Any) -> None:
    report_id = client.submit(_report())["id"]
    seen = client.report(report_id)
    rejected = client.move(report_id, "reject", seen, reason="no_problem")
    assert rejected.body["state"] == "rejected"
    with pytest.raises(api.ApiError) as refused:
        client.move(report_id, "reopen", seen, text="Toujours là")
    assert refused.value.status == 412
    assert client.move(report_id, "reopen", rejected, text="Toujours là").body["state"] == "reopened"


def test_a_photo_is_added_once(client: Any) -> None:
    report_id, photo_id = client.submit(_report())["id"], str(uuid4())
    added = [client.add_photo(report_id, _picture(), photo_id=photo_id) for _ in range(2)]
    assert added[0] == added[1]
    assert added[0]["width_px"] == 64


def test_an_export_is_written_as_a_whole(client: Any, tmp_path: Path) -> None:
    report_id = client.submit(_report())["id"]
    target = client.export("reports.geojson", tmp_path / "reports.geojson", category="overflowing_bin")
    written = json.loads(target.read_text("utf-8"))
    assert report_id in [feature["properties"]["id"] for feature in written["features"]]
    assert list(tmp_path.iterdir()) == [target]


def test_a_bad_token_is_said(site: Site) -> None:
    with pytest.raises(api.ApiError) as refused:
        api.Client(site.url, "qt_" + "x" * 43).report(str(uuid4()))
    assert refused.value.status == 401


class _Busy(BaseHTTPRequestHandler):
    """Refuses twice, hangs up once, then answers: what a client meets on a bad day."""

    asked = 0

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        type(self).asked += 1
        if self.asked == 3:
            return
        self.send_response({1: 429, 2: 503}.get(self.asked, 201))
        self.send_header("Retry-After", "7")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def busy() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), _Busy)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_what_passes_is_waited_for(busy: str) -> None:
    waited: list[float] = []
    report = _report()
    assert api.Client(busy, "qt_x", sleep=waited.append).submit(report)["id"] == report.id
    assert waited == [7.0, 7.0, 4.0]


def test_the_token_goes_nowhere_else(client: Any) -> None:
    with pytest.raises(ValueError, match="its own service"):
        client._request("GET", "//elsewhere.example/api/reports")
