"""Many reports in one transaction: COPY into a temporary table, set-based checks, INSERT … SELECT.

What a row becomes (places, responsible organisation, visibility, deadline, cell) is the same as for a single report
(0005/submit.sql). Places and routing are looked up for a batch as a set: bulk_places.sql, bulk_route.sql.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any, Literal, TypeVar

import numpy as np
from sqlalchemy import text

from app.db.session import UnitOfWork
from app.db.sql import statement
from app.nomenclature.store import Category, load_nomenclature
from app.places.lattice import cells_of
from app.reports.commands import ReportCommand
from app.routing.deadlines import due_at

BATCH_ROWS = 5_000
Reason = Literal["duplicate", "already_there", "unknown_place"]

_TABLES = statement("reports", "bulk_tables")
_SORT = text(statement("reports", "bulk_sort"))
# The index is built after the COPY: half the time of one that grows row by row.
_INDEX = text("CREATE INDEX bulk_stage_geom_idx ON bulk_stage USING gist (geom_4326)")
_PLACES = text(statement("reports", "bulk_places"))
_ROUTE = text(statement("reports", "bulk_route"))
_INSERT = text(statement("reports", "bulk_insert"))
_HISTORY = text(statement("reports", "bulk_history"))
_CLEAR = text("TRUNCATE bulk_stage, bulk_located, bulk_routed, bulk_history; DROP INDEX IF EXISTS bulk_stage_geom_idx")
# The planner must know early that the table is no longer what it was: as soon as most of its rows are this load's.
_ANALYSE = text("SELECT analyse_reports() FROM pg_class WHERE oid = 'report'::regclass AND reltuples * 2 < :added")
_STAGE_COLUMNS = (
    "ordinal, id, source_ref, category_code, lon, lat, cell_25m, severity, observed_at, received_at, due_at,"
    " description, place_id, state"
)
_HISTORY_COLUMNS = "report_id, at, kind, from_state, to_state, by_responsible, organisation_id, role, details"
Batch = TypeVar("Batch")
Stored = TypeVar("Stored")


@dataclass(frozen=True, slots=True)
class BulkEvent:
    """Something that happened after the report was made. by_responsible: by the organisation that answers for it."""

    at: datetime
    kind: str
    from_state: str | None
    to_state: str | None
    role: str
    by_responsible: bool = False
    organisation_id: int | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BulkRow:
    """One accepted report. `state` is where its history ends; received_at is now when None."""

    command: ReportCommand
    source_ref: str | None = None
    received_at: datetime | None = None
    state: str = "new"
    history: tuple[BulkEvent, ...] = ()


@dataclass(frozen=True)
class BulkOrigin:
    """Where all rows of a load come from. role: what the history says of who made them.

    partners_only: what the category would show to the public is for partners. import_id: the line of the imports' log.
    """

    source: str
    organisation_id: int | None = None
    is_synthetic: bool = False
    role: str = "system"
    partners_only: bool = False
    import_id: str | None = None


@dataclass(frozen=True)
class BatchOutcome:
    """What became of a batch; positions are those in the batch."""

    added: int
    left_out: Mapping[int, Reason]


@dataclass(frozen=True)
class BulkResult:
    """What became of all rows: the four numbers add up to the rows given."""

    added: int
    already_there: int
    duplicate: int
    unknown_place: int


@dataclass(frozen=True)
class Staged:
    """A batch as COPY takes it."""

    rows: int
    lines: str
    history: str


class BulkLoader:
    """Adds batches inside the caller's transaction, which must be the system's (row-level security)."""

    def __init__(self, uow: UnitOfWork, origin: BulkOrigin, *, now: datetime, dry_run: bool = False) -> None:
        """dry_run: everything is checked against the database, and no report is written."""
        self._uow, self._origin, self._now, self._dry_run = uow, origin, now, dry_run
        self._added = 0
        self._categories = load_nomenclature(uow.connection).category_by_code
        with uow.raw.cursor() as cursor:
            cursor.execute(_TABLES)

    def stage(self, rows: Sequence[BulkRow]) -> Staged:
        """What can be done without the database: `add` then only waits for it."""
        lines = _stage_lines(rows, self._now, self._categories) if rows else ()
        return Staged(len(rows), "".join(lines), "".join(_history_lines(rows)))

    def add(self, batch: Staged) -> BatchOutcome:
        """Store one batch; rows that are there already, or twice, or at an unknown place, are left out and named."""
        if not batch.rows:
            return BatchOutcome(0, {})
        connection = self._uow.connection
        self._copy("bulk_stage", _STAGE_COLUMNS, batch.lines)
        left_out = {row.ordinal: row.reason for row in connection.execute(_SORT, {"source": self._origin.source})}
        added = batch.rows - len(left_out)
        if not self._dry_run:
            for look_up in (_INDEX, _PLACES, _ROUTE):
                connection.execute(look_up)
            added = connection.execute(_INSERT, vars(self._origin)).rowcount
            if batch.history:
                self._copy("bulk_history", _HISTORY_COLUMNS, batch.history)
                connection.execute(_HISTORY)
            self._added += added
            connection.execute(_ANALYSE, {"added": self._added})
        connection.execute(_CLEAR)
        return BatchOutcome(added, left_out)

    def _copy(self, table: str, columns: str, lines: str) -> None:
        with self._uow.raw.cursor() as cursor:
            cursor.copy_expert(f"COPY {table} ({columns}) FROM STDIN", io.StringIO(lines))


def bulk_insert(
    uow: UnitOfWork,
    origin: BulkOrigin,
    rows: Iterable[BulkRow],
    *,
    now: datetime,
    progress: Callable[[int], object] | None = None,
) -> BulkResult:
    """Store accepted reports in batches. progress is told the number of rows of each batch once it is in.

    The caller's transaction must be the system's; nothing is committed here. `rows` may be a generator that works for
    each row, but not with this transaction: it is a batch ahead.
    """
    loader = BulkLoader(uow, origin, now=now)
    counts = {"added": 0, "already_there": 0, "duplicate": 0, "unknown_place": 0}

    def take(batch: Staged, outcome: BatchOutcome) -> None:
        counts["added"] += outcome.added
        for reason in outcome.left_out.values():
            counts[reason] += 1
        # Somebody else's transaction added the same rows between our look and our insert.
        counts["already_there"] += batch.rows - len(outcome.left_out) - outcome.added
        if progress is not None:
            progress(batch.rows)

    one_ahead(map(loader.stage, batches(iter(rows))), loader.add, take)
    return BulkResult(**counts)


def batches(rows: Iterator[Batch]) -> Iterator[list[Batch]]:
    """The rows in lists of BATCH_ROWS; the last one may be shorter."""
    while batch := list(islice(rows, BATCH_ROWS)):
        yield batch


def one_ahead(
    prepared: Iterable[Batch], store: Callable[[Batch], Stored], take: Callable[[Batch, Stored], object]
) -> None:
    """Store each batch and give `take` what became of it, in order; the next one is prepared while one is stored.

    store runs in a thread of its own, one call at a time; the rest in the caller's. What any of them raises is raised
    here, once no call runs any more.
    """
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="bulk") as pool:
        before: tuple[Batch, Future[Stored]] | None = None
        for batch in prepared:
            if before is not None:
                take(before[0], before[1].result())
            before = batch, pool.submit(store, batch)
        if before is not None:
            take(before[0], before[1].result())


def _stage_lines(rows: Sequence[BulkRow], now: datetime, categories: Mapping[str, Category]) -> Iterator[str]:
    count = len(rows)
    lon = np.fromiter((row.command.lon for row in rows), dtype=float, count=count)
    lat = np.fromiter((row.command.lat for row in rows), dtype=float, count=count)
    # Most rows of a file come in at the same moment: its deadlines are reckoned once.
    moments: dict[tuple[datetime, str, int], str] = {}
    for ordinal, (row, cell_25m) in enumerate(zip(rows, cells_of(lon, lat).tolist(), strict=True)):
        command = row.command
        received_at, category = row.received_at or now, categories[command.category]
        severity = command.severity or category.default_severity
        key = received_at, command.category, severity
        if key not in moments:
            due = due_at(received_at, category.deadline_hours, severity)
            moments[key] = f"{received_at.isoformat()}\t{due.isoformat()}"
        yield (
            f"{ordinal}\t{command.id.hex}\t{_text(row.source_ref)}\t{command.category}\t{command.lon!r}\t{command.lat!r}"
            f"\t{cell_25m}\t{severity}\t{(command.observed_at or now).isoformat()}\t{moments[key]}"
            f"\t{_text(command.description)}\t{_number(command.place_id)}\t{row.state}\n"
        )


def _history_lines(rows: Sequence[BulkRow]) -> Iterator[str]:
    for row in rows:
        for event in row.history:
            details = json.dumps(dict(event.details), ensure_ascii=False)
            yield (
                f"{row.command.id}\t{event.at.isoformat()}\t{event.kind}\t{_text(event.from_state)}"
                f"\t{_text(event.to_state)}\t{event.by_responsible}\t{_number(event.organisation_id)}\t{event.role}"
                f"\t{_text(details)}\n"
            )


def _text(value: str | None) -> str:
    """For COPY's text format: these four are all that needs an escape in it."""
    if value is None:
        return r"\N"
    return value.replace("\\", r"\\").replace("\t", r"\t").replace("\n", r"\n").replace("\r", r"\r")


def _number(value: int | None) -> str:
    return r"\N" if value is None else str(value)
