"""`/account`: one's own tokens, password and second factor. `/api/session`: who am I, and a fresh CSRF token."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, flash, jsonify, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from flask_wtf.csrf import generate_csrf

from app.db.session import unit_of_work
from app.errors import FieldError, ForbiddenError, InvalidInputError
from app.people import actions, api, store
from app.people.commands import NewToken, parse
from app.people.identity import current_actor, require_signed_in, via_token
from app.people.limits import TOKEN_REQUESTS
from app.web.context import services

if TYPE_CHECKING:
    from uuid import UUID

    from flask.typing import ResponseReturnValue

    from app.people.actor import Actor

blueprint = Blueprint("people", __name__, template_folder="templates")


@blueprint.get("/account")
def account() -> ResponseReturnValue:
    """The account's own page."""
    return _page(_person())


@blueprint.post("/account/tokens")
def create_token() -> ResponseReturnValue:
    """Make a token; its secret is in this one answer and nowhere else."""
    actor = _person()
    given = {name: request.form.get(name) or None for name in ("name", "scope", "days")}
    try:
        command = parse(NewToken, {name: value for name, value in given.items() if value is not None})
    except InvalidInputError as refused:
        return _page(actor, errors=refused.errors, given=given), 422
    with unit_of_work(services().engine, actor) as uow:
        issued = actions.create_token(uow.connection, actor, command)
    return _page(actor, issued=issued), 201


@blueprint.post("/account/tokens/<uuid:token_id>/revoke")
def revoke_token(token_id: UUID) -> ResponseReturnValue:
    """Revoke one's own token."""
    actor = _person()
    with unit_of_work(services().engine, actor) as uow:
        actions.revoke_own_token(uow.connection, actor, token_id)
    flash(_("The token is revoked."), "success")
    return redirect(url_for("people.account"))


@blueprint.get("/api/session")
@api.SESSION
def session_state() -> Response:
    """Who is asking, and the CSRF token that a script sends as X-CSRFToken: a queued report outlives its page."""
    actor = current_actor()
    answer: dict[str, Any] = {
        "signed_in": actor.is_signed_in,
        "role": actor.role,
        "organisation_id": actor.organisation_id,
        "scope": actor.scope,
    }
    if not via_token():
        answer["csrf_token"] = generate_csrf()
    response = jsonify(answer)
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.get("/api/tokens")
@api.TOKENS
def list_tokens() -> Response:
    """The tokens of the account that asks, without their secrets."""
    actor = current_actor()
    require_signed_in(actor)
    with unit_of_work(services().engine, actor) as uow:
        found = actions.own_tokens(uow.connection, actor)
    body: api.TokensJson = {"tokens": [api.token_as_json(one) for one in found]}
    response = jsonify(body)
    response.headers["Cache-Control"] = "no-store"
    return response


def _person() -> Actor:
    """The actor, signed in by session: a token must not make further tokens."""
    actor = current_actor()
    require_signed_in(actor)
    if via_token():
        raise ForbiddenError("sign in with a browser")
    return actor


def _page(
    actor: Actor,
    *,
    issued: actions.IssuedToken | None = None,
    errors: list[FieldError] | None = None,
    given: dict[str, str | None] | None = None,
) -> str:
    with unit_of_work(services().engine, actor) as uow:
        tokens = store.list_tokens(uow.connection, actor.user_id)
    return render_template(
        "people/account.html",
        tokens=tokens,
        issued=issued,
        errors=errors or [],
        given=given or {},
        actor=actor,
        has_second_factor=bool(current_user.tf_primary_method),
        usual_limit=TOKEN_REQUESTS,
    )
