"""One import: rows read and staged, then written set by set, all in one transaction that the caller owns."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from app.db.session import UnitOfWork
from app.errors import GeodataError
from app.places import store
from geodata.formats import Dataset
from geodata.records import Item, Kind, PlaceRecord, ReadOptions, Refusal, Skip, Total

Progress = Callable[[int, int | None], None]
TerritoryMark = Literal["", "set", "add"]
# A file of another region would close everything that the source had. Small sources may turn over as they like.
CLOSED_SHARE_MAX = 0.5
CLOSED_FREELY = 20
_REPORT_EVERY_ROWS = 50
# Of the official codes the longest has some twenty; an index entry of PostgreSQL has no room for a book.
LONGEST_CODE = 120


@dataclass(frozen=True)
class RefusedRow:
    """One refused row: where the file has it, what it was about, why."""

    kind: Kind
    row: int
    code: str | None
    reason: str


@dataclass(frozen=True)
class KindResult:
    """What an import did to one kind of place. `reopened` is among `updated`; `skipped` rows were not asked for."""

    kind: Kind
    read: int
    skipped: int
    places: int
    added: int
    updated: int
    reopened: int
    unchanged: int
    closed: int
    refused: int


@dataclass(frozen=True)
class Batch:
    """What is imported: where from, under which name, how much of it."""

    source: str
    edition: str | None
    sha256: str
    only: tuple[str, ...] = ()
    approximate: bool = False
    territory: TerritoryMark = ""
    close_many: bool = False


@dataclass
class Reading:
    """The counts of one kind while its rows go by."""

    kind: Kind
    progress: Progress
    rows: int = 0
    total: int | None = None
    skipped: int = 0
    places: int = 0
    refused: list[RefusedRow] = field(default_factory=list)
    _rows_by_code: dict[str, int] = field(default_factory=dict)

    def records(self, items: Iterator[Item]) -> Iterator[PlaceRecord]:
        """The places among the items; everything else is counted here."""
        for item in items:
            match item:
                case Total():
                    self.total = item.rows
                case Skip():
                    self._step(1)
                    self.skipped += 1
                case Refusal():
                    self._step(1)
                    self.refused.append(RefusedRow(self.kind, item.row, item.code, item.reason))
                case PlaceRecord():
                    self._step(item.rows)
                    if self._is_usable(item):
                        self.places += 1
                        yield item
        self.progress(self.rows, self.total)

    def _is_usable(self, record: PlaceRecord) -> bool:
        if len(record.code) > LONGEST_CODE:
            reason = f"a code of {len(record.code)} characters: {record.code[:40]}…"
            self.refused.append(RefusedRow(self.kind, record.row, None, reason))
            return False
        first = self._rows_by_code.setdefault(record.code, record.row)
        if first == record.row:
            return True
        reason = f"{record.code}: the same code as row {first}"
        self.refused.append(RefusedRow(self.kind, record.row, record.code, reason))
        return False

    def _step(self, rows: int) -> None:
        self.rows += rows
        if self.rows % _REPORT_EVERY_ROWS < rows:
            self.progress(self.rows, self.total)


def import_dataset(
    uow: UnitOfWork, dataset: Dataset, path: Path, *, options: ReadOptions, batch: Batch, progress: Progress
) -> tuple[list[KindResult], list[RefusedRow]]:
    """Read the file and write what it holds.

    Raises:
        SourceError: the file is not what it was said to be.
        GeodataError: it holds nothing usable, would close most of its source, or would leave no territory.

    """
    store.begin_import(uow.connection)
    readings = []
    for kind, reader in dataset.readers.items():
        reading = Reading(kind, progress)
        store.stage(uow, reading.records(reader(path, options)))
        readings.append(reading)
    _take_invalid(uow, readings)
    refused = [row for reading in readings for row in reading.refused]
    if not any(reading.places for reading in readings):
        why = f"; the first refusal: {refused[0].reason}" if refused else ""
        raise GeodataError(f"{path.name}: nothing usable in it{why}", tuple(refused))
    return [write(uow, reading, batch) for reading in readings], refused


def stage_records(uow: UnitOfWork, kind: Kind, records: list[PlaceRecord]) -> Reading:
    """Stage places that are already in memory."""
    reading = Reading(kind, lambda _done, _total: None)
    store.stage(uow, reading.records(iter(records)))
    return reading


def write(uow: UnitOfWork, reading: Reading, batch: Batch) -> KindResult:
    """The staged places of one kind into the table; the log says what changed."""
    connection, kind = uow.connection, reading.kind
    had_territory = store.has_territory(connection)
    store.stage_refused(connection, [(kind, row.code) for row in reading.refused if row.code])
    _find_vanished(uow, reading, batch)
    import_id = store.add_import(connection, kind, batch.source, batch.edition, batch.sha256)
    written = store.upsert(connection, kind, batch.source, import_id, approximate=batch.approximate)
    if batch.territory and kind == "commune":
        store.mark_territory(connection, add=batch.territory == "add")
    closed = _close(uow, reading, batch)
    if had_territory and not store.has_territory(connection):
        raise GeodataError("this import would leave no territory; say which communes are it with --territory")
    result = KindResult(
        kind=kind,
        read=reading.rows,
        skipped=reading.skipped,
        places=reading.places,
        added=written.added,
        updated=written.updated,
        reopened=written.reopened,
        unchanged=reading.places - written.added - written.updated,
        closed=closed,
        refused=len(reading.refused),
    )
    counted = ("read", "added", "updated", "unchanged", "closed", "refused")
    store.set_counts(connection, import_id, {name: getattr(result, name) for name in counted})
    return result


def _find_vanished(uow: UnitOfWork, reading: Reading, batch: Batch) -> None:
    """Note what the file no longer has; stop when that is most of the source and nobody said that it is meant."""
    vanished, opened = store.find_vanished(uow.connection, reading.kind, batch.source, batch.only or None)
    if vanished > CLOSED_FREELY and vanished > CLOSED_SHARE_MAX * opened and not batch.close_many:
        raise GeodataError(
            f"this file would close {vanished} of the {opened} open places ({reading.kind}) of source {batch.source}: "
            "if it is another source, name it with --source; if they are really gone, say --close-many"
        )


def _close(uow: UnitOfWork, reading: Reading, batch: Batch) -> int:
    """Close what vanished from the source, and the approximate places that official ones replace."""
    if reading.places == 0:
        # A kind that came out empty is a gap in the file, not the end of every place.
        return 0
    closed = store.close_vanished(uow.connection)
    if not batch.approximate:
        # An official file without the territory's commune must not take the territory away.
        closed += store.close_approximate(uow.connection, reading.kind, keep_territory=True)
    return closed


def _take_invalid(uow: UnitOfWork, readings: list[Reading]) -> None:
    """What shapely let through and PostGIS does not: refused by row instead of failing the whole import."""
    by_kind = {reading.kind: reading for reading in readings}
    for row, kind, code, reason in store.take_invalid(uow.connection):
        reading = next(found for name, found in by_kind.items() if name == kind)
        reading.places -= 1
        reading.refused.append(RefusedRow(reading.kind, row, code, f"{code}: {reason}"))
