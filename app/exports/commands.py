"""Query parameters of an export → one frozen filter, nothing ignored silently."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict

from app.errors import BadRequestError
from app.exports.formats import FORMATS, GEOPACKAGE, Format, in_crs
from app.exports.geopackage import CRS
from app.exports.queryables import TIME_PROPERTY, intervention_queryables, patrol_queryables, report_queryables
from app.filtering import FILTER_KEYS, parse_clause
from app.interventions.filters import KEYS as INTERVENTION_KEYS
from app.interventions.filters import InterventionFilter
from app.interventions.filters import parse_filter as parse_interventions
from app.nomenclature.store import Nomenclature
from app.patrols.filters import KEYS as PATROL_KEYS
from app.patrols.filters import PatrolFilter
from app.patrols.filters import parse_filter as parse_patrols
from app.reports.filters import KEYS, ReportFilter, parse_filter

CQL_KEYS = (*FILTER_KEYS, "datetime")
REPORT_KEYS = (*KEYS, "organisation", *CQL_KEYS)


def parse_export(args: MultiDict[str, str], nomenclature: Nomenclature) -> ReportFilter:
    """The filter of the map and the lists; a parameter that is unknown or given twice is refused, not ignored.

    Raises:
        BadRequestError: names the parameter.

    """
    refuse_strangers(args, REPORT_KEYS)
    clause = parse_clause(args, report_queryables(nomenclature), time_property=TIME_PROPERTY["reports"])
    return parse_filter(args, nomenclature).model_copy(update={"clause": clause})


def parse_intervention_export(args: MultiDict[str, str], kinds: Collection[str]) -> InterventionFilter:
    """The same for interventions. kinds: their codes.

    Raises:
        BadRequestError: names the parameter.

    """
    refuse_strangers(args, (*INTERVENTION_KEYS, *CQL_KEYS))
    clause = parse_clause(args, intervention_queryables(kinds), time_property=TIME_PROPERTY["interventions"])
    return replace(parse_interventions(args, kinds), clause=clause)


def parse_patrol_export(args: MultiDict[str, str]) -> PatrolFilter:
    """The same for the places of rounds.

    Raises:
        BadRequestError: names the parameter.

    """
    refuse_strangers(args, (*PATROL_KEYS, *CQL_KEYS))
    clause = parse_clause(args, patrol_queryables(), time_property=TIME_PROPERTY["patrols"])
    return replace(parse_patrols(args), clause=clause)


def parse_format(ending: str, args: MultiDict[str, str]) -> tuple[Format, MultiDict[str, str]]:
    """The format that an address ends in, with `crs` (2154 or 4326) for a GeoPackage; and the other parameters.

    Raises:
        BadRequestError: names the parameter.

    """
    format_, rest = FORMATS[ending], args.copy()
    asked = rest.poplist("crs") if format_ is GEOPACKAGE else []
    if not asked:
        return format_, rest
    known = {form.format(epsg): epsg for epsg in CRS for form in ("{}", "EPSG:{}")}
    if len(asked) > 1 or asked[0] not in known:
        raise BadRequestError("crs", _("choose 2154 (Lambert-93) or 4326"))
    return in_crs(format_, known[asked[0]]), rest


def refuse_strangers(args: MultiDict[str, str], known: tuple[str, ...]) -> None:
    """A parameter that is unknown or given twice is refused.

    Raises:
        BadRequestError: names the parameter.

    """
    for name, values in args.lists():
        if name not in known:
            raise BadRequestError(
                name[:40], _("there is no such parameter; known are %(names)s", names=", ".join(known))
            )
        if len(values) > 1:
            raise BadRequestError(name, _("given more than once; separate several values by commas"))
