"""Tokens of the demo accounts for the export routes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine, text

from app.db.session import unit_of_work
from app.people.actions import create_token, ensure_demo_accounts
from app.people.actor import SYSTEM, Actor, Role
from app.people.commands import NewToken

PLANNER = Actor("planner", user_id=1, organisation_id=1)
_ACCOUNT = text(
    "SELECT account.id, organisation_id, role.name FROM account JOIN role ON role.id = role_id WHERE email = :email"
)


@pytest.fixture
def bearer(engine: Engine, app: Flask) -> Callable[..., dict[str, str]]:
    """Headers with a new token of a demo account, by the name before its @."""
    ensure_demo_accounts(engine, "a password for tests")

    def make(name: str, scope: Any = "read") -> dict[str, str]:
        with unit_of_work(engine, SYSTEM) as uow:
            row = uow.connection.execute(_ACCOUNT, {"email": f"{name}@demo.quietude"}).one()
            role: Role = row.name
            actor = Actor(role, row.id, row.organisation_id)
            issued = create_token(uow.connection, actor, NewToken(name="test", scope=scope))
        return {"Authorization": f"Bearer {issued.secret}"}

    return make
