"""`/routing`: the rules that say who answers, for coordinators."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as BaseResponse

from app.db.session import unit_of_work
from app.errors import BadRequestError, ConflictError, FieldError, InvalidInputError
from app.nomenclature.actions import current_nomenclature
from app.people.actor import Actor
from app.people.identity import current_actor
from app.people.store import list_organisations
from app.routing import actions, store
from app.routing.commands import PLACE_KINDS, WEEKDAYS, RuleCommand, parse_rule, parse_try
from app.routing.words import conditions_of, place_kind_label, weekday_label, why
from app.web.context import services

blueprint = Blueprint("routing", __name__, template_folder="templates")

_TEXTS = ("label", "organisation", "place_kind", "zone_place_id", "zone", "from_time", "to_time", "position", "version")


def _coordinator(*, write: bool = False) -> Actor:
    actor = current_actor()
    actions.require_coordinator(actor, write=write)
    return actor


def _form_values() -> dict[str, Any]:
    """The form's values as parse_rule reads them; `what` is category:CODE or theme:CODE."""
    values: dict[str, Any] = {name: request.form[name] for name in _TEXTS if name in request.form}
    kind, _colon, code = request.form.get("what", "").partition(":")
    if kind:
        values[kind if kind in {"category", "theme"} else "what"] = code
    return values | {"weekdays": request.form.getlist("weekdays"), "active": "active" in request.form}


def _stored_values(rule: store.RuleRow) -> dict[str, Any]:
    return {
        "label": rule.label,
        "organisation": rule.organisation_slug,
        "category": rule.category_code,
        "theme": rule.theme_code,
        "place_kind": rule.place_kind,
        "zone_place_id": rule.zone_place_id,
        "zone": rule.zone,
        "weekdays": [str(day) for day in rule.weekdays],
        "from_time": rule.from_time.strftime("%H:%M") if rule.from_time else None,
        "to_time": rule.to_time.strftime("%H:%M") if rule.to_time else None,
        "active": rule.active,
        "position": rule.position,
        "version": rule.version,
    }


def _edit_page(
    rule_id: int | None,
    values: dict[str, Any],
    *,
    errors: Sequence[FieldError] = (),
    preview: actions.Preview | None = None,
) -> str:
    with unit_of_work(services().engine, current_actor()) as uow:
        organisations = list_organisations(uow.connection)
        zones = store.zone_places(uow.connection)
    return render_template(
        "routing/edit.html",
        rule_id=rule_id,
        values=values,
        errors=list(errors),
        preview=preview,
        organisations=organisations,
        zones=zones,
        nomenclature=current_nomenclature(),
        place_kinds=PLACE_KINDS,
        weekdays=WEEKDAYS,
        place_kind_label=place_kind_label,
        weekday_label=weekday_label,
        why=why,
    )


@blueprint.get("/routing")
def index() -> str:
    """The rules in order, each with what it is for."""
    actor = _coordinator()
    with unit_of_work(services().engine, actor) as uow:
        rows = actions.rules(uow, actor)
    nomenclature = current_nomenclature()
    return render_template(
        "routing/list.html", rules=[(row, conditions_of(row, nomenclature)) for row in rows], nomenclature=nomenclature
    )


@blueprint.get("/routing/new")
def new() -> str:
    """An empty rule."""
    _coordinator()
    return _edit_page(None, {"active": True, "weekdays": []})


@blueprint.get("/routing/<int:rule_id>")
def edit(rule_id: int) -> str:
    """One rule to change."""
    actor = _coordinator()
    with unit_of_work(services().engine, actor) as uow:
        rule = actions.read_rule(uow, actor, rule_id)
    return _edit_page(rule_id, _stored_values(rule))


@blueprint.post("/routing/new")
def add() -> BaseResponse | tuple[str, int]:
    """Store a new rule."""
    return _save(None)


@blueprint.post("/routing/<int:rule_id>")
def change(rule_id: int) -> BaseResponse | tuple[str, int]:
    """Store a changed rule."""
    return _save(rule_id)


def _save(rule_id: int | None) -> BaseResponse | tuple[str, int]:
    actor = _coordinator(write=True)
    values = _form_values()
    try:
        command = parse_rule(values, current_nomenclature())
        with unit_of_work(services().engine, actor) as uow:
            actions.save_rule(uow, actor, rule_id, command)
    except InvalidInputError as error:
        return _edit_page(rule_id, values, errors=error.errors), 422
    except ConflictError as error:
        return _edit_page(rule_id, values, errors=[FieldError("", error.message)]), 409
    flash(_("The rule “%(rule)s” is stored.", rule=command.label), "success")
    return redirect(url_for("routing.index"), code=303)


@blueprint.post("/routing/preview")
def preview() -> str | tuple[str, int]:
    """The same form, not stored: what it would have changed in the last thirty days. No `rule_id`: a new rule."""
    actor = _coordinator(write=True)
    rule_id, values = _rule_id(), _form_values()
    try:
        command: RuleCommand = parse_rule(values, current_nomenclature())
        with unit_of_work(services().engine, actor) as uow:
            shown = actions.preview(uow, actor, rule_id, command, now=datetime.now(UTC))
    except InvalidInputError as error:
        return _edit_page(rule_id, values, errors=error.errors), 422
    except ConflictError as error:
        return _edit_page(rule_id, values, errors=[FieldError("", error.message)]), 409
    return _edit_page(rule_id, values, preview=shown)


def _rule_id() -> int | None:
    value = request.form.get("rule_id", "").strip()
    if not value:
        return None
    if not (value.isascii() and value.isdigit() and int(value[:12]) < 2**31):
        raise BadRequestError("rule_id", _("give a whole number, or nothing for a new rule"))
    return int(value[:12])


@blueprint.post("/routing/<int:rule_id>/shift")
def shift(rule_id: int) -> BaseResponse:
    """`direction=up|down`: one step in the order."""
    actor = _coordinator(write=True)
    direction = request.form.get("direction")
    if direction not in {"up", "down"}:
        raise BadRequestError("direction", _("choose up or down"))
    with unit_of_work(services().engine, actor) as uow:
        actions.shift_rule(uow, actor, rule_id, up=direction == "up")
    return redirect(url_for("routing.index", _anchor=f"rule-{rule_id}"), code=303)


@blueprint.post("/routing/<int:rule_id>/active")
def switch(rule_id: int) -> BaseResponse:
    """`active=1|0`: switch a rule on or off."""
    actor = _coordinator(write=True)
    wanted = request.form.get("active")
    if wanted not in {"0", "1"}:
        raise BadRequestError("active", _("choose 1 or 0"))
    with unit_of_work(services().engine, actor) as uow:
        actions.switch_rule(uow, actor, rule_id, active=wanted == "1")
    return redirect(url_for("routing.index", _anchor=f"rule-{rule_id}"), code=303)


@blueprint.get("/routing/try")
def try_out() -> str:
    """The dry run: category, point and time → which rule, and why."""
    actor = _coordinator()
    nomenclature = current_nomenclature()
    wanted = parse_try(request.args, nomenclature, datetime.now(UTC))
    routed = None
    if wanted is not None:
        with unit_of_work(services().engine, actor) as uow:
            routed = actions.try_out(uow, actor, wanted)
    return render_template(
        "routing/try.html", nomenclature=nomenclature, wanted=wanted, routed=routed, args=request.args, why=why
    )
