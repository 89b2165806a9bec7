"""A small territory of squares around the cathedral, the demo accounts, and a token for each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine, text

from app.db.session import unit_of_work
from app.people.actions import create_token, ensure_demo_accounts
from app.people.actor import SYSTEM, Actor, Role
from app.people.commands import NewToken
from tests.reports.samples import LAT, LON, add_place, square


@pytest.fixture
def places(engine: Engine, clean: None) -> dict[str, int]:
    """Code → id of the places of the small territory."""
    ensure_demo_accounts(engine, "a password for tests")
    with unit_of_work(engine, SYSTEM) as uow:
        return {
            "territory": add_place(uow, "commune", "80021", square(LON, LAT, 0.1)),
            "west": add_place(uow, "neighbourhood", "west", square(LON - 0.05, LAT, 0.05)),
            "east": add_place(uow, "neighbourhood", "east", square(LON + 0.05, LAT, 0.05)),
            "iris": add_place(uow, "iris", "800210101", square(LON, LAT, 0.02)),
            "qpv": add_place(uow, "qpv", "QN08001M", square(LON - 0.05, LAT, 0.01)),
            "near_stop": add_place(uow, "stop", "near", f"POINT({LON + 0.001} {LAT})"),
            "far_stop": add_place(uow, "stop", "far", f"POINT({LON + 0.002} {LAT})"),
            "residence": add_place(uow, "residence", "r1", f"POINT({LON} {LAT})", "bailleur-social-demo"),
        }


@pytest.fixture
def actor_of(engine: Engine, places: dict[str, int]) -> Callable[[str], Actor]:
    """The actor of a demo account by the name before its @."""

    def find(name: str) -> Actor:
        query = text(
            "SELECT account.id, organisation_id, role.name FROM account JOIN role ON role.id = role_id"
            " WHERE email = :email"
        )
        with unit_of_work(engine, SYSTEM) as uow:
            row = uow.connection.execute(query, {"email": f"{name}@demo.quietude"}).one()
        role: Role = row.name
        return Actor(role, row.id, row.organisation_id)

    return find


@pytest.fixture
def bearer(engine: Engine, actor_of: Callable[[str], Actor]) -> Callable[..., dict[str, str]]:
    """Headers with a new token of a demo account."""

    def make(name: str, scope: Any = "write") -> dict[str, str]:
        with unit_of_work(engine, SYSTEM) as uow:
            issued = create_token(uow.connection, actor_of(name), NewToken(name="test", scope=scope))
        return {"Authorization": f"Bearer {issued.secret}"}

    return make
