"""A worker on the test database."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import Engine

from app.settings import Settings, load_settings
from app.web.context import services
from app.worker import make_worker_app
from tests.jobs.office import Office


@pytest.fixture(scope="session")
def office_settings(app_url: str, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    environ = {
        "DATABASE_URL": app_url,
        "VAR_DIR": str(tmp_path_factory.mktemp("var")),
        "SECRET_KEY": "a-key-for-tests-only",
        "PUBLIC_URL": "https://quietude.example/q/",
    }
    return load_settings({f"QUIETUDE_{name}": value for name, value in environ.items()})


@pytest.fixture(scope="session")
def worker_app(office_settings: Settings) -> Iterator[Flask]:
    made = make_worker_app(office_settings)
    yield made
    with made.app_context():
        services().engine.dispose()


@pytest.fixture
def office(  # noqa: PLR0917
    clean: None, app_url: str, engine: Engine, owner_engine: Engine, worker_app: Flask, office_settings: Settings
) -> Office:
    made = Office(app_url, engine, owner_engine, worker_app, office_settings)
    made.look()  # the cursor is there: what happens from here on is read
    return made
