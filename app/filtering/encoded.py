"""CQL2 JSON → tree."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NoReturn

from flask_babel import gettext as _

from app.filtering import values
from app.filtering.names import FOLDING, operator
from app.filtering.tree import MAX_DEPTH, FilterError, Node, Property

# Besides the operators' own levels, an operand's list and object are levels of JSON.
_MAX_JSON_DEPTH = 3 * MAX_DEPTH


def parse_json(text: str) -> Node:
    """Read CQL2 JSON.

    Raises:
        FilterError: it is no JSON, or no CQL2.

    """
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
    except RecursionError:
        raise _too_deep() from None
    except ValueError as error:
        raise FilterError(_("the filter is no JSON: %(why)s", why=str(error)[:100])) from None
    return _node(value, 0)


def _refuse_constant(name: str) -> NoReturn:
    raise FilterError(_("%(name)s is no number", name=name))


def _too_deep() -> FilterError:
    return FilterError(_("the filter is nested too deeply; at most %(most)d levels", most=MAX_DEPTH))


def _node(value: Any, level: int) -> Node:
    if level > _MAX_JSON_DEPTH:
        raise _too_deep()
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return values.number(value)
    if isinstance(value, str):
        return values.characters(value)
    if isinstance(value, list):
        return values.array([_node(item, level + 1) for item in value])
    if isinstance(value, dict):
        return _object(value, level)
    raise FilterError(_("null is no operand; ask with isNull"))


def _object(value: dict[str, Any], level: int) -> Node:
    if "op" in value:
        return _operator(value["op"], value.get("args"), level)
    if "property" in value:
        if not isinstance(value["property"], str):
            raise FilterError(_("the name of a property is a text"))
        return Property(value["property"])
    # Before "bbox", which a geometry may have too.
    if "type" in value and ("coordinates" in value or "geometries" in value):
        return values.geometry_of_geojson(value, json.dumps(value))
    for name, read in _LITERALS.items():
        if name in value:
            return read(value[name])
    return _former(value, level)


def _former(value: dict[str, Any], level: int) -> Node:
    """What drafts of the standard had, and clients still send: {"casei": …}, {"function": {"name": …}}."""
    for name in FOLDING & value.keys():
        return operator(name, [_node(value[name], level + 1)])
    if isinstance(called := value.get("function"), dict):
        return _operator(called.get("name"), called.get("args", called.get("arguments")), level)
    names = ", ".join(value)[:60]
    raise FilterError(
        _("an object has “op” and “args”, “property”, or a date, time or geometry; not “%(names)s”", names=names)
    )


def _operator(name: Any, args: Any, level: int) -> Node:
    if not isinstance(name, str) or not isinstance(args, list):
        raise FilterError(_("“op” is a text and “args” a list"))
    name = name.lower()
    nodes = [_node(arg, level + 1) for arg in args]
    if name == "between" and len(nodes) == 2 and isinstance(nodes[1], tuple):  # noqa: PLR2004
        nodes = [nodes[0], *nodes[1]]  # as a draft of the standard had it
    return operator(name, nodes)


def _interval(ends: Any) -> Node:
    if not isinstance(ends, list):
        raise FilterError(_("an interval has two ends; “..” leaves one open"))
    return values.interval([_node(end, _MAX_JSON_DEPTH) for end in ends])


def _box(numbers: Any) -> Node:
    return values.envelope(numbers if isinstance(numbers, list) else [])


_LITERALS: dict[str, Callable[[Any], Node]] = {
    "date": values.day,
    "timestamp": values.timestamp,
    "interval": _interval,
    "bbox": _box,
}
