"""Several organisations, a worker of the test's own, and an application whose files lie in one temporary folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import Engine

from app import create_app
from app.settings import load_settings
from app.web.context import services
from app.worker import make_worker_app
from tests.imports.bench import Bench
from tests.jobs.office import Office
from tests.routing.world import make_world


@pytest.fixture(scope="session")
def bench_app(app_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    environ = {
        "DATABASE_URL": app_url,
        "VAR_DIR": str(tmp_path_factory.mktemp("imports-var")),
        "SECRET_KEY": "a-key-for-tests-only",
        "DEMO": "0",
    }
    made = create_app(load_settings({f"QUIETUDE_{name}": value for name, value in environ.items()}))
    made.config.update(TESTING=True, RATELIMIT_ENABLED=False)
    yield made
    with made.app_context():
        services().engine.dispose()


@pytest.fixture(scope="session")
def bench_worker(bench_app: Flask) -> Iterator[Flask]:
    with bench_app.app_context():
        made = make_worker_app(services().settings)
    yield made
    with made.app_context():
        services().engine.dispose()


@pytest.fixture
def bench(  # noqa: PLR0917
    clean: None,
    app_url: str,
    engine: Engine,
    owner_engine: Engine,
    bench_app: Flask,
    bench_worker: Flask,
    tmp_path: Path,
) -> Bench:
    with bench_app.app_context():
        settings = services().settings
        bench_app.extensions.pop("quietude_nomenclature", None)
    office = Office(app_url, engine, owner_engine, bench_worker, settings)
    client = bench_app.test_client()
    client.set_cookie("quietude_language", "en")
    return Bench(make_world(engine), office, client, tmp_path)
