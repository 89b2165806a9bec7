"""Files by URL: from a server of our own on the loopback, and from nowhere."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from app.errors import GeodataError
from app.places.download import fetch


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        status, headers, body = {
            "/good.geojson": (200, {"Content-Length": "5"}, b"hello"),
            "/short": (200, {"Content-Length": "50"}, b"hello"),
            "/endless": (200, {}, b"x" * 300_000),
            "/huge": (200, {"Content-Length": "999999999999"}, b""),
            "/away": (302, {"Location": "file:///etc/passwd"}, b""),
            "/moved": (302, {"Location": "/good.geojson"}, b""),
        }.get(self.path, (404, {}, b""))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        pass


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def _quiet(_done: int, _total: int | None) -> None:
    pass


@pytest.mark.parametrize("path", ["/good.geojson", "/moved"])
def test_a_file_is_kept_in_the_cache(base: str, tmp_path: Path, path: str) -> None:
    seen: list[tuple[int, int | None]] = []
    file = fetch(base + path, tmp_path / "cache", lambda done, total: seen.append((done, total)))
    assert file.read_bytes() == b"hello"
    assert file.parent == tmp_path / "cache"
    assert seen == [(5, 5)]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/none", "the server answers 404"),
        ("/short", "the connection broke after 5 of 50 bytes|IncompleteRead"),
        ("/endless", "larger than 0 MB"),
        ("/huge", "larger than 0 MB|connection broke"),
        ("/away", "302|cannot be fetched"),
    ],
)
def test_a_broken_download_leaves_nothing(base: str, tmp_path: Path, path: str, message: str) -> None:
    with pytest.raises(GeodataError, match=message):
        fetch(base + path, tmp_path, _quiet, max_bytes=200_000)
    assert list(tmp_path.iterdir()) == []


def test_offline_is_one_line_that_says_what_to_do(tmp_path: Path) -> None:
    # Port 1 on the loopback: nobody answers there.
    with pytest.raises(GeodataError, match=r"cannot be fetched .*Give the path of a file instead"):
        fetch("http://127.0.0.1:1/file.zip", tmp_path, _quiet)


def test_the_name_in_the_cache_is_harmless(base: str, tmp_path: Path) -> None:
    with pytest.raises(GeodataError, match="404"):
        fetch(f"{base}/..%2f..%2fetc/%00passwd?x=/../y", tmp_path, _quiet)
    assert list(tmp_path.iterdir()) == []
