"""`/near`: what is open around somebody on the spot, and "still there" or "gone" in one tap, also without a network."""

from __future__ import annotations

from flask import Blueprint, render_template, request

from app.db.session import unit_of_work
from app.nomenclature.actions import current_nomenclature
from app.people.guards import require_role
from app.people.identity import current_actor
from app.reports import near, words
from app.web.context import services

blueprint = Blueprint("near", __name__)


@blueprint.get("/near")
def index() -> str:
    """The list around `lon`, `lat`; without them the page asks the phone where it is."""
    actor = current_actor()
    require_role(actor, "agent", "partner", "coordinator")
    here = near.parse_here(request.args)
    found: tuple[near.Near, ...] = ()
    if here is not None:
        with unit_of_work(services().engine, actor) as uow:
            found = near.around(uow, actor, *here)
    return render_template(
        "reports/near.html",
        spot=here,
        found=found,
        radius_m=round(near.RADIUS_M),
        nomenclature=current_nomenclature(),
        directions=words.direction_labels(),
        words=words,
    )
