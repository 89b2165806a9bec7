"""`/export/…`: data out in bulk, as one stream."""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime
from functools import partial
from typing import cast

from flask import Blueprint, Response, current_app, render_template, request
from flask.blueprints import BlueprintSetupState
from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import ServiceUnavailable

from app.db.session import unit_of_work
from app.errors import BadRequestError
from app.exports import api
from app.exports.actions import (
    EXPORTERS,
    Export,
    Watch,
    export_events,
    export_intervention_events,
    export_interventions,
    export_patrols,
    export_reports,
    file_name,
    require_export,
)
from app.exports.channel import ReaderGoneError
from app.exports.commands import (
    parse_export,
    parse_format,
    parse_intervention_export,
    parse_patrol_export,
    refuse_strangers,
)
from app.exports.copying import STALLED_S
from app.exports.dictionary import COLUMNS
from app.exports.formats import CSV, FORMATS, OFFERED, Format
from app.exports.legend import STYLED, read_legend
from app.exports.project import AUTHCFG, AUTHCFG_FORM, Target, project
from app.exports.store import Taken, latest_exports
from app.exports.style import qml
from app.heat.mvt_routes import map_bounds
from app.interventions.filters import InterventionFilter
from app.interventions.store import kinds
from app.nomenclature.actions import current_nomenclature
from app.people.actor import Actor
from app.people.identity import current_actor
from app.reports.filters import LOCAL_ZONE
from app.web.context import base_url, services
from app.web.described import hidden
from app.web.problems import problem

blueprint = Blueprint("exports", __name__, url_prefix="/export", template_folder="templates")

ENDING = f"<any({', '.join(FORMATS)}):ending>"

_SLOTS = "quietude_export_slots"
RETRY_AFTER_S = 30


@blueprint.record
def _make_slots(state: BlueprintSetupState) -> None:
    # Each export keeps a thread and one or two connections for minutes: most of them are kept for the pages.
    threads = state.app.extensions["quietude"].settings.threads
    state.app.extensions[_SLOTS] = threading.BoundedSemaphore(max(1, threads // 4))


@blueprint.get("/")
@hidden
def index() -> str:
    """What can be taken out, in which formats, and what every column means; one's own last exports."""
    actor = current_actor()
    may_export = actor.role in EXPORTERS
    latest: list[Taken] = []
    if may_export and actor.user_id is not None:
        with unit_of_work(services().engine, actor) as uow:
            latest = latest_exports(uow, actor.user_id)
    return render_template(
        "exports/index.html", columns=COLUMNS, offered=OFFERED, styled=STYLED, may_export=may_export, latest=latest
    )


@blueprint.get(f"/reports.{ENDING}")
@api.REPORTS
def reports(ending: str) -> Response:
    """Every report of the filter, streamed."""
    actor = current_actor()
    require_export(actor)
    format_, args = parse_format(ending, request.args)
    chosen = parse_export(args, current_nomenclature())
    return _begun("reports", format_, partial(export_reports, services().engine, actor, chosen, format_))


@blueprint.get(f"/interventions.{ENDING}")
@api.INTERVENTIONS
def interventions(ending: str) -> Response:
    """Every intervention of the filter, streamed."""
    actor = current_actor()
    require_export(actor)
    format_, args = parse_format(ending, request.args)
    chosen = _interventions(actor, args)
    return _begun("interventions", format_, partial(export_interventions, services().engine, actor, chosen, format_))


@blueprint.get(f"/patrols.{ENDING}")
@api.PATROLS
def patrols(ending: str) -> Response:
    """Every passage of the filter's rounds and every stop that nobody has passed, streamed."""
    actor = current_actor()
    require_export(actor)
    format_, args = parse_format(ending, request.args)
    chosen = parse_patrol_export(args)
    return _begun("patrols", format_, partial(export_patrols, services().engine, actor, chosen, format_))


@blueprint.get("/events.csv")
@api.EVENTS
def events() -> Response:
    """Every step of the histories of the filter's reports as CSV (RFC 4180), streamed."""
    actor = current_actor()
    require_export(actor)
    chosen = parse_export(request.args, current_nomenclature())
    return _begun("events", CSV, partial(export_events, services().engine, actor, chosen))


@blueprint.get("/intervention_events.csv")
@api.INTERVENTION_EVENTS
def intervention_events() -> Response:
    """Every step of the histories of the filter's interventions as CSV, streamed."""
    actor = current_actor()
    require_export(actor)
    chosen = _interventions(actor, request.args)
    return _begun("intervention_events", CSV, partial(export_intervention_events, services().engine, actor, chosen))


@blueprint.get("/quietude.qgs")
@api.PROJECT
def qgis_project() -> Response:
    """A project that shows the register live in QGIS."""
    actor = current_actor()
    require_export(actor)
    refuse_strangers(request.args, ("authcfg",))
    authcfg = request.args.get("authcfg", AUTHCFG)
    if not AUTHCFG_FORM.fullmatch(authcfg):
        raise BadRequestError("authcfg", _("give seven small letters or digits, as QGIS shows them"))
    with unit_of_work(services().engine, actor) as uow:
        legends = read_legend(uow.connection, "reports"), read_legend(uow.connection, "interventions")
    target = Target(base_url(), authcfg)
    response = Response(project(target, *legends, map_bounds()), content_type="application/x-qgis-project")
    response.headers["Content-Disposition"] = 'attachment; filename="quietude.qgs"'
    response.headers["Cache-Control"] = "private, no-store"
    return response


@blueprint.get(f"/<any({', '.join(STYLED)}):what>.qml")
@api.STYLE
def style(what: str) -> Response:
    """How QGIS shows a file of this export: colours, titles of columns, labels of codes. Open to everybody."""
    refuse_strangers(request.args, ())
    with unit_of_work(services().engine, current_actor()) as uow:
        made = qml(read_legend(uow.connection, what))
    response = Response(made, content_type="application/x-qgis-layer-settings")
    response.headers["Content-Disposition"] = f'attachment; filename="quietude-{what}.qml"'
    return response


def _interventions(actor: Actor, args: MultiDict[str, str]) -> InterventionFilter:
    with unit_of_work(services().engine, actor) as uow:
        known = {kind.code for kind in kinds(uow.connection)}
    return parse_intervention_export(args, known)


def _begun(what: str, format_: Format, begin: Callable[[Watch], Export]) -> Response:
    """The answer that streams what `begin` starts; headers only for HEAD."""
    response = Response()
    if request.method != "HEAD":
        with ExitStack() as undo:
            export = begin(Watch(is_gone=_gone_check(), on_close=_take_slot(undo)))
            undo.pop_all()
        response = Response(export, direct_passthrough=True)
        if request.accept_encodings.quality("gzip") > 0:
            export.gzip()
            response.headers["Content-Encoding"] = "gzip"
    name = file_name(what, format_.ending, datetime.now(LOCAL_ZONE).date())
    response.headers["Content-Type"] = format_.media_type
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["Vary"] = "Accept-Encoding"
    return response


@blueprint.errorhandler(ReaderGoneError)
def _gone(_error: ReaderGoneError) -> Response:
    return problem(503)


def _take_slot(undo: ExitStack) -> Callable[[], None]:
    """Take one of this process's places for exports; what is returned gives it back, and so does `undo`."""
    slots = cast("threading.BoundedSemaphore", current_app.extensions[_SLOTS])
    if not slots.acquire(blocking=False):
        raise ServiceUnavailable(retry_after=RETRY_AFTER_S)
    undo.callback(slots.release)
    return slots.release


def _gone_check() -> Callable[[], bool]:
    """Whether the client has hung up, where the server lets us see its socket (gunicorn does).

    Sending gets a time limit too: a client that reads nothing must not hold a thread for ever.
    """
    connection = request.environ.get("gunicorn.socket")
    if connection is None:
        return lambda: False
    client = cast("socket.socket", connection)
    client.settimeout(STALLED_S)
    poller = select.poll()
    poller.register(client, select.POLLRDHUP)
    return lambda: bool(poller.poll(0))
