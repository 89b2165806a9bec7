"""Fixtures of every test: one throw-away PostGIS cluster a run, migrated as in production, used as the application."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import settings as trying
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.pool import NullPool

from app import create_app
from app.db.cluster import Cluster
from app.db.migrate import migrate
from app.db.session import make_engine
from app.nomenclature.actions import seed_default
from app.people.passwords import hash_password
from app.settings import load_settings
from app.web.context import services
from tests.compiled import share_compiled

share_compiled()
# How long an example takes says how busy the machine is, and nothing about the product.
trying.register_profile("tests", deadline=None)
trying.load_profile("tests")

# What the migrations and the nomenclature's seed fill, and most tests only read.
KEPT = ("alembic_version", "role", "theme", "category", "intervention_kind", "intervention_team", "tfpb_axis")
_TABLES = text("""
    SELECT relname FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND pg_get_userbyid(relowner) = 'quietude_owner'
        AND relname <> ALL (:kept) AND pg_relation_size(oid) BETWEEN :least AND :most
""")
_SEQUENCES = text("""
    SELECT setval(pg_get_serial_sequence(quote_ident(relname), attname), 1, false)
    FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid
    WHERE relname = ANY (:tables) AND relnamespace = 'public'::regnamespace AND attnum > 0 AND NOT attisdropped
        AND pg_get_serial_sequence(quote_ident(relname), attname) IS NOT NULL
""")
# Many small DELETEs take a tenth of the time of one TRUNCATE, which makes a new file for each table and index.
SMALL_B = 2**18
_NOMENCLATURE = text(
    "SELECT md5(string_agg(category::text, '|' ORDER BY code)), (SELECT md5(string_agg(theme::text, '|' ORDER BY code))"
    " FROM theme) FROM category"
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests first: they would be the last otherwise, each alone while the other cores wait."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(scope="session", autouse=True)
def _hash_once() -> Iterator[None]:
    """The demo accounts' password is hashed once a run: Argon2 is slow on purpose, and there are six of them a test."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("app.people.demo.hash_password", cache(hash_password))
        yield


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """The product's own embedded cluster in a temporary folder, without the waits that make it durable."""
    var_dir = Path(tempfile.mkdtemp(prefix="quietude-test-"))
    made = Cluster(var_dir, throw_away=True)
    made.up()
    yield made
    made.down()
    shutil.rmtree(var_dir)


@pytest.fixture(scope="session")
def owner_url(cluster: Cluster) -> str:
    """The migrated database, as the role that owns the tables."""
    url = cluster.url("owner")
    migrate(url)
    return url


@pytest.fixture(scope="session")
def app_url(owner_url: str, cluster: Cluster) -> str:
    """The same database, as the role that serves."""
    return cluster.url("app")


@pytest.fixture(scope="session")
def owner_engine(owner_url: str) -> Iterator[Engine]:
    """Unpooled connections as the owner: for preparing what the application may not, and for cleaning."""
    made = create_engine(owner_url, poolclass=NullPool)
    yield made
    made.dispose()


@pytest.fixture(scope="session")
def engine(app_url: str) -> Iterator[Engine]:
    """Pooled connections as the application role; the default nomenclature is there."""
    made = make_engine(app_url)
    seed_default(made)
    yield made
    made.dispose()


@pytest.fixture(scope="session")
def cleaner(owner_url: str, cluster: Cluster) -> Iterator[Engine]:
    """One connection as the superuser, for whom nothing is append-only and no row hidden."""
    made = create_engine(cluster.url("superuser"), pool_size=1)
    yield made
    made.dispose()


@pytest.fixture
def clean(cleaner: Engine, engine: Engine) -> Iterator[None]:
    """Empties every table but roles and nomenclature after the test, and puts an edited nomenclature back."""
    with cleaner.connect() as connection:
        before = connection.execute(_NOMENCLATURE).one()
    yield
    with cleaner.begin() as connection:
        _empty(connection)
        edited = connection.execute(_NOMENCLATURE).one() != before
        if edited:
            connection.execute(text("TRUNCATE category RESTART IDENTITY CASCADE"))
    if edited:
        seed_default(engine)


def _empty(connection: Connection) -> None:
    binds = {"kept": list(KEPT)}
    large = list(connection.scalars(_TABLES, binds | {"least": SMALL_B, "most": 2**62}))
    if large:
        connection.execute(text(f"TRUNCATE {', '.join(large)} RESTART IDENTITY CASCADE"))
    small = list(connection.scalars(_TABLES, binds | {"least": 1, "most": SMALL_B - 1}))
    if small:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text("; ".join(f"DELETE FROM {name}" for name in small)))
        connection.execute(_SEQUENCES, {"tables": small})
        connection.execute(text("SET LOCAL session_replication_role = origin"))


@pytest.fixture
def app(clean: None, app_url: str, tmp_path: Path) -> Iterator[Flask]:
    """The Flask application on that database; everything it stored is gone afterwards."""
    settings = load_settings(
        {
            "QUIETUDE_DATABASE_URL": app_url,
            "QUIETUDE_VAR_DIR": str(tmp_path / "var"),
            "QUIETUDE_SECRET_KEY": "a-key-for-tests-only",
            "QUIETUDE_DEMO": "0",
        }
    )
    made = create_app(settings)
    made.config["TESTING"] = True
    yield made
    with made.app_context():
        services().engine.dispose()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A browser without cookies yet, on the `app` fixture."""
    return app.test_client()
