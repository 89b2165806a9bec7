"""What a filter is once it is read: operators and operands of CQL2 (OGC 21-065r2), the same for text and JSON. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from flask_babel import gettext as _
from shapely.geometry.base import BaseGeometry

from app.errors import BadRequestError

# A filter in an address is bounded by the server (8,190 bytes); these bound what comes another way.
MAX_CHARACTERS = 20_000
MAX_NODES = 2_000
MAX_DEPTH = 60


class FilterError(BadRequestError):
    """The filter cannot be read or means nothing here; the message says what and what would do."""

    def __init__(self, message: str, parameter: str = "filter") -> None:
        super().__init__(parameter, message)


@dataclass(frozen=True)
class Property:
    """The name of a property, as it was written."""

    name: str


@dataclass(frozen=True)
class Interval:
    """Both ends belong to it; None: open."""

    start: Instant | None
    end: Instant | None


@dataclass(frozen=True)
class Box:
    """A box in the axis order of the filter's reference system: the low corner's two numbers, the high corner's two."""

    first_low: float
    second_low: float
    first_high: float
    second_high: float


Instant = date | datetime | Property
Literal = bool | int | float | str | date | datetime | Interval | Box | BaseGeometry


@dataclass(frozen=True)
class Op:
    """An operator or function: its name in CQL2 JSON, lower case; its operands; how deep the tree is from here on."""

    name: str
    args: tuple[Node, ...]
    depth: int = 1


# A tuple is a list; no list holds another.
Node = Op | Property | Literal | tuple["Node", ...]
Ast = Node


def op(name: str, *args: Node) -> Op:
    """An operator over operands.

    Raises:
        FilterError: the tree gets too deep.

    """
    depth = 1 + max((_depth(arg) for arg in args), default=0)
    if depth > MAX_DEPTH:
        raise FilterError(_("the filter is nested too deeply; at most %(most)d levels", most=MAX_DEPTH))
    return Op(name, args, depth)


def _depth(node: Node) -> int:
    if isinstance(node, Op):
        return node.depth
    if isinstance(node, tuple):
        return max((_depth(item) for item in node), default=0)
    return 0


def joined(name: str, args: list[Node]) -> Node:
    """`and` and `or` of any number: those of one kind beside each other are one."""
    flat: list[Node] = []
    for arg in args:
        flat.extend(arg.args if isinstance(arg, Op) and arg.name == name else (arg,))
    return op(name, *flat) if len(flat) > 1 else flat[0]


def size(node: Node) -> int:
    """How many nodes a tree has."""
    if isinstance(node, Op):
        return 1 + sum(size(arg) for arg in node.args)
    if isinstance(node, tuple):
        return 1 + sum(size(item) for item in node)
    return 1
