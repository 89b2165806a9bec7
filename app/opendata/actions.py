"""Use case of the open data: the dataset, kept in memory. Open to everybody."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b

from sqlalchemy import Engine

from app.db.session import unit_of_work
from app.nomenclature.store import load_nomenclature
from app.opendata import store
from app.opendata.dataset import Dataset, month_begin, rows_of
from app.opendata.formats import FORMATS
from app.people.actor import SYSTEM

# The numbers change with the month, and when an old report is withdrawn; nobody needs that within the hour.
KEPT_S = 3600.0
# The worker counts once an hour; one that was late for it is no reason to let a reader wait.
COUNTED_WITHIN = timedelta(hours=2)


@dataclass(frozen=True)
class Published:
    """The dataset with its files by ending, and one tag for what all of them and the page hold."""

    dataset: Dataset
    files: dict[str, bytes]
    tag: str


def publish(engine: Engine, now: datetime, small: int) -> Published:
    """Make the dataset anew, as the system: it alone counts what nobody may read.

    From the worker's counts; where no worker has counted lately, by one statement over all reports.
    """
    until = month_begin(now)
    with unit_of_work(engine, SYSTEM) as uow:
        nomenclature = load_nomenclature(uow.connection)
        places = tuple(store.neighbourhoods(uow))
        counted = store.kept(uow, until, small, now - COUNTED_WITHIN)
        if counted is None:
            counted = store.counts(uow, until, small)
        dataset = Dataset(
            rows_of(counted, places, nomenclature.themes, small),
            places,
            nomenclature.themes,
            store.territory(uow),
            until,
            small,
            store.is_synthetic(uow),
        )
    files = {ending: one.write(dataset) for ending, one in FORMATS.items()}
    digest = blake2b(repr((until, small, dataset.is_synthetic)).encode(), digest_size=16)
    for content in files.values():
        digest.update(content)
    return Published(dataset, files, digest.hexdigest())


def count(engine: Engine, now: datetime, small: int) -> None:
    """Count what `publish` reads, and keep it."""
    until = month_begin(now)
    with unit_of_work(engine, SYSTEM) as uow:
        store.keep(uow, until, small, store.counts(uow, until, small), now)


class Keeper:
    """Keeps what is published for an hour; while one thread makes it anew, the others get the last one."""

    def __init__(self, engine: Engine, small: int, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._engine = engine
        self._small = small
        self._now = now
        self._lock = threading.Lock()
        self._kept: Published | None = None
        self._until_s = 0.0

    def get(self) -> Published:
        """What is published now.

        Raises:
            SQLAlchemyError: the database is away, and nothing is kept.

        """
        kept = self._fresh()
        if kept is not None:
            return kept
        if not self._lock.acquire(blocking=self._kept is None):
            assert self._kept is not None, "only then the lock is not waited for"
            return self._kept
        try:
            return self._fresh() or self._renew()
        finally:
            self._lock.release()

    def _fresh(self) -> Published | None:
        kept = self._kept
        if kept is None or time.monotonic() > self._until_s or kept.dataset.until != month_begin(self._now()):
            return None
        return kept

    def _renew(self) -> Published:
        self._kept = publish(self._engine, self._now(), self._small)
        self._until_s = time.monotonic() + KEPT_S
        return self._kept
