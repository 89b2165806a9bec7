"""Static files travel compressed and stay cacheable; pages do not where a token stands beside a stranger's words."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import brotli
import pytest
from flask.testing import FlaskClient

PATH = "/static/css/app.css"
PLAIN = (Path(__file__).parents[2] / "app/web" / PATH.lstrip("/")).read_bytes()


@pytest.mark.parametrize(("name", "unpack"), [("gzip", gzip.decompress), ("br", brotli.decompress)])
def test_a_style_is_smaller_and_the_same(client: FlaskClient, name: str, unpack: Callable[[bytes], bytes]) -> None:
    answer = client.get(PATH, buffered=True, headers={"Accept-Encoding": name})
    assert answer.headers["Content-Encoding"] == name
    assert "Accept-Encoding" in answer.headers["Vary"]
    assert unpack(answer.data) == PLAIN
    assert len(answer.data) < len(PLAIN) / 3
    again = client.get(PATH, buffered=True, headers={"Accept-Encoding": name, "If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_who_cannot_unpack_gets_the_file(client: FlaskClient) -> None:
    answer = client.get(PATH, buffered=True, headers={"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in answer.headers
    assert answer.data == PLAIN
    assert (
        answer.headers["ETag"] != client.get(PATH, buffered=True, headers={"Accept-Encoding": "gzip"}).headers["ETag"]
    )


def test_pages_are_not_compressed(client: FlaskClient) -> None:
    answer = client.get("/login", headers={"Accept-Encoding": "gzip, br"})
    assert "Content-Encoding" not in answer.headers
    assert "csrf_token" in answer.text


@pytest.mark.parametrize("path", ["/offline/shell?page=/reports/new", "/sw.js"])
def test_what_the_phone_keeps_is_compressed(client: FlaskClient, path: str) -> None:
    zipped = client.get(path, headers={"Accept-Encoding": "gzip"})
    plain = client.get(path, headers={"Accept-Encoding": "identity"})
    assert zipped.headers["Content-Encoding"] == "gzip"
    assert len(zipped.data) < len(plain.data) / 2
