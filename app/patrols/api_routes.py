"""`/api/patrols`: patrols for machines, and for phones that had no network."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, request, url_for
from flask_babel import gettext as _

from app.db.session import UnitOfWork, unit_of_work
from app.errors import BadRequestError
from app.patrols import actions, api
from app.patrols.commands import Checks, parse_move, parse_passage, parse_patrol
from app.patrols.represent import PatrolPage, as_json, passage_as_json, whole_as_json
from app.patrols.rules import KINDS, STATES
from app.patrols.store import Cursor
from app.people.guards import require_signed_in
from app.people.identity import current_actor
from app.places.territory import territory
from app.reports.represent import event_as_json
from app.web.bodies import json_object, with_seen_version
from app.web.context import services
from app.web.paging import asked_limit, next_page, read_keyset, refuse_unknown, with_next, write_keyset

blueprint = Blueprint("patrols_api", __name__)


def checks(uow: UnitOfWork, now: datetime) -> Checks:
    """What a command is checked against now."""
    return Checks(territory(uow.connection), now)


def asked_page(*others: str) -> tuple[dict[str, str], Cursor | None]:
    """The filter (`state`, `kind`) and the cursor of this request's query; others: what else the route knows.

    Raises:
        BadRequestError: names the parameter.

    """
    refuse_unknown("state", "kind", "after", *others)
    chosen = {name: request.args.get(name, "").strip() for name in ("state", "kind")}
    for name, known in (("state", STATES), ("kind", KINDS)):
        if chosen[name] and chosen[name] not in known:
            raise BadRequestError(name, _("choose one of: %(known)s", known=", ".join(known)))
    after = read_keyset(request.args.get("after", ""))
    return chosen, Cursor(*after) if after else None


def next_query(chosen: dict[str, str], after: Cursor) -> dict[str, Any]:
    """The query of the next page."""
    kept = {name: value for name, value in chosen.items() if value}
    return kept | {"after": write_keyset(after.starts_at, after.id)}


def _answer(body: Mapping[str, Any], status: int = 200) -> Response:
    response = Response(json.dumps(body), status=status, content_type="application/json")
    if "version" in body:
        response.set_etag(f"{body['id']}-{body['version']}")
    response.headers["Cache-Control"] = "private, no-cache"
    return response


@blueprint.post("/api/patrols")
@api.RECORD
def record() -> Response:
    """201 the first time, 200 for the same body again, 409 for an id that is taken, 422 with a message per field."""
    actor = current_actor()
    actions.require_walking(actor)
    values, now = json_object(), datetime.now(UTC)
    with unit_of_work(services().engine, actor) as uow:
        command = parse_patrol(values, checks(uow, now))
        row, is_new = actions.record(uow, actor, command, source="api", now=now)
        body = whole_as_json(actions.read_whole(uow, actor, row.id))
    response = _answer(body, 201 if is_new else 200)
    response.headers["Location"] = url_for("patrols_api.read", patrol_id=row.id)
    return response


@blueprint.get("/api/patrols")
@api.LIST
def index() -> Response:
    """Patrols, the latest first; `next` leads on. `?state=&kind=&limit=`."""
    actor = current_actor()
    require_signed_in(actor)
    (chosen, after), limit = asked_page("limit"), asked_limit(actions.PAGE, actions.LISTED_MOST)
    with unit_of_work(services().engine, actor) as uow:
        page = actions.list_page(uow, actor, state=chosen["state"], kind=chosen["kind"], after=after, limit=limit)
    following = None if page.after is None else next_page(next_query(chosen, page.after))
    body: PatrolPage = {"patrols": [as_json(row) for row in page.rows], "next": following}
    return with_next(_answer(body), following)


@blueprint.get("/api/patrols/<uuid:patrol_id>")
@api.READ
def read(patrol_id: UUID) -> Response:
    """One patrol with its stops and passages."""
    actor = current_actor()
    with unit_of_work(services().engine, actor) as uow:
        response = _answer(whole_as_json(actions.read_whole(uow, actor, patrol_id)))
    response.make_conditional(request)
    return response


@blueprint.post("/api/patrols/<uuid:patrol_id>/moves")
@api.MOVE
def move(patrol_id: UUID) -> Response:
    """`{"move": "start"|"finish"|"cancel", "version"}`: 200 with the patrol; 409 when it has changed meanwhile."""
    actor = current_actor()
    actions.require_walking(actor)
    command = parse_move(with_seen_version(json_object()))
    with unit_of_work(services().engine, actor) as uow:
        return _answer(as_json(actions.make_move(uow, actor, patrol_id, command, now=datetime.now(UTC))))


@blueprint.post("/api/patrols/<uuid:patrol_id>/passages")
@api.PASS_BY
def pass_by(patrol_id: UUID) -> Response:
    """201 the first time, 200 for the same body again, 409 for an id that is taken or a patrol that has ended.

    The first passage begins a patrol that was planned. `reports`: ids of reports that may still be on their way.
    """
    actor = current_actor()
    actions.require_walking(actor)
    values, now = json_object(), datetime.now(UTC)
    with unit_of_work(services().engine, actor) as uow:
        actions.read(uow, actor, patrol_id)
        command = parse_passage(values, checks(uow, now))
        passage, is_new = actions.pass_by(uow, actor, patrol_id, command, now=now)
    return _answer(passage_as_json(passage), 201 if is_new else 200)


@blueprint.delete("/api/patrols/<uuid:patrol_id>/passages/<uuid:passage_id>")
@api.TAKE_BACK
def take_back(patrol_id: UUID, passage_id: UUID) -> Response:
    """A passage recorded by mistake, while the patrol is under way."""
    actor = current_actor()
    with unit_of_work(services().engine, actor) as uow:
        actions.take_back(uow, actor, patrol_id, passage_id, now=datetime.now(UTC))
    return Response(status=204)


@blueprint.get("/api/patrols/<uuid:patrol_id>/history")
@api.HISTORY
def history(patrol_id: UUID) -> Response:
    """Everything that happened to a patrol, oldest first: organisations and roles, never persons."""
    actor = current_actor()
    with unit_of_work(services().engine, actor) as uow:
        row = actions.read(uow, actor, patrol_id)
        events = actions.history(uow, row.id)
    return _answer({"id": str(row.id), "events": [event_as_json(event) for event in events]})
