"""Absolute links, as members of documents and as `Link` headers (RFC 8288)."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

from flask import Response, request
from flask_babel import gettext as _

from app.ogc.negotiate import Offer
from app.web.context import base_url

Link = dict[str, Any]
QUERYABLES = "http://www.opengis.net/def/rel/ogc/1.0/queryables"
SCHEMA_REL = "http://www.opengis.net/def/rel/ogc/1.0/schema"


def base() -> str:
    """The root of the API, without a slash; behind a proxy what settings or its headers say (app/web/context.py)."""
    return f"{base_url()}/ogc"


def here() -> str:
    """The address of the resource, without its query."""
    return base() + quote(request.path.removeprefix("/ogc"))


def link(rel: str, href: str, type_: str, title: object = "") -> Link:
    """One link."""
    made = {"rel": rel, "href": href, "type": type_}
    return made | {"title": str(title)} if str(title) else made


def with_query(**changes: str | None) -> str:
    """This resource with its whole query, some parameters put in or (None) taken out."""
    query = [(name, value) for name, value in request.args.items(multi=True) if name not in changes]
    query += [(name, value) for name, value in changes.items() if value is not None]
    return f"{here()}?{urlencode(query)}" if query else here()


def own_links(chosen: Offer, offers: tuple[Offer, ...], *, plain: bool = True) -> list[Link]:
    """The resource itself, and its other representations. plain: JSON is what the address without `f` gives."""
    itself = with_query(f=None) if plain and chosen.f == "json" else with_query()
    links = [link("self", itself, chosen.media_type, _("This document"))]
    for other in offers:
        if other.f != chosen.f:
            title = _("This document as a page") if other.f == "html" else _("This document as JSON")
            links.append(link("alternate", with_query(f=other.f), other.media_type, title))
    return links


def add_headers(response: Response, links: list[Link]) -> None:
    """The same links as headers. Titles stay out: they may hold any character."""
    for one in links:
        response.headers.add("Link", f'<{one["href"]}>; rel="{one["rel"]}"; type="{_quoted(one["type"])}"')


def _quoted(value: str) -> str:
    return value.replace('"', "")
