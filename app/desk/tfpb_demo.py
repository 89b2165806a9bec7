"""Synthetic entries of the TFPB ledger for the demo landlord's interventions."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Engine, text

from app.db.session import unit_of_work
from app.db.sql import statement
from app.people.actor import SYSTEM

_ANY = text("SELECT EXISTS (SELECT FROM tfpb_entry)")
_ADD = text(statement("desk", "tfpb_demo"))


def load_demo_entries(engine: Engine, echo: Callable[[str], object]) -> int:
    """Claim two in three of the synthetic landlord's finished interventions; returns how many."""
    with unit_of_work(engine, SYSTEM) as uow:
        if uow.connection.scalar(_ANY):
            return 0
        added = uow.connection.execute(_ADD).rowcount
    if added:
        echo(f"Demo data: {added:,} synthetic entries of the TFPB ledger added.")
    return added
