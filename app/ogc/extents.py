"""How far each collection can reach, in degrees."""

from __future__ import annotations

from app.db.session import UnitOfWork
from app.errors import NoTerritoryError
from app.ogc.collections import COLLECTIONS
from app.ogc.documents import Bounds
from app.ogc.store import bounds
from app.places.actions import current_territory
from app.places.lattice import FRANCE_LON_LAT


def extents(uow: UnitOfWork) -> dict[str, Bounds]:
    """West, south, east, north by collection: of reports, and of what is empty, the territory's."""
    try:
        territory = current_territory().bounds
    except NoTerritoryError:
        territory = FRANCE_LON_LAT
    found = bounds(uow)
    reach = {one.id: found.get(one.kind or one.table, territory) for one in COLLECTIONS.values()}
    return reach | {"neighbourhood_statistics": found.get("neighbourhood", territory)}
