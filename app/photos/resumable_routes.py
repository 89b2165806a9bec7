"""`PUT /api/reports/ID/photos/ID`: one picture in as many pieces as the network allows."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from uuid import UUID

from flask import Blueprint, Response, request, url_for

from app.people.identity import current_actor
from app.photos import actions, api
from app.photos.files import StorageError
from app.photos.represent import as_json
from app.photos.resumable import parse_piece, receive
from app.photos.routes import busy, no_room
from app.photos.sandbox import SandboxBusyError
from app.web.context import services

blueprint = Blueprint("photos_resumable", __name__)
blueprint.register_error_handler(SandboxBusyError, busy)
blueprint.register_error_handler(StorageError, no_room)


@blueprint.put("/api/<any(reports, interventions):subject>/<uuid:subject_id>/photos/<uuid:photo_id>")
@api.PIECE
def put(subject: str, subject_id: UUID, photo_id: UUID) -> Response:
    """202 with `offset`: go on from that byte. 201 once all of it is there, 200 when it was there already.

    `?sha256=` of the whole picture, `stage`, `taken_at`; `Content-Range` says which piece the body is. 409 and 422 as
    for a picture in one piece.
    """
    actor = current_actor()
    actions.require_adding(actor)
    now = datetime.now(UTC)
    values = request.args.to_dict() | {"id": str(photo_id)}
    raw = request.get_data(cache=False)
    piece = parse_piece(values, request.headers.get("Content-Range", ""), raw, now=now)
    kept = actions.archive(services().engine, services().settings.var_dir)
    answer = receive(kept, actor, subject, subject_id, piece, now=now)
    if isinstance(answer, int):
        said = {"id": str(photo_id), "offset": answer, "total": piece.total}
        return Response(json.dumps(said), status=202, content_type="application/json")
    row, is_new = answer
    response = Response(json.dumps(as_json(row)), status=201 if is_new else 200, content_type="application/json")
    response.headers["Location"] = url_for("photos.full", photo_id=row.id)
    return response
