"""How far each collection reaches: in degrees, and in time."""

from __future__ import annotations

from dataclasses import dataclass

from app.db.session import UnitOfWork
from app.errors import NoTerritoryError
from app.ogc import store
from app.ogc.collections import COLLECTIONS, Collection
from app.people.actor import Actor
from app.places.actions import current_territory
from app.places.lattice import FRANCE_LON_LAT

Bounds = tuple[float, float, float, float]


@dataclass(frozen=True)
class Extent:
    """bounds: west, south, east, north in degrees; span: the first and the last time, None where there is none."""

    bounds: Bounds
    span: store.Span = (None, None)


def extents(uow: UnitOfWork, actor: Actor, *wanted: Collection) -> dict[str, Extent]:
    """By collection, of those wanted: bounds of all that may be in it, of reports and of what is empty the territory's;
    times of what the actor may see.
    """
    try:
        territory = current_territory().bounds
    except NoTerritoryError:
        territory = FRANCE_LON_LAT
    found = store.bounds(uow)
    reach = {one.id: found.get(one.kind or one.table, territory) for one in COLLECTIONS.values()}
    reach["neighbourhood_statistics"] = found.get("neighbourhood", territory)
    return {one.id: Extent(reach[one.id], _span(uow, actor, one)) for one in wanted}


def _span(uow: UnitOfWork, actor: Actor, one: Collection) -> store.Span:
    # The public sees nothing that has a time: no index would find that out quickly.
    return store.span(uow, one) if one.start is not None and actor.is_signed_in else (None, None)
