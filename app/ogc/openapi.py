"""The API's description: OpenAPI 3.0 with every path, parameter, limit and enumeration as it is at the moment."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _

from app.filtering import CRS_OF_URI, LANGUAGES
from app.ogc.collections import COLLECTIONS, Collection, Words
from app.ogc.crs import CRS84, URIS
from app.ogc.documents import value_schema
from app.ogc.negotiate import API, DOCUMENT, FEATURES, SCHEMAS, Offer
from app.ogc.openapi_schemas import RESPONSES, SCHEMAS_OF_BODIES
from app.ogc.query import LIMIT_DEFAULT, LIMIT_MOST, is_parameter
from app.version import VERSION

Json = dict[str, Any]
# Filters whose values are not those of the property of the same name.
_LISTS = ("theme", "category", "state", "kind")


def openapi(root: str, words: Words) -> Json:
    """The whole document."""
    paths: Json = {
        "/": _get("landing", _("The entrance"), DOCUMENT, "landingPage"),
        "/conformance": _get("conformance", _("Which parts of the standards are kept"), DOCUMENT, "confClasses"),
        "/api": _get("api", _("This document"), API, "object"),
        "/collections": _get("collections", _("All collections"), DOCUMENT, "collections"),
    }
    for one in COLLECTIONS.values():
        paths |= _paths(one, words)
    return {
        "openapi": "3.0.3",
        "info": {
            "title": "Quiétude: OGC API – Features",
            "version": VERSION,
            "description": _(
                "The register of public-space defects, interventions and reference places, for GIS software."
            ),
        },
        "servers": [{"url": root}],
        "tags": [{"name": one.id, "description": str(one.title)} for one in COLLECTIONS.values()],
        # With a token, with a session, or as the public.
        "security": [{"bearer": []}, {}],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "description": _("A token of your account page")}
            },
            "schemas": SCHEMAS_OF_BODIES,
            "responses": RESPONSES,
            "parameters": _shared(),
        },
    }


def _get(id_: str, summary: str, offers: tuple[Offer, ...], schema: str, *, parameters: list[Json] | None = None,
         tag: str | None = None, has_crs: bool = False, may_miss: bool = False) -> Json:  # fmt: skip
    """One path with its one operation."""
    body: Json = {"$ref": f"#/components/schemas/{schema}"} if schema != "object" else {"type": "object"}
    content = {offer.media_type: {"schema": {"type": "string"} if offer.f == "html" else body} for offer in offers}
    if offers is FEATURES:
        content["application/json"] = {"schema": body}
    found: Json = {"description": summary, "content": content}
    if has_crs:
        found["headers"] = {"Content-Crs": {"description": "<URI>", "schema": {"type": "string"}}}
    refused = ["400", "401", "406", "500", "503", *(["404"] if may_miss else [])]
    operation: Json = {
        "operationId": id_,
        "summary": summary,
        "parameters": [
            {
                "name": "f",
                "in": "query",
                "description": _("The representation; goes before the header Accept"),
                "schema": {"type": "string", "enum": [offer.f for offer in offers]},
            },
            *(parameters or []),
        ],
        "responses": {"200": found}
        | ({"304": {"description": _("Nothing changed since the ETag")}} if offers is FEATURES else {})
        | {status: {"$ref": f"#/components/responses/{status}"} for status in sorted(refused)},
    }
    return {"get": operation | ({"tags": [tag]} if tag else {})}


def _paths(one: Collection, words: Words) -> Json:
    at, title = f"/collections/{one.id}", str(one.title)
    key: Json = {"type": "string", "format": "uuid"} if one.key_type == "uuid" else {"type": "integer", "minimum": 1}
    feature_id = {"name": "featureId", "in": "path", "required": True, "schema": key}
    crs = {"$ref": "#/components/parameters/crs"}
    return {
        at: _get(f"{one.id}.collection", title, DOCUMENT, "collection", tag=one.id),
        f"{at}/queryables": _get(
            f"{one.id}.queryables", _("What filters may ask for"), SCHEMAS, "object", tag=one.id
        ),
        f"{at}/schema": _get(f"{one.id}.schema", _("The properties of a feature"), SCHEMAS, "object", tag=one.id),
        f"{at}/items": _get(
            f"{one.id}.items", title, FEATURES, "featureCollection", parameters=_of_items(one, words), tag=one.id,
            has_crs=True,
        ),
        f"{at}/items/{{featureId}}": _get(
            f"{one.id}.item", title, FEATURES, "feature", parameters=[feature_id, crs], tag=one.id, has_crs=True,
            may_miss=True,
        ),
    }  # fmt: skip


def _of_items(one: Collection, words: Words) -> list[Json]:
    """Every parameter of a collection's features."""
    shared = [{"$ref": f"#/components/parameters/{name}"} for name in _shared()]
    properties = {found.name: found for found in one.properties(words)}
    key: Json = {"type": "string", "format": "uuid"} if one.key_type == "uuid" else {"type": "integer", "minimum": 0}
    after = _parameter("after", _("Where the last page ended: comes with the link to the next one"), key)
    made = [*shared, after]
    for name in one.filters:
        schema: Json = {"type": "string"}
        found = properties.get(name)
        if name in {"from", "to"}:
            schema = {"type": "string", "format": "date"}
        elif name == "severity_min":
            schema = {"type": "integer", "minimum": 1, "maximum": 4}
        elif name == "due":
            schema = {"type": "string", "enum": ["soon", "over"]}
        elif name in _LISTS and found is not None and found.enum:
            schema = {"type": "array", "items": {"type": "string", "enum": list(found.enum)}}
        made.append(_parameter(name, str(one.meanings[name]), schema))
    equal = [found for found in properties.values() if is_parameter(found) and found.name not in one.filters]
    return [*made, *(_parameter(found.name, str(found.title), value_schema(found)) for found in equal)]


def _parameter(name: str, description: str, schema: Json) -> Json:
    made = {"name": name, "in": "query", "required": False, "description": description, "schema": schema}
    return made | {"style": "form", "explode": False}


def _shared() -> dict[str, Json]:
    """The parameters that all features have."""
    numbers = {"type": "array", "items": {"type": "number"}, "oneOf": [
        {"minItems": 4, "maxItems": 4}, {"minItems": 6, "maxItems": 6}]}  # fmt: skip
    systems = {"type": "string", "format": "uri", "enum": list(URIS), "default": CRS84.uri}
    limit = {"type": "integer", "minimum": 1, "maximum": LIMIT_MOST, "default": LIMIT_DEFAULT}
    filter_systems = {"type": "string", "format": "uri", "enum": list(CRS_OF_URI), "default": CRS84.uri}
    return {
        "limit": _parameter("limit", _("At most so many features; more than the maximum are the maximum"), limit),
        "bbox": _parameter(
            "bbox", _("Two corners of a box: lower left, upper right; heights are ignored; west > east crosses 180°"),
            numbers,
        ),
        "bbox-crs": _parameter("bbox-crs", _("The reference system of bbox"), systems),
        "crs": _parameter("crs", _("The reference system of the answer"), systems),
        "datetime": _parameter(
            "datetime", _("A time (RFC 3339) or an interval with a slash, both ends included; .. for an open end"),
            {"type": "string"},
        ),
        "filter": _parameter("filter", _("What to leave, in CQL2"), {"type": "string", "minLength": 1}),
        "filter-lang": _parameter(
            "filter-lang", _("How the filter is written"),
            {"type": "string", "enum": list(LANGUAGES), "default": LANGUAGES[0]},
        ),
        "filter-crs": _parameter("filter-crs", _("The reference system of the filter’s geometries"), filter_systems),
    }  # fmt: skip
