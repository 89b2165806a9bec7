"""The JSON documents of the API: landing page, conformance, collections, schemas. Plain values."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from flask_babel import gettext as _

from app.filtering import CONFORMANCE as CQL2
from app.filtering import SCHEMA_OF_TYPE, Queryable, queryables_schema
from app.ogc.collections import COLLECTIONS, Collection, Words
from app.ogc.crs import CRS84, URIS
from app.ogc.links import QUERYABLES, SCHEMA_REL, Link, link
from app.ogc.negotiate import GEOJSON, HTML, JSON, OPENAPI, SCHEMA
from app.web.bodies import rfc3339

if TYPE_CHECKING:
    from app.ogc.actions import Page
    from app.ogc.extents import Extent

_FEATURES = "http://www.opengis.net/spec/ogcapi-features-"
CONFORMANCE = (
    *(f"{_FEATURES}1/1.0/conf/{name}" for name in ("core", "oas30", "html", "geojson")),
    f"{_FEATURES}2/1.0/conf/crs",
    *(
        f"{_FEATURES}3/1.0/conf/{name}"
        for name in ("queryables", "queryables-query-parameters", "filter", "features-filter")
    ),
    *CQL2,
)


def landing(root: str, own: list[Link]) -> dict[str, Any]:
    """The entrance: where everything is."""
    return {
        "title": "Quiétude",
        "description": _("The register of public-space defects, interventions and reference places, for GIS software."),
        "links": [
            *own,
            link("service-desc", f"{root}/api?f=json", OPENAPI, _("What this API can do (OpenAPI 3.0)")),
            link("service-doc", f"{root}/api?f=html", HTML, _("What this API can do, to read")),
            link("conformance", f"{root}/conformance", JSON, _("Which parts of the standard it keeps")),
            link("data", f"{root}/collections", JSON, _("The collections")),
            link("http://www.opengis.net/def/rel/ogc/1.0/conformance", f"{root}/conformance", JSON),
            link("http://www.opengis.net/def/rel/ogc/1.0/data", f"{root}/collections", JSON),
        ],
    }


def conformance(own: list[Link]) -> dict[str, Any]:
    """Which parts of the standards are kept."""
    return {"conformsTo": list(CONFORMANCE), "links": own}


def collection_links(root: str, collection: Collection) -> list[Link]:
    """Where a collection's own resources are."""
    at = f"{root}/collections/{collection.id}"
    title = str(collection.title)
    return [
        link("items", f"{at}/items", GEOJSON, title),
        link("items", f"{at}/items?f=html", HTML, title),
        link(QUERYABLES, f"{at}/queryables", SCHEMA, _("What filters may ask for")),
        link(SCHEMA_REL, f"{at}/schema", SCHEMA, _("The properties of a feature")),
    ]


def collection(root: str, one: Collection, reach: Extent, own: list[Link]) -> dict[str, Any]:
    """One collection; reach: how far it reaches."""
    bounds = reach.bounds
    # Rounded outwards: what is written on the edge is in.
    box = [(math.floor(n * 1e6) - 1) / 1e6 for n in bounds[:2]] + [(math.ceil(n * 1e6) + 1) / 1e6 for n in bounds[2:]]
    extent: dict[str, Any] = {"spatial": {"bbox": [box], "crs": CRS84.uri}}
    if one.start is not None:
        extent["temporal"] = {
            # Where nobody may see a time, both ends are open.
            "interval": [[rfc3339(end) for end in reach.span]],
            "trs": "http://www.opengis.net/def/uom/ISO-8601/0/Gregorian",
        }
    return {
        "id": one.id,
        "title": str(one.title),
        "description": str(one.description),
        "itemType": "feature",
        "extent": extent,
        "crs": list(URIS),
        "storageCrs": CRS84.uri,
        "links": [*own, *collection_links(root, one)],
    }


def entry_links(root: str, one: Collection) -> list[Link]:
    """A collection's own address and its representations, as its own document has them."""
    at = f"{root}/collections/{one.id}"
    return [
        link("self", at, JSON, _("This document")),
        link("alternate", f"{at}?f=html", HTML, _("This document as a page")),
    ]


def of_collection(root: str, one: Collection) -> list[Link]:
    """From features to what they belong to; filterable, so with what filters may ask for."""
    at = f"{root}/collections/{one.id}"
    return [
        link("collection", at, JSON, one.title),
        link("collection", f"{at}?f=html", HTML, one.title),
        link(QUERYABLES, f"{at}/queryables", SCHEMA, _("What filters may ask for")),
    ]


def feature_collection(page: Page, links: list[Link], now: str) -> tuple[bytes, bytes]:
    """A GeoJSON FeatureCollection; and what of it besides the features does not change with the time."""
    counts = {"numberReturned": page.features.count}
    if page.matched is not None:
        counts["numberMatched"] = page.matched
    # What describes comes first: a client that reads as it comes knows where to go on.
    head = json.dumps({"type": "FeatureCollection", **counts, "links": links}, ensure_ascii=False)
    start = f'{head[:-1]},"timeStamp":"{now}","features":['.encode()
    return b"".join((start, page.features.joined, b"]}")), head.encode()


def collections(root: str, extents: dict[str, Extent], own: list[Link]) -> dict[str, Any]:
    """All collections; extents: by id."""
    return {
        "links": own,
        "crs": list(URIS),
        "collections": [collection(root, one, extents[one.id], entry_links(root, one)) for one in COLLECTIONS.values()],
    }


def value_schema(one: Queryable) -> dict[str, Any]:
    """A property's value as JSON Schema."""
    made = {"title": str(one.title)} | SCHEMA_OF_TYPE[one.type]
    if one.enum:
        made["enum"] = list(one.enum)
    return made


def queryables(one: Collection, words: Words, url: str) -> dict[str, Any]:
    """What filters may ask for as JSON Schema (OGC API – Features, Part 3)."""
    return queryables_schema(one.queryables(words), url, str(one.title))


def schema(one: Collection, words: Words, url: str) -> dict[str, Any]:
    """The properties of a collection's features as JSON Schema (OGC API – Features, Part 5)."""
    properties = {
        found.name: value_schema(found) | ({"x-ogc-role": found.role} if found.role else {})
        for found in one.properties(words)
    }
    geometry = {"format": f"geometry-{one.geometry_type.lower() if one.geometry_type != 'Geometry' else 'any'}"}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": url,
        "type": "object",
        "title": str(one.title),
        "properties": properties | {"geometry": geometry | {"x-ogc-role": "primary-geometry"}},
    }
