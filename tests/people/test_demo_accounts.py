"""The demo organisations and accounts."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import Engine, text

from app.db.session import unit_of_work
from app.nomenclature.store import load_nomenclature
from app.people import store
from app.people.actions import ensure_demo_accounts
from app.people.actor import PUBLIC
from app.people.passwords import verify_password

KIND_OF = {
    "city": "city",
    "landlord": "landlord",
    "transport": "transport_operator",
    "police": "police",
    "school": "school_authority",
}


def _rows(engine: Engine) -> list[tuple[object, ...]]:
    with engine.connect() as connection:
        return [
            tuple(row)
            for row in connection.execute(
                text(
                    "SELECT account.id, email, role.name, organisation.kind, account.is_synthetic, fs_uniquifier,"
                    " password FROM account JOIN role ON role.id = role_id"
                    " JOIN organisation ON organisation.id = organisation_id ORDER BY email"
                )
            )
        ]


def test_the_six_accounts_of_the_contract(engine: Engine, clean: None) -> None:
    made = ensure_demo_accounts(engine, "motdepasse")
    assert sorted(account.email for account in made) == [
        "admin@demo.quietude",
        "agent@demo.quietude",
        "ametis@demo.quietude",
        "bailleur@demo.quietude",
        "coordinator@demo.quietude",
        "planner@demo.quietude",
    ]
    kinds = {row[1]: row[2:5] for row in _rows(engine)}
    assert kinds == {
        "admin@demo.quietude": ("admin", "city", True),
        "agent@demo.quietude": ("agent", "city", True),
        "ametis@demo.quietude": ("partner", "transport_operator", True),
        "bailleur@demo.quietude": ("partner", "landlord", True),
        "coordinator@demo.quietude": ("coordinator", "prefecture", True),
        "planner@demo.quietude": ("planner", "metropole", True),
    }


def test_a_second_time_changes_nothing(engine: Engine, clean: None) -> None:
    ensure_demo_accounts(engine, "motdepasse")
    before = _rows(engine)
    assert len(ensure_demo_accounts(engine, "motdepasse")) == 6
    assert _rows(engine) == before


def test_another_password_replaces_the_old_one(engine: Engine, clean: None) -> None:
    ensure_demo_accounts(engine, "motdepasse")
    ensure_demo_accounts(engine, "un-autre-mot")
    for row in _rows(engine):
        assert verify_password(str(row[-1]), "un-autre-mot")
        assert not verify_password(str(row[-1]), "motdepasse")


def test_somebodys_own_account_of_that_address_is_left_alone(engine: Engine, clean: None) -> None:
    ensure_demo_accounts(engine, "motdepasse")
    with engine.begin() as connection:
        connection.execute(text("UPDATE account SET is_synthetic = false WHERE email = 'admin@demo.quietude'"))
    made = ensure_demo_accounts(engine, "un-autre-mot")
    assert "admin@demo.quietude" not in {account.email for account in made}
    own = next(row for row in _rows(engine) if row[1] == "admin@demo.quietude")
    assert verify_password(str(own[-1]), "motdepasse")


def test_two_starts_at_once(engine: Engine, clean: None) -> None:
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda _: ensure_demo_accounts(engine, "motdepasse"), range(2)))
    assert [len(result) for result in results] == [6, 6]
    assert len(_rows(engine)) == 6


def test_every_kind_that_can_be_responsible_has_an_organisation(engine: Engine, clean: None) -> None:
    ensure_demo_accounts(engine, "motdepasse")
    with unit_of_work(engine, PUBLIC) as uow:
        needed = {category.responsible for category in load_nomenclature(uow.connection).categories} - {"by_place"}
        assert needed <= set(KIND_OF)
        for responsible in needed:
            assert store.list_organisations(uow.connection, KIND_OF[responsible])
