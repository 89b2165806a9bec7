"""`/api/interventions`: interventions for machines."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, request, url_for
from flask_babel import gettext as _

from app.db.session import UnitOfWork, unit_of_work
from app.errors import FieldError, InvalidInputError
from app.interventions import actions, api, moves, store
from app.interventions.commands import (
    EDIT_FIELDS,
    FIELDS,
    MOST_REPORTS,
    MOVE_FIELDS,
    Checks,
    parse_edit,
    parse_intervention,
    parse_move,
)
from app.interventions.filters import KEYS, InterventionFilter, parse_filter
from app.interventions.represent import InterventionCollection, as_feature, as_json, as_moves
from app.interventions.store import Cursor, InterventionRow
from app.nomenclature.actions import current_nomenclature
from app.people.actor import Actor
from app.people.guards import require_signed_in
from app.people.identity import current_actor
from app.places.territory import territory
from app.reports.represent import event_as_json
from app.web.bodies import is_form, json_object, with_seen_version
from app.web.context import services
from app.web.described import HistoryJson
from app.web.language import locale_code
from app.web.paging import asked_limit, next_page, read_keyset, refuse_unknown, with_next, write_keyset

blueprint = Blueprint("interventions_api", __name__)

LISTS = ("teams", "reports", "resolve")


def signed_in() -> Actor:
    """The actor, who must have an account."""
    actor = current_actor()
    require_signed_in(actor)
    return actor


def checks(uow: UnitOfWork, now: datetime) -> Checks:
    """What a command is checked against now."""
    known = tuple(kind.code for kind in store.kinds(uow.connection) if kind.active)
    teams = tuple(team.code for team in store.teams(uow.connection) if team.active)
    return Checks(known, teams, territory(uow.connection), now)


def chosen_filter(uow: UnitOfWork, *others: str) -> InterventionFilter:
    """The filter of this request's query; an unknown parameter is refused."""
    refuse_unknown(*KEYS, *others)
    return parse_filter(request.args, {kind.code for kind in store.kinds(uow.connection)})


def form_values(names: tuple[str, ...]) -> dict[str, Any]:
    """The raw values of a form: lists where a name may come several times, blanks left out of lists."""
    values: dict[str, Any] = {}
    for name in (*names, "shape"):
        if name in LISTS and name in request.form:
            values[name] = [value for value in request.form.getlist(name) if value.strip()]
        elif name in request.form:
            values[name] = request.form[name]
    return values


def _body(names: tuple[str, ...]) -> tuple[dict[str, Any], bool]:
    """The raw values of a JSON or form body, and whether they come from a form."""
    if is_form():
        return form_values(names), True
    return json_object(), False


def _answer(row: InterventionRow, actor: Actor, uow: UnitOfWork, status: int = 200) -> Response:
    body = as_json(row, actor, (one.id for one in store.linked_reports(uow.connection, row.id)))
    response = Response(json.dumps(body), status=status, content_type="application/json")
    response.set_etag(f"{row.id}-{row.version}")
    response.headers["Cache-Control"] = "private, no-cache"
    return response


@blueprint.post("/api/interventions")
@api.RECORD
def record() -> Response:
    """201 the first time, 200 for the same body again, 409 for an id that is taken, 422 with a message per field."""
    actor = current_actor()
    actions.require_recording(actor)
    values, from_form = _body(FIELDS)
    now = datetime.now(UTC)
    source = "api" if "Authorization" in request.headers else "form"
    with unit_of_work(services().engine, actor) as uow:
        command = parse_intervention(values, checks(uow, now), from_form=from_form)
        row, is_new = actions.record(uow, actor, command, source=source, now=now)
        response = _answer(row, actor, uow, 201 if is_new else 200)
    response.headers["Location"] = url_for("interventions_api.read", intervention_id=row.id)
    return response


@blueprint.get("/api/interventions")
@api.LIST
def listed() -> Response:
    """The interventions of a filter as GeoJSON, the latest first, page by page; `truncated`: there are more."""
    actor = signed_in()
    after, limit = read_keyset(request.args.get("after", "")), asked_limit(actions.WINDOW, actions.LISTED_MOST)
    with unit_of_work(services().engine, actor) as uow:
        chosen = chosen_filter(uow, "after", "limit")
        page = actions.list_page(uow, chosen, Cursor(*after) if after else None, limit=limit)
    following = None
    if page.after is not None:
        following = next_page(chosen.query() | {"after": write_keyset(page.after.starts_at, page.after.id)})
    collection: InterventionCollection = {
        "type": "FeatureCollection",
        "features": [as_feature(row, actor, label=row.kind_label(locale_code())) for row in page.rows],
        "truncated": following is not None,
        "next": following,
    }
    return with_next(Response(json.dumps(collection), content_type="application/geo+json"), following)


@blueprint.get("/api/interventions/<uuid:intervention_id>")
@api.READ
def read(intervention_id: UUID) -> Response:
    """One intervention as JSON, with the ids of its reports that the asker may see."""
    actor = signed_in()
    with unit_of_work(services().engine, actor) as uow:
        response = _answer(actions.read(uow, actor, intervention_id), actor, uow)
    response.make_conditional(request)
    return response


@blueprint.patch("/api/interventions/<uuid:intervention_id>")
@api.EDIT
def edit(intervention_id: UUID) -> Response:
    """All details anew, with `version` (or If-Match): 409 when it has changed meanwhile."""
    actor = signed_in()
    values, from_form = _body(EDIT_FIELDS)
    now = datetime.now(UTC)
    with unit_of_work(services().engine, actor) as uow:
        actions.read(uow, actor, intervention_id)
        command = parse_edit(with_seen_version(values), checks(uow, now), from_form=from_form)
        return _answer(actions.edit(uow, actor, intervention_id, command, now=now), actor, uow)


@blueprint.get("/api/interventions/<uuid:intervention_id>/moves")
@api.MOVES
def possible(intervention_id: UUID) -> Response:
    """The moves that the asker may make now, and the version to name."""
    actor = signed_in()
    with unit_of_work(services().engine, actor) as uow:
        row = actions.read(uow, actor, intervention_id)
        linked = store.linked_reports(uow.connection, row.id)
    resolvable = [str(report.id) for report in linked if moves.resolvable(report, actor)]
    body = as_moves(row, moves.possible_moves(row, actor), resolvable)
    response = Response(json.dumps(body), content_type="application/json")
    response.set_etag(f"{row.id}-{row.version}")
    return response


@blueprint.post("/api/interventions/<uuid:intervention_id>/moves")
@api.MOVE
def move(intervention_id: UUID) -> Response:
    """`{"move", "version", …}`: 200 with the intervention; 409 when it has changed meanwhile."""
    actor = signed_in()
    values, from_form = _body(MOVE_FIELDS)
    now = datetime.now(UTC)
    command = parse_move(with_seen_version(values), now=now, from_form=from_form)
    nomenclature = current_nomenclature()
    with unit_of_work(services().engine, actor) as uow:
        row = moves.make_move(uow, actor, intervention_id, command, nomenclature=nomenclature, now=now)
        return _answer(row, actor, uow)


@blueprint.post("/api/interventions/<uuid:intervention_id>/reports")
@api.LINK
def link(intervention_id: UUID) -> Response:
    """`{"reports": [id, …]}`: it answers these too."""
    actor = signed_in()
    values, _from_form = _body(("reports",))
    with unit_of_work(services().engine, actor) as uow:
        row = actions.link_reports(uow, actor, intervention_id, report_ids(values), now=datetime.now(UTC))
        return _answer(row, actor, uow)


@blueprint.delete("/api/interventions/<uuid:intervention_id>/reports/<uuid:report_id>")
@api.UNLINK
def unlink(intervention_id: UUID, report_id: UUID) -> Response:
    """It does not answer this report; 204 also when it did not."""
    actor = signed_in()
    with unit_of_work(services().engine, actor) as uow:
        actions.unlink_report(uow, actor, intervention_id, report_id, now=datetime.now(UTC))
    return Response(status=204)


@blueprint.get("/api/interventions/<uuid:intervention_id>/history")
@api.HISTORY
def history(intervention_id: UUID) -> Response:
    """Everything that happened to an intervention, oldest first: organisations and roles, never persons."""
    actor = signed_in()
    with unit_of_work(services().engine, actor) as uow:
        row = actions.read(uow, actor, intervention_id)
        events = actions.history(uow, row.id)
    body: HistoryJson = {"id": str(row.id), "events": [event_as_json(event) for event in events]}
    return Response(json.dumps(body), content_type="application/json")


def report_ids(values: dict[str, Any]) -> tuple[UUID, ...]:
    """The ids of reports to link: a list, or the text of a form field with one or several.

    Raises:
        InvalidInputError: field `reports`.

    """
    given = values.get("reports")
    refused = InvalidInputError([FieldError("reports", _("Give the ids of at most 100 reports."), "unknown")])
    if not isinstance(given, list) or not 1 <= len(given) <= MOST_REPORTS:
        raise refused
    try:
        return tuple(UUID(one) for one in given)
    except (ValueError, AttributeError, TypeError):
        raise refused from None
