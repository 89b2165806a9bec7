"""The small territory and the accounts of the reports' tests, a report for each case, and where the pictures lie."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine
from werkzeug.test import TestResponse

from app.photos.actions import Archive, archive
from app.web.context import services
from tests.photos.samples import jpeg
from tests.reports.conftest import actor_of, bearer, places
from tests.reports.samples import LON, body

__all__ = ["actor_of", "bearer", "places"]

SMALL = jpeg(120, 90)


@pytest.fixture
def kept(app: Flask, engine: Engine) -> Archive:
    """The archive that the application of this test writes to."""
    with app.app_context():
        return archive(engine, services().settings.var_dir)


@pytest.fixture
def folder(kept: Archive) -> Path:
    return kept.files.root


@pytest.fixture
def headers(bearer: Callable[..., dict[str, str]]) -> Callable[[str], dict[str, str]]:
    """One writing token an account, made when it is first asked for."""
    known: dict[str, dict[str, str]] = {}

    def of(name: str) -> dict[str, str]:
        if name not in known:
            known[name] = bearer(name)
        return known[name]

    return of


@pytest.fixture
def report(client: FlaskClient, headers: Callable[[str], dict[str, str]]) -> str:
    """A report by the agent, which the city answers for."""
    return add_report(client, headers("agent"), lon=LON + 0.01)  # beside the stop and the residence, which have owners


def add_report(client: FlaskClient, by: dict[str, str], **changes: Any) -> str:
    sent = body(**changes)
    answer = client.post("/api/reports", json=sent, headers=by)
    assert answer.status_code == 201, answer.text
    return str(sent["id"])


def send(
    client: FlaskClient, report_id: str, by: dict[str, str], raw: bytes = SMALL, photo_id: str = "", **query: str
) -> TestResponse:
    """One picture as a raw body."""
    return client.post(
        f"/api/reports/{report_id}/photos",
        query_string={"id": photo_id or str(uuid4()), **query},
        data=raw,
        content_type="image/jpeg",
        headers=by,
    )


def added(client: FlaskClient, report_id: str, by: dict[str, str], raw: bytes = SMALL) -> str:
    answer = send(client, report_id, by, raw)
    assert answer.status_code == 201, answer.text
    return str(answer.get_json()["id"])


def files_in(folder: Path) -> list[str]:
    """The pictures that lie there, without thumbnails."""
    return sorted(path.name for path in folder.glob("??/??/*.jpg") if ".thumb" not in path.name)
