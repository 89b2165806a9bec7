"""The use case: one file → reports, all or nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path

from flask_babel import gettext as _
from sqlalchemy import Connection, Engine, text

from app.db.session import UnitOfWork, unit_of_work
from app.errors import ConflictError
from app.nomenclature.store import Nomenclature
from app.people.actor import SYSTEM
from app.reports.importing.bulk import BatchOutcome, BulkLoader, BulkOrigin, Reason, Staged, batches, one_ahead
from app.reports.importing.convert import Accepted, Converter, ManyPointsTerritory, Refusal
from app.reports.importing.formats import Format, as_csv, detect
from app.reports.importing.mapping import ImportMapping, MappingError
from app.reports.importing.reader import BadRow, CsvRows, Row
from app.reports.importing.refusals import COLUMNS, RefusalFile

_LOCK = text("SELECT pg_try_advisory_xact_lock(hashtextextended(:source, 0))")
_ORGANISATION = text("SELECT id FROM organisation WHERE slug = :slug")

# Reasons that say enough as they are; those that pydantic gives become "not valid".
_REASONS = frozenset(
    (
        *("missing", "too_long", "control", "markup", "unknown", "future", "too_old", "outside", "swapped"),
        *("no_category", "left_out", "no_state", "time", "coordinates", "duplicate", "unknown_place", "unreadable"),
    )
)


@dataclass(frozen=True)
class ImportRequest:
    """What to import, and how."""

    path: Path
    mapping: ImportMapping
    dry_run: bool = False
    refusals: Path | None = None
    limit: int | None = None
    # The operator named the encoding: believe it, whatever the file looks like.
    insist_on_encoding: bool = False
    # By its content when None.
    format: Format | None = None
    # The number of the header; 0 where features are counted from 1. By the format when None.
    header_line: int | None = None
    refusal_header: tuple[str, ...] = COLUMNS


@dataclass(frozen=True)
class ImportOutcome:
    """imported + already_there + refused = read. by_reason counts refused rows by the first thing wrong with each."""

    read: int
    imported: int
    already_there: int
    refused: int
    by_reason: dict[str, int] = field(default_factory=dict)


class _DryRunError(Exception):
    """Rolls the transaction of a dry run back."""


@dataclass
class Counts:
    """Running totals of a file."""

    read: int = 0
    imported: int = 0
    already_there: int = 0
    refused: int = 0
    by_reason: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Checked:
    """A batch of the file after the checks that need no database."""

    read: int
    accepted: list[Accepted]
    refused: list[Refusal]
    staged: Staged


def import_reports(
    engine: Engine,
    request: ImportRequest,
    *,
    nomenclature: Nomenclature,
    territory: ManyPointsTerritory,
    now: datetime,
    progress: Callable[[int], object] | None = None,
) -> ImportOutcome:
    """Import one file in one transaction, in constant memory.

    progress is told how many bytes of the file are read, after each batch. A dry run checks everything, also against
    what is stored, and writes nothing.

    Raises:
        MappingError: the mapping and the file do not fit, or a file cannot be opened.
        ConflictError: another import of the same source is under way.

    """
    counts = Counts()
    if request.refusals is not None and request.refusals.resolve() == request.path.resolve():
        raise MappingError(f"{request.path}: the refusals would overwrite the file itself")
    if request.path.exists() and not request.path.is_file():
        raise MappingError(f"{request.path}: is not a file; a pipe cannot be read twice")
    kind = request.format or detect(request.path)
    header_line = int(kind == "csv") if request.header_line is None else request.header_line
    with (
        as_csv(request.path, request.mapping, kind) as (path, mapping),
        RefusalFile(request.refusals, request.refusal_header) as refusals,
        CsvRows(
            path,
            mapping,
            insist_on_encoding=request.insist_on_encoding,
            header_line=header_line,
        ) as rows,
        suppress(_DryRunError),
        unit_of_work(engine, SYSTEM) as uow,
    ):
        loader = _loader(uow, request, now)
        converter = Converter(mapping, rows.header, nomenclature=nomenclature, territory=territory, now=now)
        limited = iter(rows) if request.limit is None else islice(rows, request.limit)
        checked = (check_rows(batch, converter, loader) for batch in batches(limited))

        def take(batch: Checked, outcome: BatchOutcome) -> None:
            refusals.write(account(batch, outcome, counts))
            if progress is not None:
                progress(rows.bytes_read)

        one_ahead(checked, lambda batch: loader.add(batch.staged), take)
        if request.dry_run:
            raise _DryRunError
    return ImportOutcome(
        counts.read, counts.imported, counts.already_there, counts.refused, dict(counts.by_reason.most_common())
    )


def _loader(uow: UnitOfWork, request: ImportRequest, now: datetime) -> BulkLoader:
    source = request.mapping.source
    if not uow.connection.scalar(_LOCK, {"source": source}):
        raise ConflictError(_("Another import of %(source)s is under way.", source=source))
    organisation_id = _organisation(uow.connection, request.mapping.organisation)
    origin = BulkOrigin(source, organisation_id=organisation_id)
    return BulkLoader(uow, origin, now=now, dry_run=request.dry_run)


def _organisation(connection: Connection, slug: str | None) -> int | None:
    if slug is None:
        return None
    found = connection.scalar(_ORGANISATION, {"slug": slug})
    if found is None:
        raise MappingError(f"mapping: organisation: there is no organisation {slug!r} here")
    return int(found)


def check_rows(batch: list[Row | BadRow], converter: Converter, loader: BulkLoader) -> Checked:
    """One batch through the checks of a single report."""
    accepted, refused = converter.convert([row for row in batch if isinstance(row, Row)])
    unreadable = [
        Refusal(row.line, "", "", row.message, "unreadable", row.raw) for row in batch if isinstance(row, BadRow)
    ]
    return Checked(len(batch), accepted, unreadable + refused, loader.stage([item.row for item in accepted]))


def account(batch: Checked, outcome: BatchOutcome, counts: Counts) -> list[Refusal]:
    """Count what became of a batch; returns its refusals in the order of the file."""
    refused = list(batch.refused)
    for position, reason in outcome.left_out.items():
        if reason != "already_there":
            refused.append(_left_out(batch.accepted[position], reason))
    refused.sort(key=lambda refusal: refusal.line)
    _count(batch.read, refused, outcome.added, counts)
    return refused


def _left_out(item: Accepted, reason: Reason) -> Refusal:
    message = {
        "duplicate": _("This id stands in an earlier row of the file."),
        "unknown_place": _("This place is not known. Choose one from the list, or none."),
    }[reason]
    return Refusal(item.line, item.row.source_ref or "", "id", message, reason, item.raw)


def _count(read: int, refused: list[Refusal], added: int, counts: Counts) -> None:
    first_of_line = {refusal.line: refusal for refusal in reversed(refused)}
    counts.read += read
    counts.imported += added
    counts.refused += len(first_of_line)
    counts.already_there += read - len(first_of_line) - added
    counts.by_reason.update(_reason(one) for one in first_of_line.values())


def _reason(refusal: Refusal) -> str:
    """The line of the summary under which a refused row is counted."""
    code = refusal.code if refusal.code in _REASONS else "not valid"
    return f"{refusal.field}: {code}".replace("_", " ") if refusal.field else code
