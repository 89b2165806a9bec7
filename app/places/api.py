"""What the machine views of the reference geography give (app/web/described.py)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from flask_babel import lazy_gettext as _l
from typing_extensions import TypedDict

from app.web.described import BBOX, CACHE, IF_NONE_MATCH, NOT_CHANGED, Answer, Parameter, described, of_list, one_of
from geodata.records import KINDS

TAG = "places"


class NearbyPlaceJson(TypedDict):
    """A place near a point; the distance in metres, 0 inside an area."""

    id: int
    kind: Annotated[str, one_of(*KINDS)]
    code: str
    name: str
    approximate: bool
    distance_m: float


class NearbyJson(TypedDict):
    """The places there, the nearest first; twenty at most."""

    places: list[NearbyPlaceJson]


class PlaceProperties(TypedDict):
    """What is known of a place. approximate: drawn by hand, not an official outline."""

    id: int
    code: str
    name: str
    kind: Annotated[str, one_of(*KINDS)]
    approximate: bool
    territory: bool
    short_name: str | None
    colour: str | None


class PlaceFeature(TypedDict):
    """A GeoJSON feature (RFC 7946)."""

    type: Literal["Feature"]
    id: int
    geometry: dict[str, Any] | None
    properties: PlaceProperties


class PlaceCollection(TypedDict):
    """The open places of one kind."""

    type: Literal["FeatureCollection"]
    features: list[PlaceFeature]


_POINT = {
    "type": "array",
    "prefixItems": [
        {"type": "number", "minimum": -180, "maximum": 180},
        {"type": "number", "minimum": -90, "maximum": 90},
    ],
    "items": {"type": "number", "minimum": -90, "maximum": 90},
    "minItems": 2,
    "maxItems": 2,
}
_RADIUS = {"type": "number", "minimum": 1, "maximum": 2000, "default": 150}
_SIMPLIFY = {"type": "number", "minimum": 0, "maximum": 1000, "default": 0}

NEAR = described(
    TAG, _l("Find places near a point"),
    Answer(200, _l("The nearest first; twenty at most."), NearbyJson, headers=("Cache-Control",)),
    query=(
        Parameter("near", _l("A point in degrees: longitude,latitude."), _POINT, required=True, is_list=True,
                  example=[2.2957, 49.8942]),
        Parameter("kind", _l("Kinds of places."), of_list(*KINDS), is_list=True),
        Parameter("radius", _l("How far, in metres."), _RADIUS),
    ),
)  # fmt: skip
LAYER = described(
    TAG, _l("Get the places of one kind as a map layer"),
    Answer(200, _l("GeoJSON."), PlaceCollection, ("application/geo+json",), CACHE), NOT_CHANGED,
    access="public",
    query=(BBOX, Parameter("simplify", _l("By how many metres outlines may be simplified."), _SIMPLIFY), IF_NONE_MATCH),
    path_texts={"kind": _l("commune, neighbourhood, iris, qpv, stop, line, residence or school.")},
)  # fmt: skip
