"""The use cases of imports: upload, look, map, check, run, stop, undo, forget; and the kept mappings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from flask_babel import gettext as _

from app.db.session import UnitOfWork
from app.errors import ConflictError, FieldError, InvalidInputError, NotFoundError
from app.imports import store
from app.imports.files import Folder
from app.imports.form import parse_form
from app.imports.kept import keep_mapping, read_kept, require_importer
from app.imports.look import PreviewRow, preview, sample
from app.imports.propose import Sample, propose
from app.imports.receiving import Received, Upload, as_values, counted_values, name_of
from app.imports.rules import (
    BUSY,
    IMPORTERS,
    OVERSEERS,
    PREVIEW_ROWS,
    TRANSITIONS,
    State,
    may_change,
    may_undo,
)
from app.imports.running import Source, source_of
from app.imports.sniff import Shape
from app.imports.store import Batch
from app.imports.tasks import WORK
from app.jobs.store import enqueue
from app.nomenclature.store import Nomenclature
from app.people.actor import Actor
from app.people.guards import require_role
from app.places.territory import territory
from app.reports.importing.convert import category_lookup
from app.reports.importing.mapping import (
    REFUSE,
    CategoryRule,
    ImportMapping,
    MappingError,
    check_codes,
    parse_mapping,
    read_mapping,
)


@dataclass(frozen=True)
class Draft:
    """A file and its mapping as the page shows them. preview is empty while problems says what the mapping lacks."""

    sample: Sample
    mapping: Mapping[str, Any]
    preview: tuple[PreviewRow, ...]
    problem: str | None


def require_overseer(actor: Actor) -> None:
    """Whoever may see the log.

    Raises:
        NotSignedInError, ForbiddenError

    """
    require_role(actor, *IMPORTERS, *OVERSEERS)


# ── the file ────────────────────────────────────────────────────────────────────────────────────────────────────────


def add(
    uow: UnitOfWork,
    actor: Actor,
    received: Received,
    upload: Upload,
    *,
    var_dir: Path,
    nomenclature: Nomenclature,
    now: datetime,
) -> Batch:
    """Enter a received file in the log, with the mapping to begin with.

    Raises:
        InvalidInputError: the mapping file that came with it is wrong.
        NotFoundError: there is no such kept mapping.

    """
    require_importer(actor)
    assert actor.organisation_id is not None
    slug = store.organisation_slug(uow.connection, actor.organisation_id)
    mapping = _first_mapping(uow, actor, received, upload, slug, nomenclature)
    path = Folder(var_dir, received.id).rows if received.format != "csv" else Folder(var_dir, received.id).upload
    mapping, facts = counted_values(path, mapping, dict(received.facts), nomenclature)
    store.add_batch(
        uow.connection,
        {
            "id": received.id,
            "organisation_id": actor.organisation_id,
            "account_id": actor.user_id,
            "now": now,
            "format": received.format,
            "size_bytes": received.size_bytes,
            "bytes_total": received.bytes_total,
            "sha256": received.sha256,
            "file_name": received.file_name,
            "mapping": mapping,
            "facts": facts,
        },
    )
    return read(uow, actor, received.id)


def _first_mapping(  # noqa: PLR0917
    uow: UnitOfWork, actor: Actor, received: Received, upload: Upload, slug: str, nomenclature: Nomenclature
) -> dict[str, Any]:
    if upload.toml is not None:
        try:
            given = read_mapping(upload.toml, "mapping", nomenclature=nomenclature)
        except MappingError as error:
            raise InvalidInputError([FieldError("mapping_file", str(error), "mapping")]) from None
        mapping = as_values(given)
    elif upload.kept is not None:
        mapping = dict(read_kept(uow, actor, upload.kept).mapping)
    else:
        mapping = propose(received.sample, name_of(received.file_name), territory(uow.connection))
    name = str(mapping["name"]).rpartition(".")[2]
    mapping |= {"name": f"{slug}.{name}", "organisation": slug}
    return mapping | {"encoding": received.shape.encoding, "delimiter": received.shape.delimiter}


# ── reading ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def read(uow: UnitOfWork, actor: Actor, batch_id: UUID) -> Batch:
    """One import, with its contents for its own organisation.

    Raises:
        NotFoundError: there is none, or none that the actor may see.

    """
    require_overseer(actor)
    batch = store.read_batch(uow.connection, batch_id)
    if batch is None:
        raise NotFoundError("import", batch_id)
    return batch


def read_contents(uow: UnitOfWork, actor: Actor, batch_id: UUID) -> Batch:
    """One of the actor's own organisation's imports, for what stands in it.

    Raises:
        NotSignedInError, ForbiddenError: whoever may not import sees the log only.
        NotFoundError: there is none of its organisation.

    """
    require_role(actor, *IMPORTERS)
    batch = read(uow, actor, batch_id)
    if batch.organisation_id != actor.organisation_id:
        raise NotFoundError("import", batch_id)
    return batch


def read_own(uow: UnitOfWork, actor: Actor, batch_id: UUID) -> Batch:
    """One of the actor's own organisation's imports, locked.

    Raises:
        NotFoundError

    """
    require_importer(actor)
    locked = store.lock_batch(uow.connection, batch_id)
    if locked is None or locked.organisation_id != actor.organisation_id:
        raise NotFoundError("import", batch_id)
    return read(uow, actor, batch_id)


def source_file(var_dir: Path, batch: Batch) -> Source:
    """The file as the reader takes it, with its encoding and delimiter but without its columns' meaning."""
    values = batch.mapping or {}
    shape = Shape(values.get("encoding", "utf-8"), values.get("delimiter", ","), values.get("quote", '"'))
    folder = Folder(var_dir, batch.id)
    if batch.format == "csv":
        return Source(folder.upload, shape, 1)  # type: ignore[arg-type]
    return Source(folder.rows, Shape("utf-8"), 0)  # type: ignore[arg-type]


def draft(uow: UnitOfWork, batch: Batch, *, var_dir: Path, nomenclature: Nomenclature, now: datetime) -> Draft:
    """What the page shows of a file that is being prepared.

    Raises:
        NotFoundError: the file is no longer kept.
        InvalidInputError: it cannot be read with this delimiter or encoding.

    """
    source = source_file(var_dir, batch)
    if not source.path.exists():
        raise NotFoundError("file", batch.id)
    looked = sample(source.path, source.mapping)
    try:
        mapping = complete(batch, nomenclature, looked)
        whole = source_of(Folder(var_dir, batch.id), batch.format, mapping)
        rows = preview(
            whole.path,
            whole.mapping,
            nomenclature=nomenclature,
            territory=territory(uow.connection),
            now=now,
            header_line=whole.header_line,
            most=PREVIEW_ROWS,
        )
    except InvalidInputError as error:
        return Draft(looked, batch.mapping or {}, (), error.errors[0].message)
    except MappingError as error:
        return Draft(looked, batch.mapping or {}, (), str(error))
    return Draft(looked, batch.mapping or {}, rows, None)


def complete(batch: Batch, nomenclature: Nomenclature, looked: Sample | None = None) -> ImportMapping:
    """The mapping, if it says all that an import needs.

    Raises:
        InvalidInputError: what is missing, at its field.

    """
    values = dict(batch.mapping or {})
    missing = {
        "coordinates": ("lon", _("Say where the position of each row stands.")),
        "observed_at": ("when", _("Say in which column the date stands.")),
        "category": ("category_1", _("Say which column tells what each row is about.")),
    }
    errors = [FieldError(field, message, "missing") for part, (field, message) in missing.items() if part not in values]
    if errors:
        raise InvalidInputError(errors)
    try:
        mapping = parse_mapping(values)
        check_codes(mapping.category, nomenclature, "mapping")
    except MappingError as error:
        raise InvalidInputError([FieldError("", str(error), "mapping")]) from None
    if looked is not None:
        for name in mapping.columns():
            if name not in looked.usable and name not in looked.header:
                raise InvalidInputError([FieldError("", _("The file has no column “%(name)s”.", name=name), "unknown")])
    return mapping


# ── the steps ───────────────────────────────────────────────────────────────────────────────────────────────────────


def map_columns(
    uow: UnitOfWork,
    actor: Actor,
    batch_id: UUID,
    sent: Mapping[str, str],
    *,
    var_dir: Path,
    nomenclature: Nomenclature,
    now: datetime,
) -> Batch:
    """Take over the form of the mapping.

    Raises:
        InvalidInputError: one message a field.
        ConflictError: rows of this file were dealt with already.

    """
    batch = read_own(uow, actor, batch_id)
    if not may_change(batch.state, batch.read):
        raise ConflictError(_("The mapping cannot change any more: rows of this file were imported with it."))
    source = source_file(var_dir, batch)
    if not source.path.exists():
        raise NotFoundError("file", batch.id)
    slug = store.organisation_slug(uow.connection, batch.organisation_id)
    try:
        looked = sample(source.path, source.mapping)
    except MappingError as error:
        raise InvalidInputError([FieldError("encoding", str(error), "unreadable")]) from None
    mapping = parse_form(sent, batch.mapping or {}, looked, slug, nomenclature)
    mapping, facts = counted_values(source.path, mapping, dict(batch.facts or {}), nomenclature)
    store.set_mapping(uow.connection, batch_id, mapping, facts)
    values: dict[str, Any] = {"state": "draft", "checked": None, "failure": None, "source": None}
    store.change_batch(uow.connection, batch_id, now, **values)
    keep_mapping(uow, actor, mapping, now)
    return read(uow, actor, batch_id)


def begin(
    uow: UnitOfWork, actor: Actor, batch_id: UUID, to: State, *, nomenclature: Nomenclature, now: datetime
) -> None:
    """Queue the check or the import of a file, or go on with one that was stopped.

    Raises:
        InvalidInputError: the mapping is not complete.
        ConflictError: not from where the import stands.

    """
    batch = read_own(uow, actor, batch_id)
    _require_move(batch, to)
    mapping = complete(batch, nomenclature)
    store.change_batch(
        uow.connection,
        batch_id,
        now,
        state=to,
        source=mapping.source,
        failure=None,
        stop_asked=False,
        ended_at=None,
        bytes_done=0 if to == "checking" else batch.bytes_done if batch.read else 0,
    )
    if batch.read == 0:
        keep_mapping(uow, actor, batch.mapping or {}, now)
    enqueue(uow, WORK, batch_id=str(batch_id))


def _require_move(batch: Batch, to: State) -> None:
    if to not in TRANSITIONS[batch.state]:
        raise ConflictError(_("This import is no longer where the page showed it. Look at the page again."))


def stop(uow: UnitOfWork, actor: Actor, batch_id: UUID, *, now: datetime) -> None:
    """Ask the worker to stop after the piece it is at; what is in stays in."""
    batch = read_own(uow, actor, batch_id)
    if batch.state in {"checking", "running"}:
        store.change_batch(uow.connection, batch_id, now, stop_asked=True)


def undo(uow: UnitOfWork, actor: Actor, batch_id: UUID, *, now: datetime) -> None:
    """Queue the removal of all reports of an import to which nothing happened.

    Raises:
        ConflictError: there is nothing to take back, or it is not over.

    """
    batch = read_own(uow, actor, batch_id)
    if not may_undo(batch.state, batch.imported):
        raise ConflictError(_("This import is no longer where the page showed it. Look at the page again."))
    store.change_batch(uow.connection, batch_id, now, state="undoing", undone_by=actor.user_id)
    enqueue(uow, WORK, batch_id=str(batch_id))


def discard(uow: UnitOfWork, actor: Actor, batch_id: UUID) -> None:
    """Forget a file of which nothing was imported. The caller removes its folder after the commit.

    Raises:
        ConflictError: rows of it are in the register, or a job is at work.

    """
    batch = read_own(uow, actor, batch_id)
    if batch.state in BUSY or not store.forget_batch(uow.connection, batch_id):
        raise ConflictError(_("Rows of this file are in the register: undo the import instead."))


def chosen_category(rule: Mapping[str, Any], cells: Sequence[str]) -> str:
    """What the mapping makes of a value now; empty when it is left out."""
    found = category_lookup(CategoryRule.model_validate(rule))(tuple(cells))
    return "" if found in {None, REFUSE} else str(found)
