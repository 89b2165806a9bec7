"""Use cases: what a collection holds for whoever asks."""

from __future__ import annotations

from dataclasses import dataclass

from app.db.session import UnitOfWork
from app.errors import NotFoundError
from app.heat.actions import Heat
from app.ogc import store
from app.ogc.collections import COLLECTIONS, STATISTICS, Collection
from app.ogc.crs import Crs, in_crs, last_id
from app.ogc.features import NONE, Features
from app.ogc.query import Query, parse_id
from app.ogc.statistics import KIND, counted
from app.people.actor import Actor
from app.reports.filters import ReportFilter


@dataclass(frozen=True)
class Asking:
    """One request's transaction, the heat map's counts, and who asks."""

    uow: UnitOfWork
    heat: Heat
    actor: Actor


@dataclass(frozen=True)
class Page:
    """Features, the id after which the next page begins, None on the last; how many there are in all.

    matched is only counted for the first page: whoever walks on knows it.
    """

    features: Features
    next_after: str | None
    matched: int | None


def find(collection_id: str) -> Collection:
    """A collection.

    Raises:
        NotFoundError

    """
    found = COLLECTIONS.get(collection_id)
    if found is None:
        raise NotFoundError("collection", collection_id)
    return found


def items(asking: Asking, collection: Collection, query: Query) -> Page:
    """One page of features, in the query's reference system."""
    more = _rows(asking, collection, query.counted)
    features, has_more = store.page(asking.uow, collection, query, more)
    matched = None
    if query.after is None:
        matched = store.count(asking.uow, collection, query, more) if has_more else features.count
    next_after = last_id(features) if has_more else None
    return Page(in_crs(features, query.crs), next_after, matched)


def item(asking: Asking, collection: Collection, feature: str, crs: Crs) -> str:
    """One feature's text.

    Raises:
        NotFoundError: there is none that the actor may see.

    """
    wanted = parse_id(collection, feature)
    found = NONE
    if wanted is not None:
        found = store.one(asking.uow, collection, wanted, _rows(asking, collection, ReportFilter()))
    if not found.count:
        raise NotFoundError(collection.id, feature)
    return in_crs(found, crs).joined.decode()


def _rows(asking: Asking, collection: Collection, chosen: ReportFilter) -> dict[str, str]:
    """What the statements of a collection need that is no table."""
    if collection is not STATISTICS:
        return {}
    return {"statistics": counted(asking.heat, asking.actor, chosen, store.place_codes(asking.uow, KIND))}
