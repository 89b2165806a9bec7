"""What a view for machines takes and gives, said beside it: `/api/openapi.json` is gathered from these declarations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias, TypeVar

from flask_babel import lazy_gettext as _l
from pydantic import Field, GetJsonSchemaHandler, WithJsonSchema
from pydantic_core import CoreSchema
from typing_extensions import TypedDict

if TYPE_CHECKING:
    from collections.abc import Mapping

Text: TypeAlias = Any  # a LazyString of flask_babel, or a str
View = TypeVar("View", bound=Callable[..., Any])
_MARK = "described_endpoint"

# How JSON says what Python types do not: in answers.
Moment = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]
Day = Annotated[str, WithJsonSchema({"type": "string", "format": "date"})]
Id = Annotated[str, WithJsonSchema({"type": "string", "format": "uuid"})]
# In bodies: what a form types where a number is meant, left blank or not.
NumberText = Annotated[str, Field(pattern=r"^\s*[-+]?[0-9]+([.,][0-9]+)?\s*$")]
Longitude = Annotated[float, Field(ge=-180, le=180)]
Latitude = Annotated[float, Field(ge=-90, le=90)]
Severity = Annotated[int, Field(ge=1, le=4)]
PlaceNumber = Annotated[int, Field(ge=1, lt=2**63)]
Version = Annotated[int, Field(ge=1, lt=2**31)]
PeopleNumber = Annotated[int, Field(ge=0, le=200)]
# The same for whole numbers.
SeverityText = Annotated[str, Field(pattern=r"^\s*[1-4]\s*$")]
PositiveText = Annotated[str, Field(pattern=r"^\s*[1-9][0-9]{0,8}\s*$")]
Blank = Annotated[str, Field(pattern=r"^\s*$")]
MomentText = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]
IdText = Annotated[str, WithJsonSchema({"type": "string", "format": "uuid"})]
# Euros or hours as a French keyboard types them: 1 234,50 €.
AmountText = Annotated[
    str, Field(pattern="^[ \u00a0\u202f]*[0-9][0-9 \u00a0\u202f]*([.,][0-9]{1,2})?[ \u00a0\u202f]*€?$")
]
# A text without markup and control characters (`<` before a letter, `/`, `!` or `?` opens a tag).
PlainText = Annotated[
    str, Field(max_length=500, pattern=r"^([^<\x00-\x08\x0B\x0C\x0E-\x1F\x7F-\x9F]|<(?![/!?a-zA-Z\s]))*$")
]


PlainLine = Annotated[PlainText, Field(max_length=120)]


class OrNone:
    """In a body: null counts as left out (marks a field whose parser drops it before)."""

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"anyOf": [handler(core), {"type": "null"}]}


def one_of(*values: str) -> Any:
    """In an answer: a text that is one of these."""
    return WithJsonSchema({"type": "string", "enum": list(values)})


class Point(TypedDict):
    """A point of GeoJSON (RFC 7946), EPSG:4326 degrees."""

    type: Literal["Point"]
    coordinates: Annotated[list[float], Field(min_length=2, max_length=2)]


class Geometry(TypedDict):
    """A geometry of GeoJSON (RFC 7946), EPSG:4326 degrees."""

    type: Annotated[str, one_of("Point", "LineString", "Polygon", "MultiPoint", "MultiLineString", "MultiPolygon")]
    coordinates: list[Any]


def _drawn(kind: str, positions: Any) -> dict[str, Any]:
    properties = {"type": {"const": kind}, "coordinates": positions}
    return {"type": "object", "required": ["type", "coordinates"], "properties": properties}


_POSITION = {
    "type": "array",
    "prefixItems": [
        {"type": "number", "minimum": -180, "maximum": 180},
        {"type": "number", "minimum": -90, "maximum": 90},
    ],
    "items": False,
    "minItems": 2,
    "maxItems": 2,
}
_LINE = {"type": "array", "items": _POSITION, "minItems": 2, "maxItems": 500}
_RING = {"type": "array", "items": _POSITION, "minItems": 3, "maxItems": 500}
# What somebody draws: a point, a line or an area without heights, as an object or as its text.
DrawnGeometry = Annotated[
    dict[str, Any],
    WithJsonSchema(
        {
            "anyOf": [
                _drawn("Point", _POSITION),
                _drawn("LineString", _LINE),
                _drawn("Polygon", {"type": "array", "items": _RING, "minItems": 1}),
            ]
        }
    ),
]


class EventJson(TypedDict):
    """One line of a history: organisations and roles, never persons."""

    at: Moment
    kind: str
    from_state: str | None
    to_state: str | None
    organisation: str | None
    role: str
    details: dict[str, Any]


class HistoryJson(TypedDict):
    """Everything that happened to one thing, oldest first."""

    id: Id
    events: list[EventJson]


@dataclass(frozen=True)
class Parameter:
    """One parameter of a query, or a header. schema: JSON Schema of its value."""

    name: str
    text: Text
    schema: Mapping[str, Any] = field(default_factory=lambda: {"type": "string"})
    required: bool = False
    is_header: bool = False
    # Several values separated by commas.
    is_list: bool = False
    example: Any = None


@dataclass(frozen=True)
class Answer:
    """One way that a request can end well. body: a type that pydantic reads, JSON Schema, or None for no JSON.

    media_types: what the body is sent as; headers: names of HEADERS that come with it.
    """

    status: int
    text: Text
    body: Any = None
    media_types: tuple[str, ...] = ("application/json",)
    headers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Endpoint:
    """The declaration of one view. errors: the statuses of problems beyond what every view of its kind may answer.

    access: who may ask ("public", "read": any account; "write": an account and a scope that writes); roles: which ones.
    """

    tag: str
    summary: Text
    answers: tuple[Answer, ...]
    access: Literal["public", "read", "write"] = "read"
    roles: tuple[str, ...] = ()
    query: tuple[Parameter, ...] = ()
    body: Any = None
    body_example: Any = None
    # Instead of JSON: media type → JSON Schema.
    raw_bodies: Mapping[str, Any] = field(default_factory=dict)
    errors: tuple[int, ...] = ()
    path_texts: Mapping[str, Text] = field(default_factory=dict)
    # What JSON Schema says of a part of the path beyond its converter.
    path_schemas: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    # A change names the version it is made on: If-Match, or `version` in the body.
    is_change: bool = False


def described(
    tag: str,
    summary: Text,
    *answers: Answer,
    **more: Any,
) -> Callable[[View], View]:
    """Declare a view: see Endpoint."""
    endpoint = Endpoint(tag, summary, answers, **more)

    def mark(view: View) -> View:
        setattr(view, _MARK, endpoint)
        return view

    return mark


def hidden(view: View) -> View:
    """A view for nobody: it only says 404 in the words of its domain."""
    setattr(view, _MARK, None)
    return view


def endpoint_of(view: Callable[..., Any]) -> Endpoint | None:
    """The declaration of a view, None when it is hidden.

    Raises:
        LookupError: it has none.

    """
    if not hasattr(view, _MARK):
        raise LookupError
    found: Endpoint | None = getattr(view, _MARK)
    return found


# ── what many views share ───────────────────────────────────────────────────────────────────────────────────────────

CACHE = ("ETag", "Cache-Control")
CREATED = ("ETag", "Location")
IF_NONE_MATCH = Parameter(
    "If-None-Match", _l("An ETag that you have: 304 without a body when it is still the same."), is_header=True
)
NOT_CHANGED = Answer(304, _l("It is still what you have (If-None-Match)."))


def of_list(*names: str) -> dict[str, Any]:
    """JSON Schema of several codes in one parameter, separated by commas; without names, any code."""
    item: dict[str, Any] = {"type": "string", "enum": list(names)} if names else {"type": "string"}
    return {"type": "array", "items": item, "minItems": 1}


LON = Parameter(
    "lon",
    _l("Longitude in degrees (EPSG:4326)."),
    {"type": "number", "minimum": -180, "maximum": 180},
    required=True,
    example=2.2957,
)
LAT = Parameter(
    "lat",
    _l("Latitude in degrees (EPSG:4326)."),
    {"type": "number", "minimum": -90, "maximum": 90},
    required=True,
    example=49.8942,
)
BBOX = Parameter(
    "bbox",
    _l("A box in degrees: west,south,east,north."),
    {"type": "array", "items": {"type": "number", "minimum": -180, "maximum": 180}, "minItems": 4, "maxItems": 4},
    is_list=True,
    example=[2.2, 49.8, 2.4, 49.95],
)
_DAY = {
    "type": "string",
    # YYYY-MM-DD, or blank for an open side.
    "pattern": "^((19[7-9][0-9]|20[0-9]{2}|21[0-3][0-9]|214[0-8])-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8]))?$",
}
FROM = Parameter("from", _l("The first day, inclusive (Europe/Paris)."), _DAY, example="2026-01-01")
TO = Parameter("to", _l("The last day, inclusive (Europe/Paris)."), _DAY)
_SLUG = {"type": "string", "pattern": "^([a-z0-9]+(-[a-z0-9]+)*)?$"}
ORGANISATION = Parameter("organisation", _l("The slug of the organisation that answers for it."), _SLUG)
# A moment in UTC and an id (app/web/paging.py), here only so that programs can check what they keep.
_CURSOR = (
    "^(2[0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])T([01][0-9]|2[0-3])(:[0-5][0-9]){2}([.][0-9]{6})?[+]00:00"
    "~[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})?$"
)
AFTER = Parameter(
    "after",
    _l("Where the page before ended: follow `next`, or the Link header; never make one yourself."),
    {"type": "string", "pattern": _CURSOR},
)


def limit_of(usual: int, most: int) -> Parameter:
    """The parameter `limit`."""
    schema = {"type": "integer", "minimum": 1, "maximum": most, "default": usual}
    return Parameter("limit", _l("How many at most."), schema)
