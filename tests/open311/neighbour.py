"""The other city: this very product as a second application with a database of its own, behind a real port."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine, make_url, text
from werkzeug.serving import make_server

from app import create_app
from app.db.cluster import Cluster
from app.db.migrate import migrate
from app.db.session import OWNER_ROLE, make_engine, unit_of_work
from app.nomenclature.actions import seed_default
from app.nomenclature.store import load_nomenclature
from app.people.actor import SYSTEM
from app.reports.moves import make_move
from app.reports.moves_commands import MoveCommand
from app.settings import load_settings
from app.web.context import services
from tests.routing.world import World, make_world

DATABASE = "neighbour"
BLUEPRINTS = ("web.health", "web.pages", "people", "photos", "reports", "open311")


@dataclass
class Door:
    """Before the other city's application: counts, forgets idempotency keys, and can be made to misbehave."""

    app: Any
    posts: int = 0
    # What the next requests are answered instead, before the application sees them: status and body.
    instead: list[tuple[str, bytes]] = field(default_factory=list)
    # When set by a test: a post is stored, and its answer waits for this event.
    hold: threading.Event | None = None
    stored: threading.Event = field(default_factory=threading.Event)
    lists_nothing: bool = False
    # So many posts are stored, and their answers lost on the way.
    lost_answers: int = 0

    def reset(self) -> None:
        """As in the beginning; whoever waits goes on."""
        if self.hold is not None:
            self.hold.set()
        self.posts, self.instead, self.hold, self.lists_nothing, self.lost_answers = 0, [], None, False, 0
        self.stored.clear()

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Any:
        is_post = environ["REQUEST_METHOD"] == "POST"
        self.posts += is_post
        # GeoReport knows no such header: what holds here must hold with any server.
        environ.pop("HTTP_IDEMPOTENCY_KEY", None)
        if self.instead:
            status, body = self.instead.pop(0)
            start(status, [("Content-Type", "text/xml; charset=utf-8"), ("Content-Length", str(len(body)))])
            return [body]
        if self.lists_nothing and not is_post:
            environ.pop("HTTP_AUTHORIZATION", None)
            environ["QUERY_STRING"] = ""
        if is_post and self.lost_answers:
            self.lost_answers -= 1
            list(self.app(environ, lambda *_heard: None))
            start("504 Gateway Timeout", [("Content-Length", "0")])
            return [b""]
        answer = self.app(environ, start)
        if is_post and self.hold is not None:
            self.stored.set()
            self.hold.wait(60)
        return answer


@dataclass
class Neighbour:
    """The other city as its own people see it."""

    url: str
    door: Door
    engine: Engine
    world: World

    def reports(self) -> list[dict[str, Any]]:
        with unit_of_work(self.engine, SYSTEM) as uow:
            query = text("SELECT to_jsonb(report) FROM report ORDER BY received_at, id")
            return [dict(row[0]) for row in uow.connection.execute(query)]

    def photos(self) -> int:
        with unit_of_work(self.engine, SYSTEM) as uow:
            return int(uow.connection.execute(text("SELECT count(*) FROM photo")).scalar_one())

    def move(self, context: Any, report_id: str, name: Any, **values: Any) -> None:
        """One move by whoever answers for it there."""
        actor = self.world.actors["hlm-a"]
        with context(), unit_of_work(self.engine, actor) as uow:
            version = uow.connection.scalar(text("SELECT version FROM report WHERE id = :id"), {"id": report_id})
            command = MoveCommand(move=name, version=version, **values)
            nomenclature = load_nomenclature(uow.connection)
            now = uow.connection.scalar(text("SELECT now()"))
            assert now is not None
            make_move(uow, actor, UUID(report_id), command, nomenclature=nomenclature, now=now)


@contextmanager
def neighbour_database(cluster: Cluster) -> Iterator[str]:
    """A migrated database beside the first one; its URL as the owner."""
    with closing(cluster.connect("postgres")) as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {DATABASE} OWNER {OWNER_ROLE}")
    with closing(cluster.connect(DATABASE)) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE EXTENSION postgis")
    url = _at(cluster.url("owner"))
    migrate(url)
    yield url


def _at(url: str) -> str:
    return make_url(url).set(database=DATABASE).render_as_string(hide_password=False)


@contextmanager
def other_city(cluster: Cluster, var_dir: Path) -> Iterator[Neighbour]:
    """The other city, open for requests."""
    with neighbour_database(cluster):
        app_url = _at(cluster.url("app"))
        environ = {"DATABASE_URL": app_url, "VAR_DIR": str(var_dir), "SECRET_KEY": "the other city's key", "DEMO": "0"}
        # Only while it is made: this city stays open longer than the test that opened it.
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("app.BLUEPRINTS", BLUEPRINTS)
            app = create_app(load_settings({f"QUIETUDE_{name}": value for name, value in environ.items()}))
        app.config.update(RATELIMIT_ENABLED=False)
        engine = make_engine(app_url)
        seed_default(engine)
        door = Door(app.wsgi_app)
        server = make_server("127.0.0.1", 0, door, threaded=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield Neighbour(f"http://127.0.0.1:{server.server_port}/open311/v2", door, engine, make_world(engine))
        server.shutdown()
        thread.join()
        server.server_close()
        engine.dispose()
        with app.app_context():
            services().engine.dispose()
