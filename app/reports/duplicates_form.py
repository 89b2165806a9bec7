"""The form without JavaScript: when something like it is reported already, a page asks before anything is stored."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as BaseResponse

from app.db.session import unit_of_work
from app.errors import ConflictError, NotFoundError
from app.nomenclature.actions import current_nomenclature
from app.people.actor import Actor
from app.photos.actions import archive
from app.photos.held import hold_chosen, store_held
from app.photos.views import store_chosen
from app.reports import duplicates, moves
from app.reports.commands import FIELDS, Checks, ReportCommand
from app.reports.duplicates import Similar
from app.reports.duplicates_commands import parse_ids
from app.reports.duplicates_store import Spot
from app.reports.moves_commands import MoveCommand
from app.reports.store import get_report
from app.web.context import services

# What the answer carries besides the report's own fields.
SAME, DIFFERENT, HELD = "same", "not_duplicate_of", "held"


def ask_first(
    actor: Actor, command: ReportCommand, values: Mapping[str, Any], checks: Checks, return_to: str
) -> BaseResponse | str | None:
    """What answers the post instead of storing a report: the question, or thanks for a confirmation. None: store it.

    Raises:
        BadRequestError: the answer is not one that the page offers.

    """
    same = parse_ids(request.form.get(SAME, ""), SAME)
    problem = ""
    if same:
        try:
            return _confirm(actor, same[0], checks, return_to)
        except (ConflictError, NotFoundError):
            problem = _("This report was closed just now. If it is still there, go on with yours.")
    found = _similar(actor, command, checks)
    if not found and not problem:
        return None
    kept = archive(services().engine, services().settings.var_dir)
    return render_template(
        "reports/similar.html",
        found=found,
        problem=problem,
        values={name: values[name] for name in FIELDS if values.get(name)},
        return_to=return_to,
        held=[*request.form.getlist(HELD), *hold_chosen(kept, actor)],
        different=",".join([*request.form.getlist(DIFFERENT), *(str(one.row.id) for one in found)]) or str(command.id),
        nomenclature=current_nomenclature(),
        age=lambda one: duplicates.age(one.row, checks.now),
    )


def store_photos(actor: Actor, report_id: UUID) -> None:
    """Add the pictures of this post, and those that were held while the page asked."""
    kept, now = archive(services().engine, services().settings.var_dir), datetime.now(UTC)
    store_held(kept, actor, "reports", report_id, request.form.getlist(HELD), now=now)
    store_chosen(kept, actor, "reports", report_id, now=now)


def _confirm(actor: Actor, report_id: UUID, checks: Checks, return_to: str) -> BaseResponse:
    with unit_of_work(services().engine, actor) as uow:
        said = MoveCommand(move="still_there")
        moves.make_move(uow, actor, report_id, said, nomenclature=checks.nomenclature, now=checks.now)
    store_photos(actor, report_id)
    flash(_("Thank you: it is confirmed."), "success")
    return redirect(return_to or url_for("reports.show", report_id=report_id), code=303)


def _similar(actor: Actor, command: ReportCommand, checks: Checks) -> tuple[Similar, ...]:
    category = checks.nomenclature.category_by_code[command.category]
    spot = Spot(category.theme, category.code, command.lon, command.lat, category.duplicate_distance_m)
    answered = [one for value in request.form.getlist(DIFFERENT) for one in parse_ids(value, DIFFERENT)]
    with unit_of_work(services().engine, actor) as uow:
        if get_report(uow.connection, command.id) is not None:  # sent twice: it is stored, or the id is taken
            return ()
        return duplicates.similar(uow, actor, spot, leave_out=answered)
