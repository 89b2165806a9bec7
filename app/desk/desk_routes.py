"""`/desk`: what an organisation has to do, moves on many reports at once, and kept filters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode
from uuid import UUID, uuid4

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as BaseResponse

from app.db.session import unit_of_work
from app.desk import bulk_actions, desk_actions
from app.desk.desk_commands import TABS, BulkCommand, DeskQuery, parse_bulk, parse_desk, parse_saved
from app.desk.desk_store import COUNTED_UP_TO
from app.desk.desk_words import refused_label, tab_label, undone_label
from app.errors import BadRequestError, FieldError, InvalidInputError
from app.interventions import words as intervention_words
from app.nomenclature.actions import current_nomenclature
from app.people.identity import current_actor
from app.reports import words
from app.reports.rules import OPEN_STATES
from app.web.context import services

blueprint = Blueprint("desk", __name__, template_folder="templates")


@blueprint.get("/desk")
def index() -> str:
    """One tab of the desk."""
    return _desk(parse_desk(request.args, current_nomenclature()))


def _desk(asked: DeskQuery, values: Mapping[str, Any] | None = None, errors: Sequence[FieldError] = ()) -> str:
    now = datetime.now(UTC)
    actor = current_actor()
    with unit_of_work(services().engine, actor) as uow:
        shown = desk_actions.show(uow, actor, asked, now=now)
    following = asked.query() | {"after": str(shown.after)} if shown.after else None
    return render_template(
        "desk/desk.html",
        desk=shown,
        asked=asked,
        tab_label=tab_label,
        counted_up_to=COUNTED_UP_TO,
        nomenclature=current_nomenclature(),
        words=words,
        intervention_words=intervention_words,
        now=now,
        may_choose_organisation=actor.role == "coordinator",
        sees_dashboard=actor.role != "agent",
        next_url=_address(following) if following else None,
        bulk=str(uuid4()),
        tabs={tab: _address(asked.chosen.query() | {"tab": tab}) for tab in TABS},
        back=urlencode(asked.query()),
        unfiltered=_unfiltered(asked),
        narrowed=len(asked.chosen.query()) - (asked.chosen.organisation is not None),
        states=OPEN_STATES,
        chosen=asked.chosen,
        values=values or {},
        ticked=set(request.form.getlist("report")),
        errors=list(errors),
    )


def _address(query: Mapping[str, str]) -> str:
    return f"{url_for('desk.index')}?{urlencode(query)}"


def _unfiltered(asked: DeskQuery) -> str:
    kept = asked.query()
    return _address({key: kept[key] for key in ("tab", "organisation") if key in kept})


def _back() -> DeskQuery:
    """The desk as it was when the form was sent; the first tab when the form does not say."""
    asked = dict(parse_qsl(str(request.form.get("back", ""))[:2000]))
    try:
        return parse_desk(asked, current_nomenclature())
    except BadRequestError:
        return parse_desk({}, current_nomenclature())


@blueprint.post("/desk/moves")
def move_many() -> BaseResponse | tuple[str, int]:
    """Make one move on the ticked reports; the answer says of each what became of it."""
    actor, now = current_actor(), datetime.now(UTC)
    try:
        command = parse_bulk(request.form, request.form.getlist("report"))
    except InvalidInputError as error:
        return _desk(_back(), request.form, error.errors), 422
    with unit_of_work(services().engine, actor) as uow:
        is_new = bulk_actions.open_bulk(uow, actor, command, now=now)
    if is_new:
        _move_each(command, now)
    back = urlencode(_back().query())
    return redirect(url_for("desk.done", bulk_id=command.id, back=back), code=303)


def _move_each(command: BulkCommand, now: datetime) -> None:
    actor, nomenclature = current_actor(), current_nomenclature()
    for one in command.ticked:
        with unit_of_work(services().engine, actor) as uow:
            bulk_actions.move_one(uow, actor, command, one, nomenclature=nomenclature, now=now)


@blueprint.get("/desk/moves/<uuid:bulk_id>")
def done(bulk_id: UUID) -> str:
    """What became of a move on many reports, and the button that takes it back."""
    now, actor = datetime.now(UTC), current_actor()
    with unit_of_work(services().engine, actor) as uow:
        bulk, told = bulk_actions.outcomes(uow, actor, bulk_id)
    return render_template(
        "desk/done.html",
        bulk=bulk,
        made=[one for one in told if one.refused is None],
        refused=[one for one in told if one.refused is not None],
        kept=[one for one in told if one.undone == "moved"],
        may_undo=bulk_actions.may_undo(bulk, told, now=now),
        nomenclature=current_nomenclature(),
        words=words,
        refused_label=refused_label,
        undone_label=undone_label,
        back=request.args.get("back", "")[:2000],
    )


@blueprint.post("/desk/moves/<uuid:bulk_id>/undo")
def undo(bulk_id: UUID) -> BaseResponse:
    """Take a move on many reports back, where nobody has moved them since."""
    now, actor = datetime.now(UTC), current_actor()
    with unit_of_work(services().engine, actor) as uow:
        bulk, ids = bulk_actions.to_undo(uow, actor, bulk_id, now=now)
    for report_id in ids:
        with unit_of_work(services().engine, actor) as uow:
            bulk_actions.undo_one(uow, actor, bulk, report_id, now=now)
    with unit_of_work(services().engine, actor) as uow:
        bulk_actions.close_undo(uow, bulk, now=now)
    return redirect(url_for("desk.done", bulk_id=bulk_id, back=request.form.get("back", "")[:2000]), code=303)


@blueprint.post("/desk/filters")
def keep() -> BaseResponse | tuple[str, int]:
    """Keep what the desk shows under a name."""
    asked = _back()
    try:
        command = parse_saved(request.form, asked)
        with unit_of_work(services().engine, current_actor()) as uow:
            desk_actions.keep_filter(uow, current_actor(), command)
    except InvalidInputError as error:
        return _desk(asked, request.form, error.errors), 422
    flash(_("Kept as “%(name)s”.", name=command.name), "success")
    return _to(asked)


@blueprint.post("/desk/filters/<int:filter_id>")
def change(filter_id: int) -> BaseResponse | tuple[str, int]:
    """Rename or share a kept filter, or (`delete=1`) delete it."""
    asked, actor = _back(), current_actor()
    try:
        with unit_of_work(services().engine, actor) as uow:
            if request.form.get("delete"):
                desk_actions.forget_filter(uow, actor, filter_id)
            else:
                desk_actions.rename_filter(uow, actor, filter_id, parse_saved(request.form))
    except InvalidInputError as error:
        return _desk(asked, {}, [FieldError(f"name-{filter_id}", one.message, one.code) for one in error.errors]), 422
    flash(_("Deleted.") if request.form.get("delete") else _("Changed."), "success")
    return _to(asked)


def _to(asked: DeskQuery) -> BaseResponse:
    return redirect(_address(asked.query()), code=303)
