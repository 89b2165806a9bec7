"""What a viewer must be told about protected numbers, in the reader's language."""

from __future__ import annotations

from flask_babel import gettext as _


def notice_texts(codes: tuple[str, ...], k: int) -> list[str]:
    """A sentence for each notice of a picture (selection.Asked.notices)."""
    texts = {
        "small_numbers": _(
            "Protected counts: by theme, quarter and square of 400 m, in multiples of %(least)s; fewer than %(least)s"
            " look like none.",
            least=k,
        ),
        "whole_themes": _("Protected counts are shown by whole themes only; a part of a theme is left out."),
        "whole_quarters": _("Protected counts are shown by whole quarters only; a part of a quarter is left out."),
        "no_parts": _("Protected counts cannot be filtered by state or severity, and are left out."),
    }
    return [texts[code] for code in codes]
