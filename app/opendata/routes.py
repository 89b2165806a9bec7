"""`/donnees-ouvertes` and `/opendata/…`: the open data, for everybody; and their description for harvesters."""

from __future__ import annotations

from typing import cast

from flask import Blueprint, Response, current_app, redirect, render_template, request

from app.errors import NotFoundError
from app.opendata.actions import Keeper, Published
from app.opendata.catalogue import Publisher, description, graph_of, keywords, schema_org, title
from app.opendata.formats import COLUMNS, FORMATS, LICENCE, LICENCE_NAME
from app.web.context import base_url, services
from app.web.language import locale_code

blueprint = Blueprint("opendata", __name__, template_folder="templates")

_KEEPER = "quietude_opendata"
# The catalogue's endings, each with rdflib's name and its media type; the first is what a harvester gets unasked.
RDF = {
    "ttl": ("turtle", "text/turtle"),
    "rdf": ("pretty-xml", "application/rdf+xml"),
    "jsonld": ("json-ld", "application/ld+json"),
}
MAX_AGE_S = 3600


def _published() -> Published:
    keeper = current_app.extensions.get(_KEEPER)
    if keeper is None:
        # setdefault, so that threads that start together share one.
        fresh = Keeper(services().engine, services().settings.small_number)
        keeper = current_app.extensions.setdefault(_KEEPER, fresh)
    return cast("Keeper", keeper).get()


def _publisher() -> Publisher:
    settings = services().settings
    return Publisher(settings.publisher, settings.publisher_mail, base_url())


@blueprint.get("/donnees-ouvertes")
def page() -> Response:
    """What is published, by whom, under which licence; the last year as a table; the files."""
    published, publisher = _published(), _publisher()
    dataset = published.dataset
    content = render_template(
        "opendata/page.html",
        published=published,
        dataset=dataset,
        publisher=publisher,
        title=title(dataset),
        description=description(dataset),
        keywords=keywords(dataset),
        columns=COLUMNS,
        formats=FORMATS.values(),
        licence=LICENCE,
        licence_name=LICENCE_NAME,
        schema_org=schema_org(published, publisher, locale_code()),
        rdf=RDF,
    )
    return Response(content, content_type="text/html; charset=utf-8")


@blueprint.get("/opendata", strict_slashes=False)
def opendata() -> Response:
    """The page under its English name; the catalogue for whoever asks for linked data."""
    best = request.accept_mimetypes.best_match(["text/html", *(media_type for _name, media_type in RDF.values())])
    target = "/donnees-ouvertes" if best in {None, "text/html"} else "/opendata/catalog"
    answer = cast("Response", redirect(target, 303))
    answer.vary.add("Accept")
    return answer


@blueprint.get("/opendata/catalog")
def catalogue() -> Response:
    """The catalogue in the form that is asked for."""
    kinds = {media_type: ending for ending, (_name, media_type) in RDF.items()}
    best = request.accept_mimetypes.best_match([*kinds, "application/xml", "application/json"]) or "text/turtle"
    answer = _catalogue({"application/xml": "rdf", "application/json": "jsonld"}.get(best) or kinds[best])
    answer.vary.add("Accept")
    return answer


@blueprint.get("/opendata/catalog.<ending>")
def catalogue_as(ending: str) -> Response:
    """The catalogue as Turtle, RDF/XML or JSON-LD."""
    if ending not in RDF:
        raise NotFoundError("catalogue", ending[:10])
    return _catalogue(ending)


def _catalogue(ending: str) -> Response:
    published = _published()
    name, media_type = RDF[ending]
    content = graph_of(published, _publisher()).serialize(format=name, encoding="utf-8")
    answer = Response(content, content_type=f"{media_type}; charset=utf-8")
    return _open(answer, f"{published.tag}-{ending}")


@blueprint.get("/opendata/reports.<ending>")
def reports(ending: str) -> Response:
    """A file of the dataset."""
    if ending not in FORMATS:
        raise NotFoundError("dataset", ending[:10])
    published, one = _published(), FORMATS[ending]
    charset = "; charset=utf-8" if one.media_type.startswith("text/") else ""
    answer = Response(published.files[ending], content_type=f"{one.media_type}{charset}")
    answer.headers["Content-Disposition"] = f'attachment; filename="signalements.{ending}"'
    return _open(answer, f"{published.tag}-{ending}")


def _open(answer: Response, tag: str) -> Response:
    """Anybody may keep it for an hour and use it from any page. The tag holds nothing but what is published."""
    answer.set_etag(tag, weak=True)
    answer.cache_control.public = True
    answer.cache_control.max_age = MAX_AGE_S
    answer.headers["Access-Control-Allow-Origin"] = "*"
    answer.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return cast("Response", answer.make_conditional(request))
