"""The application with what Open311 needs, the little world of routing, and requests with its api_keys."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from lxml import etree
from sqlalchemy import Engine, text
from werkzeug.test import TestResponse

from app import create_app
from app.db.session import unit_of_work
from app.people.actor import SYSTEM
from app.settings import load_settings
from app.web.context import services
from tests.routing.world import World, at, make_world

BASE = "https://quietude.example/q"
BLUEPRINTS = ("web.health", "web.pages", "people", "photos", "reports", "reports.moves_routes", "open311")
SETTINGS = {"SECRET_KEY": "a-key-for-tests-only", "DEMO": "0", "PUBLIC_URL": f"{BASE}/"}


@pytest.fixture
def app(clean: None, app_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Flask]:
    monkeypatch.setattr("app.BLUEPRINTS", BLUEPRINTS)
    environ = SETTINGS | {"DATABASE_URL": app_url, "VAR_DIR": str(tmp_path / "var")}
    made = create_app(load_settings({f"QUIETUDE_{name}": value for name, value in environ.items()}))
    made.config.update(TESTING=True, RATELIMIT_ENABLED=False)
    yield made
    with made.app_context():
        services().engine.dispose()


@pytest.fixture
def world(clean: None, engine: Engine) -> World:
    return make_world(engine)


class Api:
    """GeoReport as the accounts of the world ask it."""

    def __init__(self, client: FlaskClient, world: World, engine: Engine) -> None:
        self.client, self.world, self.engine = client, world, engine

    def get(self, path: str, who: str | None = None, **query: Any) -> TestResponse:
        headers = self.world.headers(who) if who else {}
        return self.client.get(f"/open311/v2/{path}", query_string=query, headers=headers)

    def post(self, who: str | None = "agent", ending: str = "json", **values: Any) -> TestResponse:
        """A new request at hlm-a's door unless said otherwise; None: the parameter is left out."""
        key = {"api_key": self.world.tokens[who]} if who else {}
        lon, lat = at(0)
        usual = {"service_code": "lift_out", "lat": str(lat), "long": str(lon), "description": "The left lift"}
        headers = values.pop("headers", {})
        form = {name: value for name, value in (usual | key | values).items() if value is not None}
        return self.client.post(f"/open311/v2/requests.{ending}", data=form, headers=headers)

    def made(self, **values: Any) -> str:
        answer = self.post(**values)
        assert answer.status_code == 201, answer.text
        return str(answer.get_json()[0]["service_request_id"])

    def sql(self, query: str, **binds: Any) -> list[Any]:
        with unit_of_work(self.engine, SYSTEM) as uow:
            done = uow.connection.execute(text(query), binds)
            return list(done) if done.returns_rows else []

    def row(self, report_id: str | UUID) -> dict[str, Any]:
        return dict(self.sql("SELECT to_jsonb(report) FROM report WHERE id = :id", id=report_id)[0][0])


@pytest.fixture
def api(app: Flask, world: World, engine: Engine) -> Api:
    return Api(app.test_client(), world, engine)


def xml_of(answer: TestResponse) -> etree._Element:
    """The document, after its headers and declaration were looked at."""
    assert answer.content_type == "text/xml; charset=utf-8"
    assert answer.data.startswith(b"<?xml version='1.0' encoding='UTF-8'?>")
    return etree.fromstring(answer.data)


def errors_of(answer: TestResponse) -> list[tuple[int, str]]:
    """The errors in either format."""
    if answer.mimetype == "application/json":
        assert isinstance(answer.json, list)
        return [(one["code"], one["description"]) for one in answer.json]
    root = xml_of(answer)
    assert root.tag == "errors"
    return [(int(one.findtext("code") or 0), one.findtext("description") or "") for one in root.iterfind("error")]
