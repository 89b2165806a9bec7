"""Reports over HTTP: the form, the API, the list, the page of one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import quote, urlencode
from uuid import UUID, uuid4

from flask import Blueprint, Response, current_app, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as BaseResponse

from app.db.gathering import Gathering
from app.db.session import unit_of_work
from app.errors import BadRequestError, ConflictError, FieldError, InvalidInputError, NotFoundError
from app.nomenclature.actions import current_nomenclature
from app.nomenclature.store import Nomenclature
from app.people.actor import Actor
from app.people.guards import require_signed_in
from app.people.identity import bearer_sha256, confirms_actor, current_actor
from app.photos.views import has_chosen
from app.places.actions import current_territory
from app.reports import actions, api, duplicates
from app.reports.commands import FIELDS, Checks, ReportCommand, parse_report
from app.reports.duplicates_form import ask_first, store_photos
from app.reports.duplicates_rules import RECURRENCE_DAYS
from app.reports.filters import LIST_KEYS, parse_filter
from app.reports.form_words import for_the_form
from app.reports.moves_page import render_report
from app.reports.represent import ReportCollection, as_feature, as_json
from app.reports.rules import SEVERITIES, STATES
from app.reports.store import Added, Cursor, Figures, ReportRow, Submission
from app.web.bodies import is_form, json_object
from app.web.compression import packed
from app.web.context import services
from app.web.language import local_path, locale_code
from app.web.paging import asked_limit, next_page, read_keyset, refuse_unknown, with_next, write_keyset

blueprint = Blueprint("reports", __name__, template_folder="templates")


@blueprint.app_context_processor
def _for_the_start_page() -> dict[str, Any]:
    return {"report_figures": _figures, "category_labels": _category_labels, "report_form_words": for_the_form}


def _category_labels(nomenclature: Nomenclature) -> dict[str, str]:
    return {one.code: one.label(locale_code()) for one in nomenclature.categories}


def _figures() -> Figures:
    with unit_of_work(services().engine, current_actor()) as uow:
        return actions.figures(uow, now=datetime.now(UTC))


def _checks() -> Checks:
    return Checks(current_nomenclature(), current_territory(), datetime.now(UTC))


def _body() -> tuple[dict[str, Any], bool]:
    """The raw values of a JSON, form or multipart body, and whether they come from a form."""
    if is_form():
        return {name: request.form[name] for name in FIELDS if name in request.form}, True
    return json_object(), False


@blueprint.post("/api/reports")
@api.SUBMIT
@confirms_actor
def submit() -> Response:
    """201 the first time, 200 for the same body again, 409 for an id that is taken, 422 with a message per field.

    `candidates` is there when the point is so near a boundary that somebody must say which organisation answers.
    """
    actor = current_actor()
    actions.require_reporting(actor)
    checks = _checks()
    values, from_form = _body()
    command = parse_report(values, checks, local_times=from_form)
    row, is_new = _store(actor, command, checks, source="api" if "Authorization" in request.headers else "form")
    body: dict[str, Any] = {**as_json(row)}
    if row.organisation_id is None and row.candidate_ids:
        with unit_of_work(services().engine, actor) as uow:
            body["candidates"] = list(actions.candidates(uow, row))
    here = f"{request.script_root}{request.path}"
    # Whether others reported it too is looked up by whoever wants to know: it must cost the sender nothing.
    near = f"lon={row.lon}&lat={row.lat}&category={quote(row.category)}&except={row.id}"
    headers = [("Location", f"{here}/{row.id}"), ("Link", f'<{here}/similar?{near}>; rel="related"')]
    status = 201 if is_new else 200
    return Response(json.dumps(body), status=status, headers=headers, content_type="application/json")


def _store(actor: Actor, command: ReportCommand, checks: Checks, *, source: str) -> tuple[ReportRow, bool]:
    """The stored report, and whether it is new."""
    engine, nomenclature, now = services().engine, checks.nomenclature, checks.now
    row = actions.submit_alone(
        _together(), actor, command, nomenclature=nomenclature, source=source, now=now, token_sha256=bearer_sha256()
    )
    if row is not None:
        return row, True
    with unit_of_work(engine, actor) as uow:
        return actions.read(uow, command.id), False


def _together() -> Gathering[Submission, Added]:
    """Of this process: reports that arrive while others are being stored are stored together (decision 21)."""
    kept: Gathering[Submission, Added] | None = current_app.extensions.get("quietude_submits")
    if kept is None:
        made = Gathering[Submission, Added](partial(actions.submit_together, services().engine))
        kept = current_app.extensions.setdefault("quietude_submits", made)
    return kept


@blueprint.get("/api/reports")
@api.LIST
def listed() -> Response:
    """The reports of a filter as GeoJSON, the newest first, page by page; `truncated` says whether there are more."""
    actor = _signed_in()
    refuse_unknown("after", "limit", *LIST_KEYS)
    nomenclature = current_nomenclature()
    chosen = parse_filter(request.args, nomenclature)
    after, limit = read_keyset(request.args.get("after", "")), asked_limit(actions.LISTED, actions.LISTED_MOST)
    with unit_of_work(services().engine, actor) as uow:
        page = actions.list_page(uow, chosen, Cursor(*after) if after else None, limit=limit)
    following = None
    if page.after is not None:
        following = next_page(chosen.query() | {"after": write_keyset(page.after.received_at, page.after.id)})
    labels = {code: category.label(locale_code()) for code, category in nomenclature.category_by_code.items()}
    collection: ReportCollection = {
        "type": "FeatureCollection",
        "features": [as_feature(row, label=labels[row.category]) for row in page.rows],
        "truncated": following is not None,
        "next": following,
    }
    return with_next(Response(json.dumps(collection), content_type="application/geo+json"), following)


@blueprint.get("/api/reports/<uuid:report_id>")
@api.READ
def read(report_id: UUID) -> Response:
    """One report as JSON."""
    actor = _signed_in()
    with unit_of_work(services().engine, actor) as uow:
        row = actions.read(uow, report_id)
    response = Response(json.dumps(as_json(row)), content_type="application/json")
    response.set_etag(f"{row.id}-{row.version}")
    response.headers["Cache-Control"] = "private, no-cache"
    response.make_conditional(request)
    return response


# What the address of the form may fill in beforehand; `return`: the page of ours to go on with afterwards.
_PREFILLED = ("id", "category", "lon", "lat", "place_id")


@blueprint.get("/reports/new")
def new() -> Response:
    """The form: empty, or with what the address says of the place.

    Compressed when the address says nothing: then no word of a stranger stands beside the token.
    """
    actions.require_reporting(current_actor())
    given = {name: request.args[name] for name in _PREFILLED if name in request.args}
    try:
        given["id"] = str(UUID(given["id"])) if "id" in given else str(uuid4())
    except ValueError:
        raise BadRequestError("id", _("give a UUID, or leave it out")) from None
    page = Response(_form(given | {"return_to": local_path(request.args.get("return"), "")}, []), mimetype="text/html")
    return page if request.query_string else packed(page)


@blueprint.post("/reports/new")
def create() -> BaseResponse | tuple[str, int]:
    """The form without JavaScript: to the report's page, to a question, or the form again with its messages."""
    actor = current_actor()
    actions.require_reporting(actor)
    checks = _checks()
    values, _from_form = _body()
    return_to = local_path(request.form.get("return_to"), "")
    shown = values | {"return_to": return_to}
    try:
        command = parse_report(values, checks, local_times=True)
        asked = ask_first(actor, command, values, checks, return_to)
        if asked is not None:
            return (asked, 200) if isinstance(asked, str) else asked
        row, _is_new = _store(actor, command, checks, source="form")
    except InvalidInputError as error:
        return _form(shown, error.errors + _photos_again()), 422
    except ConflictError as error:
        return _form(shown | {"id": str(uuid4())}, [FieldError("id", error.message)]), 409
    store_photos(actor, row.id)
    return redirect(return_to or url_for("reports.show", report_id=row.id, added=1), code=303)


def _photos_again() -> list[FieldError]:
    """A browser does not keep chosen files in a form that comes back."""
    return [FieldError("photos", _("Choose the photos again: they were not kept."))] if has_chosen() else []


def _form(values: Mapping[str, Any], errors: list[FieldError]) -> str:
    return render_template(
        "reports/new.html",
        nomenclature=current_nomenclature(),
        severities=SEVERITIES,
        values=values,
        errors=errors,
        messages={error.field: error.message for error in errors},
    )


@blueprint.get("/reports")
def index() -> str:
    """The list, the newest first, with the map's filters."""
    actor = _signed_in()
    nomenclature = current_nomenclature()
    refuse_unknown("after", *LIST_KEYS)
    chosen = parse_filter(request.args, nomenclature)
    after = read_keyset(request.args.get("after", ""))
    with unit_of_work(services().engine, actor) as uow:
        page = actions.list_page(uow, chosen, Cursor(*after) if after else None)
        badges = duplicates.badges(uow, page.rows, nomenclature)
    following = {"after": write_keyset(page.after.received_at, page.after.id)} if page.after else {}
    return render_template(
        "reports/list.html",
        nomenclature=nomenclature,
        states=STATES,
        rows=page.rows,
        badges=badges,
        recurrence_days=RECURRENCE_DAYS,
        chosen=chosen,
        is_first_page="after" not in request.args,
        next_url=f"{url_for('reports.index')}?{urlencode(chosen.query() | following)}" if following else None,
    )


@blueprint.get("/reports/<uuid:report_id>")
def show(report_id: UUID) -> str:
    """The page of one report, with its history."""
    return render_report(report_id)


@blueprint.get("/reports/<path:anything>")
def no_such_report(anything: str) -> str:
    """An id that is no UUID."""
    raise NotFoundError("report", anything)


def _signed_in() -> Actor:
    actor = current_actor()
    require_signed_in(actor)
    return actor
