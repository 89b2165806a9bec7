"""Which answers say what a page may do: documents and the worker; not the parts of a page, which it would not bind."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

POLICY = "Content-Security-Policy"


@pytest.mark.parametrize(
    "path", ["/login", "/sw.js", "/nowhere", "/healthz", "/static/icons/quietude.svg", "/static/no"]
)
def test_documents_and_the_worker_have_a_strict_policy(client: FlaskClient, path: str) -> None:
    headers = client.get(path, buffered=True).headers
    assert "default-src 'none'; script-src 'self' 'nonce-" in headers[POLICY]
    assert "unsafe" not in headers[POLICY]
    assert "microphone=()" in headers["Permissions-Policy"]


@pytest.mark.parametrize("path", ["/static/css/app.css", "/static/js/report-form.js", "/static/icons/quietude-192.png"])
def test_parts_of_a_page_are_light_and_not_sniffed(client: FlaskClient, path: str) -> None:
    headers = client.get(path, buffered=True).headers
    assert POLICY not in headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
