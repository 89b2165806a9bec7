"""Query parameters of a collection's items → one frozen query; nothing is ignored silently."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict

from app.errors import BadRequestError
from app.exports.commands import refuse_strangers
from app.filtering import FILTER_KEYS, FilterError, Queryable, parse_clause
from app.filtering.values import characters, timestamp
from app.interventions.filters import conditions as intervention_conditions
from app.interventions.filters import parse_filter as parse_intervention_filter
from app.ogc.collections import Collection, Words
from app.ogc.crs import CRS84, Crs, parse_crs
from app.ogc.spans import Box, Times, parse_bbox, parse_times
from app.patrols.filters import conditions as patrol_conditions
from app.patrols.filters import parse_filter as parse_patrol_filter
from app.reports.filters import ReportFilter, conditions, parse_days, parse_severity
from app.reports.filters import parse_filter as parse_report_filter

LIMIT_DEFAULT, LIMIT_MOST = 10, 10_000
STANDARD = ("f", "limit", "bbox", "bbox-crs", "crs", "datetime", *FILTER_KEYS, "after")
_ID_DIGITS = 18
Conditions = tuple[list[str], dict[str, Any]]


@dataclass(frozen=True)
class Query:
    """What is asked of one collection. parts, binds: SQL conditions; after: the last page's last id."""

    limit: int = LIMIT_DEFAULT
    crs: Crs = CRS84
    box: Box | None = None
    times: Times | None = None
    after: str | int | None = None
    parts: tuple[str, ...] = ()
    binds: dict[str, Any] = field(default_factory=dict)
    counted: ReportFilter = field(default_factory=ReportFilter)


def parse_query(args: MultiDict[str, str], collection: Collection, words: Words) -> Query:
    """Every parameter of /items.

    Raises:
        BadRequestError: names the parameter that is unknown, given twice or wrong.

    """
    properties = {one.name: one for one in collection.properties(words)}
    askable = [name for name, one in properties.items() if is_parameter(one)]
    refuse_strangers(args, tuple(dict.fromkeys((*STANDARD, *collection.filters, *askable))))
    for name in (*STANDARD, *collection.filters):
        if name in args and not args[name].strip():
            raise BadRequestError(name, _("write a value, or leave the parameter out"))
    made = [_own_filters(args, collection, words), _filtered(args, collection, words)]
    made += [
        _equal(properties[name], args[name]) for name in askable if name in args and name not in collection.filters
    ]
    bbox_crs = parse_crs("bbox-crs", args.get("bbox-crs"))
    return Query(
        limit=_limit(args.get("limit")),
        crs=parse_crs("crs", args.get("crs")),
        box=parse_bbox(args["bbox"], bbox_crs) if "bbox" in args else None,
        times=parse_times(args["datetime"]) if "datetime" in args else None,
        after=_after(args, collection),
        parts=tuple(part for parts, _binds in made for part in parts),
        binds={name: value for _parts, binds in made for name, value in binds.items()},
        counted=_counted(args, collection),
    )


def is_parameter(one: Queryable) -> bool:
    """Whether `name=value` asks for it: every property with a simple value."""
    return one.type != "array"


def parse_id(collection: Collection, value: str) -> str | int | None:
    """A feature's id; None when it cannot be one."""
    if collection.key_type == "bigint":
        return parse_number(value)
    try:
        found = str(UUID(value))
    except ValueError:
        return None
    return found if found == value.lower() else None


def parse_number(value: str) -> int | None:
    """The number of a place; None when it cannot be one."""
    return int(value) if value.isascii() and value.isdigit() and len(value) <= _ID_DIGITS else None


def _limit(value: str | None) -> int:
    """As many features as at most are wanted; more than the most are the most."""
    if value is None:
        return LIMIT_DEFAULT
    if not (value.isascii() and value.isdigit()) or not value.strip("0"):
        raise BadRequestError("limit", _("write a whole number from 1 to %(most)s", most=LIMIT_MOST))
    return LIMIT_MOST if len(value.lstrip("0")) > len(str(LIMIT_MOST)) else min(int(value), LIMIT_MOST)


def _after(args: MultiDict[str, str], collection: Collection) -> str | int | None:
    if "after" not in args:
        return None
    found = parse_id(collection, args["after"])
    if found is None:
        raise BadRequestError("after", _("this page link is broken: start from the first page"))
    return found


def _filtered(args: MultiDict[str, str], collection: Collection, words: Words) -> Conditions:
    """`filter` in CQL2."""
    given = {key: args[key] for key in FILTER_KEYS if key in args}
    clause = parse_clause(given, collection.queryables(words)) if given else None
    return ([f"({clause.sql})"], dict(clause.binds)) if clause else ([], {})


def _own_filters(args: MultiDict[str, str], collection: Collection, words: Words) -> Conditions:
    """The product's own filters, as the map, the lists and the exports have them."""
    if not collection.filters:
        return [], {}
    taken = MultiDict({name: args[name] for name in collection.filters if name in args})
    either = [taken.pop(name, "").strip() for name in ("organisation", "neighbourhood")]
    if collection.id == "reports":
        # "severity" is the property here, which equals; what the map calls so has a name of its own.
        least = parse_severity(taken, "severity_min")
        chosen = parse_report_filter(taken, words.nomenclature)
        parts, binds = conditions(chosen.model_copy(update={"severity_min": least}))
    elif collection.id == "interventions":
        if parse_number(either[1]) is not None:
            taken["neighbourhood"], either[1] = either[1], ""
        parts, binds = intervention_conditions(parse_intervention_filter(taken, words.kinds))
    elif collection.id == "patrols":
        parts, binds = patrol_conditions(parse_patrol_filter(taken))
    else:
        return [], {}
    table = collection.table
    if either[0]:
        parts.append(
            f"{table}.organisation_id IN (SELECT named.id FROM public.organisation AS named"  # noqa: S608
            " WHERE named.slug = :ogc_organisation OR named.name = :ogc_organisation)"
        )
        binds["ogc_organisation"] = _text("organisation", either[0])
    if either[1]:
        parts.append(
            f"{table}.neighbourhood_id IN (SELECT named.id FROM public.place AS named"  # noqa: S608
            " WHERE named.name = :ogc_neighbourhood)"
        )
        binds["ogc_neighbourhood"] = _text("neighbourhood", either[1])
    return parts, binds


def _counted(args: MultiDict[str, str], collection: Collection) -> ReportFilter:
    """Which reports the statistics count."""
    if collection.id != "neighbourhood_statistics":
        return ReportFilter()
    from_date, to_date = parse_days(args)
    return ReportFilter(from_date=from_date, to_date=to_date)


def _equal(one: Queryable, value: str) -> Conditions:
    """`name=value`: the property has exactly this value."""
    name = f"ogc_is_{one.name}"
    return [f"{one.sql} = :{name}"], {name: _value(one, value)}


_INTEGER = re.compile(r"[+-]?\d{1,18}", re.ASCII)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,2})?", re.ASCII)


def _value(one: Queryable, value: str) -> str | int | float | bool | datetime | UUID:
    """A value in the property's type."""
    match one.type:
        case "integer" if _INTEGER.fullmatch(value):
            return int(value)
        case "number" if _NUMBER.fullmatch(value):
            return float(value)
        case "boolean" if value in {"true", "false"}:
            return value == "true"
        case "timestamp":
            return _moment(one.name, value)
        case "uuid":
            return _uuid(one.name, value)
        case "string":
            if one.enum and value not in one.enum:
                raise BadRequestError(one.name, _("“%(value)s” is not known", value=value[:40]))
            return _text(one.name, value)
    raise BadRequestError(one.name, _("write a value of type %(type)s", type=one.type))


def _moment(name: str, value: str) -> datetime:
    """An RFC 3339 time."""
    try:
        return timestamp(value)
    except FilterError as error:
        raise BadRequestError(name, error.message) from None


def _uuid(name: str, value: str) -> UUID:
    try:
        return UUID(value)
    except ValueError:
        raise BadRequestError(name, _("write a UUID")) from None


def _text(name: str, value: str) -> str:
    """A text that the database can hold."""
    try:
        return characters(value)
    except FilterError as error:
        raise BadRequestError(name, error.message) from None
