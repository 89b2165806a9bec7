"""Several organisations with an account each, and places that belong to them: what routing and moves are tested on.

No passwords: every account signs in with a token.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, text

from app.db.session import unit_of_work
from app.people import store
from app.people.actions import create_token
from app.people.actor import SYSTEM, Actor, Role
from app.people.commands import NewOrganisation, NewToken, OrganisationKind
from tests.reports.samples import LAT, LON, add_place, square

ORGANISATIONS: dict[str, OrganisationKind] = {
    "city": "city",
    "hlm-a": "landlord",
    "hlm-b": "landlord",
    "bus": "transport_operator",
    "police": "police",
    "prefecture": "prefecture",
}
ACCOUNTS: dict[str, tuple[Role, str]] = {
    "agent": ("agent", "city"),
    "city": ("partner", "city"),
    "hlm-a": ("partner", "hlm-a"),
    "hlm-b": ("partner", "hlm-b"),
    "hlm-a-agent": ("agent", "hlm-a"),
    "bus": ("partner", "bus"),
    "police": ("partner", "police"),
    "planner": ("planner", "prefecture"),
    "coordinator": ("coordinator", "prefecture"),
    "admin": ("admin", "city"),
}
# One metre at the latitude of Amiens, in degrees.
METRE_LON, METRE_LAT = 1 / (111_320 * 0.6443), 1 / 111_320


def at(east_m: float, north_m: float = 0.0) -> tuple[float, float]:
    """The point so many metres from the middle of the little territory."""
    return LON + east_m * METRE_LON, LAT + north_m * METRE_LAT


def point(east_m: float, north_m: float = 0.0) -> str:
    return "POINT({} {})".format(*at(east_m, north_m))


@dataclass(frozen=True)
class World:
    """Names → ids, actors and headers."""

    organisations: dict[str, int]
    actors: dict[str, Actor]
    tokens: dict[str, str]
    places: dict[str, int]

    def headers(self, name: str, **more: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens[name]}"} | more


def make_world(engine: Engine) -> World:
    with unit_of_work(engine, SYSTEM) as uow:
        connection = uow.connection
        for slug, kind in ORGANISATIONS.items():
            store.add_organisation(connection, NewOrganisation(slug=slug, name=f"The {slug}", kind=kind))
        for name, (role, organisation) in ACCOUNTS.items():
            store.add_account(
                connection,
                email=f"{name}@example.org",
                role=role,
                organisation=organisation,
                display_name=None,
                password_hash="none",
                uniquifier=name,
                is_synthetic=False,
            )
        ids: dict[str, int] = {
            row.slug: row.id for row in connection.execute(text("SELECT id, slug FROM organisation"))
        }
        accounts: dict[str, int] = {
            row.fs_uniquifier: row.id for row in connection.execute(text("SELECT id, fs_uniquifier FROM account"))
        }
        actors = {name: Actor(role, accounts[name], ids[slug]) for name, (role, slug) in ACCOUNTS.items()}
        new = NewToken(name="test", scope="write")
        tokens = {name: create_token(connection, actor, new).secret for name, actor in actors.items()}
        places = {
            "territory": add_place(uow, "commune", "80021", square(LON, LAT, 0.1)),
            "east": add_place(uow, "neighbourhood", "east", square(LON + 0.05, LAT, 0.05)),
            "a": add_place(uow, "residence", "a", point(0), "hlm-a"),
            "b": add_place(uow, "residence", "b", point(200), "hlm-b"),
            # Two doors three metres apart.
            "a-door": add_place(uow, "residence", "a-door", point(400), "hlm-a"),
            "b-door": add_place(uow, "residence", "b-door", point(403), "hlm-b"),
            "stop": add_place(uow, "stop", "stop", point(0, 500), "bus"),
            "ownerless": add_place(uow, "residence", "ownerless", point(0, 900)),
        }
    return World(ids, actors, tokens, places)


def body_at(east_m: float, north_m: float = 0.0, **changes: Any) -> dict[str, Any]:
    """A report's values at that point."""
    lon, lat = at(east_m, north_m)
    return {"category": "lift_out", "lon": lon, "lat": lat} | changes
