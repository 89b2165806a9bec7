"""CQL2 text → tree."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import cast

from flask_babel import gettext as _
from lark import Lark, Token, Transformer, v_args
from lark.exceptions import UnexpectedCharacters, UnexpectedToken

from app.filtering import values
from app.filtering.names import construct
from app.filtering.tree import FilterError, Node, Property, joined, op

# Digits beyond those of any number of double precision.
_TOO_LONG = 400


@v_args(inline=True)
class _Builder(Transformer[Token, Node]):
    """Makes nodes while the parser runs: no tree between, no recursion."""

    def start(self, node: Node) -> Node:
        return node

    def or_(self, *args: Node) -> Node:
        return joined("or", list(args))

    def and_(self, *args: Node) -> Node:
        return joined("and", list(args))

    def negation(self, node: Node) -> Node:
        return op("not", node)

    def comparison(self, left: Node, sign: Token, right: Node) -> Node:
        return op(str(sign), left, right)

    def like(self, value: Node, pattern: Node) -> Node:
        return op("like", value, pattern)

    def not_like(self, value: Node, pattern: Node) -> Node:
        return op("not", op("like", value, pattern))

    def between(self, value: Node, low: Node, high: Node) -> Node:
        return op("between", value, low, high)

    def not_between(self, value: Node, low: Node, high: Node) -> Node:
        return op("not", op("between", value, low, high))

    def in_(self, value: Node, *among: Node) -> Node:
        return op("in", value, tuple(among))

    def not_in(self, value: Node, *among: Node) -> Node:
        return op("not", op("in", value, tuple(among)))

    def is_null(self, value: Node) -> Node:
        return op("isnull", value)

    def is_not_null(self, value: Node) -> Node:
        return op("not", op("isnull", value))

    def arithmetic(self, left: Node, sign: Token, right: Node) -> Node:
        return op(sign.lower(), left, right)

    def minus(self, _sign: Token, value: Node) -> Node:
        negative = values.negative(value)
        return op("*", -1, value) if negative is None else negative

    def plus(self, _sign: Token, value: Node) -> Node:
        return value

    def number(self, token: Token) -> Node:
        is_whole = token.isdigit() and len(token) < _TOO_LONG
        return values.number(int(token) if is_whole else float(token))

    def string(self, token: Token) -> Node:
        return values.characters(token[1:-1].replace("''", "'").replace("\\'", "'"))

    def true(self, _token: Token) -> Node:
        return True

    def false(self, _token: Token) -> Node:
        return False

    def name(self, token: Token) -> Node:
        return Property(str(token))

    def quoted(self, token: Token) -> Node:
        return Property(token[1:-1])

    def array(self, *items: Node | None) -> Node:
        return values.array([item for item in items if item is not None])

    def function(self, name: Token, *args: Node | None) -> Node:
        return construct(name.lower(), [arg for arg in args if arg is not None])

    def geometry(self, *tokens: Token) -> Node:
        return values.geometry_of_wkt("".join(token if token in {"-", "+"} else f"{token} " for token in tokens))


@lru_cache(maxsize=1)
def _parser() -> Lark:
    grammar = (Path(__file__).parent / "grammar.lark").read_text(encoding="utf-8")
    return Lark(grammar, parser="lalr", maybe_placeholders=False, transformer=_Builder())


def parse_text(text: str) -> Node:
    """Read CQL2 text.

    Raises:
        FilterError: names the place where it stops being CQL2.

    """
    try:
        return cast("Node", _parser().parse(text))
    except UnexpectedToken as error:
        raise _unexpected(text, len(text) if error.token.type == "$END" else error.token.start_pos) from None
    except UnexpectedCharacters as error:
        raise _unexpected(text, cast("int", error.pos_in_stream)) from None


def _unexpected(text: str, place: int | None) -> FilterError:
    if place is None or place >= len(text):
        return FilterError(_("the filter ends too early"))
    rest = text[place : place + 20]
    return FilterError(_("not CQL2 from character %(place)d on: “%(rest)s”", place=place + 1, rest=rest))
