"""The bodies of the API's answers as schemas of OpenAPI 3.0."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

_TEXT: Json = {"type": "string"}
_LINKS: Json = {"type": "array", "items": {"$ref": "#/components/schemas/link"}}


def _object(required: tuple[str, ...], **properties: Json) -> Json:
    return {"type": "object", "properties": properties} | ({"required": list(required)} if required else {})


SCHEMAS_OF_BODIES: Json = {
    "link": _object(("href", "rel"), href=_TEXT, rel=_TEXT, type=_TEXT, title=_TEXT),
    "landingPage": _object(("links",), title=_TEXT, description=_TEXT, links=_LINKS),
    "confClasses": _object(("conformsTo",), conformsTo={"type": "array", "items": _TEXT}, links=_LINKS),
    "extent": _object(
        (),
        spatial=_object(
            ("bbox",),
            bbox={
                "type": "array",
                "minItems": 1,
                "items": {"type": "array", "minItems": 4, "maxItems": 6, "items": {"type": "number"}},
            },
            crs=_TEXT,
        ),
        temporal=_object(
            ("interval",),
            interval={
                "type": "array",
                "minItems": 1,
                "items": {
                    "type": "array",
                    "minItems": 2,
                    "maxItems": 2,
                    "items": {"type": "string", "format": "date-time", "nullable": True},
                },
            },
            trs=_TEXT,
        ),
    ),
    "collection": _object(
        ("id", "links"),
        id=_TEXT,
        title=_TEXT,
        description=_TEXT,
        itemType=_TEXT,
        extent={"$ref": "#/components/schemas/extent"},
        crs={"type": "array", "items": _TEXT},
        storageCrs=_TEXT,
        links=_LINKS,
    ),
    "collections": _object(
        ("links", "collections"),
        links=_LINKS,
        crs={"type": "array", "items": _TEXT},
        collections={"type": "array", "items": {"$ref": "#/components/schemas/collection"}},
    ),
    "geometry": _object(("type",), type=_TEXT, coordinates={"type": "array", "items": {}}),
    "feature": _object(
        ("type", "geometry", "properties"),
        type={"type": "string", "enum": ["Feature"]},
        id={"oneOf": [{"type": "string"}, {"type": "integer"}]},
        geometry={"$ref": "#/components/schemas/geometry"},
        properties={"type": "object"},
        links=_LINKS,
    ),
    "featureCollection": _object(
        ("type", "features"),
        type={"type": "string", "enum": ["FeatureCollection"]},
        features={"type": "array", "items": {"$ref": "#/components/schemas/feature"}},
        links=_LINKS,
        timeStamp={"type": "string", "format": "date-time"},
        numberMatched={"type": "integer", "minimum": 0},
        numberReturned={"type": "integer", "minimum": 0},
    ),
    "exception": _object(
        ("code", "title", "status"),
        code=_TEXT,
        description=_TEXT,
        type=_TEXT,
        title=_TEXT,
        status={"type": "integer"},
        detail=_TEXT,
        request_id=_TEXT,
        errors={"type": "array", "items": _object(("field", "message"), field=_TEXT, message=_TEXT)},
    ),
    # What is answered before this API is reached: a database that is away.
    "problem": _object(
        ("title", "status"), type=_TEXT, title=_TEXT, status={"type": "integer"}, detail=_TEXT, request_id=_TEXT
    ),
}


def _refusal(description: str, schema: str = "exception") -> Json:
    return {
        "description": description,
        "content": {
            "application/problem+json": {"schema": {"$ref": f"#/components/schemas/{schema}"}},
            "text/html": {"schema": _TEXT},
        },
    }


RESPONSES: Json = {
    "400": _refusal("A parameter is unknown or cannot be read; it is named."),
    "401": _refusal("The token is unknown, expired or revoked."),
    "404": _refusal("There is no such thing, or none that you may see."),
    "406": _refusal("None of the media types is acceptable."),
    "500": _refusal("The fault is ours.", "problem"),
    "503": _refusal("The register cannot be reached at the moment.", "problem"),
}
