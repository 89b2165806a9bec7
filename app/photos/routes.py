"""Photos over HTTP: add, list, look at, cover, publish, hide, remove; for machines and for people."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.exceptions import RequestEntityTooLarge, UnsupportedMediaType
from werkzeug.wrappers import Response as BaseResponse

from app.db.session import unit_of_work
from app.errors import BadRequestError, ConflictError, FieldError, InvalidInputError, NotFoundError
from app.people.identity import current_actor
from app.photos import actions, api
from app.photos.actions import Archive
from app.photos.commands import parse_cover, parse_upload
from app.photos.decode import MAX_BYTES
from app.photos.files import StorageError
from app.photos.represent import as_json
from app.photos.sandbox import SandboxBusyError
from app.photos.store import PhotoRow
from app.photos.views import Gallery, gallery, store_chosen
from app.web.bodies import json_object
from app.web.context import services
from app.web.logs import get_logger
from app.web.problems import error_answer

blueprint = Blueprint("photos", __name__, template_folder="templates")

# One picture and what is said about it; several of a phone in one form.
UPLOAD_BYTES = MAX_BYTES + 100_000
FORM_BYTES = 40_000_000
BODY_BYTES = {
    "photos.upload": UPLOAD_BYTES,
    "photos.add": FORM_BYTES,
    "reports.create": FORM_BYTES,
    "moves.make_from_page": FORM_BYTES,
}
RETRY_AFTER_S = 5


@blueprint.app_url_value_preprocessor
def _room(endpoint: str | None, _values: dict[str, Any] | None) -> None:
    """How large a body may be, before anything reads it. More than usual only for somebody with a session."""
    most = BODY_BYTES.get(endpoint or "")
    if most == UPLOAD_BYTES or (most and current_app.config["SESSION_COOKIE_NAME"] in request.cookies):
        request.max_content_length = most


@blueprint.app_context_processor
def _for_other_pages() -> dict[str, Any]:
    return {"photo_gallery": _gallery}


@blueprint.errorhandler(RequestEntityTooLarge)
def _too_large(_error: RequestEntityTooLarge) -> Response:
    return error_answer(413, _("This picture is too large: 12 MB at most."))


@blueprint.errorhandler(SandboxBusyError)
def busy(_error: SandboxBusyError) -> Response:
    return _later(_("Many pictures are coming in at once. Try again in a moment."))


@blueprint.errorhandler(StorageError)
def no_room(error: StorageError) -> Response:
    get_logger().error("photo not stored", error=str(error))
    return _later(_("The service has no room for pictures just now. Try again later."))


def _later(detail: str) -> Response:
    answer = error_answer(503, detail)
    answer.headers["Retry-After"] = str(RETRY_AFTER_S)
    return answer


def _archive() -> Archive:
    return actions.archive(services().engine, services().settings.var_dir)


def _gallery(subject: str, subject_id: UUID) -> Gallery:
    with unit_of_work(services().engine, current_actor()) as uow:
        return gallery(uow, current_actor(), subject, subject_id)


# ── for machines ────────────────────────────────────────────────────────────────────────────────────────────────────


@blueprint.post("/api/<any(reports, interventions):subject>/<uuid:subject_id>/photos")
@api.UPLOAD
def upload(subject: str, subject_id: UUID) -> Response:
    """201 the first time, 200 for the same again, 409 for a taken id or a seventh photo, 422 for what is no picture.

    Multipart (`photo`, `id`, `stage`, `taken_at`), or the picture itself as the body and the rest in the query.
    """
    actor = current_actor()
    actions.require_adding(actor)
    now = datetime.now(UTC)
    command = parse_upload(*_sent(), now=now)
    row, is_new = actions.upload(_archive(), actor, subject, subject_id, command, now=now)
    answer = _json(as_json(row), 201 if is_new else 200)
    answer.headers["Location"] = url_for("photos.full", photo_id=row.id)
    return answer


def _sent() -> tuple[dict[str, str], bytes]:
    if request.mimetype == "multipart/form-data":
        file = request.files.get("photo")
        return request.form.to_dict(), file.read() if file else b""
    if request.mimetype.startswith("image/") or request.mimetype == "application/octet-stream":
        return request.args.to_dict(), request.get_data(cache=False)
    raise UnsupportedMediaType(_("Send a picture as the body, or a multipart form with the field photo."))


@blueprint.get("/api/<any(reports, interventions):subject>/<uuid:subject_id>/photos")
@api.LIST
def of_subject(subject: str, subject_id: UUID) -> Response:
    """The photos of a report that the asker may see, in the order they were added."""
    actor = current_actor()
    with unit_of_work(services().engine, actor) as uow:
        rows = actions.listed(uow, actor, subject, subject_id)
    return _json({"photos": [as_json(row) for row in rows]})


@blueprint.patch("/api/photos/<uuid:photo_id>")
@api.PATCH
def patch(photo_id: UUID) -> Response:
    """`{"state": "published" | "hidden"}`."""
    state = _object().get("state")
    if not isinstance(state, str) or state not in {"published", "hidden"}:
        raise InvalidInputError([FieldError("state", _("Choose published or hidden."), "unknown")])
    row = actions.change_state(_archive(), current_actor(), photo_id, state, now=datetime.now(UTC))
    assert row is not None
    return _json(as_json(row))


@blueprint.delete("/api/photos/<uuid:photo_id>")
@api.DELETE
def delete(photo_id: UUID) -> Response:
    """Remove the picture for good; its line in the history stays."""
    actions.change_state(_archive(), current_actor(), photo_id, "removed", now=datetime.now(UTC))
    return Response(status=204)


@blueprint.post("/api/photos/<uuid:photo_id>/cover")
@api.COVER
def cover(photo_id: UUID) -> Response:
    """`{"mode": "pixelate" | "black", "areas": [{"x_px", "y_px", "width_px", "height_px"}]}`: unreadable for good."""
    command = parse_cover(_object())
    return _json(as_json(actions.cover(_archive(), current_actor(), photo_id, command, now=datetime.now(UTC))))


def _object() -> dict[str, Any]:
    actions.require_adding(current_actor())
    return json_object()


def _json(body: Mapping[str, Any], status: int = 200) -> Response:
    return Response(json.dumps(body), status=status, content_type="application/json")


# ── the pictures ────────────────────────────────────────────────────────────────────────────────────────────────────


@blueprint.get("/photos/<uuid:photo_id>")
@api.FULL
def full(photo_id: UUID) -> Response:
    """The picture, for those who may see it."""
    return _picture(photo_id, thumb=False)


@blueprint.get("/photos/<uuid:photo_id>/thumb")
@api.THUMB
def thumb(photo_id: UUID) -> Response:
    """The picture in small."""
    return _picture(photo_id, thumb=True)


def _picture(photo_id: UUID, *, thumb: bool) -> Response:
    with unit_of_work(services().engine, current_actor()) as uow:
        row = actions.read(uow, current_actor(), photo_id)
    assert row.sha256 is not None
    path = _archive().files.path(row.sha256, thumb=thumb)
    answer = Response(content_type="image/jpeg")
    answer.set_etag(row.sha256.hex() + ("-thumb" if thumb else ""))
    # Asked again each time: a covered or withdrawn picture must not live on in a browser.
    answer.headers["Cache-Control"] = "private, no-cache"
    answer.headers["Content-Disposition"] = f"inline; filename=quietude-{photo_id}.jpg"
    try:
        # Read at once: it is small, and may be removed while a slow client still takes it.
        answer.set_data(path.read_bytes())
    except FileNotFoundError:
        get_logger().error("file of a photo is missing", photo=str(photo_id), file=path.name)
        raise NotFoundError("photo", photo_id) from None
    answer.make_conditional(request)
    return answer


# ── for people ──────────────────────────────────────────────────────────────────────────────────────────────────────


@blueprint.post("/<any(reports, interventions):subject>/<uuid:subject_id>/photos")
def add(subject: str, subject_id: UUID) -> BaseResponse:
    """The form without JavaScript: one or several pictures, then back to the page of the report."""
    actor = current_actor()
    actions.require_adding(actor)
    store_chosen(_archive(), actor, subject, subject_id, now=datetime.now(UTC))
    return _back(subject, subject_id)


@blueprint.get("/photos/<uuid:photo_id>/cover")
def cover_page(photo_id: UUID) -> str:
    """Where faces and number plates are covered by hand."""
    return _cover_page(_changeable(photo_id), [])


@blueprint.post("/photos/<uuid:photo_id>/cover")
def cover_form(photo_id: UUID) -> BaseResponse | tuple[str, int]:
    """Cover what was drawn, then publish if that was the button."""
    photo = _changeable(photo_id)
    now = datetime.now(UTC)
    try:
        command = parse_cover({"mode": request.form.get("mode", "pixelate"), "areas": _drawn()})
        photo = actions.cover(_archive(), current_actor(), photo_id, command, now=now)
    except InvalidInputError as error:
        return _cover_page(photo, error.errors), 422
    if request.form.get("then") == "publish":
        actions.change_state(_archive(), current_actor(), photo_id, "published", now=now)
        flash(_("Covered and published: everybody who may read the report sees this photo."), "success")
        return _back(*photo.subject)
    flash(_("Covered. The photo without the cover no longer exists."), "success")
    return redirect(url_for("photos.cover_page", photo_id=photo_id), code=303)


def _drawn() -> list[dict[str, str]]:
    """The rectangles of the form: four lists of the same length; lines left empty are none."""
    names = ("x_px", "y_px", "width_px", "height_px")
    lists = [request.form.getlist(name) for name in names]
    rows = [dict(zip(names, row, strict=True)) for row in zip(*lists, strict=False)]
    return [row for row in rows if any(value.strip() for value in row.values())]


@blueprint.post("/photos/<uuid:photo_id>/state")
def change_state(photo_id: UUID) -> BaseResponse:
    """Publish, hide or remove, then back to the page of the report."""
    photo = _changeable(photo_id)
    state = request.form.get("state", "")
    said = {
        "published": _("Published: everybody who may read the report sees this photo."),
        "hidden": _("Hidden again."),
        "removed": _("The photo was removed."),
    }
    if state not in said:
        raise BadRequestError("state", _("Choose published or hidden."))
    try:
        actions.change_state(_archive(), current_actor(), photo_id, state, now=datetime.now(UTC))
        flash(said[state], "success")
    except ConflictError as error:
        flash(error.message, "error")
    return _back(*photo.subject)


def _changeable(photo_id: UUID) -> PhotoRow:
    with unit_of_work(services().engine, current_actor()) as uow:
        return actions.changeable(uow, current_actor(), photo_id)


def _cover_page(photo: PhotoRow, errors: list[FieldError]) -> str:
    drawn = _drawn() if request.method == "POST" else []
    return render_template(
        "photos/cover.html",
        photo=photo,
        back=f"/{photo.subject[0]}/{photo.subject[1]}",
        errors=errors,
        drawn=drawn,
        mode=request.form.get("mode", "pixelate"),
    )


def _back(subject: str, subject_id: UUID) -> BaseResponse:
    return redirect(f"/{subject}/{subject_id}#photos", code=303)
