"""Duplicates over HTTP: what is reported already, merging and unmerging, for machines and for the buttons of pages."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.wrappers import Response as BaseResponse

from app.db.session import unit_of_work
from app.errors import BadRequestError, ConflictError, FieldError, InvalidInputError
from app.nomenclature.actions import current_nomenclature
from app.people.guards import require_role, require_signed_in, require_write
from app.people.identity import current_actor
from app.reports import actions, api, duplicates, moves
from app.reports.duplicates import Similar
from app.reports.duplicates_commands import MERGE_FIELDS, parse_ids, parse_merge, parse_spot, parse_unmerge
from app.reports.duplicates_rules import MERGE_AT_ONCE, can_keep, can_merge, who_may
from app.reports.moves_page import render_report
from app.reports.represent import ReportWithMovesJson, as_json, as_moves
from app.reports.store import ReportRow
from app.reports.words import state_label
from app.web.bodies import is_form, json_object, rfc3339, with_seen_version
from app.web.context import services
from app.web.language import locale_code

blueprint = Blueprint("duplicates", __name__)


# ── while reporting ─────────────────────────────────────────────────────────────────────────────────────────────────


@blueprint.get("/api/reports/similar")
@api.SIMILAR
def similar() -> Response:
    """`?lon=&lat=&category=`: the open reports of the same theme at the same place that the asker may see.

    `except`: ids to leave out. `distance_m`: up to where it is the same place.
    """
    actor = current_actor()
    require_signed_in(actor)
    nomenclature = current_nomenclature()
    spot = parse_spot(request.args, nomenclature)
    leave_out = parse_ids(request.args.get("except", ""), "except")
    with unit_of_work(services().engine, actor) as uow:
        found = duplicates.similar(uow, actor, spot, leave_out=leave_out)
    now = datetime.now(UTC)
    body: api.SimilarJson = {
        "theme": spot.theme,
        "distance_m": spot.distance_m,
        "reports": [_as_json(one, now) for one in found],
    }
    return Response(json.dumps(body), content_type="application/json")


def _as_json(one: Similar, now: datetime) -> api.SimilarReportJson:
    row = one.row
    category = current_nomenclature().category_by_code[row.category]
    return {
        "id": str(row.id),
        "category": row.category,
        "label": category.label(locale_code()),
        "state": row.state,
        "state_label": state_label(row.state),
        "organisation": row.organisation,
        "observed_at": rfc3339(row.observed_at),
        "age": duplicates.age(row, now),
        "distance_m": round(row.distance_m, 1),
        "confirmations": one.group.confirmations.still_there,
        "merged": one.group.merged,
        "thumb_url": None if one.photo_id is None else url_for("photos.thumb", photo_id=one.photo_id),
        "url": url_for("reports.show", report_id=row.id),
    }


# ── afterwards ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _values() -> dict[str, Any]:
    """The raw values of a JSON, form or multipart body; If-Match stands for the version."""
    if is_form():
        return with_seen_version({name: request.form[name] for name in MERGE_FIELDS if name in request.form})
    return with_seen_version(json_object())


def _merge(report_id: UUID) -> ReportRow:
    command = parse_merge(_values())
    actor, nomenclature = current_actor(), current_nomenclature()
    with unit_of_work(services().engine, actor) as uow:
        return duplicates.merge(uow, actor, report_id, command, nomenclature=nomenclature, now=datetime.now(UTC))


def _unmerge(report_id: UUID) -> ReportRow:
    version = parse_unmerge(_values()).version
    actor, nomenclature = current_actor(), current_nomenclature()
    with unit_of_work(services().engine, actor) as uow:
        return duplicates.unmerge(
            uow, actor, report_id, version=version, nomenclature=nomenclature, now=datetime.now(UTC)
        )


def _answer(row: ReportRow) -> Response:
    body: ReportWithMovesJson = {**as_json(row), **as_moves(row, moves.possible_moves(row, current_actor()))}
    response = Response(json.dumps(body), content_type="application/json")
    response.set_etag(f"{row.id}-{row.version}")
    return response


@blueprint.post("/api/reports/<uuid:report_id>/merge")
@api.MERGE
def merge(report_id: UUID) -> Response:
    """`{"into", "version"}`: 200 with the report, now a duplicate; 409 when either has changed meanwhile."""
    require_signed_in(current_actor())
    return _answer(_merge(report_id))


@blueprint.post("/api/reports/<uuid:report_id>/unmerge")
@api.UNMERGE
def unmerge(report_id: UUID) -> Response:
    """`{"version"}`: 200 with the report in the state that it had before it was merged."""
    require_signed_in(current_actor())
    return _answer(_unmerge(report_id))


@blueprint.post("/reports/<uuid:report_id>/merge")
def merge_from_page(report_id: UUID) -> BaseResponse | tuple[str, int]:
    """A button of the report's page: to the report that is kept."""
    require_signed_in(current_actor())
    try:
        row = _merge(report_id)
    except InvalidInputError as error:
        return render_report(report_id, errors=error.errors), 422
    except ConflictError as error:
        return render_report(report_id, errors=[FieldError("", error.message)]), 409
    flash(_("Merged into this report."), "success")
    return redirect(url_for("reports.show", report_id=row.duplicate_of or row.id), code=303)


@blueprint.post("/reports/<uuid:report_id>/unmerge")
def unmerge_from_page(report_id: UUID) -> BaseResponse | tuple[str, int]:
    """A button of the merged report's page: back to it, as it was before."""
    require_signed_in(current_actor())
    try:
        _unmerge(report_id)
    except InvalidInputError as error:
        return render_report(report_id, errors=error.errors), 422
    except ConflictError as error:
        return render_report(report_id, errors=[FieldError("", error.message)]), 409
    flash(_("This report is a report of its own again."), "success")
    return redirect(url_for("reports.show", report_id=report_id), code=303)


# ── several at once, from the list ──────────────────────────────────────────────────────────────────────────────────


@blueprint.get("/reports/merge")
def choose_kept() -> str:
    """The reports ticked in the list: which one is kept?"""
    return _choice(_ticked(request.args.getlist("report")), [])


@blueprint.post("/reports/merge")
def merge_several() -> BaseResponse | tuple[str, int]:
    """Merge the ticked reports into the kept one, all or nothing; versions as the page showed them."""
    actor = current_actor()
    require_role(actor, "partner", "coordinator")
    require_write(actor)
    ids = _ticked(request.form.getlist("report"))
    kept = _ticked([request.form.get("into", "")])
    if not kept or kept[0] not in ids:
        return _choice(ids, [FieldError("into", _("Choose the report that is kept."), "missing")]), 422
    try:
        versions = [(one, int(request.form[f"version-{one}"])) for one in ids if one != kept[0]]
    except (KeyError, ValueError):
        raise BadRequestError("version", _("this page is incomplete: start from the list again")) from None
    try:
        with unit_of_work(services().engine, actor) as uow:
            merged = duplicates.merge_all(
                uow, actor, versions, kept[0], nomenclature=current_nomenclature(), now=datetime.now(UTC)
            )
    except InvalidInputError as error:
        return _choice(ids, error.errors), 422
    except ConflictError as error:
        return _choice(ids, [FieldError("", error.message)]), 409
    flash(ngettext("%(num)s report merged into this one.", "%(num)s reports merged into this one.", merged), "success")
    return redirect(url_for("reports.show", report_id=kept[0]), code=303)


def _ticked(values: list[str]) -> list[UUID]:
    ids = [one for value in values for one in parse_ids(value, "report")]
    if len(ids) > MERGE_AT_ONCE:
        raise BadRequestError("report", _("tick %(most)d reports at most", most=MERGE_AT_ONCE))
    return list(dict.fromkeys(ids))


def _choice(ids: list[UUID], errors: list[FieldError]) -> str:
    actor = current_actor()
    require_role(actor, "partner", "coordinator")
    with unit_of_work(services().engine, actor) as uow:
        rows = sorted((actions.read(uow, one) for one in ids), key=lambda row: (row.observed_at, row.id))
    keepable = [row for row in rows if can_keep(row.state)]
    return render_template(
        "reports/merge.html",
        rows=rows,
        # Whoever merges may not merge the one away that belongs to somebody else: it can only be kept.
        fixed=[row.id for row in rows if not (who_may(row, actor) and can_merge(row.state))],
        keepable={row.id for row in keepable},
        nomenclature=current_nomenclature(),
        errors=errors,
    )
