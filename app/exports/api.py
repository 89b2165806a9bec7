"""What the exports give (app/web/described.py); their columns are those of the data dictionary."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l

from app.exports.dictionary import COLUMNS, Column
from app.exports.formats import FORMATS
from app.exports.geopackage import CRS
from app.exports.project import AUTHCFG
from app.interventions.api import FILTER as INTERVENTION_FILTER
from app.patrols.api import FILTER as PATROL_FILTER
from app.reports.api import FILTER as REPORT_FILTER
from app.web.described import BBOX, Answer, Parameter, described

TAG = "exports"
_EXPORTERS = ("planner", "coordinator")
_TYPES: dict[str, dict[str, Any]] = {
    "uuid": {"type": ["string", "null"], "format": "uuid"},
    "text": {"type": ["string", "null"]},
    "integer": {"type": ["integer", "null"]},
    "real": {"type": ["number", "null"]},
    "boolean": {"type": "boolean"},
    "datetime": {"type": ["string", "null"], "format": "date-time"},
}
_CONDITION = {"type": "string"}
_CQL = (
    Parameter("filter", _l("A condition in CQL2, as text or JSON."), _CONDITION),
    Parameter("filter-lang", _l("In which of the two."), {"type": "string", "enum": ["cql2-text", "cql2-json"]}),
    Parameter("datetime", _l("A moment or an interval (RFC 3339, `..` for an open end)."), _CONDITION),
)
_FILE = ("Content-Disposition",)
_HISTORY = _l("Every step as CSV (RFC 4180), streamed.")
_CRS = Parameter(
    "crs", _l("Of a GeoPackage: 2154 (Lambert-93) or 4326."),
    {"type": "string", "enum": [str(epsg) for epsg in CRS]},
)  # fmt: skip


def _property(column: Column) -> dict[str, Any]:
    # Several codes in one: a list in GeoJSON.
    schema = {"type": "array", "items": {"type": "string"}} if column.name == "teams" else _TYPES[column.type]
    return {**schema, "description": column.meaning}


def collection(what: str) -> dict[str, Any]:
    """JSON Schema of an export as GeoJSON."""
    columns = {one.name: _property(one) for one in COLUMNS[what] if not one.csv_only}
    feature = {
        "type": "object",
        "required": ["type", "geometry", "properties"],
        "properties": {
            "type": {"const": "Feature"},
            "geometry": {"type": ["object", "null"]},
            "properties": {"type": "object", "required": list(columns), "properties": columns},
        },
    }
    properties: dict[str, Any] = {
        "type": {"const": "FeatureCollection"},
        "name": {"const": what},
        "features": {"type": "array", "items": feature},
        "numberReturned": {"type": "integer", "minimum": 0},
    }
    return {"type": "object", "required": list(properties), "properties": properties}


def _answer(what: str) -> Answer:
    kinds = tuple(one.media_type for one in FORMATS.values())
    return Answer(200, _l("Everything of the filter, as one stream."), collection(what), kinds, _FILE)


_ENDING = {"ending": _l("geojson, geojsonl (a feature a line), csv or gpkg.")}
REPORTS = described(
    TAG, _l("Export reports"), _answer("reports"), roles=_EXPORTERS, query=(*REPORT_FILTER, BBOX, *_CQL, _CRS),
    path_texts=_ENDING,
)  # fmt: skip
INTERVENTIONS = described(
    TAG, _l("Export interventions"), _answer("interventions"), roles=_EXPORTERS,
    query=(*INTERVENTION_FILTER, *_CQL, _CRS),
    path_texts=_ENDING,
)  # fmt: skip
PATROLS = described(
    TAG, _l("Export rounds and their passages"), _answer("patrols"), roles=_EXPORTERS,
    query=(*PATROL_FILTER, BBOX, *_CQL, _CRS),
    path_texts=_ENDING,
)  # fmt: skip
_CSV = (FORMATS["csv"].media_type,)
EVENTS = described(
    TAG, _l("Export the histories of reports"), Answer(200, _HISTORY, {"type": "string"}, _CSV, _FILE),
    roles=_EXPORTERS, query=(*REPORT_FILTER, BBOX, *_CQL),
)  # fmt: skip
INTERVENTION_EVENTS = described(
    TAG, _l("Export the histories of interventions"), Answer(200, _HISTORY, {"type": "string"}, _CSV, _FILE),
    roles=_EXPORTERS, query=(*INTERVENTION_FILTER, *_CQL),
)  # fmt: skip
STYLE = described(
    TAG, _l("A style of QGIS for an export"),
    Answer(200, _l("The style (.qml) in the language of the request."), {"type": "string"},
           ("application/x-qgis-layer-settings",), _FILE),
    access="public", path_texts={"what": _l("Which export it is for.")},
)  # fmt: skip
PROJECT = described(
    TAG, _l("A project of QGIS with the register's layers"),
    Answer(200, _l("The project (.qgs) in the language of the request; no secret is inside."), {"type": "string"},
           ("application/x-qgis-project",), _FILE),
    roles=_EXPORTERS,
    query=(Parameter(
        "authcfg", _l("The identifier of your authentication configuration in QGIS: seven small letters or digits."),
        {"type": "string", "pattern": "^[a-z0-9]{7}$", "default": AUTHCFG}),),
)  # fmt: skip
