"""Parameters of a filter: `filter`, `filter-lang`, `filter-crs` (OGC 19-079r2) and `datetime` (OGC 17-069r4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from flask_babel import gettext as _

from app.filtering import values
from app.filtering.crs import CRS84, parse_crs
from app.filtering.queryables import Queryable
from app.filtering.reading import LANGUAGES, Language, parse_filter
from app.filtering.statement import compile_filter
from app.filtering.tree import Ast, FilterError, Instant, Interval, Property, joined, op

FILTER_KEYS = ("filter", "filter-lang", "filter-crs")


@dataclass(frozen=True)
class Clause:
    """What the parameters of a filter mean: a condition of SQL with its binds; parameters: as they were asked."""

    sql: str
    binds: Mapping[str, object]
    parameters: Mapping[str, str]


def parse_clause(
    args: Mapping[str, str], queryables: Mapping[str, Queryable], *, time_property: str | None = None
) -> Clause | None:
    """Read FILTER_KEYS, and `datetime` where a property has the time; None when neither is there.

    Without filter-lang a filter that begins with a brace is JSON, any other text.

    Raises:
        FilterError: names the parameter.

    """
    given = {key: args[key] for key in (*FILTER_KEYS, "datetime") if args.get(key)}
    parts: list[Ast] = []
    if time_property is not None and "datetime" in given:
        parts.append(at_datetime(given["datetime"], time_property))
    crs = parse_crs(given.get("filter-crs", CRS84))
    lang = _language(given)
    if "filter" in given:
        parts.append(parse_filter(given["filter"], lang))
    if not parts:
        return None
    sql, binds = compile_filter(joined("and", parts), queryables, crs.srid, lat_lon=crs.lat_lon)
    return Clause(sql, binds, given)


def _language(given: Mapping[str, str]) -> Language:
    named = given.get("filter-lang", "cql2-json" if given.get("filter", "").lstrip().startswith("{") else "cql2-text")
    if named not in LANGUAGES:
        raise FilterError(_("choose one of %(names)s", names=", ".join(LANGUAGES)), "filter-lang")
    return cast("Language", named)


def at_datetime(value: str, time_property: str) -> Ast:
    """What has its time there, ends included, or has none. Raises FilterError."""
    named = Property(time_property)
    return op("or", op("t_intersects", named, parse_datetime(value)), op("isnull", named))


def parse_datetime(value: str) -> Interval:
    """An instant, a day, or two of them with a slash between, both included; `..` or nothing leaves an end open.

    Raises:
        FilterError: names the parameter.

    """
    first, slash, last = value.partition("/")
    try:
        return values.interval([_end(first, slash) or "..", _end(last if slash else first, slash) or ".."])
    except FilterError as error:
        raise FilterError(error.message, "datetime") from None


def _end(value: str, slash: str) -> Instant | None:
    return None if slash and value in {"", ".."} else values.instant(value)
