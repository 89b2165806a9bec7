"""Fixtures of every test: one throw-away PostGIS cluster a run, migrated as in production, used as the application role."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.pool import NullPool

from app.db.migrate import migrate
from app.db.session import make_engine

POSTGRES_BIN = max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
# What the migrations and the nomenclature seed fill, and tests only read.
KEPT = {"alembic_version", "role", "theme", "category", "spatial_ref_sys"}


def _as_postgres(command: list[str], **kwargs: object) -> subprocess.CompletedProcess[bytes]:
    user = "postgres" if os.geteuid() == 0 else None
    return subprocess.run(command, check=True, user=user, stdout=subprocess.DEVNULL, cwd="/", **kwargs)  # type: ignore[call-overload,no-any-return]


@pytest.fixture(scope="session")
def _socket_dir() -> Iterator[Path]:
    root = Path(tempfile.mkdtemp(prefix="quietude-test-"))
    if os.geteuid() == 0:
        shutil.chown(root, "postgres")
    data = root / "data"
    _as_postgres(
        [str(POSTGRES_BIN / "initdb"), "-D", str(data), "-U", "bootstrap", "--locale=C.UTF-8", "-E", "UTF8", "-N"]
    )
    (data / "pg_hba.conf").write_text("local all all trust\n")
    options = (
        f"-c listen_addresses='' -k {root} -c fsync=off -c full_page_writes=off -c synchronous_commit=off -c jit=off"
    )
    control = str(POSTGRES_BIN / "pg_ctl")
    _as_postgres([control, "-D", str(data), "-w", "-l", str(root / "log"), "-o", options, "start"])
    admin = create_engine(
        f"postgresql+psycopg2://bootstrap@/postgres?host={root}", isolation_level="AUTOCOMMIT", poolclass=NullPool
    )
    with admin.connect() as connection:
        connection.execute(text("CREATE ROLE quietude_app LOGIN"))
        connection.execute(text("CREATE ROLE quietude_owner LOGIN IN ROLE quietude_app"))
        connection.execute(text("CREATE DATABASE quietude OWNER quietude_owner"))
    database = create_engine(
        f"postgresql+psycopg2://bootstrap@/quietude?host={root}", isolation_level="AUTOCOMMIT", poolclass=NullPool
    )
    with database.connect() as connection:
        connection.execute(text("CREATE EXTENSION postgis"))
    yield root
    _as_postgres([control, "-D", str(data), "-m", "immediate", "stop"])
    shutil.rmtree(root)


@pytest.fixture(scope="session")
def owner_url(_socket_dir: Path) -> str:
    """The migrated database, as the role that owns the tables."""
    url = f"postgresql+psycopg2://quietude_owner@/quietude?host={_socket_dir}"
    migrate(url)
    return url


@pytest.fixture(scope="session")
def app_url(owner_url: str) -> str:
    """The same database, as the role that serves."""
    return owner_url.replace("quietude_owner", "quietude_app")


@pytest.fixture(scope="session")
def engine(app_url: str) -> Iterator[Engine]:
    """Pooled connections as the application role; the default nomenclature is there."""
    from app.nomenclature.actions import seed_default

    made = make_engine(app_url)
    seed_default(made)
    yield made
    made.dispose()


@pytest.fixture
def clean(owner_url: str, engine: Engine) -> Iterator[None]:
    """Empties every table but the nomenclature and the roles after the test, and puts an edited nomenclature back."""
    yield
    from app.nomenclature.actions import seed_default

    owner = create_engine(owner_url, poolclass=NullPool)
    with owner.begin() as connection:
        names = connection.scalars(
            text(
                "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tableowner = 'quietude_owner'"
                " AND tablename <> ALL (:kept)"
            ),
            {"kept": sorted(KEPT)},
        )
        connection.execute(text(f"TRUNCATE {', '.join(names)} RESTART IDENTITY CASCADE"))
    seed_default(engine)


@pytest.fixture
def app(clean: None, app_url: str, tmp_path: Path) -> Iterator[object]:
    """The Flask application on that database."""
    from app import create_app
    from app.settings import load_settings

    settings = load_settings(
        {
            "QUIETUDE_DATABASE_URL": app_url,
            "QUIETUDE_VAR_DIR": str(tmp_path / "var"),
            "QUIETUDE_SECRET_KEY": "a-key-for-tests-only",
            "QUIETUDE_DEMO": "0",
        }
    )
    flask_app = create_app(settings)
    flask_app.config["TESTING"] = True
    yield flask_app
    from app.web.context import services

    with flask_app.app_context():
        services().engine.dispose()


@pytest.fixture
def client(app: object) -> object:
    """A browser without cookies yet, on the `app` fixture."""
    return app.test_client()  # type: ignore[attr-defined]
