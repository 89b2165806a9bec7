"""Static files travel compressed and stay cacheable; pages do not where a token stands beside a stranger's words."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import brotli
import pytest
from flask import Flask
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
    plain = client.get(path, headers={"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in plain.headers
    sizes = [len(plain.data) / 2]
    for name, unpack in (("gzip", gzip.decompress), ("gzip, br", brotli.decompress)):
        small = client.get(path, headers={"Accept-Encoding": name})
        assert small.headers["Content-Encoding"] == name.rpartition(" ")[2]
        assert len(unpack(small.data)) == len(plain.data)
        sizes.append(len(small.data))
    assert sizes == sorted(sizes, reverse=True)


def test_a_changed_file_is_compressed_anew(app: Flask, client: FlaskClient, tmp_path: Path) -> None:
    app.static_folder = str(tmp_path)
    for words in ("first " * 200, "second " * 300):
        (tmp_path / "a.css").write_text(words)
        answer = client.get("/static/a.css", buffered=True, headers={"Accept-Encoding": "br"})
        assert brotli.decompress(answer.data).decode() == words
