"""The form's page travels compressed, but never when a stranger's words stand beside its token."""

from __future__ import annotations

import gzip
from collections.abc import Callable

from flask.testing import FlaskClient

Headers = Callable[[str], dict[str, str]]


def test_the_form_is_compressed_only_when_its_address_says_nothing(client: FlaskClient, bearer: Headers) -> None:
    headers = bearer("agent") | {"Accept-Encoding": "gzip"}
    zipped = client.get("/reports/new", headers=headers)
    assert zipped.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in zipped.headers["Vary"]
    assert b'id="report-form"' in gzip.decompress(zipped.data)
    prefilled = client.get("/reports/new?lon=2.3", headers=headers)
    assert "Content-Encoding" not in prefilled.headers
    assert 'value="2.3"' in prefilled.text
