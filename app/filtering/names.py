"""The operators and functions of CQL2 by name, and how a call becomes a node. Pure."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _

from app.filtering import values
from app.filtering.tree import FilterError, Node, joined, op

COMPARISONS = frozenset({"=", "<>", "<", ">", "<=", ">="})
ARITHMETIC = frozenset({"+", "-", "*", "/", "%", "div", "^"})
SPATIAL = frozenset(
    f"s_{name}" for name in ("intersects", "equals", "disjoint", "touches", "within", "overlaps", "crosses", "contains")
)
TEMPORAL = frozenset(
    f"t_{name}"
    for name in (
        "after", "before", "contains", "disjoint", "during", "equals", "finishedby", "finishes", "intersects", "meets",
        "metby", "overlappedby", "overlaps", "startedby", "starts",
    )
)  # fmt: skip
ARRAY = frozenset({"a_equals", "a_contains", "a_containedby", "a_overlaps"})
FOLDING = frozenset({"casei", "accenti"})
# How many operands each takes; and, or take two or more.
OPERANDS = {
    **dict.fromkeys(COMPARISONS | ARITHMETIC | SPATIAL | TEMPORAL | ARRAY | {"like", "in"}, 2),
    **dict.fromkeys(FOLDING | {"not", "isnull"}, 1),
    "between": 3,
}
# Those that text writes like functions.
CALLED = SPATIAL | TEMPORAL | ARRAY | FOLDING
_BOX_NAMES = frozenset({"envelope", "bbox"})


def construct(name: str, args: list[Node]) -> Node:
    """A call of the text encoding: a literal (DATE, TIMESTAMP, INTERVAL, ENVELOPE) or an operator.

    Raises:
        FilterError: there is no such function, or it takes other operands.

    """
    if name in {"date", "timestamp"}:
        value = _only(name, args)
        return values.day(value) if name == "date" else values.timestamp(value)
    if name == "interval":
        return values.interval(args)
    if name in _BOX_NAMES:
        return values.envelope(args)
    if name not in CALLED:
        raise FilterError(
            _("there is no function “%(name)s”; known are %(names)s", name=name[:40], names=", ".join(sorted(CALLED)))
        )
    return operator(name, args)


def _only(name: str, args: list[Any]) -> Any:
    if len(args) != 1:
        raise FilterError(_("operands of “%(name)s”: exactly %(count)d", name=name, count=1))
    return args[0]


def operator(name: str, args: list[Node]) -> Node:
    """An operator by its name (lower case) with as many operands as it takes.

    Raises:
        FilterError: there is no such operator, or it takes other operands.

    """
    if name in {"and", "or"}:
        if len(args) < 2:  # noqa: PLR2004
            raise FilterError(_("“%(name)s” takes two operands or more", name=name))
        return joined(name, args)
    if name not in OPERANDS:
        known = ", ".join(sorted({"and", "or", *OPERANDS}))
        raise FilterError(_("there is no operator “%(name)s”; known are %(names)s", name=name[:40], names=known))
    if len(args) != OPERANDS[name]:
        raise FilterError(_("operands of “%(name)s”: exactly %(count)d", name=name, count=OPERANDS[name]))
    return op(name, *args)
