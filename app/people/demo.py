"""The demo organisations and the six demo accounts: all marked synthetic, safe to make again."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import uuid4

from sqlalchemy import Connection, Engine

from app.db.session import unit_of_work
from app.people import store
from app.people.actor import SYSTEM, Role
from app.people.commands import NewOrganisation, OrganisationKind
from app.people.passwords import hash_password, verify_password


@dataclass(frozen=True)
class DemoAccount:
    """What `make run` prints."""

    email: str
    role: Role
    organisation: str
    display_name: str


# One for every kind that the nomenclature can hold responsible, and those who steer.
ORGANISATIONS: tuple[tuple[str, str, OrganisationKind], ...] = (
    ("ville-amiens-demo", "Ville d'Amiens – Tranquillité publique (démo)", "city"),
    ("bailleur-social-demo", "Bailleur social (démo)", "landlord"),
    ("ametis-demo", "Ametis (démo)", "transport_operator"),
    ("amiens-metropole-demo", "Amiens Métropole – Urbanisme (démo)", "metropole"),
    ("prefecture-somme-demo", "Préfecture de la Somme – Secrétariat de la COP (démo)", "prefecture"),
    ("police-municipale-demo", "Police municipale d'Amiens (démo)", "police"),
    ("education-nationale-demo", "Éducation nationale – Somme (démo)", "school_authority"),
)

ACCOUNTS: tuple[DemoAccount, ...] = (
    DemoAccount("agent@demo.quietude", "agent", "ville-amiens-demo", "Agent de terrain (démo)"),
    DemoAccount("bailleur@demo.quietude", "partner", "bailleur-social-demo", "Bailleur (démo)"),
    DemoAccount("ametis@demo.quietude", "partner", "ametis-demo", "Ametis (démo)"),
    DemoAccount("planner@demo.quietude", "planner", "amiens-metropole-demo", "Urbaniste (démo)"),
    DemoAccount("coordinator@demo.quietude", "coordinator", "prefecture-somme-demo", "Coordination (démo)"),
    DemoAccount("admin@demo.quietude", "admin", "ville-amiens-demo", "Administration (démo)"),
)


def ensure_demo_accounts(engine: Engine, password: str) -> list[DemoAccount]:
    """Make the demo organisations and accounts that are missing, all with this password.

    Safe to repeat and to run twice at once. A password other than before replaces it. An account of the same address
    that is not marked synthetic is somebody's own, and is left alone (and out of the answer).
    """
    with unit_of_work(engine, SYSTEM) as uow:
        for slug, name, kind in ORGANISATIONS:
            store.add_organisation(uow.connection, NewOrganisation(slug=slug, name=name, kind=kind, is_synthetic=True))
        return [account for account in ACCOUNTS if _ensure(uow.connection, account, password)]


def _ensure(connection: Connection, account: DemoAccount, password: str) -> bool:
    """Whether the account is there, is ours, and has the password."""
    found = store.get_account(connection, account.email)
    if found is None:
        added = store.add_account(
            connection,
            email=account.email,
            role=account.role,
            organisation=account.organisation,
            display_name=account.display_name,
            password_hash=hash_password(password),
            uniquifier=uuid4().hex,
            is_synthetic=True,
        )
        if added:
            return True
        found = store.get_account(connection, account.email)  # another start was faster
    if found is None or not found.is_synthetic:
        return False
    if not verify_password(store.password_hash(connection, found.id), password):
        store.set_password_hash(connection, found.id, hash_password(password), uuid4().hex)
    return True
