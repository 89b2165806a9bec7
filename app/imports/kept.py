"""The mappings that an organisation keeps under a name, and who may import at all."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from app.db.session import UnitOfWork
from app.errors import NotFoundError
from app.imports import store
from app.imports.rules import IMPORTERS
from app.imports.store import KeptMapping
from app.people.actor import Actor
from app.people.guards import require_role, require_write


def require_importer(actor: Actor) -> None:
    """A partner or a coordinator who may write.

    Raises:
        NotSignedInError, ForbiddenError

    """
    require_role(actor, *IMPORTERS)
    require_write(actor)


def keep_mapping(uow: UnitOfWork, actor: Actor, mapping: Mapping[str, Any], now: datetime) -> None:
    """Every mapping is kept under its name: the next file of the kind begins with it."""
    store.keep_mapping(
        uow.connection,
        {
            "organisation_id": actor.organisation_id,
            "name": str(mapping["name"]).rpartition(".")[2],
            "mapping": mapping,
            "now": now,
            "account_id": actor.user_id,
        },
    )


def read_kept(uow: UnitOfWork, actor: Actor, mapping_id: int) -> KeptMapping:
    """One of the organisation's mappings.

    Raises:
        NotFoundError

    """
    require_role(actor, *IMPORTERS)
    assert actor.organisation_id is not None
    found = store.read_mapping(uow.connection, actor.organisation_id, mapping_id)
    if found is None:
        raise NotFoundError("mapping", mapping_id)
    return found


def forget_kept(uow: UnitOfWork, actor: Actor, mapping_id: int) -> None:
    """Delete a kept mapping; imports that were made with it have their own copy.

    Raises:
        NotFoundError

    """
    require_importer(actor)
    assert actor.organisation_id is not None
    if not store.forget_mapping(uow.connection, actor.organisation_id, mapping_id):
        raise NotFoundError("mapping", mapping_id)
