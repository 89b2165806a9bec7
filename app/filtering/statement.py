"""Tree → one SQL condition with named binds. Three-valued as SQL and CQL2 both are: what is unknown is not chosen."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from flask_babel import gettext as _
from shapely.geometry.base import BaseGeometry

from app.filtering import values
from app.filtering.crs import FilterCrs
from app.filtering.names import ARRAY, COMPARISONS, FOLDING, SPATIAL, TEMPORAL
from app.filtering.operands import (
    KIND_NAMES,
    Context,
    Kind,
    Period,
    array,
    geometry,
    identifier,
    kind_of,
    number,
    period,
    refuse,
    text,
)
from app.filtering.queryables import Queryable
from app.filtering.tree import Ast, FilterError, Node, Op, Property

_BIND = re.compile(r":(cql_\d+)")


def compile_filter(
    ast: Ast, queryables: Mapping[str, Queryable], filter_srid: int = 4326, *, lat_lon: bool = False
) -> tuple[str, dict[str, object]]:
    """The condition and its binds (cql_0, cql_1, …). lat_lon: the filter's geometries have the latitude first.

    Raises:
        FilterError: an unknown property, an operand of the wrong kind, a value that the column can never have…

    """
    context = Context(queryables, FilterCrs(filter_srid, lat_lon=lat_lon))
    sql = condition(context, ast)
    # An operator may look at one end of a time only, and a statement's binds are refused when it has no place for them.
    named = set(_BIND.findall(sql))
    return sql, {name: value for name, value in context.binds.items() if name in named}


def condition(context: Context, node: Node) -> str:
    """A predicate as SQL, in parentheses. Raises FilterError."""
    if isinstance(node, bool):
        return "true" if node else "false"
    if isinstance(node, Property) and kind_of(context, node) == "boolean":
        return f"({context.queryable(node).sql})"
    if not isinstance(node, Op) or kind_of(context, node) != "boolean":
        raise refuse(context, node, "boolean")
    if node.name in {"and", "or"}:
        return f"({f' {node.name.upper()} '.join(condition(context, arg) for arg in node.args)})"
    return _PREDICATES[node.name](context, node)


def _not(context: Context, node: Op) -> str:
    return f"(NOT {condition(context, node.args[0])})"


def _is_null(context: Context, node: Op) -> str:
    operand = node.args[0]
    kind = kind_of(context, operand)
    sql = period(context, operand).start if kind == "time" else expression(context, operand, kind)
    return f"({sql} IS NULL)"


def expression(context: Context, node: Node, kind: Kind) -> str:
    """An operand of a kind as SQL; of a time that it is an instant is not asked. Raises FilterError."""
    if kind == "geometry":
        return geometry(context, node)[0]
    makers: dict[Kind, Callable[[Context, Node], str]] = {
        "boolean": condition,
        "text": text,
        "uuid": identifier,
        "number": number,
        "array": array,
    }
    return makers[kind](context, node)


def _common_kind(context: Context, *nodes: Node) -> Kind:
    """The one kind of operands that are compared; texts beside a time or an identifier are read as such."""
    kinds = {kind_of(context, node) for node in nodes}
    plain = kinds - {"text"}
    if len(plain) == 1 and plain <= {"time", "uuid"}:
        # A text that is no literal cannot be read as anything else: an identifier becomes a text instead.
        is_literal = all(isinstance(node, str) or kind_of(context, node) != "text" for node in nodes)
        return plain.pop() if is_literal else "text"
    if len(kinds) > 1:
        raise _mixed(context, nodes)
    kind = kinds.pop()
    if kind in {"geometry", "array"}:
        known = ", ".join(sorted(name.upper() for name in (SPATIAL if kind == "geometry" else ARRAY)))
        raise FilterError(_("%(kind)s is compared by %(names)s", kind=KIND_NAMES[kind], names=known))
    return kind


def _mixed(context: Context, nodes: tuple[Node, ...]) -> FilterError:
    named = next((node for node in nodes if isinstance(node, Property)), None)
    left = kind_of(context, named if named is not None else nodes[0])
    right = next(kind for kind in (kind_of(context, node) for node in nodes) if kind != left)
    words = {"left": KIND_NAMES[left], "right": KIND_NAMES[right]}
    if named is None:
        return FilterError(_("%(left)s cannot be compared with %(right)s", **words))
    return FilterError(_("“%(name)s” is %(left)s and cannot be compared with %(right)s", name=named.name, **words))


def _check_values(context: Context, *nodes: Node) -> None:
    """A value that the column can never have is a mistake, not an empty answer."""
    for node in nodes:
        enum = context.queryable(node).enum if isinstance(node, Property) else ()
        wrong = next((other for other in nodes if isinstance(other, str) and enum and other not in enum), None)
        if wrong is not None and isinstance(node, Property):
            raise FilterError(
                _(
                    "“%(value)s” is no value of “%(name)s”; possible are %(values)s",
                    value=wrong[:40],
                    name=node.name,
                    values=", ".join(enum),
                )
            )


def _compare(context: Context, node: Op) -> str:
    return compared(context, node.name, node.args[0], node.args[1])


def compared(context: Context, sign: str, left: Node, right: Node) -> str:
    """One of the six comparisons. Raises FilterError."""
    kind = _common_kind(context, left, right)
    if kind == "time":
        return _compare_times(sign, period(context, left), period(context, right))
    if sign in {"=", "<>"}:
        _check_values(context, left, right)
    # By code points: the same order on every server.
    collation = ' COLLATE "C"' if kind == "text" and sign not in {"=", "<>"} else ""
    return f"({expression(context, left, kind)}{collation} {sign} {expression(context, right, kind)})"


def _compare_times(sign: str, left: Period, right: Period) -> str:
    """Instants and days. A day is all of its instants: `=` is being within it, `<` before it, `>` after it."""
    if sign == "<":
        return f"({left.end} < {right.start})"
    if sign == ">":
        return f"({left.start} > {right.end})"
    if sign == "<=":
        return f"({left.start} <= {right.end})"
    if sign == ">=":
        return f"({left.end} >= {right.start})"
    within = f"({left.start} >= {right.start} AND {left.end} <= {right.end})"
    if left.start != left.end and right.start == right.end:
        within = f"({right.start} >= {left.start} AND {right.end} <= {left.end})"
    return within if sign == "=" else f"(NOT {within})"


def _between(context: Context, node: Op) -> str:
    value, low, high = node.args
    kind = _common_kind(context, value, low, high)
    if kind not in {"number", "text"}:
        return f"({compared(context, '>=', value, low)} AND {compared(context, '<=', value, high)})"
    collation = ' COLLATE "C"' if kind == "text" else ""
    sql = [expression(context, arg, kind) for arg in node.args]
    return f"({sql[0]}{collation} BETWEEN {sql[1]} AND {sql[2]})"


def _in(context: Context, node: Op) -> str:
    value, among = node.args
    if not isinstance(among, tuple) or not among:
        raise FilterError(_("IN takes a list of at least one value"))
    kind = _common_kind(context, value, *among)
    if kind in {"time", "boolean"}:
        return f"({' OR '.join(compared(context, '=', value, item) for item in among)})"
    _check_values(context, value, *among)
    items = ", ".join(expression(context, item, kind) for item in among)
    return f"({expression(context, value, kind)} IN ({items}))"


def _like(context: Context, node: Op) -> str:
    value, pattern = node.args
    inner = pattern
    while isinstance(inner, Op) and inner.name in FOLDING:
        inner = inner.args[0]
    if not isinstance(inner, str):
        raise FilterError(_("the pattern of LIKE is a text in quotes"))
    if (len(inner) - len(inner.rstrip("\\"))) % 2:
        raise FilterError(_("the pattern of LIKE ends in a single \\; write two"))
    return f"({text(context, value)} LIKE {text(context, pattern)})"


_SPATIAL_SQL = {
    "s_intersects": "ST_Intersects",
    "s_equals": "ST_Equals",
    "s_disjoint": "ST_Disjoint",
    "s_touches": "ST_Touches",
    "s_within": "ST_Within",
    "s_overlaps": "ST_Overlaps",
    "s_crosses": "ST_Crosses",
    "s_contains": "ST_Contains",
}


def _spatial(context: Context, node: Op) -> str:
    pairs = [geometry(context, arg) for arg in node.args]
    literals = [literal for _sql, literal in pairs if literal is not None]
    if node.name not in {"s_intersects", "s_disjoint"} and any(
        one.geom_type == "GeometryCollection" for one in literals
    ):
        raise FilterError(_("a GeometryCollection is only taken by %(names)s", names="S_INTERSECTS, S_DISJOINT"))
    exact = f"{_SPATIAL_SQL[node.name]}({pairs[0][0]}, {pairs[1][0]})"
    named = [context.queryable(arg) for arg in node.args if isinstance(arg, Property)]
    if node.name == "s_disjoint" or not literals or not named or named[0].cells is None:
        return f"({exact})"
    return f"({_in_cells(context, named[0], literals[0])} AND {exact})"


def _in_cells(context: Context, one: Queryable, literal: BaseGeometry) -> str:
    """Whether the cell can touch the literal's box: what every predicate but disjoint implies, found by index."""
    assert one.cells is not None, "asked only with cells"
    west, south, east, north = literal.bounds
    ranges = one.cells.ranges((west, south, east, north))
    parts = [f"{one.cells.column} BETWEEN {context.bind(low)} AND {context.bind(high)}" for low, high in ranges]
    return f"({' OR '.join(parts)})" if parts else "false"


# Definitions of OGC 21-065r2, table 13 (Allen's intervals); an instant is an interval whose ends are one.
_TEMPORAL_SQL = {
    "t_after": "{a.start} > {b.end}",
    "t_before": "{a.end} < {b.start}",
    "t_contains": "{a.start} < {b.start} AND {a.end} > {b.end}",
    "t_disjoint": "{a.start} > {b.end} OR {a.end} < {b.start}",
    "t_during": "{a.start} > {b.start} AND {a.end} < {b.end}",
    "t_equals": "{a.start} = {b.start} AND {a.end} = {b.end}",
    "t_finishedby": "{a.start} < {b.start} AND {a.end} = {b.end}",
    "t_finishes": "{a.start} > {b.start} AND {a.end} = {b.end}",
    "t_intersects": "{a.start} <= {b.end} AND {a.end} >= {b.start}",
    "t_meets": "{a.end} = {b.start}",
    "t_metby": "{a.start} = {b.end}",
    "t_overlappedby": "{a.start} > {b.start} AND {a.start} < {b.end} AND {a.end} > {b.end}",
    "t_overlaps": "{a.start} < {b.start} AND {a.end} > {b.start} AND {a.end} < {b.end}",
    "t_startedby": "{a.start} = {b.start} AND {a.end} > {b.end}",
    "t_starts": "{a.start} = {b.start} AND {a.end} < {b.end}",
}


def _temporal(context: Context, node: Op) -> str:
    for arg in node.args:
        if isinstance(arg, str):
            values.instant(arg)  # says what is wrong with it
    a, b = (period(context, arg) for arg in node.args)
    return f"({_TEMPORAL_SQL[node.name].format(a=a, b=b)})"


_ARRAY_SQL = {
    "a_equals": "{0} @> {1} AND {0} <@ {1}",
    "a_contains": "{0} @> {1}",
    "a_containedby": "{0} <@ {1}",
    "a_overlaps": "{0} && {1}",
}


def _array(context: Context, node: Op) -> str:
    left, right = (array(context, arg) for arg in node.args)
    return f"({_ARRAY_SQL[node.name].format(left, right)})"


_PREDICATES: dict[str, Callable[[Context, Op], str]] = {
    "not": _not,
    "isnull": _is_null,
    "between": _between,
    "in": _in,
    "like": _like,
    **dict.fromkeys(COMPARISONS, _compare),
    **dict.fromkeys(SPATIAL, _spatial),
    **dict.fromkeys(TEMPORAL, _temporal),
    **dict.fromkeys(ARRAY, _array),
}
