"""`/desk/texts`: texts in which something may be about a person, for the coordination to keep, change or hide."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as BaseResponse

from app.db.session import unit_of_work
from app.desk import texts_actions
from app.desk.desk_commands import After, parse_after
from app.desk.texts_commands import field_of, parse_text
from app.errors import BadRequestError, FieldError, InvalidInputError
from app.nomenclature.actions import current_nomenclature
from app.people.identity import current_actor
from app.reports.screening_words import reasons
from app.web.context import services
from app.web.paging import refuse_unknown

blueprint = Blueprint("texts", __name__, template_folder="templates")


@blueprint.get("/desk/texts")
def index() -> str:
    """One page of texts to look at."""
    refuse_unknown("after")
    return _page(parse_after(request.args.get("after", "")))


def _page(after: After | None, errors: Sequence[FieldError] = (), written: str = "") -> str:
    actor = current_actor()
    with unit_of_work(services().engine, actor) as uow:
        texts = texts_actions.to_look_at(uow, actor, after)
    return render_template(
        "desk/texts.html",
        texts=texts,
        after=after,
        next_url=url_for("texts.index", after=str(texts.after)) if texts.after else None,
        nomenclature=current_nomenclature(),
        reasons=reasons(),
        field_of=field_of,
        errors=list(errors),
        written=written,
    )


@blueprint.post("/desk/texts/<uuid:report_id>")
def decide(report_id: UUID) -> BaseResponse | tuple[str, int]:
    """Keep, change or hide one text; then the list again."""
    actor = current_actor()
    try:
        after = parse_after(request.form.get("after", "")[:100])
    except BadRequestError:
        after = None
    try:
        command = parse_text(request.form, report_id)
    except InvalidInputError as error:
        return _page(after, error.errors, str(request.form.get("text", ""))), 422
    with unit_of_work(services().engine, actor) as uow:
        texts_actions.decide(uow, actor, report_id, command, now=datetime.now(UTC))
    said = {"keep": _("Kept as it is."), "change": _("The text is changed."), "hide": _("The text is hidden.")}
    flash(said[command.decision], "success")
    return redirect(url_for("texts.index", after=str(after) if after else None), code=303)
