"""`/ogc/`: OGC API – Features, Parts 1 to 3."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response, json, render_template, request
from flask_babel import gettext as _
from werkzeug.exceptions import HTTPException

from app.db.session import UnitOfWork, unit_of_work
from app.errors import NotFoundError, QuietudeError
from app.exports.commands import refuse_strangers
from app.heat.routes import heat
from app.interventions.store import kinds
from app.nomenclature.actions import current_nomenclature
from app.ogc import actions, answers, documents
from app.ogc.collections import COLLECTIONS, INTERVENTIONS, Collection, Words
from app.ogc.crs import parse_crs
from app.ogc.extents import extents
from app.ogc.links import base, here, link, own_links, with_query
from app.ogc.negotiate import API, DOCUMENT, FEATURES, HTML, SCHEMAS, Offer, negotiated
from app.ogc.openapi import openapi
from app.ogc.query import parse_query
from app.people.identity import current_actor
from app.web.bodies import rfc3339
from app.web.context import services
from app.web.language import locale_code

blueprint = Blueprint("ogc", __name__, url_prefix="/ogc", template_folder="templates")
blueprint.register_error_handler(QuietudeError, answers.ours)
blueprint.register_error_handler(HTTPException, answers.http)
blueprint.after_request(answers.open_to_all)


def _asked(offers: tuple[Offer, ...], *more: str) -> Offer:
    """Which representation; a parameter that the resource does not know is refused."""
    refuse_strangers(request.args, ("f", *more))
    return negotiated(offers)


def _words(uow: UnitOfWork | None = None) -> Words:
    """What the nomenclatures hold; the kinds of interventions only with a transaction to look them up in."""
    known = () if uow is None else tuple(kind.code for kind in kinds(uow.connection))
    return Words(current_nomenclature(), known, locale_code())


def _all_words() -> Words:
    with unit_of_work(services().engine, current_actor()) as uow:
        return _words(uow)


@blueprint.get("/")
def landing() -> Response:
    """The entrance."""
    chosen = _asked(DOCUMENT)
    return answers.document(chosen, documents.landing(base(), own_links(chosen, DOCUMENT)), "landing.html")


@blueprint.get("/conformance")
def conformance() -> Response:
    """Which parts of the standards are kept."""
    chosen = _asked(DOCUMENT)
    return answers.document(chosen, documents.conformance(own_links(chosen, DOCUMENT)), "conformance.html")


@blueprint.get("/api")
def api() -> Response:
    """What the API can do: OpenAPI 3.0, or a page to read."""
    chosen = _asked(API)
    links = own_links(chosen, API)
    return answers.document(chosen, openapi(base(), _all_words()), "api.html", links=links)


@blueprint.get("/collections")
def collections() -> Response:
    """All collections."""
    chosen = _asked(DOCUMENT)
    actor = current_actor()
    with unit_of_work(services().engine, actor) as uow:
        reach = extents(uow, actor, *COLLECTIONS.values())
    return answers.document(
        chosen, documents.collections(base(), reach, own_links(chosen, DOCUMENT)), "collections.html"
    )


@blueprint.get("/collections/<collection_id>")
def collection(collection_id: str) -> Response:
    """One collection."""
    found = actions.find(collection_id)
    chosen = _asked(DOCUMENT)
    actor = current_actor()
    with unit_of_work(services().engine, actor) as uow:
        reach = extents(uow, actor, found)
    made = documents.collection(base(), found, reach[found.id], own_links(chosen, DOCUMENT))
    return answers.document(chosen, made, "collection.html")


@blueprint.get("/collections/<collection_id>/queryables")
def queryables(collection_id: str) -> Response:
    """What filters may ask for, as JSON Schema."""
    return _schema(documents.queryables, actions.find(collection_id))


@blueprint.get("/collections/<collection_id>/schema")
def schema(collection_id: str) -> Response:
    """The properties of a feature, as JSON Schema."""
    return _schema(documents.schema, actions.find(collection_id))


def _schema(make: Callable[[Collection, Words, str], dict[str, Any]], found: Collection) -> Response:
    chosen = _asked(SCHEMAS)
    made = make(found, _all_words(), here())
    return answers.document(chosen, made, "schema.html", links=own_links(chosen, SCHEMAS), collection=found)


@blueprint.get("/collections/<collection_id>/items")
def items(collection_id: str) -> Response:
    """A page of features."""
    found = actions.find(collection_id)
    chosen, actor = negotiated(FEATURES), current_actor()
    with unit_of_work(services().engine, actor) as uow:
        query = parse_query(request.args, found, _words(uow if found is INTERVENTIONS else None))
        page = actions.items(actions.Asking(uow, heat(), actor), found, query)
    links = own_links(chosen, FEATURES, plain=False)
    if page.next_after is not None:
        links.append(link("next", with_query(after=page.next_after), chosen.media_type, _("Next page")))
    links += documents.of_collection(base(), found)
    if chosen.f == "html":
        shown = [json.loads(feature) for feature in page.features.lines]
        body = render_template(
            "ogc/items.html",
            collection=found,
            page=page,
            features=shown,
            links=links,
            source=with_query(f="json", crs=None),
        )
        return answers.finished(Response(body, content_type=f"{HTML}; charset=utf-8"), links, query.crs)
    whole, head = documents.feature_collection(page, links, rfc3339(datetime.now(UTC)) or "")
    return answers.features(chosen, whole, links, query.crs, head, page.features.joined)


@blueprint.get("/collections/<collection_id>/items/<feature_id>")
def item(collection_id: str, feature_id: str) -> Response:
    """One feature."""
    found = actions.find(collection_id)
    refuse_strangers(request.args, ("f", "crs"))
    crs = parse_crs("crs", request.args.get("crs"))
    chosen, actor = negotiated(FEATURES), current_actor()
    with unit_of_work(services().engine, actor) as uow:
        feature = actions.item(actions.Asking(uow, heat(), actor), found, feature_id, crs)
    links = [*own_links(chosen, FEATURES, plain=False), *documents.of_collection(base(), found)]
    if chosen.f == "html":
        body = render_template(
            "ogc/item.html",
            collection=found,
            feature=json.loads(feature),
            links=links,
            source=with_query(f="json", crs=None),
        )
        return answers.finished(Response(body, content_type=f"{HTML}; charset=utf-8"), links, crs)
    text = f'{feature[:-1]},"links":{json.dumps(links)}}}'.encode()
    return answers.features(chosen, text, links, crs, text)


@blueprint.get("/<path:_nothing>")
def nothing(_nothing: str) -> Response:
    """Everything else: the error of this API, not of the pages."""
    raise NotFoundError("resource", _nothing)
