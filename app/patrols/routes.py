"""The pages of patrols: the list, a new one, the round as it goes, its papers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask_babel import format_time
from flask_babel import gettext as _
from werkzeug.wrappers import Response as BaseResponse

from app.db.session import UnitOfWork, unit_of_work
from app.errors import BadRequestError, ConflictError, FieldError, InvalidInputError, NotFoundError
from app.nomenclature.actions import current_nomenclature
from app.patrols import actions, rules, sheets, store, words
from app.patrols.actions import Whole
from app.patrols.api_routes import asked_page, checks, next_query
from app.patrols.commands import MOVE_FIELDS, PASSAGE_FIELDS, parse_move, parse_passage, parse_patrol, points_of
from app.patrols.page import render_form, render_one
from app.patrols.store import PatrolRow
from app.people.actor import Actor
from app.people.identity import current_actor
from app.photos.actions import archive
from app.reports.commands import Checks as ReportChecks
from app.reports.commands import parse_report
from app.reports.filters import LOCAL_ZONE
from app.web.context import services
from app.web.pdf import NoPdfError
from app.web.problems import error_answer

blueprint = Blueprint("patrols", __name__, template_folder="templates")


@blueprint.app_context_processor
def _for_other_pages() -> dict[str, Any]:
    return {"patrols_of_report": _of_report}


def _of_report(report_id: UUID) -> tuple[PatrolRow, ...]:
    with unit_of_work(services().engine, current_actor()) as uow:
        return store.of_report(uow.connection, report_id)


@blueprint.app_template_filter("clock")
def _clock(moment: datetime) -> str:
    return str(format_time(moment, "HH:mm"))


@blueprint.get("/patrols")
def index() -> str:
    """The list, the latest first; those under way above it."""
    actor = current_actor()
    chosen, after = asked_page()
    with unit_of_work(services().engine, actor) as uow:
        page = actions.list_page(uow, actor, state=chosen["state"], kind=chosen["kind"], after=after)
        under_way = [
            row for row in actions.list_page(uow, actor, state="open", kind="", after=None).rows
            if rules.is_own(row, actor)
        ]  # fmt: skip
    return render_template(
        "patrols/list.html",
        rows=page.rows,
        under_way=under_way if after is None else [],
        chosen=chosen,
        states=rules.STATES,
        kinds=rules.KINDS,
        words=words,
        may_plan=actor.may_write and actor.role in rules.WALKERS,
        is_first_page=after is None,
        next_url=url_for("patrols.index", **next_query(chosen, page.after)) if page.after else None,
    )


# ── a new one ───────────────────────────────────────────────────────────────────────────────────────────────────────


@blueprint.get("/patrols/new")
def new() -> str:
    """The form; `?from=ID` with the stops of an earlier round, `?kind=` of a kind."""
    actor = current_actor()
    actions.require_walking(actor)
    values: dict[str, Any] = {"id": str(uuid4()), "kind": request.args.get("kind", "round"), "places": []}
    earlier = request.args.get("from", "").strip()
    if earlier:
        try:
            patrol_id = UUID(earlier)
        except ValueError:
            raise BadRequestError("from", _("give the id of a patrol")) from None
        with unit_of_work(services().engine, actor) as uow:
            whole = actions.read_whole(uow, actor, patrol_id)
        values |= {"kind": whole.row.kind, "title": whole.row.title, "in_order": "1"}
        values["places"] = [str(stop.place_id) for stop in whole.stops if stop.place_id is not None]
        elsewhere = [stop for stop in whole.stops if stop.place_id is None]
        values["points"] = "\n".join(f"{stop.lon:.6f} {stop.lat:.6f} {stop.name}" for stop in elsewhere)
    return render_form(values)


def _form_values() -> dict[str, Any]:
    names = ("id", "kind", "title", "planned_at", "note", "place_kind", "q", "short_way", "points", "do")
    values: dict[str, Any] = {name: request.form[name] for name in names if name in request.form}
    values["places"] = list(dict.fromkeys(request.form.getlist("places")))
    values["participants"] = {
        role: request.form[f"people_{role}"] for role in rules.PARTICIPANTS if request.form.get(f"people_{role}")
    }
    return values


@blueprint.post("/patrols/new")
def create() -> BaseResponse | str | tuple[str, int]:
    """To the new patrol's page, or the form again: with the places found, or with its messages."""
    actor = current_actor()
    actions.require_walking(actor)
    values, now = _form_values(), datetime.now(UTC)
    wanted = str(values.get("do", ""))
    if wanted == "search":
        return render_form(values, searched=True)
    try:
        with unit_of_work(services().engine, actor) as uow:
            command = parse_patrol(_command_values(uow, actor, values), checks(uow, now), from_form=True)
            row, _is_new = actions.record(uow, actor, command, source="form", now=now)
    except InvalidInputError as error:
        return render_form(values, errors=error.errors), 422
    except ConflictError as error:
        return render_form(values | {"id": str(uuid4())}, errors=[FieldError("", error.message)]), 409
    return redirect(url_for("patrols.show", patrol_id=row.id), code=303)


def _command_values(uow: UnitOfWork, actor: Actor, values: Mapping[str, Any]) -> dict[str, Any]:
    """What the form says, as parse_patrol reads it: the places in a short way unless the order is meant."""
    kept = {name: values[name] for name in ("id", "kind", "title", "planned_at", "note") if name in values}
    places = [one for one in values["places"] if one.strip()]
    if values.get("short_way"):
        ids = [int(one) for one in places if one.isascii() and one.isdigit() and len(one) < 19]  # noqa: PLR2004
        known = store.places(uow.connection, ids, actor.organisation_id)
        ordered = [known[one] for one in ids if one in known]
        if len(ordered) == len(places):
            places = [str(ordered[i].id) for i in rules.short_way([(one.lon, one.lat) for one in ordered])]
    stops: list[dict[str, str]] = [{"place_id": one} for one in places] + points_of(str(values.get("points", "")))
    is_started = values.get("do") == "start"
    return kept | {
        "state": "open" if is_started else "planned",
        "stops": stops if values.get("kind") != "free" else [],
        "participants": values["participants"],
    }


# ── one of them ─────────────────────────────────────────────────────────────────────────────────────────────────────


@blueprint.get("/patrols/<uuid:patrol_id>")
def show(patrol_id: UUID) -> str:
    """The round as it goes, or what came out of it."""
    return render_one(patrol_id)


@blueprint.get("/patrols/<path:anything>")
def no_such_patrol(anything: str) -> str:
    """An id that is no UUID."""
    raise NotFoundError("patrol", anything)


def _try_on_page(
    patrol_id: UUID, work: Callable[[datetime], str], values: Mapping[str, Any]
) -> BaseResponse | tuple[str, int]:
    """Do it and go where it says, or show the page with what was wrong."""
    actions.require_walking(current_actor())
    try:
        target = work(datetime.now(UTC))
    except InvalidInputError as error:
        return render_one(patrol_id, values=values, errors=error.errors), 422
    except ConflictError as error:
        return render_one(patrol_id, values=values, errors=[FieldError("", error.message)]), 409
    return redirect(target, code=303)


@blueprint.post("/patrols/<uuid:patrol_id>/moves")
def move(patrol_id: UUID) -> BaseResponse | tuple[str, int]:
    """Start, end, cancel."""
    values = {name: request.form[name] for name in MOVE_FIELDS if name in request.form}

    def work(now: datetime) -> str:
        command = parse_move(values)
        with unit_of_work(services().engine, current_actor()) as uow:
            actions.make_move(uow, current_actor(), patrol_id, command, now=now)
        return url_for("patrols.show", patrol_id=patrol_id)

    return _try_on_page(patrol_id, work, values)


@blueprint.post("/patrols/<uuid:patrol_id>/passages")
def pass_by(patrol_id: UUID) -> BaseResponse | tuple[str, int]:
    """Nothing to report at a stop: back to the round. Something found: to the report form, which comes back here."""
    values: dict[str, Any] = {name: request.form[name] for name in PASSAGE_FIELDS if request.form.get(name)}
    back = url_for("patrols.show", patrol_id=patrol_id)

    def work(now: datetime) -> str:
        report_id = uuid4() if values.get("outcome") == "found" else None
        raw = values | ({"reports": [str(report_id)]} if report_id else {})
        with unit_of_work(services().engine, current_actor()) as uow:
            command = parse_passage(raw, checks(uow, now))
            passage, _is_new = actions.pass_by(uow, current_actor(), patrol_id, command, now=now)
        if report_id is None:
            return back + "#next"
        prefilled: dict[str, Any] = {"id": report_id, "place_id": passage.place_id, "return": back}
        prefilled |= {"lon": f"{passage.lon:.6f}", "lat": f"{passage.lat:.6f}"}
        return url_for("reports.new", **prefilled)

    return _try_on_page(patrol_id, work, values)


@blueprint.post("/patrols/<uuid:patrol_id>/observations")
def observe(patrol_id: UUID) -> BaseResponse | tuple[str, int]:
    """One after the other, without leaving the page: `do=nothing`, or category and severity of what is there."""
    names = ("id", "stop", "lon", "lat", "note", "category", "severity", "description", "report_id", "do")
    values: dict[str, Any] = {name: request.form[name] for name in names if request.form.get(name, "").strip()}

    def work(now: datetime) -> str:
        found = values.get("do") != "nothing"
        raw: dict[str, Any] = {name: values[name] for name in ("id", "stop", "lon", "lat", "note") if name in values}
        raw |= {"outcome": "found", "reports": [values.get("report_id", "")]} if found else {"outcome": "nothing"}
        with unit_of_work(services().engine, current_actor()) as uow:
            command = parse_passage(raw, checks(uow, now))
            if found:
                _observe(uow, patrol_id, command, values, now)
            else:
                actions.pass_by(uow, current_actor(), patrol_id, command, now=now)
        flash(_("Recorded. The next one, or end the round."), "success")
        kept = {name: values[name] for name in ("stop", "lon", "lat") if name in values}
        return url_for("patrols.show", patrol_id=patrol_id, **kept, _anchor="observe")

    return _try_on_page(patrol_id, work, values)


def _observe(uow: UnitOfWork, patrol_id: UUID, command: Any, values: Mapping[str, Any], now: datetime) -> None:
    actor, nomenclature = current_actor(), current_nomenclature()
    report: dict[str, Any] = {name: values[name] for name in ("category", "severity", "description") if name in values}
    report |= {"id": values.get("report_id"), "lon": command.lon, "lat": command.lat}
    if command.lon is None and command.stop is not None:
        stops = store.stops(uow.connection, patrol_id)
        stop = next((one for one in stops if one.position == command.stop), None)
        if stop is not None:
            report |= {"lon": stop.lon, "lat": stop.lat, "place_id": stop.place_id}
    territory = checks(uow, now).territory
    parsed = parse_report(report, ReportChecks(nomenclature, territory, now), local_times=True)
    actions.observe(uow, actor, patrol_id, command, parsed, nomenclature=nomenclature, now=now)


@blueprint.post("/patrols/<uuid:patrol_id>/take-back")
def take_back(patrol_id: UUID) -> BaseResponse | tuple[str, int]:
    """A passage recorded by mistake: back to its stop, where somebody may look again."""
    wanted = request.form.get("passage", "")

    def work(now: datetime) -> str:
        try:
            passage_id = UUID(wanted)
        except ValueError:
            raise NotFoundError("passage", wanted[:40]) from None
        with unit_of_work(services().engine, current_actor()) as uow:
            taken = actions.take_back(uow, current_actor(), patrol_id, passage_id, now=now)
            left = [stop.id for stop in actions.read_whole(uow, current_actor(), patrol_id).left]
        flash(_("The passage is taken back."), "success")
        where = f"stop-{taken.position}" if taken.stop_id in left else "passages"
        return url_for("patrols.show", patrol_id=patrol_id, _anchor=where)

    return _try_on_page(patrol_id, work, {})


# ── papers ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@blueprint.get("/patrols/<uuid:patrol_id>/sheet.pdf")
def sheet(patrol_id: UUID) -> Response:
    """The sheet to take along."""
    return _pdf("tournee", patrol_id, sheets.tour_sheet)


@blueprint.get("/patrols/<uuid:patrol_id>/restitution.pdf")
def restitution(patrol_id: UUID) -> Response:
    """What is handed out afterwards."""
    kept, nomenclature = archive(services().engine, services().settings.var_dir), current_nomenclature()
    return _pdf("restitution", patrol_id, lambda uow, whole: sheets.restitution(uow, whole, kept, nomenclature))


def _pdf(kind: str, patrol_id: UUID, make: Callable[[UnitOfWork, Whole], bytes]) -> Response:
    actor = current_actor()
    with unit_of_work(services().engine, actor) as uow:
        whole = actions.read_whole(uow, actor, patrol_id)
        try:
            body = make(uow, whole)
        except NoPdfError as error:
            return error_answer(503, str(error))
    response = Response(body, content_type="application/pdf")
    name = sheets.file_name(kind, patrol_id, whole.row.starts_at.astimezone(LOCAL_ZONE))
    response.headers["Content-Disposition"] = f'inline; filename="{name}"'
    response.headers["Cache-Control"] = "private, no-store"
    return response
