"""One register a module, read by every test of it; and the same behind the production server for real clients."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine
from werkzeug.test import TestResponse

from tests.heat.application import heat_application
from tests.ogc.live import EMPTY, Live, filled
from tests.ogc.samples import fill
from tests.routing.world import World

TODAY = date(2026, 6, 30)
Get = Callable[..., TestResponse]


@pytest.fixture(scope="module")
def world(engine: Engine, owner_engine: Engine) -> Iterator[World]:
    """The register, gone after the module."""
    yield fill(engine)
    with owner_engine.begin() as connection:
        connection.execute(EMPTY)


@pytest.fixture(scope="module")
def ogc_app(world: World, app_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """The application with what the API needs."""
    with (
        pytest.MonkeyPatch.context() as patched,
        heat_application(app_url, tmp_path_factory.mktemp("ogc"), patched, TODAY, "ogc") as made,
    ):
        yield made


@pytest.fixture(scope="module")
def get(ogc_app: Flask, world: World) -> Get:
    """Asks `/ogc` + path as an account (None: nobody), for JSON unless `accept` says otherwise."""
    client = ogc_app.test_client()

    def ask(
        path: str, who: str | None = "planner", accept: str | None = "application/json", **more: Any
    ) -> TestResponse:
        headers = dict(more.pop("headers", {}))
        headers |= {} if accept is None else {"Accept": accept}
        headers |= {} if who is None else world.headers(who)
        answer = client.open(f"/ogc{path}", headers=headers, **{"method": "GET"} | more)
        assert answer.status_code < 500, answer.get_data(as_text=True)
        return answer

    return ask


@pytest.fixture(scope="module")
def live(
    engine: Engine, owner_engine: Engine, app_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Live]:
    """A live server with a few hundred reports, for real clients: its `url` ends in /ogc; `token` of a planner."""
    with filled(engine, owner_engine, app_url, tmp_path_factory.mktemp("live")) as root:
        yield Live(f"{root.url}/ogc", root.token)
