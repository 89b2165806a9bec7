"""A year of synthetic reports over the territory, marked as such: a newcomer sees what the product does."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from sqlalchemy import Connection, Engine, text

from app.db.session import UnitOfWork, unit_of_work
from app.nomenclature.store import load_nomenclature
from app.people.actor import SYSTEM
from app.reports.demo.make import Maker
from app.reports.demo.scene import load_scene
from app.reports.importing.bulk import BulkOrigin, bulk_insert

SOURCE = "demo"
REPORTS = 3_000
SEED = 80021

# What domains above add to the demo's reports: (engine, echo).
AFTER_DEMO: list[Callable[[Engine, Callable[[str], object]], object]] = []

_ANY_REPORT = text("SELECT EXISTS (SELECT FROM report)")
# The demo's own city service first; else whichever city is there.
_REPORTER = text("SELECT id FROM organisation WHERE kind = 'city' ORDER BY NOT is_synthetic, id LIMIT 1")
_COORDINATION = text("SELECT id FROM organisation WHERE kind = 'prefecture' ORDER BY NOT is_synthetic, id LIMIT 1")
# What the stories tell as a duplicate counts with the report that it repeats, as a merge makes it.
_MERGE_DUPLICATES = text("""
    UPDATE report SET duplicate_of = CAST(event.details ->> 'duplicate_of' AS uuid)
    FROM report_event AS event
    WHERE event.report_id = report.id AND event.to_state = 'duplicate' AND report.state = 'duplicate'
        AND EXISTS (SELECT FROM report AS earlier WHERE earlier.id = CAST(event.details ->> 'duplicate_of' AS uuid))
""")


def load_demo(
    engine: Engine,
    echo: Callable[[str], object],
    *,
    now: datetime | None = None,
    count: int = REPORTS,
    progress: Callable[[int], object] | None = None,
) -> int:
    """Fill a database that has no report; returns how many were added (0 when there are reports already).

    The same `now`, nomenclature and places give the same reports. Organisations (app.people.ensure_demo_accounts) must
    be there for the reports to have somebody responsible.

    Raises:
        NoTerritoryError: no commune is marked as the territory.

    """
    now = now or datetime.now(UTC)
    with unit_of_work(engine, SYSTEM) as uow:
        if uow.connection.scalar(_ANY_REPORT):
            echo("Demo data: there are reports already, nothing is added.")
            return 0
        echo(f"Demo data: {count:,} synthetic reports over the past year …")
        added = _load(uow, now=now, count=count, progress=progress)
    echo(f"Demo data: {added:,} reports added.")
    return added


def _load(uow: UnitOfWork, *, now: datetime, count: int, progress: Callable[[int], object] | None) -> int:
    connection = uow.connection
    scene = load_scene(connection, seed=SEED)
    coordination_id = _organisation(connection, "prefecture")
    maker = Maker(scene, now=now, seed=SEED, coordination_id=coordination_id)
    rows = maker.reports(load_nomenclature(connection), count)
    origin = BulkOrigin(SOURCE, organisation_id=_organisation(connection, "city"), is_synthetic=True, role="agent")
    added = bulk_insert(uow, origin, rows, now=now, progress=progress).added
    connection.execute(_MERGE_DUPLICATES)
    return added


def _organisation(connection: Connection, kind: str) -> int | None:
    found = connection.scalar(_REPORTER if kind == "city" else _COORDINATION)
    return None if found is None else int(found)
