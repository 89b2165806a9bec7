"""Confirmations over HTTP: `POST …/confirmations`, the same however often it is sent."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from uuid import UUID

from flask import Blueprint, Response, request

from app.db.session import unit_of_work
from app.people.guards import require_signed_in
from app.people.identity import current_actor
from app.reports import api, confirmations
from app.reports.confirmations_commands import CONFIRMATION_FIELDS, parse_confirmation
from app.web.bodies import is_form, json_object
from app.web.context import services

blueprint = Blueprint("confirmations", __name__)


@blueprint.post("/api/reports/<uuid:report_id>/confirmations")
@api.CONFIRM
def confirm(report_id: UUID) -> Response:
    """`{"id", "seen": "there" | "gone", "at"}`: 201 when it is new, 200 when nothing new was said, 409 for a taken id.

    Nothing of the report changes but its history; it may have been seen hours before it is sent.
    """
    actor, now = current_actor(), datetime.now(UTC)
    require_signed_in(actor)
    values = (
        {name: request.form[name] for name in CONFIRMATION_FIELDS if name in request.form}
        if is_form()
        else json_object()
    )
    command = parse_confirmation(values, now)
    with unit_of_work(services().engine, actor) as uow:
        is_new = confirmations.confirm(uow, actor, report_id, command, now=now)
    body: api.ConfirmedJson = {"id": str(command.id), "report": str(report_id), "seen": command.seen, "is_new": is_new}
    return Response(json.dumps(body), status=201 if is_new else 200, content_type="application/json")
