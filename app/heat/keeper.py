"""Keeps one cube a process up to date, for all its threads; when the database is away, keeps the last one."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from app.db.session import unit_of_work
from app.heat.cube import Rows, fingerprint, merged, replaced
from app.heat.store import PlaceShape, Watermark, load_all, load_changed, load_places, read_watermark
from app.nomenclature.store import Nomenclature, load_nomenclature
from app.people.actor import SYSTEM

if TYPE_CHECKING:
    from app.db.session import UnitOfWork

REFRESH_S = 1.0
# A database that is away is asked again after this time, so that not every tile waits for a connection that fails.
RETRY_S = 2.0
# The nomenclature and the places change a few times a year.
REFERENCE_S = 5.0


@dataclass(frozen=True)
class Kept:
    """The cube as of a moment. `version` changes exactly when the reports in it do; equal in every process."""

    rows: Rows
    print64: int
    nomenclature: Nomenclature
    neighbourhoods: tuple[PlaceShape, ...]
    as_of: datetime
    is_stale: bool = False

    @property
    def version(self) -> str:
        """For ETags and caches."""
        return f"{len(self.rows):x}-{self.print64:016x}"


class CubeKeeper:
    """Thread-safe; at most one thread asks the database, at most once a second, the others draw what is there."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._kept: Kept | None = None
        self._watermark: Watermark | None = None
        self._next_s = 0.0
        self._next_reference_s = 0.0

    def current(self, *, at_once: bool = False) -> Kept:
        """The cube, at most about a second old.

        Args:
            at_once: ask the database even if it was asked less than a second ago.

        Raises:
            SQLAlchemyError: the database is away and no cube was ever loaded.

        """
        kept = self._kept
        if kept is not None and not at_once and time.monotonic() < self._next_s:
            return kept
        # With a cube at hand nobody waits for another thread's refresh; without one everybody must.
        if not self._lock.acquire(blocking=kept is None or at_once):
            assert kept is not None
            return kept
        try:
            if at_once or self._kept is None or time.monotonic() >= self._next_s:
                self._refresh()
        finally:
            self._lock.release()
        assert self._kept is not None
        return self._kept

    def _refresh(self) -> None:
        try:
            with unit_of_work(self._engine, SYSTEM) as uow:
                self._read(uow)
            self._next_s = time.monotonic() + REFRESH_S
        except SQLAlchemyError as error:
            if self._kept is None:
                raise
            if not self._kept.is_stale:
                structlog.get_logger().error("heat cube not refreshed", error=str(error).splitlines()[0])
            self._kept = replace(self._kept, is_stale=True)
            self._next_s = time.monotonic() + RETRY_S

    def _read(self, uow: UnitOfWork) -> None:
        now = datetime.now(UTC)
        watermark = read_watermark(uow)
        kept, last = self._kept, self._watermark
        if kept is None or last is None or last.incarnation != watermark.incarnation:
            rows = load_all(uow).rows
            print64 = fingerprint(rows)
        else:
            rows, print64 = _advanced(kept, uow, last)
        if kept is None or time.monotonic() >= self._next_reference_s:
            nomenclature = load_nomenclature(uow.connection)
            neighbourhoods = load_places(uow, "neighbourhood")
            self._next_reference_s = time.monotonic() + REFERENCE_S
            if kept is not None and neighbourhoods == kept.neighbourhoods:
                neighbourhoods = kept.neighbourhoods
        else:
            nomenclature, neighbourhoods = kept.nomenclature, kept.neighbourhoods
        self._kept = Kept(rows, print64, nomenclature, neighbourhoods, now)
        self._watermark = watermark


def _advanced(kept: Kept, uow: UnitOfWork, last: Watermark) -> tuple[Rows, int]:
    changes = load_changed(uow, last)
    if not len(changes.rows) and not len(changes.gone):
        return kept.rows, kept.print64
    old = replaced(kept.rows, changes.rows, changes.gone)
    print64 = (kept.print64 - fingerprint(old) + fingerprint(changes.rows)) % (1 << 64)
    if print64 == kept.print64:
        return kept.rows, print64
    return merged(kept.rows, changes.rows, changes.gone), print64
