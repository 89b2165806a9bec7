"""What the worker does with a batch: check the whole file, bring it in piece by piece, take it back.

Each piece of the file is one transaction, which also writes how far the file is dealt with: a worker that is killed
loses at most the piece it was at, and whoever goes on begins exactly there.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from uuid import UUID

from flask_babel import force_locale
from sqlalchemy import Engine

from app.db.session import unit_of_work
from app.errors import NotFoundError
from app.imports import store
from app.imports.files import Folder
from app.imports.store import Batch
from app.imports.words import refusal_header
from app.nomenclature.store import load_nomenclature
from app.people.actor import SYSTEM
from app.places.territory import territory
from app.reports.importing.actions import Counts, ImportRequest, account, check_rows, import_reports
from app.reports.importing.bulk import BulkLoader, BulkOrigin
from app.reports.importing.convert import Converter, Refusal
from app.reports.importing.formats import for_converted
from app.reports.importing.mapping import ImportMapping, parse_mapping
from app.reports.importing.reader import BadRow, CsvRows, Row
from app.reports.importing.refusals import cells_of

# So many rows are one transaction: small enough to stop and to show how far it is, large enough to be quick.
PIECE_ROWS = 1000
Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Now, aware."""
    return datetime.now(UTC)


class _StoppedError(Exception):
    """Somebody asked to stop."""


@dataclass(frozen=True)
class Source:
    """A batch's file as the reader takes it."""

    path: Path
    mapping: ImportMapping
    header_line: int


def source_of(folder: Folder, format_: str, mapping: ImportMapping) -> Source:
    """The upload itself, or the CSV that was made of it."""
    if format_ == "csv":
        return Source(folder.upload, mapping, 1)
    return Source(folder.rows, for_converted(mapping), 0)


class Runner:
    """Does what a batch's state asks for; nothing when it asks for nothing."""

    def __init__(self, engine: Engine, var_dir: Path, *, clock: Clock = utc_now) -> None:
        self._engine, self._var_dir, self._clock = engine, var_dir, clock

    def work(self, batch_id: UUID) -> None:
        """One job."""
        with unit_of_work(self._engine, SYSTEM) as uow:
            batch = store.read_batch(uow.connection, batch_id)
        if batch is None:
            return
        with force_locale((batch.facts or {}).get("locale", "fr")):
            if batch.state == "checking":
                self._check(batch)
            elif batch.state == "running":
                self._run(batch)
            elif batch.state == "undoing":
                self._undo(batch)

    def fail(self, batch_id: UUID, message: str) -> None:
        """Say that it goes no further, and why."""
        with unit_of_work(self._engine, SYSTEM) as uow:
            batch = store.lock_batch(uow.connection, batch_id)
            if batch is not None and batch.state in {"checking", "running"}:
                now = self._clock()
                store.change_batch(
                    uow.connection, batch_id, now, state="failed", failure=message[:500], stop_asked=False, ended_at=now
                )

    def _source(self, batch: Batch) -> Source:
        folder = Folder(self._var_dir, batch.id)
        mapping = parse_mapping(dict(batch.mapping or {}))
        source = source_of(folder, batch.format, mapping)
        if not source.path.exists():
            raise NotFoundError("file", batch.id)
        return source

    # ── the check ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _check(self, batch: Batch) -> None:
        source, folder = self._source(batch), Folder(self._var_dir, batch.id)
        with unit_of_work(self._engine, SYSTEM) as uow:
            nomenclature, shape = load_nomenclature(uow.connection), territory(uow.connection)

        def progress(bytes_done: int) -> None:
            with unit_of_work(self._engine, SYSTEM) as uow:
                now_is = store.lock_batch(uow.connection, batch.id)
                if now_is is None or now_is.state != "checking" or now_is.stop_asked:
                    raise _StoppedError
                store.change_batch(uow.connection, batch.id, self._clock(), bytes_done=bytes_done)

        request = ImportRequest(
            source.path,
            source.mapping,
            dry_run=True,
            refusals=folder.refusals(of_check=True),
            insist_on_encoding=True,
            format="csv",
            header_line=source.header_line,
            refusal_header=refusal_header(),
        )
        try:
            outcome = import_reports(
                self._engine, request, nomenclature=nomenclature, territory=shape, now=self._clock(), progress=progress
            )
        except _StoppedError:
            self._end_check(batch.id, state="draft", stop_asked=False, bytes_done=0)
            return
        self._end_check(batch.id, state="checked", checked=vars(outcome), bytes_done=0)

    def _end_check(self, batch_id: UUID, **values: object) -> None:
        with unit_of_work(self._engine, SYSTEM) as uow:
            batch = store.lock_batch(uow.connection, batch_id)
            if batch is not None and batch.state == "checking":
                store.change_batch(uow.connection, batch_id, self._clock(), **values)

    # ── the import ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _run(self, batch: Batch) -> None:
        source, folder = self._source(batch), Folder(self._var_dir, batch.id)
        with unit_of_work(self._engine, SYSTEM) as uow:
            nomenclature, shape = load_nomenclature(uow.connection), territory(uow.connection)
        with CsvRows(source.path, source.mapping, insist_on_encoding=True, header_line=source.header_line) as rows:
            now = self._clock()
            converter = Converter(source.mapping, rows.header, nomenclature=nomenclature, territory=shape, now=now)
            done = batch.read
            for piece in _pieces(iter(rows), done):
                if not self._take(batch.id, piece, done, converter, folder, rows.bytes_read):
                    return
                done += len(piece)
        self._finish(batch.id, done)

    def _take(  # noqa: PLR0917
        self,
        batch_id: UUID,
        piece: list[Row | BadRow],
        done: int,
        converter: Converter,
        folder: Folder,
        bytes_done: int,
    ) -> bool:
        """Bring one piece in; False when the import was stopped, or another worker is further."""
        with unit_of_work(self._engine, SYSTEM) as uow:
            connection, now = uow.connection, self._clock()
            batch = store.lock_batch(connection, batch_id)
            if batch is None or batch.state != "running" or batch.read != done:
                return False
            if batch.stop_asked:
                store.change_batch(connection, batch_id, now, state="stopped", stop_asked=False)
                return False
            assert batch.source is not None
            store.lock_source(connection, batch.source)
            origin = BulkOrigin(
                batch.source, organisation_id=batch.organisation_id, partners_only=True, import_id=str(batch_id)
            )
            loader = BulkLoader(uow, origin, now=now)
            checked = check_rows(piece, converter, loader)
            store.remember_earlier(connection, batch_id, [one.row.command.id for one in checked.accepted])
            counts = Counts(batch.read, batch.imported, batch.already_there, batch.refused)
            counts.by_reason.update(batch.by_reason)
            refused = account(checked, loader.add(checked.staged), counts)
            store.add_rows(connection, batch_id)
            refusals_bytes = _append(folder.refusals(of_check=False), batch.refusals_bytes, refused)
            store.change_batch(
                connection, batch_id, now, bytes_done=bytes_done, refusals_bytes=refusals_bytes, **vars(counts)
            )
        return True

    def _finish(self, batch_id: UUID, done: int) -> None:
        with unit_of_work(self._engine, SYSTEM) as uow:
            batch = store.lock_batch(uow.connection, batch_id)
            if batch is not None and batch.state == "running" and batch.read == done:
                now = self._clock()
                store.change_batch(uow.connection, batch_id, now, state="done", stop_asked=False, ended_at=now)

    # ── the undo ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _undo(self, batch: Batch) -> None:
        """All that nobody has touched goes, in one transaction; the line of the log says how many, and stays."""
        with unit_of_work(self._engine, SYSTEM) as uow:
            locked = store.lock_batch(uow.connection, batch.id)
            if locked is None or locked.state != "undoing":
                return
            removed, kept = store.remove_untouched(uow.connection, batch.id)
            now = self._clock()
            store.change_batch(uow.connection, batch.id, now, state="undone", removed=removed, kept=kept, undone_at=now)


def _pieces(rows: Iterator[Row | BadRow], skip: int) -> Iterator[list[Row | BadRow]]:
    """What comes after the first `skip` rows, in lists."""
    rows = islice(rows, skip, None)
    while piece := list(islice(rows, PIECE_ROWS)):
        yield piece


def _append(path: Path, known_bytes: int, refused: Sequence[Refusal]) -> int:
    """Add refusals after those that are counted; what a killed worker wrote beyond them goes. The new length."""
    path.touch(mode=0o600)
    with path.open("r+", encoding="utf-8", newline="") as file:
        file.truncate(known_bytes)
        file.seek(known_bytes)
        writer = csv.writer(file)
        if known_bytes == 0:
            file.write("\ufeff")
            writer.writerow(refusal_header())
        writer.writerows(map(cells_of, refused))
        file.flush()
        os.fsync(file.fileno())
        return file.tell()
