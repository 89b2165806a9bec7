"""Where a page of a list ended, as the next one is asked for it."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine

from app.errors import BadRequestError
from app.web.paging import read_keyset, write_keyset
from tests.routing.world import World, make_world

AT, LAST = datetime(2026, 5, 4, 18, 30, 0, 123456, tzinfo=UTC), UUID("018f3f0e-5c1d-7c5a-9d3e-1f2a3b4c5d6e")
BROKEN = ["x", "~", f"2026-05-04~{LAST}x", f"yesterday~{LAST}", f"0001-01-01T00:00:00+14:00~{LAST}"]


@pytest.fixture
def world(engine: Engine, clean: None) -> World:
    return make_world(engine)


def test_what_is_written_is_read() -> None:
    assert read_keyset(write_keyset(AT, LAST)) == (AT, LAST)
    assert read_keyset("") is None
    # The database reads no offset of 16 hours.
    assert read_keyset(f"2026-05-05T18:29:00.123456+23:59~{LAST}") == (AT, LAST)


@pytest.mark.parametrize("value", BROKEN)
def test_what_is_not_ours_is_refused(app: Flask, value: str) -> None:
    with app.test_request_context(), pytest.raises(BadRequestError):
        read_keyset(value)


@pytest.mark.parametrize("path", ["/reports", "/desk", "/interventions"])
def test_a_broken_link_names_its_parameter(client: FlaskClient, world: World, path: str) -> None:
    for value in BROKEN:
        answer = client.get(path, query_string={"after": value}, headers=world.headers("hlm-a"))
        assert answer.status_code == 400
        assert "after" in answer.text
