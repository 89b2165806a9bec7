"""The pages of interventions: list, calendar, map, one of them, and the forms."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode
from uuid import UUID, uuid4

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import format_currency, format_date, format_decimal
from flask_babel import gettext as _
from werkzeug.wrappers import Response as BaseResponse

from app.db.session import unit_of_work
from app.errors import BadRequestError, ConflictError, FieldError, InvalidInputError, NotFoundError
from app.interventions import actions, moves, rules, store, words
from app.interventions.api_routes import checks, chosen_filter, form_values, report_ids, signed_in
from app.interventions.calendar import shifted, span, weeks_of
from app.interventions.commands import EDIT_FIELDS, FIELDS, MOVE_FIELDS, parse_edit, parse_intervention, parse_move
from app.interventions.filters import KEYS, InterventionFilter, parse_filter
from app.interventions.forms import stored_values
from app.interventions.page import render_form, render_one
from app.interventions.store import Cursor, InterventionRow
from app.nomenclature.actions import current_nomenclature
from app.people.identity import current_actor
from app.people.store import list_organisations
from app.photos.actions import archive, upload
from app.photos.commands import parse_upload
from app.photos.sandbox import SandboxBusyError
from app.reports.filters import LOCAL_ZONE
from app.web.context import services
from app.web.paging import read_keyset, write_keyset

blueprint = Blueprint("interventions", __name__, template_folder="templates")


@blueprint.app_context_processor
def _for_other_pages() -> dict[str, Any]:
    return {"interventions_of_report": _of_report, "intervention_state_label": words.state_label}


def _of_report(report_id: UUID) -> tuple[InterventionRow, ...]:
    with unit_of_work(services().engine, current_actor()) as uow:
        return store.of_report(uow.connection, report_id)


# ── three ways to look at many ──────────────────────────────────────────────────────────────────────────────────────


def _overview(template: str, chosen: InterventionFilter, more: Mapping[str, Any]) -> str:
    actor = current_actor()
    with unit_of_work(services().engine, actor) as uow:
        choices = {
            "kinds": store.kinds(uow.connection),
            "organisations": list_organisations(uow.connection),
            "neighbourhoods": store.neighbourhoods(uow.connection),
        }
    return render_template(
        template,
        chosen=chosen,
        words=words,
        states=rules.STATES,
        may_record=actor.may_write and actor.role in {"partner", "coordinator"},
        **choices,
        **more,
    )


@blueprint.get("/interventions")
def index() -> str:
    """The list, the latest first."""
    actor = signed_in()
    with unit_of_work(services().engine, actor) as uow:
        chosen = chosen_filter(uow, "after")
        after = read_keyset(request.args.get("after", ""))
        page = actions.list_page(uow, chosen, Cursor(*after) if after else None)
    following = {"after": write_keyset(page.after.starts_at, page.after.id)} if page.after else {}
    next_url = f"{url_for('interventions.index')}?{urlencode(chosen.query() | following)}" if following else None
    more = {"rows": page.rows, "next_url": next_url, "is_first_page": "after" not in request.args, "view": "list"}
    return _overview("interventions/list.html", chosen, more)


@blueprint.get("/interventions/map")
def map_view() -> str:
    """A map, and the same interventions in a table beside it."""
    actor = signed_in()
    with unit_of_work(services().engine, actor) as uow:
        chosen = chosen_filter(uow)
        rows, truncated = actions.window(uow, chosen)
    return _overview("interventions/map.html", chosen, {"rows": rows, "truncated": truncated, "view": "map"})


@blueprint.get("/interventions/calendar")
def calendar_view() -> str:
    """One month: `?month=YYYY-MM`, and the filters but for the period."""
    actor = signed_in()
    for name in request.args:
        if name not in (*KEYS, "month"):
            raise BadRequestError(name[:40], _("there is no such parameter"))
    month = _month()
    first, last = span(month)
    period = {"from": first.isoformat(), "to": last.isoformat()}
    with unit_of_work(services().engine, actor) as uow:
        known = {kind.code for kind in store.kinds(uow.connection)}
        rows, truncated = actions.window(uow, parse_filter(request.args.to_dict() | period, known))
        chosen = parse_filter({k: v for k, v in request.args.items() if k not in period}, known)
    more = {
        "weeks": weeks_of(month, rows),
        "truncated": truncated,
        "month": month,
        "title": words.month_label(datetime(month.year, month.month, 1, 12, tzinfo=UTC)),
        "before": shifted(month, -1).isoformat()[:7],
        "following": shifted(month, 1).isoformat()[:7],
        "today": datetime.now(LOCAL_ZONE).date(),
        "view": "calendar",
    }
    return _overview("interventions/calendar.html", chosen, more)


def _month() -> date:
    value = request.args.get("month", "").strip()
    if not value:
        return datetime.now(LOCAL_ZONE).date().replace(day=1)
    try:
        day = date.fromisoformat(f"{value}-01")
    except ValueError:
        raise BadRequestError("month", _("write the month as YYYY-MM")) from None
    if not 1971 <= day.year <= 2148:  # noqa: PLR2004
        raise BadRequestError("month", _("this month is out of range"))
    return day


# ── one of them ─────────────────────────────────────────────────────────────────────────────────────────────────────


@blueprint.get("/interventions/new")
def new() -> str:
    """The empty form; `?report=ID` (several times) for the reports that it answers."""
    actor = current_actor()
    actions.require_recording(actor)
    return render_form({"id": str(uuid4()), "reports": _asked_reports(), "state": "planned"})


def _asked_reports() -> list[str]:
    try:
        return [str(UUID(value)) for value in request.args.getlist("report")[:100]]
    except ValueError:
        raise BadRequestError("report", _("give the id of a report")) from None


@blueprint.post("/interventions/new")
def create() -> BaseResponse | tuple[str, int]:
    """To the new intervention's page, or the form again with its messages."""
    actor = current_actor()
    actions.require_recording(actor)
    values, now = form_values(FIELDS), datetime.now(UTC)
    try:
        with unit_of_work(services().engine, actor) as uow:
            command = parse_intervention(values, checks(uow, now), from_form=True)
            row, _is_new = actions.record(uow, actor, command, source="form", now=now)
    except InvalidInputError as error:
        return render_form(values, errors=error.errors), 422
    except ConflictError as error:
        return render_form(values | {"id": str(uuid4())}, errors=[FieldError("", error.message)]), 409
    flash(_("The intervention is recorded."), "success")
    return redirect(url_for("interventions.show", intervention_id=row.id), code=303)


@blueprint.get("/interventions/<uuid:intervention_id>")
def show(intervention_id: UUID) -> str:
    """The page of one intervention."""
    return render_one(intervention_id)


@blueprint.get("/interventions/<path:anything>")
def no_such_intervention(anything: str) -> str:
    """An id that is no UUID."""
    raise NotFoundError("intervention", anything)


@blueprint.get("/interventions/<uuid:intervention_id>/edit")
def edit(intervention_id: UUID) -> str:
    """The form with what is stored."""
    actor = current_actor()
    actions.require_recording(actor)
    with unit_of_work(services().engine, actor) as uow:
        row = actions.read(uow, actor, intervention_id)
    if not rules.may_edit(row, actor):
        raise NotFoundError("form", intervention_id)
    return render_form(stored_values(row), row=row)


@blueprint.post("/interventions/<uuid:intervention_id>/edit")
def change(intervention_id: UUID) -> BaseResponse | tuple[str, int]:
    """Back to the page, or the form again with its messages."""
    actor = current_actor()
    actions.require_recording(actor)
    values, now = form_values(EDIT_FIELDS), datetime.now(UTC)
    with unit_of_work(services().engine, actor) as uow:
        row = actions.read(uow, actor, intervention_id)
    try:
        with unit_of_work(services().engine, actor) as uow:
            command = parse_edit(values, checks(uow, now), from_form=True)
            actions.edit(uow, actor, intervention_id, command, now=now)
    except InvalidInputError as error:
        return render_form(values, errors=error.errors, row=row), 422
    except ConflictError as error:
        return render_form(values, errors=[FieldError("", error.message)], row=row), 409
    flash(_("The changes are stored."), "success")
    return redirect(url_for("interventions.show", intervention_id=intervention_id), code=303)


def _try_on_page(
    intervention_id: UUID, work: Callable[[], str], values: Mapping[str, Any]
) -> BaseResponse | tuple[str, int]:
    """Do it and go back to the page with what was done, or show the page with what was wrong."""
    try:
        said = work()
    except InvalidInputError as error:
        return render_one(intervention_id, values=values, errors=error.errors), 422
    except ConflictError as error:
        return render_one(intervention_id, values=values, errors=[FieldError("", error.message)]), 409
    flash(said, "success")
    return redirect(url_for("interventions.show", intervention_id=intervention_id), code=303)


@blueprint.post("/interventions/<uuid:intervention_id>/moves")
def move(intervention_id: UUID) -> BaseResponse | tuple[str, int]:
    """A button of the page."""
    actor, values = signed_in(), form_values(MOVE_FIELDS)

    def work() -> str:
        now, nomenclature = datetime.now(UTC), current_nomenclature()
        command = parse_move(values, now=now, from_form=True)
        with unit_of_work(services().engine, actor) as uow:
            moves.make_move(uow, actor, intervention_id, command, nomenclature=nomenclature, now=now)
        return str(_("Recorded: %(move)s.", move=words.move_label(command.move)))

    return _try_on_page(intervention_id, work, values)


@blueprint.post("/interventions/<uuid:intervention_id>/reports")
def link(intervention_id: UUID) -> BaseResponse | tuple[str, int]:
    """`reports`: ids or addresses of reports to link; `unlink`: one to let go."""
    actor, now = signed_in(), datetime.now(UTC)
    gone = request.form.get("unlink", "")
    typed = request.form.get("reports", "").split()

    def work() -> str:
        with unit_of_work(services().engine, actor) as uow:
            if gone:
                (report_id,) = report_ids({"reports": [gone]})
                actions.unlink_report(uow, actor, intervention_id, report_id, now=now)
                return str(_("The report is no longer linked."))
            # People paste the address of a report's page.
            ids = report_ids({"reports": [one.rstrip("/").rpartition("/")[2] for one in typed]})
            actions.link_reports(uow, actor, intervention_id, ids, now=now)
            return str(_("The report is linked."))

    return _try_on_page(intervention_id, work, {"reports": request.form.get("reports", "")})


@blueprint.post("/interventions/<uuid:intervention_id>/before-after")
def add_photo(intervention_id: UUID) -> BaseResponse | tuple[str, int]:
    """One picture (`photo`) of before or after (`stage`)."""
    actor, now = signed_in(), datetime.now(UTC)
    file, stage = request.files.get("photo"), request.form.get("stage", "none")

    def work() -> str:
        raw = file.read() if file and file.filename else b""
        command = parse_upload({"id": str(uuid4()), "stage": stage}, raw, now=now)
        kept = archive(services().engine, services().settings.var_dir)
        try:
            upload(kept, actor, "interventions", intervention_id, command, now=now)
        except SandboxBusyError:
            raise ConflictError(_("Many pictures are coming in at once. Try again in a moment.")) from None
        return str(_("The photo is added. Check it, then publish it."))

    return _try_on_page(intervention_id, work, {})


@blueprint.app_template_filter("euros")
def _euros(value: Decimal) -> str:
    return str(format_currency(value, "EUR"))


@blueprint.app_template_filter("decimal")
def _decimal(value: Decimal) -> str:
    return str(format_decimal(value))


@blueprint.app_template_filter("weekday")
def _weekday(day: date, width: str) -> str:
    return str(format_date(day, "EEEE" if width == "wide" else "EEE"))


@blueprint.app_template_filter("day_month")
def _day_month(day: date) -> str:
    return str(format_date(day, "MMMM"))
