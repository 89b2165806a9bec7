"""The small territory and the demo accounts of the reports' tests, and a landlord's planned intervention."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.interventions.samples import body
from tests.reports.conftest import actor_of, bearer, places  # noqa: F401  (fixtures)


@pytest.fixture
def send(client: FlaskClient, bearer: Callable[..., dict[str, str]]) -> Callable[..., Any]:  # noqa: F811
    """Ask the API as a demo account: its name (None: nobody), method, path, JSON. One token each a test."""
    headers: dict[str, dict[str, str]] = {}

    def ask(name: str | None, method: str, path: str, json: Any = None) -> Any:
        if name is not None and name not in headers:
            headers[name] = bearer(name)
        return client.open(path, method=method, json=json, headers=headers.get(name or "", {}))

    return ask


@pytest.fixture
def planned(send: Callable[..., Any]) -> dict[str, Any]:
    """A planned intervention of the landlord, as the API gave it."""
    answer = send("bailleur", "POST", "/api/interventions", body())
    assert answer.status_code == 201, answer.json
    made: dict[str, Any] = answer.json
    return made
