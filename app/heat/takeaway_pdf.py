"""A map to take along as an A4 sheet with text that can be searched."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from flask import current_app

from app.web.language import locale_code
from app.web.pdf import BASE, FONTS, css_string, make_pdf

if TYPE_CHECKING:
    from PIL import Image

    from app.heat.takeaway_sheet import Sheet

MAP_MM = (204, 162)
# About 200 dots an inch.
MAP_PIXELS = (1632, 1296)
PIXELS_PER_POINT = 2


def compose(sheet: Sheet, panel: Image.Image) -> bytes:
    """The PDF, tagged (PDF/UA-1).

    Raises:
        NoPdfError: Pango is not installed.

    """
    picture = io.BytesIO()
    panel.save(picture, "PNG", compress_level=4)
    template = current_app.jinja_env.get_template("heat/takeaway_pdf.html")
    page = template.render(
        sheet=sheet,
        fonts=FONTS,
        map_mm=MAP_MM,
        picture=f"{BASE}map.png",
        left=css_string(f"{sheet.source} · {sheet.made}"),
        middle=css_string(sheet.synthetic),
        right=css_string(f"{sheet.scope}   "),
        locale=locale_code(),
        alt=f"{sheet.measure}. {sheet.table_title}",
    )
    return make_pdf(page, {f"{BASE}map.png": (picture.getvalue(), "image/png")})
