"""What no client should send, over a real socket: each is refused in words, and the server goes on."""

from __future__ import annotations

import json
import socket
from typing import Any

import pytest

from tests.api.serving import Site
from tests.reports.samples import body


def _raw(site: Site, request: bytes) -> tuple[int, dict[str, str], bytes]:
    """The answer to exactly these bytes: status, headers in lower case, body."""
    host, port = site.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as client:
        client.sendall(request)
        client.shutdown(socket.SHUT_WR)
        got = b""
        while part := client.recv(65536):
            got += part
    head, _, content = got.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines[1:])
    return int(lines[0].split()[1]), headers, content


def _ask(
    site: Site, line: str, content: bytes = b"", kind: str = "application/json", more: str = ""
) -> tuple[int, dict[str, str], bytes]:
    token = site.tokens["coordinator"]
    head = f"{line} HTTP/1.1\r\nHost: test\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n{more}"
    if content:
        head += f"Content-Type: {kind}\r\nContent-Length: {len(content)}\r\n"
    return _raw(site, head.encode("latin-1") + b"\r\n" + content)


def _is_problem(status: int, headers: dict[str, str], content: bytes) -> Any:
    assert headers["content-type"] == "application/problem+json"
    problem = json.loads(content)
    assert problem["status"] == status
    assert problem["title"]
    return problem


GOOD = json.dumps(body()).encode()
BODIES: dict[str, tuple[bytes, str, int]] = {
    "no JSON": (b"{", "application/json", 400),
    "nothing but a number": (b"1", "application/json", 400),
    "a list": (b"[]", "application/json", 400),
    "very deep": (b"[" * 200_000, "application/json", 400),
    "a deep field": (b'{"id": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "application/json", 400),
    "NaN": (GOOD.replace(b"49.8947", b"NaN"), "application/json", 422),
    "infinite": (GOOD.replace(b"49.8947", b"1e999"), "application/json", 422),
    "a very long number": (GOOD.replace(b"49.8947", b"4" * 5000), "application/json", 400),
    "a key twice": (GOOD[:-1] + b', "lat": 1}', "application/json", 400),
    "no UTF-8": (GOOD.replace(b"overflowing_bin", b"\xff\xfe"), "application/json", 400),
    "half a surrogate for a field": (GOOD[:-1] + b', "\\udc00": 1}', "application/json", 400),
    "a zone that no place has": (GOOD[:-1] + b', "observed_at": "2026-05-04T18:30:00+23:59"}', "application/json", 422),
    "half a surrogate": (GOOD.replace(b"overflowing_bin", b"\\ud800"), "application/json", 422),
    "a null character": (GOOD.replace(b"overflowing_bin", b"\\u0000"), "application/json", 422),
    "another charset": (GOOD.decode().encode("utf-16"), "application/json; charset=utf-16", 400),
    "no media type": (GOOD, "x", 415),
    "XML": (b"<a/>", "application/xml", 415),
    "a form without a boundary": (GOOD, "multipart/form-data", 422),
}


@pytest.mark.parametrize("name", BODIES)
def test_a_body_that_nobody_should_send(site: Site, name: str) -> None:
    content, kind, status = BODIES[name]
    answer = _ask(site, "POST /api/reports", content, kind)
    assert answer[0] == status, answer
    _is_problem(*answer)


PATHS: dict[str, tuple[str, int]] = {
    "no such address": ("GET /api/nothing", 404),
    "an id that is none": ("GET /api/reports/1", 404),
    "the wrong method": ("PUT /api/reports", 405),
    "a made-up method": ("BREW /api/reports", 405),
    "no UTF-8 in the query": ("GET /api/reports?state=%FF%FE", 400),
    "a null character in the query": ("GET /api/reports?theme=%00", 400),
    "no UTF-8 in the path": ("GET /api/reports/%FF", 404),
    "dots in the path": ("GET /api/reports/../../etc/passwd", 404),
    "a very long address": ("GET /api/reports?state=" + "x" * 20_000, 414),
    "a very long code": ("GET /api/reports?state=" + "x" * 7_000, 400),
    "very many parameters": ("GET /api/reports?" + "&".join(f"a{n}=1" for n in range(900)), 400),
    "a tile that is none": ("GET /tiles/heat/14/99999999999999999999/1.png", 404),
    "digits of another script": ("GET /api/reports?limit=%D9%A1", 400),
}


@pytest.mark.parametrize("name", PATHS)
def test_an_address_that_nobody_should_ask(site: Site, name: str) -> None:
    line, status = PATHS[name]
    answer = _ask(site, line)
    assert answer[0] == status, answer
    problem = _is_problem(*answer)
    if status == 405:
        assert "get" in answer[1]["allow"]
    if status == 400:
        assert problem["errors"][0]["field"]


def test_a_header_that_is_too_large(site: Site) -> None:
    answer = _ask(site, "GET /api/reports", more=f"X-Big: {'x' * 60_000}\r\n")
    assert answer[0] == 431
    _is_problem(*answer)


def test_very_many_headers(site: Site) -> None:
    answer = _ask(site, "GET /api/reports", more="".join(f"X-{n}: 1\r\n" for n in range(300)))
    assert answer[0] == 431
    _is_problem(*answer)


def test_a_token_that_is_none_is_told_how_to_sign_in(site: Site) -> None:
    for line in ("GET /api/reports", "GET /export/reports.csv", "GET /photos/018f3f0e-5c1d-7c5a-9d3e-1f2a3b4c5d6e"):
        for header in ("", "Authorization: Bearer nonsense\r\n"):
            answer = _raw(site, f"{line} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n{header}\r\n".encode())
            assert answer[0] == 401, (line, header)
            assert answer[1]["www-authenticate"] == "bearer"
            _is_problem(*answer)


@pytest.mark.parametrize(("language", "words"), [("fr", "Introuvable"), ("en", "Not found")])
def test_a_problem_is_told_in_the_language_that_was_asked_for(site: Site, language: str, words: str) -> None:
    answer = _ask(site, "GET /api/nothing", more=f"Accept-Language: {language}\r\n")
    assert _is_problem(*answer)["title"] == words


def test_a_body_whose_pieces_are_no_http(site: Site) -> None:
    more = "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n"
    answer = _ask(site, "POST /api/reports", more=f"{more}\r\nZZZ\r\n{{}}\r\n0\r\n")
    assert answer[0] == 400
    _is_problem(*answer)


def test_a_body_that_is_too_large(site: Site) -> None:
    # Refused by its announced length, before any of it is read.
    more = "Content-Type: application/json\r\nContent-Length: 17000000\r\n"
    answer = _ask(site, "POST /api/reports", more=more)
    assert answer[0] == 413
    _is_problem(*answer)
