"""The application with what Open311 needs, the little world of routing, and requests with its api_keys."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from lxml import etree
from sqlalchemy import Engine, text
from werkzeug.test import TestResponse

from app import create_app
from app.db.cluster import Cluster
from app.db.session import unit_of_work
from app.nomenclature.store import load_nomenclature
from app.open311.polling import poll_all
from app.open311.remotes_actions import add_remote
from app.open311.remotes_commands import parse_remote
from app.people.actor import SYSTEM
from app.reports.actions import read, submit
from app.reports.commands import ReportCommand
from app.reports.moves import make_move
from app.reports.moves_commands import MoveCommand
from app.settings import load_settings
from app.web.context import services
from tests.jobs.conftest import office, office_settings, worker_app  # noqa: F401  (fixtures)
from tests.jobs.office import Office
from tests.open311.neighbour import DATABASE, Neighbour, other_city
from tests.routing.world import World, at, make_world

BASE = "https://quietude.example/q"
BLUEPRINTS = (
    "web.health",
    "web.pages",
    "people",
    "photos",
    "reports",
    "reports.moves_routes",
    "open311",
    "open311.admin_routes",
)
# What another server says when it refuses.
ERRORS = b"<errors><error><code>%d</code><description>%s</description></error></errors>"
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
        self.address = "127.0.0.1"

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
        path, here = f"/open311/v2/requests.{ending}", {"REMOTE_ADDR": self.address}
        return self.client.post(path, data=form, headers=headers, environ_base=here)

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


# ── the other city ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="session")
def city(cluster: Cluster, owner_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Neighbour]:
    with other_city(cluster, tmp_path_factory.mktemp("neighbour")) as made:
        yield made


@pytest.fixture
def neighbour(city: Neighbour, cluster: Cluster) -> Iterator[Neighbour]:
    """The other city without reports yet."""
    city.door.reset()
    yield city
    city.door.reset()
    with closing(cluster.connect(DATABASE)) as connection, connection.cursor() as cursor:
        cursor.execute("TRUNCATE report CASCADE")


@dataclass
class Town:
    """This city: its office, its accounts, and hlm-a whose system speaks Open311."""

    office: Office
    world: World
    neighbour: Neighbour

    def add_remote(self, **changes: Any) -> UUID:
        values = {
            "name": "voisine",
            "url": self.neighbour.url,
            "organisation": "hlm-a",
            "jurisdiction_id": "80021",
            "api_key": self.neighbour.world.tokens["agent"],
            "services": "lift_out\nbroken_entrance=lift_out",
        } | changes
        admin = self.world.actors["admin"]
        with self.office.app.app_context(), unit_of_work(self.office.engine, admin) as uow:
            command = parse_remote(values, load_nomenclature(uow.connection), allow_private=True)
            return add_remote(uow, admin, command, secret_key=self.office.settings.secret_key)

    def report(self, description: str | None = "The left lift", category: str = "lift_out", **changes: Any) -> UUID:
        """At hlm-a's door, by the city's agent."""
        lon, lat = at(changes.pop("east_m", 0))
        actor = self.world.actors[changes.pop("who", "agent")]
        command = ReportCommand(id=uuid4(), category=category, lon=lon, lat=lat, description=description, **changes)
        with unit_of_work(self.office.engine, actor) as uow:
            nomenclature = load_nomenclature(uow.connection)
            submit(uow, actor, command, nomenclature=nomenclature, source="api", now=datetime.now(UTC))
        return command.id

    def move(self, who: str, report_id: UUID, move: Any, **values: Any) -> None:
        actor = self.world.actors[who]
        with self.office.app.app_context(), unit_of_work(self.office.engine, actor) as uow:
            command = MoveCommand(move=move, version=read(uow, report_id).version, **values)
            nomenclature = load_nomenclature(uow.connection)
            make_move(uow, actor, report_id, command, nomenclature=nomenclature, now=datetime.now(UTC))

    def tell(self) -> None:
        """What the worker does within a few seconds of a change."""
        self.office.tell()

    def poll(self) -> None:
        """What it does every five minutes."""
        with self.office.context():
            poll_all(self.office.work)

    def sql(self, query: str, **binds: Any) -> list[Any]:
        with unit_of_work(self.office.engine, SYSTEM) as uow:
            done = uow.connection.execute(text(query), binds)
            return list(done) if done.returns_rows else []

    def pushes(self) -> list[tuple[str, str | None]]:
        return [tuple(row) for row in self.sql("SELECT state, error FROM open311_push ORDER BY created_at, id")]

    def state(self, report_id: UUID) -> str:
        return str(self.sql("SELECT state FROM report WHERE id = :id", id=report_id)[0][0])

    def history(self, report_id: UUID) -> list[tuple[str, str | None]]:
        query = "SELECT kind, to_state FROM report_event WHERE report_id = :id ORDER BY id"
        return [tuple(row) for row in self.sql(query, id=report_id)]


@pytest.fixture
def town(office: Office, world: World, neighbour: Neighbour) -> Town:  # noqa: F811
    settings = office.settings.model_copy(update={"webhook_private": True})
    return Town(replace(office, settings=settings), world, neighbour)
