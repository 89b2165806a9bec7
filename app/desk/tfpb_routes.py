"""`/desk/tfpb`: the ledger of a year, its files, and the entry of one intervention."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.exceptions import ServiceUnavailable
from werkzeug.wrappers import Response as BaseResponse

from app.db.session import unit_of_work
from app.desk import tfpb_actions as actions
from app.desk import tfpb_store as store
from app.desk.tfpb_commands import FIRST_YEAR, parse_entry, parse_year
from app.desk.tfpb_files import XLSX_TYPE, NoPrintingError, printed, workbook
from app.errors import BadRequestError, ConflictError, FieldError, InvalidInputError
from app.interventions import actions as interventions
from app.interventions.store import InterventionRow
from app.people.identity import current_actor
from app.people.store import list_organisations
from app.reports.filters import LOCAL_ZONE
from app.web.context import base_url, services
from app.web.language import locale_code

blueprint = Blueprint("tfpb", __name__, template_folder="templates")


@blueprint.app_context_processor
def _for_other_pages() -> dict[str, Any]:
    return {"tfpb_entry_of": _entry_of, "may_keep_tfpb": _may_keep}


def _may_keep() -> bool:
    """Whether the reader has a ledger to look at: for the links of other pages."""
    actor = current_actor()
    if actor.role == "coordinator":
        return True
    if actor.role != "partner":
        return False
    with unit_of_work(services().engine, actor) as uow:
        return any(one.id == actor.organisation_id for one in list_organisations(uow.connection, "landlord"))


def _entry_of(row: InterventionRow) -> dict[str, Any] | None:
    """What the page of an intervention shows of the ledger; None for whom it does not concern."""
    actor = current_actor()
    if not actions.may_enter(row, actor):
        return None
    with unit_of_work(services().engine, actor) as uow:
        return {
            "entry": store.get(uow.connection, row.id),
            "axes": [axis for axis in store.axes(uow.connection) if axis.active],
            "qpvs": store.qpvs(uow.connection),
            "year": row.ends_at.astimezone(LOCAL_ZONE).year,
            "may_write": actor.may_write and row.state != "cancelled",
        }


def _asked() -> tuple[int, str | None]:
    organisation = request.args.get("organisation", "").strip() or None
    return parse_year(request.args, datetime.now(UTC)), organisation


def _ledger() -> actions.Ledger:
    year, organisation = _asked()
    with unit_of_work(services().engine, current_actor()) as uow:
        try:
            return actions.ledger(uow, current_actor(), year, organisation)
        except InvalidInputError as error:
            raise BadRequestError("organisation", error.errors[0].message) from None


@blueprint.get("/desk/tfpb")
def index() -> str:
    """The table of a year: landlord × QPV × axis, and the interventions behind each line."""
    made = _ledger()
    _year, organisation = _asked()
    with unit_of_work(services().engine, current_actor()) as uow:
        landlords = actions.landlords(uow, current_actor())
        known = store.years(uow.connection)
    this_year = datetime.now(LOCAL_ZONE).year
    return render_template(
        "desk/tfpb.html",
        ledger=made,
        landlords=landlords,
        organisation=organisation,
        years=sorted({*known, this_year, made.year, *range(max(FIRST_YEAR, this_year - 3), this_year)}, reverse=True),
    )


def _download(body: bytes, made: actions.Ledger, ending: str, kind: str) -> Response:
    response = Response(body, content_type=kind)
    response.headers["Content-Disposition"] = f'attachment; filename="quietude-tfpb-{made.year}.{ending}"'
    return response


@blueprint.get("/desk/tfpb.xlsx")
def as_workbook() -> Response:
    """The same as a spreadsheet, with a sheet of evidence."""
    made = _ledger()
    return _download(workbook(made, locale_code(), base_url()), made, "xlsx", XLSX_TYPE)


@blueprint.get("/desk/tfpb.pdf")
def as_pdf() -> Response:
    """The same on paper."""
    made = _ledger()
    style = Path(__file__).with_name("tfpb_print.css").read_text(encoding="utf-8")
    html = render_template("desk/tfpb_print.html", ledger=made, style=style, now=datetime.now(UTC))
    try:
        return _download(printed(html), made, "pdf", "application/pdf")
    except NoPrintingError:
        message = _("PDF cannot be made here: WeasyPrint or Pango is not installed. The spreadsheet has the same.")
        raise ServiceUnavailable(message) from None


@blueprint.post("/interventions/<uuid:intervention_id>/tfpb")
def enter(intervention_id: UUID) -> BaseResponse | tuple[str, int]:
    """Claim an intervention, change what is claimed, or (`take_out=1`) claim it no longer."""
    actor, now = current_actor(), datetime.now(UTC)
    back = redirect(url_for("interventions.show", intervention_id=intervention_id, _anchor="tfpb"), code=303)
    if request.form.get("take_out"):
        with unit_of_work(services().engine, actor) as uow:
            actions.take_out(uow, actor, intervention_id, now=now)
        flash(_("Taken out of the TFPB ledger."), "success")
        return back
    try:
        with unit_of_work(services().engine, actor) as uow:
            axes = {axis.code for axis in store.axes(uow.connection) if axis.active}
            row = interventions.read(uow, actor, intervention_id)
            command = parse_entry(request.form, axes)
            actions.enter(uow, actor, row.id, command, now=now)
    except InvalidInputError as error:
        return _again(intervention_id, error.errors), 422
    except ConflictError as error:
        return _again(intervention_id, [FieldError("", error.message)]), 409
    flash(_("Entered in the TFPB ledger."), "success")
    return back


def _again(intervention_id: UUID, errors: list[FieldError]) -> str:
    with unit_of_work(services().engine, current_actor()) as uow:
        row = interventions.read(uow, current_actor(), intervention_id)
    return render_template("desk/tfpb_entry.html", row=row, values=request.form, errors=errors)
