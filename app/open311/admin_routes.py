"""`/open311/`: residents without an account, servers of others and what went there; for administrators."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as BaseResponse

from app.db.session import unit_of_work
from app.errors import BadRequestError, ConflictError, FieldError, InvalidInputError
from app.nomenclature.actions import current_nomenclature
from app.open311 import actions, remotes_actions, store
from app.open311.remotes_commands import parse_remote
from app.open311.remotes_store import Counts
from app.open311.words import error_label, state_label
from app.people.actor import Actor
from app.people.guards import require_write
from app.people.identity import current_actor
from app.people.setup import public_url
from app.people.store import list_organisations
from app.web.context import services
from app.web.language import locale_code

blueprint = Blueprint("open311_admin", __name__, template_folder="templates", url_prefix="/open311")

_FIELDS = ("name", "url", "organisation", "jurisdiction_id", "api_key", "services")
MOST_A_DAY = 100_000


def _admin(*, write: bool = True) -> Actor:
    actor = current_actor()
    actions.require_admin(actor)
    if write:
        require_write(actor)
    return actor


def _back(anchor: str | None = None) -> BaseResponse:
    return redirect(url_for("open311_admin.index", _anchor=anchor), code=303)


@blueprint.get("/")
def index() -> str:
    """Everything on one page."""
    return _page(_admin(write=False))


def _page(
    actor: Actor,
    *,
    errors: Sequence[FieldError] = (),
    values: dict[str, Any] | None = None,
    residents_values: dict[str, Any] | None = None,
) -> str:
    with unit_of_work(services().engine, actor) as uow:
        shown = remotes_actions.overview(uow, actor)
        setting = store.get_setting(uow.connection)
        organisations = list_organisations(uow.connection)
    by_code = current_nomenclature().category_by_code

    def label_of(code: str | None) -> str:
        known = by_code.get(code or "")
        return known.label(locale_code()) if known else _("A report that you do not see")

    chosen = {"organisation": setting.organisation, "most_a_day": setting.most_a_day}
    return render_template(
        "open311/index.html",
        shown=shown,
        no_counts=Counts(),
        setting=setting,
        residents=residents_values or chosen,
        organisations=organisations,
        values=values or {},
        errors=list(errors),
        endpoint=f"{public_url(services().settings)}/open311/v2",
        state_label=state_label,
        error_label=error_label,
        label_of=label_of,
    )


@blueprint.post("/residents")
def residents() -> BaseResponse | tuple[str, int]:
    """`wanted=on|off`, `residents-organisation`, `most_a_day`."""
    actor = _admin()
    if request.form.get("wanted") == "off":
        with unit_of_work(services().engine, actor) as uow:
            actions.close_to_residents(uow, actor)
        flash(_("Only who has an account may report."), "success")
        return _back()
    organisation = request.form.get("residents-organisation", "")
    most = request.form.get("most_a_day", "")
    values = {"organisation": organisation, "most_a_day": most}
    errors = _wrong_setting(organisation, most)
    if errors:
        return _page(actor, errors=errors, residents_values=values), 422
    with unit_of_work(services().engine, actor) as uow:
        actions.open_to_residents(uow, actor, organisation, most_a_day=int(most))
    flash(_("Residents may report without an account."), "success")
    return _back()


def _wrong_setting(organisation: str, most: str) -> list[FieldError]:
    errors = []
    with unit_of_work(services().engine, current_actor()) as uow:
        known = {one.slug for one in list_organisations(uow.connection)}
    if organisation not in known:
        errors.append(FieldError("residents-organisation", _("Choose an organisation from the list.")))
    if not (most.isascii() and most.isdigit() and len(most) <= 6 and 1 <= int(most) <= MOST_A_DAY):  # noqa: PLR2004
        errors.append(FieldError("most_a_day", _("Give a whole number between 1 and 100,000.")))
    return errors


@blueprint.post("/remotes")
def add_remote() -> BaseResponse | tuple[str, int]:
    """Add a server."""
    actor, settings = _admin(), services().settings
    values = {name: request.form.get(name, "") for name in _FIELDS}
    shown = values | {"api_key": ""}  # a secret is not sent back
    try:
        command = parse_remote(values, current_nomenclature(), allow_private=settings.webhook_private)
        with unit_of_work(services().engine, actor) as uow:
            remotes_actions.add_remote(uow, actor, command, secret_key=settings.secret_key)
    except InvalidInputError as refused:
        return _page(actor, errors=refused.errors, values=shown), 422
    except ConflictError as refused:
        return _page(actor, errors=[FieldError("name", refused.message)], values=shown), 409
    flash(_("The server is added. Test it before the first report goes there."), "success")
    return _back("remotes-title")


@blueprint.post("/remotes/<uuid:remote_id>/active")
def switch_remote(remote_id: UUID) -> BaseResponse:
    """`active=1|0`."""
    wanted = request.form.get("active")
    if wanted not in {"0", "1"}:
        raise BadRequestError("active", _("choose 1 or 0"))
    actor = _admin()
    with unit_of_work(services().engine, actor) as uow:
        remotes_actions.switch_remote(uow, actor, remote_id, active=wanted == "1")
    return _back("remotes-title")


@blueprint.post("/remotes/<uuid:remote_id>/remove")
def remove_remote(remote_id: UUID) -> BaseResponse:
    """Nothing goes there any more."""
    actor = _admin()
    with unit_of_work(services().engine, actor) as uow:
        remotes_actions.remove_remote(uow, actor, remote_id)
    flash(_("The server is removed and its api_key forgotten."), "success")
    return _back("remotes-title")


@blueprint.post("/remotes/<uuid:remote_id>/test")
def try_remote(remote_id: UUID) -> BaseResponse:
    """Ask it for its services, now."""
    tried = remotes_actions.try_remote(services().engine, _admin(), remote_id, services().settings)
    if tried.error is not None:
        flash(_("No usable answer: %(error)s", error=error_label(tried.error)), "error")
    elif tried.missing:
        flash(_("It answers, but does not know these services: %(codes)s", codes=", ".join(tried.missing)), "warning")
    else:
        flash(_("It answers and knows every service named here."), "success")
    return _back("remotes-title")


@blueprint.post("/pushes/<uuid:push_id>/again")
def send_again(push_id: UUID) -> BaseResponse:
    """Try one once more."""
    actor = _admin()
    try:
        with unit_of_work(services().engine, actor) as uow:
            remotes_actions.send_again(uow, actor, push_id)
        flash(_("It is sent again."), "success")
    except ConflictError as refused:
        flash(refused.message, "error")
    return _back("pushes-title")
