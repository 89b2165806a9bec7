"""The real server on a loopback port, with a database of its own in the tests' cluster."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine, create_engine, make_url, text
from sqlalchemy.pool import NullPool

from app.db.cluster import Cluster
from app.db.migrate import migrate
from app.db.session import make_engine, unit_of_work
from app.nomenclature.actions import seed_default
from app.people.actions import create_token
from app.people.actor import SYSTEM, Actor
from app.people.commands import NewToken
from app.people.store import limit_token
from tests.reports.samples import LAT, LON, add_place, square
from tests.serving import serving as running_server

# More than a test could ask in a minute: limits are tested elsewhere.
PLENTY = 1_000_000


@dataclass(frozen=True)
class Site:
    """Where it is, whom its tokens speak for, and its database as the application."""

    url: str
    tokens: dict[str, str]
    engine: Engine
    log: Path

    def headers(self, name: str = "coordinator") -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens[name]}"}


@contextmanager
def database(cluster: Cluster, owner_url: str, name: str) -> Iterator[str]:
    """A migrated database beside the others; its address as the application role."""
    everything = create_engine(cluster.url("superuser"), poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with everything.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} OWNER quietude_owner"))
    superuser, owner, app = (
        make_url(url).set(database=name).render_as_string(hide_password=False)
        for url in (cluster.url("superuser"), owner_url, cluster.url("app"))
    )
    inside = create_engine(superuser, poolclass=NullPool)
    with inside.begin() as connection:
        connection.execute(text("CREATE EXTENSION postgis"))
        connection.execute(text("GRANT ALL ON SCHEMA public TO quietude_owner"))
    migrate(owner)
    yield app
    with everything.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


_ACCOUNT = text("""
    INSERT INTO account (email, fs_uniquifier, confirmed_at, organisation_id, role_id)
    SELECT :name || '@api.test', :name, now(), (SELECT id FROM organisation WHERE slug = 'ville'), role.id
    FROM role WHERE role.name = :name RETURNING id, organisation_id
""")


def fill(engine: Engine) -> dict[str, str]:
    """A square territory with some places, an organisation, an account of each role; a write token of each."""
    seed_default(engine)
    tokens = {}
    with unit_of_work(engine, SYSTEM) as uow:
        add_place(uow, "commune", "80021", square(LON, LAT, 0.1))
        add_place(uow, "neighbourhood", "east", square(LON + 0.05, LAT, 0.05))
        add_place(uow, "stop", "near", f"POINT({LON + 0.001} {LAT})")
        uow.connection.execute(text("INSERT INTO organisation (slug, name, kind) VALUES ('ville', 'Ville', 'city')"))
        for name in ("agent", "partner", "planner", "coordinator"):
            row = uow.connection.execute(_ACCOUNT, {"name": name}).one()
            actor = Actor(name, row.id, row.organisation_id)
            issued = create_token(uow.connection, actor, NewToken(name="test", scope="write"))
            limit_token(uow.connection, issued.id, PLENTY)
            tokens[name] = issued.secret
    return tokens


@contextmanager
def serving(app_url: str, folder: Path) -> Iterator[Site]:
    """The server as it is in use, until the block ends."""
    engine = make_engine(app_url, pool_size=1)
    tokens = fill(engine)
    try:
        with running_server(app_url, folder, threads=8) as running:
            yield Site(running.url, tokens, engine, running.log)
    finally:
        engine.dispose()
