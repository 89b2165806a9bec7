"""The page of one import: what it shows depends on where the import stands."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from flask import render_template, request

from app.db.session import unit_of_work
from app.errors import FieldError, InvalidInputError, NotFoundError
from app.imports import actions, store, words
from app.imports.actions import Draft, chosen_category
from app.imports.files import Folder
from app.imports.form import ENCODINGS, KEEP, TABLES, MappingForm, form_of
from app.imports.propose import PROJECTIONS, TEXT_FORMATS, TIME_FORMATS, Sample
from app.imports.rules import BUSY, DONE_DAYS, IMPORTERS, PREVIEW_ROWS, may_change, may_undo
from app.imports.store import Batch
from app.nomenclature.actions import current_nomenclature
from app.people.identity import current_actor
from app.reports import words as report_words
from app.reports.importing.mapping import MappingError
from app.reports.rules import SEVERITIES, STATES
from app.web.context import services


@dataclass(frozen=True)
class ValueRow:
    """One value of the file and what it is to become; `key` comes back with the form."""

    key: str
    cells: tuple[str, ...]
    rows: int
    choice: str


@dataclass(frozen=True)
class ValueTable:
    """The values of some columns, each to be given a meaning."""

    prefix: str
    columns: str
    names: tuple[str, ...]
    rows: tuple[ValueRow, ...]
    is_cut: bool


def show_batch(batch_id: UUID, errors: Sequence[FieldError] = ()) -> str:
    """The page; with the form as it was sent when something in it is wrong."""
    actor, now = current_actor(), datetime.now(UTC)
    actions.require_overseer(actor)
    with unit_of_work(services().engine, actor) as uow:
        batch = actions.read(uow, actor, batch_id)
        is_own = batch.organisation_id == actor.organisation_id and actor.role in IMPORTERS
        before = store.imported_before(uow.connection, batch) if is_own else ()
        kept = store.kept_reports(uow.connection, batch_id) if is_own and batch.kept else ()
        is_draft = is_own and may_change(batch.state, batch.read)
        draft = _draft(uow, batch, now) if is_draft else None
    folder = Folder(services().settings.var_dir, batch_id)
    return render_template(
        "imports/show.html",
        batch=batch,
        is_own=is_own,
        is_busy=batch.state in BUSY,
        may_undo=is_own and may_undo(batch.state, batch.imported),
        before=before,
        kept=kept,
        words=words,
        report_words=report_words,
        nomenclature=current_nomenclature(),
        has_refusals=is_own and folder.refusals(of_check=batch.read == 0).exists(),
        done_days=DONE_DAYS,
        errors=list(errors),
        **(_of_draft(batch, draft) if draft is not None else {"draft": None, "is_gone": is_draft}),
    )


def _draft(uow: Any, batch: Batch, now: datetime) -> Draft | None:
    try:
        return actions.draft(
            uow, batch, var_dir=services().settings.var_dir, nomenclature=current_nomenclature(), now=now
        )
    except NotFoundError:
        return None
    except (InvalidInputError, MappingError) as error:
        # The file cannot be read in this way: the form's first fields are what helps.
        said = error.errors[0].message if isinstance(error, InvalidInputError) else str(error)
        return Draft(Sample((), ()), batch.mapping or {}, (), said)


def _of_draft(batch: Batch, draft: Draft) -> dict[str, Any]:
    tables = _tables(batch, draft.mapping)
    return {
        "draft": draft,
        "form": _form(draft),
        "encodings": dict.fromkeys([str(draft.mapping.get("encoding", "utf-8")), *ENCODINGS]),
        "delimiters": (";", ",", "\t", "|"),
        "projections": PROJECTIONS,
        "text_formats": TEXT_FORMATS,
        "time_formats": TIME_FORMATS,
        "keep": KEEP,
        "tables": tables,
        "severities": SEVERITIES,
        "states": STATES,
        "points": _points(draft),
        "preview_rows": PREVIEW_ROWS,
        "nothing_maps": "category" in tables and not any(row.choice for row in tables["category"].rows),
    }


def _form(draft: Draft) -> MappingForm:
    """As it was sent, if it was; else as the mapping says."""
    if request.method == "POST" and "name" in request.form:
        names = MappingForm.__dataclass_fields__
        return MappingForm(**{name: request.form.get(name, "") for name in names})
    return form_of(draft.mapping)


def _tables(batch: Batch, mapping: Mapping[str, Any]) -> dict[str, ValueTable]:
    counted: Mapping[str, Any] = (batch.facts or {}).get("values", {})
    found = {}
    for part, prefix in TABLES.items():
        rule = mapping.get(part)
        if part not in counted or not rule:
            continue
        columns = tuple(rule.get("columns") or [rule.get("column")])
        rows = tuple(
            ValueRow(json.dumps(cells, ensure_ascii=False), tuple(cells), number, _choice(part, rule, cells))
            for cells, number in counted[part]["values"]
        )
        found[part] = ValueTable(prefix, json.dumps(columns), columns, rows, counted[part]["is_cut"])
    return found


def _choice(part: str, rule: Mapping[str, Any], cells: Sequence[str]) -> str:
    if part == "category":
        return chosen_category(rule, cells)
    return str((rule.get("values") or {}).get(cells[0], ""))


def _points(draft: Draft) -> str:
    """The rows of the preview that have a place, for the map."""
    features = [
        {
            "type": "Feature",
            "properties": {"row": row.line},
            "geometry": {"type": "Point", "coordinates": [command.lon, command.lat]},
        }
        for row in draft.preview
        if row.accepted is not None and (command := row.accepted.row.command)
    ]
    return json.dumps({"type": "FeatureCollection", "features": features})
