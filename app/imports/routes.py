"""`/imports`: partners' batch files, step by step; `/api/imports` for their machines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, BinaryIO, cast
from uuid import UUID

from flask import Blueprint, Response, current_app, flash, redirect, render_template, request, send_file, url_for
from flask_babel import gettext as _
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.wrappers import Response as BaseResponse

from app.db.session import unit_of_work
from app.errors import BadRequestError, FieldError, InvalidInputError, NotFoundError
from app.imports import actions, api, receiving, store, words
from app.imports.files import Folder
from app.imports.kept import forget_kept, read_kept, require_importer
from app.imports.page import show_batch
from app.imports.receiving import Upload
from app.imports.represent import as_json
from app.imports.rules import IMPORTERS, MAPPING_BYTES, MAX_BYTES, State
from app.nomenclature.actions import current_nomenclature
from app.people.identity import bearer_token, current_actor
from app.reports.importing.mapping import parse_mapping
from app.reports.importing.toml import dump_mapping
from app.web.context import services
from app.web.paging import read_keyset, write_keyset
from app.web.problems import error_answer

blueprint = Blueprint("imports", __name__, template_folder="templates")

PAGE_ROWS = 50
_ENDPOINTS = {"imports.upload", "imports.upload_by_machine"}


@blueprint.app_url_value_preprocessor
def _room(endpoint: str | None, _values: dict[str, Any] | None) -> None:
    """How large a body may be, before anything reads it; for somebody with a session or a token only."""
    if endpoint in _ENDPOINTS and (current_app.config["SESSION_COOKIE_NAME"] in request.cookies or bearer_token()):
        request.max_content_length = MAX_BYTES + MAPPING_BYTES + 100_000


@blueprint.errorhandler(RequestEntityTooLarge)
def _too_large(_error: RequestEntityTooLarge) -> Response:
    return error_answer(413, receiving.too_large())


# ── the list, and the upload ────────────────────────────────────────────────────────────────────────────────────────


@blueprint.get("/imports")
def index() -> str:
    """What was imported, the kept mappings, and the form of the next file."""
    return _index()


def _index(errors: Sequence[FieldError] = ()) -> str:
    actor = current_actor()
    actions.require_overseer(actor)
    is_importer = actor.role in IMPORTERS
    with unit_of_work(services().engine, actor) as uow:
        after = read_keyset(request.args.get("after", ""))
        # A coordinator's organisation imports too; of the others it sees the log.
        batches = store.list_batches(
            uow.connection, actor.organisation_id if actor.role == "partner" else None, after, limit=PAGE_ROWS
        )
        mappings = store.list_mappings(uow.connection, actor.organisation_id or 0) if is_importer else ()
    last = batches[-1] if len(batches) == PAGE_ROWS else None
    return render_template(
        "imports/index.html",
        batches=batches,
        mappings=mappings,
        is_importer=is_importer,
        own=actor.organisation_id,
        sees_others=actor.role != "partner",
        next_url=url_for("imports.index", after=write_keyset(last.uploaded_at, last.id)) if last else None,
        is_first=after is None,
        words=words,
        errors=list(errors),
        most_mb=MAX_BYTES // 1_000_000,
    )


@blueprint.post("/imports")
def upload() -> BaseResponse | tuple[str, int]:
    """Keep a file and go on to its page."""
    actor = current_actor()
    require_importer(actor)
    try:
        batch_id = _receive()
    except InvalidInputError as error:
        return _index(error.errors), 422
    return redirect(url_for("imports.show", batch_id=batch_id), code=303)


def _receive() -> UUID:
    actor, now, var_dir = current_actor(), datetime.now(UTC), services().settings.var_dir
    wanted = _sent_upload()
    received = receiving.receive(var_dir, wanted)
    try:
        with unit_of_work(services().engine, actor) as uow:
            actions.add(uow, actor, received, wanted, var_dir=var_dir, nomenclature=current_nomenclature(), now=now)
    except BaseException:
        Folder(var_dir, received.id).remove()
        raise
    return received.id


def _sent_upload() -> Upload:
    file = request.files.get("file")
    if file is None or not file.filename:
        raise InvalidInputError([FieldError("file", _("Choose a file."), "missing")])
    mapping_file = request.files.get("mapping_file")
    toml = mapping_file.read(MAPPING_BYTES + 1) if mapping_file is not None and mapping_file.filename else None
    if toml is not None and len(toml) > MAPPING_BYTES:
        raise InvalidInputError([FieldError("mapping_file", _("This mapping file is too large."), "too_large")])
    return Upload(
        file.filename,
        cast("BinaryIO", file.stream),
        " ".join(request.form.get("layer", "").split()) or None,
        _kept(),
        toml,
    )


def _kept() -> int | None:
    kept = request.form.get("mapping", "")
    if not kept:
        return None
    if not kept.isascii() or not kept.isdecimal() or len(kept) > 9:  # noqa: PLR2004
        raise InvalidInputError([FieldError("mapping", _("Choose one of the list."), "unknown")])
    return int(kept)


# ── one import ──────────────────────────────────────────────────────────────────────────────────────────────────────


@blueprint.get("/imports/<uuid:batch_id>")
def show(batch_id: UUID) -> str:
    """Where an import stands, and what may be done next."""
    return show_batch(batch_id)


@blueprint.post("/imports/<uuid:batch_id>/mapping")
def map_columns(batch_id: UUID) -> BaseResponse | tuple[str, int]:
    """Take over the form; `then=check` or `then=run` goes on with it."""
    actor, now, nomenclature = current_actor(), datetime.now(UTC), current_nomenclature()
    require_importer(actor)
    then = request.form.get("then", "")
    try:
        with unit_of_work(services().engine, actor) as uow:
            actions.map_columns(
                uow,
                actor,
                batch_id,
                request.form,
                var_dir=services().settings.var_dir,
                nomenclature=nomenclature,
                now=now,
            )
        if then == "check":
            with unit_of_work(services().engine, actor) as uow:
                actions.begin(uow, actor, batch_id, "checking", nomenclature=nomenclature, now=now)
    except InvalidInputError as error:
        return show_batch(batch_id, error.errors), 422
    anchor = None if then == "check" else "preview"
    return redirect(url_for("imports.show", batch_id=batch_id, _anchor=anchor), code=303)


@blueprint.post("/imports/<uuid:batch_id>/<any(check, run):what>")
def begin(batch_id: UUID, what: str) -> BaseResponse | tuple[str, int]:
    """Check the whole file, import it, or go on with an import that was stopped."""
    actor, to = current_actor(), _state(what)
    require_importer(actor)
    try:
        with unit_of_work(services().engine, actor) as uow:
            actions.begin(uow, actor, batch_id, to, nomenclature=current_nomenclature(), now=datetime.now(UTC))
    except InvalidInputError as error:
        return show_batch(batch_id, error.errors), 422
    return redirect(url_for("imports.show", batch_id=batch_id), code=303)


def _state(what: str) -> State:
    return "checking" if what == "check" else "running"


@blueprint.post("/imports/<uuid:batch_id>/stop")
def stop(batch_id: UUID) -> BaseResponse:
    """Stop after the piece that is being dealt with."""
    actor = current_actor()
    with unit_of_work(services().engine, actor) as uow:
        actions.stop(uow, actor, batch_id, now=datetime.now(UTC))
    return redirect(url_for("imports.show", batch_id=batch_id), code=303)


@blueprint.post("/imports/<uuid:batch_id>/undo")
def undo(batch_id: UUID) -> BaseResponse:
    """Take an import back."""
    actor = current_actor()
    with unit_of_work(services().engine, actor) as uow:
        actions.undo(uow, actor, batch_id, now=datetime.now(UTC))
    return redirect(url_for("imports.show", batch_id=batch_id), code=303)


@blueprint.post("/imports/<uuid:batch_id>/discard")
def discard(batch_id: UUID) -> BaseResponse:
    """Forget a file of which nothing was imported."""
    actor = current_actor()
    with unit_of_work(services().engine, actor) as uow:
        actions.discard(uow, actor, batch_id)
    Folder(services().settings.var_dir, batch_id).remove()
    flash(_("The file is removed."), "success")
    return redirect(url_for("imports.index"), code=303)


@blueprint.get("/imports/<uuid:batch_id>/refusals.csv")
def refusals(batch_id: UUID) -> Response:
    """The refused rows: of the import, or, before it, of the check."""
    actor = current_actor()
    with unit_of_work(services().engine, actor) as uow:
        batch = actions.read_contents(uow, actor, batch_id)
    folder = Folder(services().settings.var_dir, batch_id)
    path = folder.refusals(of_check=batch.read == 0)
    if not path.exists():
        raise NotFoundError("refusals", batch_id)
    return send_file(path, mimetype="text/csv", as_attachment=True, download_name=_("refused-rows") + ".csv", max_age=0)


@blueprint.get("/imports/<uuid:batch_id>/mapping.toml")
def mapping_file(batch_id: UUID) -> Response:
    """The mapping as `quietude import reports --mapping` reads it."""
    actor = current_actor()
    with unit_of_work(services().engine, actor) as uow:
        batch = actions.read_contents(uow, actor, batch_id)
    actions.complete(batch, current_nomenclature())
    return _toml(batch.mapping or {})


@blueprint.get("/imports/mappings/<int(max=2147483647):mapping_id>.toml")
def kept_mapping(mapping_id: int) -> Response:
    """A kept mapping as a file."""
    actor = current_actor()
    with unit_of_work(services().engine, actor) as uow:
        kept = read_kept(uow, actor, mapping_id)
    return _toml(kept.mapping)


def _toml(mapping: Mapping[str, Any]) -> Response:
    parsed = parse_mapping(dict(mapping))
    answer = Response(dump_mapping(parsed), content_type="application/toml; charset=utf-8")
    answer.headers["Content-Disposition"] = f'attachment; filename="{parsed.name}.toml"'
    return answer


@blueprint.post("/imports/mappings/<int(max=2147483647):mapping_id>/delete")
def forget_mapping(mapping_id: int) -> BaseResponse:
    """Delete a kept mapping."""
    actor = current_actor()
    with unit_of_work(services().engine, actor) as uow:
        forget_kept(uow, actor, mapping_id)
    flash(_("Deleted."), "success")
    return redirect(url_for("imports.index"), code=303)


# ── for machines ────────────────────────────────────────────────────────────────────────────────────────────────────


@blueprint.post("/api/imports")
@api.UPLOAD
def upload_by_machine() -> tuple[dict[str, Any], int, dict[str, str]]:
    """202: the file is kept and its check (`dry_run=true`) or its import is queued; 422 says what is wrong where.

    Multipart: `file`, and `mapping` (the id of a kept one) or `mapping_file` (TOML); `layer` where there are several.
    """
    actor, nomenclature = current_actor(), current_nomenclature()
    require_importer(actor)
    dry_run = request.form.get("dry_run", "false")
    if dry_run not in {"true", "false"}:
        raise BadRequestError("dry_run", _("write true or false"))
    batch_id = _receive()
    try:
        with unit_of_work(services().engine, actor) as uow:
            to: State = "checking" if dry_run == "true" else "running"
            actions.begin(uow, actor, batch_id, to, nomenclature=nomenclature, now=datetime.now(UTC))
            batch = actions.read(uow, actor, batch_id)
    except InvalidInputError:
        with unit_of_work(services().engine, actor) as uow:
            actions.discard(uow, actor, batch_id)
        Folder(services().settings.var_dir, batch_id).remove()
        raise
    return as_json(batch), 202, {"Location": url_for("imports.status", batch_id=batch_id)}


@blueprint.get("/api/imports/<uuid:batch_id>")
@api.STATUS
def status(batch_id: UUID) -> dict[str, Any]:
    """Where an import stands: its state, how far it is, and how many rows were added, there already, or refused."""
    actor = current_actor()
    with unit_of_work(services().engine, actor) as uow:
        batch = actions.read(uow, actor, batch_id)
    return as_json(batch)
