"""Text of either encoding → tree, within bounds."""

from __future__ import annotations

from typing import Literal, get_args

from flask_babel import gettext as _

from app.filtering.encoded import parse_json
from app.filtering.text import parse_text
from app.filtering.tree import MAX_CHARACTERS, MAX_NODES, Ast, FilterError, size
from app.filtering.values import characters

Language = Literal["cql2-text", "cql2-json"]
LANGUAGES: tuple[str, ...] = get_args(Language)


def parse_filter(text: str, lang: Language) -> Ast:
    """Read a filter; what its names mean is only asked by compile_filter.

    Raises:
        FilterError: names the fact and what would do.

    """
    if len(text) > MAX_CHARACTERS:
        raise FilterError(_("the filter is too long; at most %(most)d characters", most=MAX_CHARACTERS))
    characters(text)
    if not text.strip():
        raise FilterError(_("the filter is empty"))
    ast = parse_json(text) if lang == "cql2-json" else parse_text(text)
    if size(ast) > MAX_NODES:
        raise FilterError(_("the filter has too many terms; at most %(most)d", most=MAX_NODES))
    return ast
