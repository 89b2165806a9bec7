"""Use cases of a phone without a network: its key, and what it takes along."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Any

from app.db.session import UnitOfWork
from app.nomenclature.store import Nomenclature
from app.offline import store
from app.offline.store import OfflineAccount
from app.patrols.rules import WALKERS
from app.people.actor import Actor
from app.people.guards import require_role, require_signed_in

KEY_BYTES = 32
# What an agent may meet in a day, not the register: 38 bytes each, compressed. A first visit takes fewer: it is light.
MOST_REPORTS = 1000
FIRST_REPORTS = 100
# Rounds to go on with, and those that may begin before there is a network again.
MOST_ROUNDS = 30
AHEAD = timedelta(days=3)


def own_account(uow: UnitOfWork, actor: Actor) -> OfflineAccount:
    """The actor's tag and key, made the first time.

    Raises:
        NotSignedInError

    """
    require_signed_in(actor)
    assert actor.user_id is not None
    known = store.get_account(uow.connection, actor.user_id)
    if known is None:
        store.add_account(uow.connection, actor.user_id, secrets.token_bytes(KEY_BYTES))
        known = store.get_account(uow.connection, actor.user_id)
        assert known is not None
    return known


def reference(uow: UnitOfWork, nomenclature: Nomenclature) -> dict[str, Any]:
    """What is the same for everybody: places and words, as lists to save bytes."""
    return {
        "format": 1,
        "places": store.places(uow.connection),
        "themes": [[theme.code, theme.label_fr, theme.label_en] for theme in nomenclature.themes],
        "categories": [
            [one.code, one.theme, one.kind, one.default_severity, one.label_fr, one.label_en]
            for one in nomenclature.categories
            if one.active
        ],
    }


def open_reports(uow: UnitOfWork, *, most: int) -> dict[str, Any]:
    """The newest open reports that the actor may see, without their texts: enough to find them again."""
    found = store.open_reports(uow.connection, most=most + 1)
    return {"format": 1, "partial": len(found) > most, "reports": found[:most]}


def rounds(uow: UnitOfWork, actor: Actor, *, now: datetime) -> dict[str, Any]:
    """The rounds of the actor's organisation that can be walked now or soon, each with its stops and passages.

    Raises:
        NotSignedInError, ForbiddenError

    """
    require_role(actor, *WALKERS)  # type: ignore[arg-type]
    known = store.rounds(uow.connection, actor.organisation_id, until=now + AHEAD, most=MOST_ROUNDS)
    return {"format": 1, "rounds": known}
