"""Operands as SQL: what kind each is, and its expression. Every literal is a bind, every name one of the whitelist."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

import shapely
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from shapely.geometry.base import BaseGeometry

from app.filtering import values
from app.filtering.crs import LON_LAT, FilterCrs, box_geometry, to_lon_lat
from app.filtering.names import ARITHMETIC, FOLDING
from app.filtering.queryables import Queryable, Type
from app.filtering.tree import Box, FilterError, Interval, Node, Op, Property

Kind = Literal["boolean", "text", "uuid", "number", "time", "geometry", "array"]
KIND_NAMES: dict[Kind, Any] = {
    "boolean": _l("true or false"), "text": _l("a text"), "uuid": _l("an identifier"), "number": _l("a number"),
    "time": _l("a time"), "geometry": _l("a geometry"), "array": _l("a list"),
}  # fmt: skip
_KIND_OF_TYPE: dict[Type, Kind] = {
    "string": "text", "uuid": "uuid", "integer": "number", "number": "number", "boolean": "boolean", "date": "time",
    "timestamp": "time", "geometry": "geometry", "array": "array",
}  # fmt: skip

# Sizes of numbers, in digits: numeric holds 131,072, and long before that a row costs too much.
_MOST_DIGITS = 2_000
_PROPERTY_DIGITS = 40
_MOST_EXPONENT = 16
# Canonical decomposition, then without combining marks: needs no extension. œ and ß stay.
_FOLDS = {
    "casei": "lower({})",
    "accenti": r"regexp_replace(normalize({}, NFD), '[\u0300-\u036f]', '', 'g')",
}


@dataclass
class Context:
    """One compilation: what may be named, where the geometries are, and the binds so far."""

    queryables: Mapping[str, Queryable]
    crs: FilterCrs
    binds: dict[str, object] = field(default_factory=dict)

    def bind(self, value: object, type_: str = "") -> str:
        """A new bind, cast to a type of PostgreSQL where the driver's literal has none."""
        name = f"cql_{len(self.binds)}"
        self.binds[name] = value
        return f"CAST(:{name} AS {type_})" if type_ else f":{name}"

    def queryable(self, named: Property) -> Queryable:
        """What a name stands for. Raises FilterError, with the names that there are."""
        if named.name not in self.queryables:
            names = ", ".join(self.queryables)
            raise FilterError(
                _("there is no property “%(name)s”; known are %(names)s", name=named.name[:40], names=names)
            )
        return self.queryables[named.name]


def kind_of(context: Context, node: Node) -> Kind:
    """What kind a node is. Raises FilterError for an unknown property."""
    if isinstance(node, Property):
        return _KIND_OF_TYPE[context.queryable(node).type]
    if isinstance(node, Op):
        return "text" if node.name in FOLDING else "number" if node.name in ARITHMETIC else "boolean"
    return _kind_of_literal(node)


def _kind_of_literal(node: object) -> Kind:
    kinds: tuple[tuple[type | tuple[type, ...], Kind], ...] = (
        (bool, "boolean"),
        ((int, float), "number"),
        (str, "text"),
        ((date, Interval), "time"),
        ((Box, BaseGeometry), "geometry"),
    )
    return next((kind for types, kind in kinds if isinstance(node, types)), "array")


def refuse(context: Context, node: Node, wanted: Kind) -> FilterError:
    """The error for an operand of the wrong kind."""
    kind = KIND_NAMES[kind_of(context, node)]
    if isinstance(node, Property):
        return FilterError(
            _("“%(name)s” is %(kind)s; here belongs %(wanted)s", name=node.name, kind=kind, wanted=KIND_NAMES[wanted])
        )
    return FilterError(_("here belongs %(wanted)s, not %(kind)s", kind=kind, wanted=KIND_NAMES[wanted]))


def text(context: Context, node: Node) -> str:
    """A text; an identifier as its text. Raises FilterError."""
    if isinstance(node, str):
        return context.bind(node, "text")
    if isinstance(node, Op) and node.name in FOLDING:
        return _FOLDS[node.name].format(text(context, node.args[0]))
    if isinstance(node, Property) and kind_of(context, node) == "text":
        return context.queryable(node).sql
    if isinstance(node, Property) and kind_of(context, node) == "uuid":
        return f"CAST({context.queryable(node).sql} AS text)"
    raise refuse(context, node, "text")


def identifier(context: Context, node: Node) -> str:
    """A UUID. Raises FilterError."""
    if isinstance(node, str):
        try:
            return context.bind(str(UUID(node)), "uuid")
        except ValueError:
            raise FilterError(_("“%(value)s” is no identifier (UUID)", value=node[:40])) from None
    if isinstance(node, Property) and kind_of(context, node) == "uuid":
        return context.queryable(node).sql
    raise refuse(context, node, "uuid")


def number(context: Context, node: Node) -> str:
    """A number. Raises FilterError."""
    if isinstance(node, Op) and node.name in ARITHMETIC:
        return _calculated(context, node)[0]
    if isinstance(node, Property) and kind_of(context, node) == "number":
        return context.queryable(node).sql
    if isinstance(node, int | float) and not isinstance(node, bool):
        return context.bind(node)
    raise refuse(context, node, "number")


def _calculated(context: Context, node: Node) -> tuple[str, int]:
    """A term in exact numbers, and how many digits it can have. What has no value (n / 0) is null."""
    if not isinstance(node, Op) or node.name not in ARITHMETIC:
        sql = f"CAST({number(context, node)} AS numeric)"
        return sql, _PROPERTY_DIGITS if isinstance(node, Property) else _digits(node)
    left, digits = _calculated(context, node.args[0])
    if node.name == "^":
        exponent = _exponent(node.args[1])
        return f"power(nullif({left}, 0), {exponent})" if exponent < 0 else f"power({left}, {exponent})", _few(
            digits * max(abs(exponent), 1)
        )
    right, more = _calculated(context, node.args[1])
    if node.name in {"+", "-"}:
        return f"({left} {node.name} {right})", _few(max(digits, more) + 1)
    if node.name == "*":
        return f"({left} * {right})", _few(digits + more)
    function = {"/": "({0} / nullif({1}, 0))", "%": "mod({0}, nullif({1}, 0))", "div": "div({0}, nullif({1}, 0))"}
    return function[node.name].format(left, right), _few(digits + more)


def _digits(literal: Node) -> int:
    return len(format(Decimal(str(literal)), "f"))


def _exponent(node: Node) -> int:
    is_whole = isinstance(node, int | float) and not isinstance(node, bool) and node == int(node)
    if not is_whole or abs(int(node)) > _MOST_EXPONENT:  # type: ignore[arg-type]
        raise FilterError(_("an exponent is a whole number from -%(most)d to %(most)d", most=_MOST_EXPONENT))
    return int(node)  # type: ignore[arg-type]


def _few(digits: int) -> int:
    if digits > _MOST_DIGITS:
        raise FilterError(_("the numbers of this calculation get too large"))
    return digits


@dataclass(frozen=True)
class Period:
    """A time as SQL: its first and its last instant, to the microsecond; the same where it is an instant."""

    start: str
    end: str


def period(context: Context, node: Node) -> Period:
    """A time: an instant, a day (in UTC) or an interval. Raises FilterError."""
    if isinstance(node, Interval):
        start = period(context, node.start).start if node.start is not None else "CAST('-infinity' AS timestamptz)"
        end = period(context, node.end).end if node.end is not None else "CAST('infinity' AS timestamptz)"
        return Period(start, end)
    if isinstance(node, str):  # clients that know no DATE(…) and TIMESTAMP(…)
        node = values.instant(node)
    if isinstance(node, datetime):
        at = context.bind(node, "timestamptz")
        return Period(at, at)
    if isinstance(node, date):
        ends = (datetime.combine(node, part, UTC) for part in (time.min, time.max))
        return Period(*(context.bind(end, "timestamptz") for end in ends))
    if isinstance(node, Property) and kind_of(context, node) == "time":
        return _period_of(context.queryable(node))
    raise refuse(context, node, "time")


def _period_of(one: Queryable) -> Period:
    if one.type == "timestamp":
        return Period(one.sql, one.sql)
    start = f"CAST({one.sql} AS timestamp) AT TIME ZONE 'UTC'"
    end = f"(CAST({one.sql} AS timestamp) + interval '1 day' - interval '1 microsecond') AT TIME ZONE 'UTC'"
    return Period(f"({start})", f"({end})")


def geometry(context: Context, node: Node) -> tuple[str, BaseGeometry | None]:
    """A geometry in EPSG:4326 as SQL, and itself (lon, lat) when it is a literal. Raises FilterError."""
    if isinstance(node, Property) and kind_of(context, node) == "geometry":
        return context.queryable(node).sql, None
    if not isinstance(node, Box | BaseGeometry):
        raise refuse(context, node, "geometry")
    literal = box_geometry(node, context.crs) if isinstance(node, Box) else to_lon_lat(node, context.crs)
    encoded = shapely.to_wkb(shapely.set_srid(literal, LON_LAT), hex=True, include_srid=True)
    return context.bind(encoded, "geometry"), literal


def array(context: Context, node: Node) -> str:
    """A list of texts. Raises FilterError."""
    if isinstance(node, Property) and kind_of(context, node) == "array":
        return context.queryable(node).sql
    if not isinstance(node, tuple):
        raise refuse(context, node, "array")
    for item in node:
        if not isinstance(item, str):
            raise FilterError(_("a list holds texts only"))
    return context.bind(list(node), "text[]")
