"""What the machine views of the heat map and the vector tiles give (app/web/described.py)."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l
from typing_extensions import TypedDict

from app.heat.exposure import CODES as EXPOSURES
from app.heat.measures import AGAINST, HALF_LIFE_DAYS, HALF_LIFE_LEAST, HALF_LIFE_MOST, MEASURES
from app.heat.mvt import MEDIA_TYPE, ZOOM_MAX, ZOOM_MIN
from app.heat.reference import TABLES
from app.heat.surface import BANDWIDTH_DEFAULT_M, BANDWIDTH_MAX_M, BANDWIDTH_MIN_M
from app.reports.api import FILTER
from app.web.described import CACHE, IF_NONE_MATCH, NOT_CHANGED, Answer, Day, Moment, Parameter, described

TAG, TILES = "heat", "tiles"
_LON = {"type": "number", "minimum": -6.0, "maximum": 10.5}
_LAT = {"type": "number", "minimum": 41.0, "maximum": 51.5}


def _whole(usual: int, least: int, most: int) -> dict[str, Any]:
    return {"type": "integer", "minimum": least, "maximum": most, "default": usual}


MEASURED = (
    Parameter("bandwidth", _l("How far a report is smoothed, in metres."),
              _whole(BANDWIDTH_DEFAULT_M, BANDWIDTH_MIN_M, BANDWIDTH_MAX_M)),
    Parameter("measure", _l("What is measured."), {"type": "string", "enum": list(MEASURES)}),
    Parameter("exposure", _l("What reports are set against (measure per_exposure)."),
              {"type": "string", "enum": list(EXPOSURES)}),
    Parameter("half_life", _l("After how many days a report counts half (measure weighted)."),
              _whole(HALF_LIFE_DAYS, HALF_LIFE_LEAST, HALF_LIFE_MOST)),
    Parameter("against", _l("The period to compare with (measure change)."),
              {"type": "string", "enum": list(AGAINST)}),
)  # fmt: skip
TOP = Parameter(
    "top", _l("Where the classes end, in the measure's unit, so that pictures can be compared."),
    {"type": "number", "minimum": 1e-6, "maximum": 1e9},
)  # fmt: skip
QUERY = (*FILTER, *MEASURED, TOP)
_PLACE = (
    Parameter("lon", _l("Longitude in degrees (EPSG:4326)."), _LON, required=True, example=2.2957),
    Parameter("lat", _l("Latitude in degrees (EPSG:4326)."), _LAT, required=True, example=49.8942),
)


class HeatValueJson(TypedDict):
    """The map's value at one place; null where it is not known, and `meaning` says why."""

    value: float | None
    unit: str
    measure: str
    bandwidth_m: int
    reports_within_bandwidth: int
    meaning: str
    unit_text: str
    words: str


class LegendClassJson(TypedDict):
    """One class: values from lower (inclusive) to upper (exclusive)."""

    lower: float | None
    upper: float | None
    rgba: list[int]
    code: str
    pattern: str
    text: str


LegendAgainstJson = TypedDict("LegendAgainstJson", {"from": Day | None, "to": Day | None, "reports": int | None})
LegendJson = TypedDict(
    "LegendJson",
    {
        "classes": list[LegendClassJson],
        "unit": str,
        "unit_text": str,
        "measure": str,
        "parameters": dict[str, Any],
        "explanations": list[str],
        "bandwidth_m": int,
        "reports": int,
        "from": Day | None,
        "to": Day | None,
        "against": LegendAgainstJson | None,
        "protected": bool,
        "notices": list[str],
        "stale_since": Moment | None,
    },
)


class TableRowJson(TypedDict):
    """One place. A stop has no area; before: the earlier period's count when a change is shown."""

    place_id: int
    name: str
    approximate: bool
    reports: int
    area_km2: float | None
    per_km2_30d: float | None
    before: int | None


class TableJson(TypedDict):
    """Reports by places, most per km² first."""

    unit: str
    by: str
    rows: list[TableRowJson]


class CodedJson(TypedDict):
    """A code and its name in the reader's language."""

    code: str
    text: str


class RangeJson(TypedDict):
    """What a number may be."""

    least: int
    most: int
    usual: int


QuarterJson = TypedDict("QuarterJson", {"from": Day, "to": Day, "text": str})


class OptionsJson(TypedDict):
    """What this asker may ask for."""

    measures: list[CodedJson]
    exposures: list[CodedJson]
    tables: list[str]
    against: list[str]
    bandwidth_m: RangeJson
    half_life_days: RangeJson
    quarters: list[QuarterJson]
    protected: bool


class LayerJson(TypedDict):
    """One layer of the vector tiles."""

    id: str
    fields: dict[str, str]
    minzoom: int
    maxzoom: int


class TileJson(TypedDict):
    """TileJSON 3.0.0."""

    tilejson: str
    name: str
    scheme: str
    tiles: list[str]
    vector_layers: list[LayerJson]
    bounds: list[float]
    minzoom: int
    maxzoom: int


_TILE = {"z": _l("Zoom, from 8 to 20."), "x": _l("Column of the Web Mercator tile."), "y": _l("Row, from the north.")}
_PNG = {"type": "string", "contentMediaType": "image/png"}
_MVT = {"type": "string", "contentMediaType": MEDIA_TYPE}

POINT = described(
    TAG, _l("Read the heat map's value at a place"), Answer(200, _l("What a click on the map shows."), HeatValueJson),
    access="public", query=(*_PLACE, *QUERY),
)  # fmt: skip
LEGEND = described(
    TAG, _l("Read what colours and numbers mean"), Answer(200, _l("The legend."), LegendJson),
    access="public", query=QUERY,
)  # fmt: skip
TABLE = described(
    TAG, _l("Read the heat map as a table"), Answer(200, _l("The rows; places without any are left out."), TableJson),
    access="public",
    query=(Parameter("by", _l("By which places."), {"type": "string", "enum": list(TABLES)}), *QUERY),
)  # fmt: skip
OPTIONS = described(
    TAG, _l("See what can be asked of the heat map"), Answer(200, _l("The choices."), OptionsJson), access="public"
)
_ZOOM = {"z": {"minimum": ZOOM_MIN, "maximum": ZOOM_MAX}}
TILE = described(
    TILES, _l("Get a heat tile"), Answer(200, _l("256 × 256 pixels."), _PNG, ("image/png",), CACHE), NOT_CHANGED,
    access="public", query=(*QUERY, IF_NONE_MATCH), path_texts=_TILE, path_schemas=_ZOOM,
)  # fmt: skip
FINE_TILE = described(
    TILES, _l("Get a heat tile for fine screens"),
    Answer(200, _l("512 × 512 pixels."), _PNG, ("image/png",), CACHE), NOT_CHANGED,
    access="public", query=(*QUERY, IF_NONE_MATCH), path_texts=_TILE, path_schemas=_ZOOM,
)  # fmt: skip
VECTOR_TILE = described(
    TILES, _l("Get a vector tile"),
    Answer(200, _l("A Mapbox vector tile; no bytes where there is nothing."), _MVT, (MEDIA_TYPE,), CACHE), NOT_CHANGED,
    access="public", query=(*FILTER, IF_NONE_MATCH), path_texts=_TILE, path_schemas=_ZOOM,
)  # fmt: skip
TILE_JSON = described(
    TILES, _l("Describe the vector tiles (TileJSON)"), Answer(200, _l("For QGIS and other clients."), TileJson),
    access="public", query=FILTER,
)  # fmt: skip
