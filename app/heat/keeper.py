"""Keeps one cube a process up to date, for all its threads; when the database is away, keeps the last one.

A thread of its own asks the database; whoever finds the cube more than a second old waits for it, but not for long: a
mail's worth of changes is there in milliseconds, a bulk import's only after a while, and meanwhile the old cube is
drawn. Only when there is no cube yet, or one that nobody asked for in a while, does everybody wait.
"""

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
from app.heat.reference import PlaceShape, Reference, load_reference, reference_version
from app.heat.store import Watermark, load_all, load_changed, read_watermark
from app.nomenclature.store import Nomenclature, load_nomenclature
from app.people.actor import SYSTEM
from app.people.store import Organisation, list_organisations

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.db.session import UnitOfWork

REFRESH_S = 1.0
# A database that is away is asked again after this time, so that not every tile waits for a connection that fails.
RETRY_S = 2.0
# The nomenclature, the organisations and the places change a few times a year.
REFERENCE_S = 5.0
# How long a request waits for changes before it draws the cube as it is.
WAIT_S = 0.5
# A database that takes this long to answer counts as away.
LATE_S = 20.0


@dataclass(frozen=True)
class Kept:
    """The cube as of a moment. `version` changes exactly when the reports in it do; equal in every process."""

    rows: Rows
    print64: int
    nomenclature: Nomenclature
    reference: Reference
    as_of: datetime
    is_stale: bool = False
    organisations: tuple[Organisation, ...] = ()

    def organisation(self, slug: str) -> Organisation | None:
        """Of that slug, if there is one."""
        return next((one for one in self.organisations if one.slug == slug), None)

    @property
    def neighbourhoods(self) -> tuple[PlaceShape, ...]:
        """The places of the usual table."""
        return self.reference.places.get("neighbourhood", ())

    @property
    def version(self) -> str:
        """For ETags and caches."""
        return f"{len(self.rows):x}-{self.print64:016x}"


class _Refresh:
    """One question to the database, asked by a thread of its own."""

    def __init__(self, ask: Callable[[], None]) -> None:
        self._ask = ask
        self.done = threading.Event()
        self._started_s = time.monotonic()
        self.error: Exception | None = None
        threading.Thread(target=self._run, name="heat-cube", daemon=True).start()

    def _run(self) -> None:
        try:
            self._ask()
        except Exception as error:  # noqa: BLE001  (whoever waits raises it)
            self.error = error
        finally:
            self.done.set()

    def wait(self, seconds: float | None) -> None:
        """Until the answer is there, or for so long; raises what went wrong."""
        if self.done.wait(seconds) and self.error is not None:
            raise self.error

    @property
    def is_running(self) -> bool:
        return not self.done.is_set()

    @property
    def left_s(self) -> float:
        """How long until it is late."""
        return max(0.0, self._started_s + LATE_S - time.monotonic())

    @property
    def is_late(self) -> bool:
        return self.is_running and time.monotonic() > self._started_s + LATE_S


class CubeKeeper:
    """Thread-safe; at most one question at a time goes to the database, at most once a second."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._kept: Kept | None = None
        self._watermark: Watermark | None = None
        self._running: _Refresh | None = None
        self._next_s = 0.0
        self._as_of_s = 0.0
        self._next_reference_s = 0.0

    def current(self, *, at_once: bool = False) -> Kept:
        """The cube, at most about a second old unless much is changing.

        Args:
            at_once: ask the database even if it was asked less than a second ago, and wait for the answer.

        Raises:
            SQLAlchemyError: the database is away and no cube was ever loaded.

        """
        kept = self._kept
        if kept is not None and not at_once and time.monotonic() < self._next_s:
            return kept
        refresh, is_mine = self._joined(at_once=at_once)
        if kept is None or at_once:
            refresh.wait(None)
        elif not kept.is_stale and time.monotonic() > self._as_of_s + LATE_S:
            # A process that nobody asked in a while must not draw what was an hour ago as if it were now.
            refresh.wait(refresh.left_s)
        elif is_mine:
            refresh.wait(WAIT_S)
        assert self._kept is not None
        return replace(self._kept, is_stale=True) if refresh.is_late else self._kept

    def _joined(self, *, at_once: bool) -> tuple[_Refresh, bool]:
        """The question that is being asked, and whether it was asked just now by this thread."""
        with self._lock:
            running = self._running
            if running is not None and running.is_running:
                if not at_once:
                    return running, False
                # What it reads may be from before the change that the caller wants to see.
                before = running
            else:
                before = None
            self._running = _Refresh(lambda: self._after(before))
            return self._running, True

    def _after(self, before: _Refresh | None) -> None:
        if before is not None:
            before.done.wait()
        self._refresh()

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
        now, now_s = datetime.now(UTC), time.monotonic()
        watermark = read_watermark(uow)
        kept, last = self._kept, self._watermark
        if kept is None or last is None or last.incarnation != watermark.incarnation:
            rows = load_all(uow).rows
            print64 = fingerprint(rows)
        else:
            rows, print64 = _advanced(kept, uow, last)
        if kept is None or time.monotonic() >= self._next_reference_s:
            nomenclature, organisations = load_nomenclature(uow.connection), list_organisations(uow.connection)
            version = reference_version(uow)
            is_known = kept is not None and kept.reference.version == version
            reference = kept.reference if kept is not None and is_known else load_reference(uow, version)
            self._next_reference_s = time.monotonic() + REFERENCE_S
        else:
            nomenclature, reference, organisations = kept.nomenclature, kept.reference, kept.organisations
        self._kept = Kept(rows, print64, nomenclature, reference, now, organisations=organisations)
        self._watermark = watermark
        self._as_of_s = now_s


def _advanced(kept: Kept, uow: UnitOfWork, last: Watermark) -> tuple[Rows, int]:
    changes = load_changed(uow, last)
    if not len(changes.rows) and not len(changes.gone):
        return kept.rows, kept.print64
    old = replaced(kept.rows, changes.rows, changes.gone)
    print64 = (kept.print64 - fingerprint(old) + fingerprint(changes.rows)) % (1 << 64)
    if print64 == kept.print64:
        return kept.rows, print64
    return merged(kept.rows, changes.rows, changes.gone), print64
