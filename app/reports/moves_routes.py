"""Moves and history over HTTP: `POST …/moves` for machines and for the buttons of the page, `GET …/history`."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, flash, redirect, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as BaseResponse

from app.db.session import unit_of_work
from app.errors import ConflictError, FieldError, InvalidInputError
from app.nomenclature.actions import current_nomenclature
from app.people.guards import require_signed_in
from app.people.identity import current_actor
from app.photos.actions import archive
from app.photos.views import store_chosen
from app.reports import actions, api, moves
from app.reports.moves_commands import MOVE_FIELDS, parse_move
from app.reports.moves_page import render_report
from app.reports.represent import ReportWithMovesJson, as_json, as_moves, event_as_json
from app.reports.store import ReportRow
from app.reports.words import move_label
from app.web.bodies import is_form, json_object, with_seen_version
from app.web.context import services
from app.web.described import HistoryJson

blueprint = Blueprint("moves", __name__)


def _values() -> dict[str, Any]:
    """The raw values of a JSON, form or multipart body; If-Match stands for the version."""
    if is_form():
        return with_seen_version({name: request.form[name] for name in MOVE_FIELDS if name in request.form})
    return with_seen_version(json_object())


def _make(report_id: UUID, values: dict[str, Any]) -> ReportRow:
    actor = current_actor()
    command = parse_move(values)
    nomenclature = current_nomenclature()
    with unit_of_work(services().engine, actor) as uow:
        return moves.make_move(uow, actor, report_id, command, nomenclature=nomenclature, now=datetime.now(UTC))


@blueprint.post("/api/reports/<uuid:report_id>/moves")
@api.MOVE
def make(report_id: UUID) -> Response:
    """`{"move", "version", …}`: 200 with the report and what may be done next; 409 when it has changed meanwhile."""
    require_signed_in(current_actor())
    row = _make(report_id, _values())
    body: ReportWithMovesJson = {**as_json(row), **as_moves(row, moves.possible_moves(row, current_actor()))}
    response = Response(json.dumps(body), content_type="application/json")
    response.set_etag(f"{row.id}-{row.version}")
    return response


@blueprint.get("/api/reports/<uuid:report_id>/moves")
@api.MOVES
def possible(report_id: UUID) -> Response:
    """The moves that the asker may make now, each with what it needs, and the version to name."""
    actor = current_actor()
    require_signed_in(actor)
    with unit_of_work(services().engine, actor) as uow:
        row = actions.read(uow, report_id)
    response = Response(json.dumps(as_moves(row, moves.possible_moves(row, actor))), content_type="application/json")
    response.set_etag(f"{row.id}-{row.version}")
    response.headers["Cache-Control"] = "private, no-cache"
    return response


@blueprint.get("/api/reports/<uuid:report_id>/history")
@api.HISTORY
def history(report_id: UUID) -> Response:
    """Everything that happened to a report, oldest first: organisations and roles, never persons."""
    actor = current_actor()
    require_signed_in(actor)
    with unit_of_work(services().engine, actor) as uow:
        row = actions.read(uow, report_id)
        events = actions.history(uow, row.id)
    body: HistoryJson = {"id": str(row.id), "events": [event_as_json(event) for event in events]}
    response = Response(json.dumps(body), content_type="application/json")
    response.headers["Cache-Control"] = "private, no-cache"
    return response


@blueprint.post("/reports/<uuid:report_id>/moves")
def make_from_page(report_id: UUID) -> BaseResponse | tuple[str, int]:
    """A button of the report's page: back to the page, or the page again with what was wrong.

    What comes with "resolve" is evidence: photos of after, hidden until somebody has looked, like all others.
    """
    require_signed_in(current_actor())
    values = _values()
    try:
        _make(report_id, values)
    except InvalidInputError as error:
        return render_report(report_id, values=values, errors=error.errors), 422
    except ConflictError as error:
        return render_report(report_id, values=values, errors=[FieldError("", error.message)]), 409
    if values["move"] == "resolve":
        kept = archive(services().engine, services().settings.var_dir)
        store_chosen(kept, current_actor(), "reports", report_id, now=datetime.now(UTC), stage="after")
    flash(_("Recorded: %(move)s.", move=move_label(str(values["move"]))), "success")
    return redirect(url_for("reports.show", report_id=report_id), code=303)
