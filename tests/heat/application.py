"""The application of the heat's tests: a fixed day, and a cube as fresh as the request."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import pytest
from flask import Flask

from app import create_app
from app.heat.actions import Heat
from app.settings import load_settings
from app.web.context import services


@contextmanager
def heat_application(
    app_url: str, var_dir: Path, monkeypatch: pytest.MonkeyPatch, today: date, *blueprints: str
) -> Iterator[Flask]:
    """`blueprints`: what it needs besides health, pages and people; the whole application when none is named."""
    if blueprints:
        monkeypatch.setattr("app.BLUEPRINTS", ("web.health", "web.pages", "people", *blueprints))
    for name in ("REFRESH_S", "REFERENCE_S", "RETRY_S"):
        monkeypatch.setattr(f"app.heat.keeper.{name}", 0.0)
    monkeypatch.setattr("app.heat.keeper.WAIT_S", 60.0)
    environ = {"DATABASE_URL": app_url, "VAR_DIR": str(var_dir), "SECRET_KEY": "a-key-for-tests-only", "DEMO": "0"}
    made = create_app(load_settings({f"QUIETUDE_{name}": value for name, value in environ.items()}))
    made.config.update(TESTING=True, RATELIMIT_ENABLED=False)
    with made.app_context():
        made.extensions["quietude_heat"] = Heat(services().engine, 5, today=lambda: today)
    yield made
    with made.app_context():
        services().engine.dispose()
