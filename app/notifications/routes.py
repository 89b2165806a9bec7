"""`/organisations/<slug>/notifications`: what an organisation is told, by mail and webhook, and what was sent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.wrappers import Response as BaseResponse

from app.db.session import UnitOfWork, unit_of_work
from app.errors import BadRequestError, ConflictError, FieldError, InvalidInputError
from app.notifications import actions
from app.notifications.commands import parse_setting, parse_webhook
from app.notifications.rules import MAIL_KINDS, WEBHOOK_KINDS
from app.notifications.store import Cursor
from app.notifications.words import kind_label, reason_label, state_label
from app.people.identity import current_actor
from app.people.store import Organisation
from app.web.bodies import rfc3339
from app.web.context import services
from app.web.paging import read_moment

blueprint = Blueprint("notifications", __name__, template_folder="templates")

_HERE = "/organisations/<slug>/notifications"


@contextmanager
def _asked(slug: str, *, write: bool = True) -> Iterator[tuple[UnitOfWork, Organisation]]:
    """One transaction on behalf of who asks, and the organisation that this one may look after."""
    actor = current_actor()
    with unit_of_work(services().engine, actor) as uow:
        yield uow, actions.organisation_of(uow, actor, slug, write=write)


def _back(slug: str, anchor: str | None = None) -> BaseResponse:
    return redirect(url_for("notifications.index", slug=slug, _anchor=anchor), code=303)


@blueprint.get("/account/notifications")
def own() -> BaseResponse:
    """The page of one's own organisation."""
    actor = current_actor()
    with unit_of_work(services().engine, actor) as uow:
        slug = actions.own_organisation(uow, actor).slug
    return redirect(url_for("notifications.index", slug=slug))


@blueprint.get(_HERE)
def index(slug: str) -> str:
    """What the organisation chose."""
    return _page(slug)


def _page(
    slug: str,
    *,
    errors: Sequence[FieldError] = (),
    values: dict[str, Any] | None = None,
    secret: str | None = None,
    hook: dict[str, Any] | None = None,
) -> str:
    with _asked(slug, write=False) as (uow, organisation):
        setting = actions.setting_of(uow, organisation)
        hooks = actions.webhooks_of(uow, organisation)
    return render_template(
        "notifications/index.html",
        organisation=organisation,
        setting=values or vars(setting) | {"emails": "\n".join(setting.emails)},
        hooks=hooks,
        hook=hook or {"url": "", "kinds": WEBHOOK_KINDS},
        secret=secret,
        errors=list(errors),
        mail_kinds=MAIL_KINDS,
        webhook_kinds=WEBHOOK_KINDS,
        kind_label=kind_label,
        has_mail=services().settings.mail_server is not None,
        demo_sends=services().settings.demo_sends,
    )


@blueprint.post(_HERE)
def save(slug: str) -> BaseResponse | tuple[str, int]:
    """Store what comes by mail."""
    values = {
        "emails": request.form.get("emails", ""),
        "kinds": request.form.getlist("kinds"),
        "digest": request.form.get("digest") == "1",
        "language": request.form.get("language", "fr"),
    }
    try:
        command = parse_setting(values)
    except InvalidInputError as refused:
        return _page(slug, errors=refused.errors, values=values), 422
    with _asked(slug) as (uow, organisation):
        actions.save_setting(uow, organisation, command, now=datetime.now(UTC))
    flash(_("Stored."), "success")
    return _back(slug)


@blueprint.post(f"{_HERE}/test")
def try_mails(slug: str) -> BaseResponse:
    """A test to each address."""
    try:
        with _asked(slug) as (uow, organisation):
            count = actions.try_mails(uow, organisation)
    except InvalidInputError as refused:
        flash(refused.errors[0].message, "error")
        return _back(slug)
    flash(
        ngettext(
            "%(num)s test is on its way; the log says how it went.",
            "%(num)s tests are on their way; the log says how they went.",
            count,
        ),
        "success",
    )
    return _back(slug)


@blueprint.post(f"{_HERE}/webhooks")
def add_webhook(slug: str) -> str | tuple[str, int]:
    """Add a webhook; its secret is in this one answer and nowhere else."""
    settings = services().settings
    values = {"url": request.form.get("url", ""), "kinds": request.form.getlist("kinds")}
    try:
        command = parse_webhook(values, allow_private=settings.webhook_private)
        with _asked(slug) as (uow, organisation):
            secret = actions.add_webhook(uow, organisation, command, secret_key=settings.secret_key)
    except InvalidInputError as refused:
        errors = [FieldError(f"webhook-{error.field}", error.message, error.code) for error in refused.errors]
        return _page(slug, errors=errors, hook=values), 422
    except ConflictError as refused:
        return _page(slug, errors=[FieldError("", refused.message)], hook=values), 409
    return _page(slug, secret=secret), 201


@blueprint.post(f"{_HERE}/webhooks/<uuid:webhook_id>/active")
def switch_webhook(slug: str, webhook_id: UUID) -> BaseResponse:
    """`active=1|0`."""
    wanted = request.form.get("active")
    if wanted not in {"0", "1"}:
        raise BadRequestError("active", _("choose 1 or 0"))
    with _asked(slug) as (uow, organisation):
        actions.switch_webhook(uow, organisation, webhook_id, active=wanted == "1")
    return _back(slug, "webhooks-title")


@blueprint.post(f"{_HERE}/webhooks/<uuid:webhook_id>/remove")
def remove_webhook(slug: str, webhook_id: UUID) -> BaseResponse:
    """Nothing goes there any more."""
    with _asked(slug) as (uow, organisation):
        actions.remove_webhook(uow, organisation, webhook_id)
    flash(_("The webhook is removed."), "success")
    return _back(slug, "webhooks-title")


@blueprint.post(f"{_HERE}/webhooks/<uuid:webhook_id>/test")
def try_webhook(slug: str, webhook_id: UUID) -> BaseResponse:
    """A test to this webhook."""
    with _asked(slug) as (uow, organisation):
        actions.try_webhook(uow, organisation, webhook_id)
    return redirect(url_for("notifications.log", slug=slug), code=303)


@blueprint.get(f"{_HERE}/log")
def log(slug: str) -> str:
    """What was sent and will be, the newest first."""
    after = _cursor()
    with _asked(slug, write=False) as (uow, organisation):
        page = actions.log(uow, organisation, after)
    return render_template(
        "notifications/log.html",
        organisation=organisation,
        rows=page.rows,
        next_url=_log_url(slug, page.after) if page.after else "",
        first_url=url_for("notifications.log", slug=slug) if after else "",
        kind_label=kind_label,
        outcome_label=state_label,
        reason_label=reason_label,
    )


def _log_url(slug: str, after: Cursor) -> str:
    return url_for("notifications.log", slug=slug, after=rfc3339(after.at), after_id=str(after.id))


def _cursor() -> Cursor | None:
    at, last = request.args.get("after", ""), request.args.get("after_id", "")
    if not at and not last:
        return None
    try:
        found = Cursor(read_moment(at), UUID(last))
    except (ValueError, OverflowError):
        raise BadRequestError("after", _("follow the link of the page before")) from None
    return found


@blueprint.post(f"{_HERE}/<uuid:notification_id>/again")
def send_again(slug: str, notification_id: UUID) -> BaseResponse:
    """Send one once more."""
    with _asked(slug) as (uow, organisation):
        actions.send_again(uow, organisation, notification_id)
    flash(_("It is sent again."), "success")
    return redirect(url_for("notifications.log", slug=slug), code=303)
