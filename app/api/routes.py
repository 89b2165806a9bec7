"""`/api/openapi.json`, and the page that says the same to people."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from flask import Blueprint, Response, current_app, render_template, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.exc import SQLAlchemyError

from app.api.document import document, operations
from app.api.page import groups
from app.db.session import unit_of_work
from app.errors import NoTerritoryError
from app.interventions.store import kinds
from app.nomenclature.actions import current_nomenclature
from app.people import limits
from app.people.actor import PUBLIC
from app.people.identity import current_actor
from app.places.actions import current_territory
from app.web.context import base_url, services
from app.web.described import CACHE, IF_NONE_MATCH, NOT_CHANGED, Answer, described, hidden

blueprint = Blueprint("api", __name__, url_prefix="/api", template_folder="templates")

# Other ways in and out, with documents of their own.
OTHERS = (
    ("/ogc/", "OGC API – Features"),
    ("/open311/v2/discovery.json", "Open311 GeoReport v2"),
    ("/export/", "Exports"),
)
_KEPT = "quietude_openapi"


@blueprint.get("/openapi.json")
@described(
    "service",
    _l("Read this document"),
    Answer(200, _l("OpenAPI 3.1."), {"type": "object"}, headers=CACHE),
    NOT_CHANGED,
    access="public",
    query=(IF_NONE_MATCH,),
)
def openapi() -> Response:
    """What this service takes and gives, for programs."""
    response = Response(json.dumps(current(), ensure_ascii=False), content_type="application/json")
    response.set_etag(hashlib.sha256(response.get_data()).hexdigest()[:32])
    response.headers["Cache-Control"] = "public, max-age=300"
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.make_conditional(request)
    return response


@blueprint.get("/")
@hidden
def index() -> str:
    """The same for people, with examples."""
    server = base_url()
    rules = {rule.rule for rule in current_app.url_map.iter_rules()}
    return render_template(
        "api/index.html",
        groups=groups(operations(current_app), server),
        server=server,
        limits=limits,
        signed_in=current_actor().is_signed_in,
        others=[
            (path, name) for path, name in OTHERS if any(rule.startswith(path.rpartition("/")[0]) for rule in rules)
        ],
        roles={
            "agent": _("Field agent"),
            "partner": _("Partner"),
            "planner": _("Planner"),
            "coordinator": _("Coordinator"),
            "admin": _("Administrator"),
        },
    )


def current() -> Any:
    """The document of this register as it is now."""
    server = base_url()
    codes, bounds = _codes(), _bounds()
    key = json.dumps([server, codes, bounds])
    kept: tuple[str, Any] | None = current_app.extensions.get(_KEPT)
    if kept is None or kept[0] != key:
        made = document(current_app, server=server, codes=codes, bounds=bounds)
        kept = current_app.extensions[_KEPT] = (key, made)
    return kept[1]


def _codes() -> dict[str, list[str]]:
    """What the codes of the filters are here."""
    nomenclature = current_nomenclature()
    with unit_of_work(services().engine, PUBLIC) as uow:
        works = [kind.code for kind in kinds(uow.connection)]
    return {
        "theme": sorted(nomenclature.theme_by_code),
        "category": sorted(nomenclature.category_by_code),
        "intervention_kind": works,
    }


def _bounds() -> tuple[float, float, float, float] | None:
    try:
        return current_territory().bounds
    except (NoTerritoryError, SQLAlchemyError):
        return None
