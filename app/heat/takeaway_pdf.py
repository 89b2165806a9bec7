"""A map to take along as an A4 sheet with text that can be searched, by WeasyPrint."""

from __future__ import annotations

import contextlib
import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from flask import current_app
from flask_babel import gettext as _
from markupsafe import Markup

from app.errors import QuietudeError
from app.heat.takeaway_print import Weight, font_path
from app.web.language import locale_code

if TYPE_CHECKING:
    from PIL import Image

    from app.heat.takeaway_sheet import Sheet

MAP_MM = (204, 162)
# About 200 dots an inch.
MAP_PIXELS = (1632, 1296)
PIXELS_PER_POINT = 2
WEIGHTS: tuple[Weight, ...] = ("Regular", "Bold")
_BASE = "sheet:/"


@dataclass
class NoPdfError(QuietudeError):
    """The system's libraries that set text are not installed; one line for the terminal and for the page."""

    message: str

    def __str__(self) -> str:
        return self.message


def _weasyprint() -> Any:
    try:
        # It opens the system's libraries at import, and tells on standard output when there are none.
        with contextlib.redirect_stdout(io.StringIO()):
            import weasyprint  # noqa: PLC0415
    except OSError:
        packages = "libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0"
        raise NoPdfError(
            _("no PDF here: the server lacks Pango (apt install %(packages)s)", packages=packages)
        ) from None
    return weasyprint


def compose(sheet: Sheet, panel: Image.Image) -> bytes:
    """The PDF, tagged (PDF/UA-1).

    Raises:
        NoPdfError: Pango is not installed.

    """
    weasyprint = _weasyprint()
    picture = io.BytesIO()
    panel.save(picture, "PNG", compress_level=4)
    known = {f"{_BASE}map.png": (picture.getvalue(), "image/png")}
    fonts = {weight: f"{_BASE}{weight}.ttf" for weight in WEIGHTS}
    for weight in WEIGHTS:
        known[fonts[weight]] = Path(font_path(weight)).read_bytes(), "font/ttf"
    template = current_app.jinja_env.get_template("heat/takeaway_pdf.html")
    page = template.render(
        sheet=sheet,
        fonts=fonts,
        map_mm=MAP_MM,
        picture=f"{_BASE}map.png",
        left=css_string(f"{sheet.source} · {sheet.made}"),
        middle=css_string(sheet.synthetic),
        right=css_string(f"{sheet.scope}   "),
        locale=locale_code(),
        alt=f"{sheet.measure}. {sheet.table_title}",
    )
    made = weasyprint.HTML(string=page, base_url=_BASE, url_fetcher=_from_memory(weasyprint, known))
    return cast("bytes", made.write_pdf(pdf_variant="pdf/ua-1"))


def css_string(text: str) -> Markup:
    """A text as a string of a style sheet: everything but letters, digits and spaces by its number.

    The space after a number belongs to it.
    """
    return Markup('"' + "".join(c if c.isalnum() or c == " " else f"\\{ord(c):x} " for c in text) + '"')  # noqa: S704


def _from_memory(weasyprint: Any, known: dict[str, tuple[bytes, str]]) -> Any:
    """A fetcher that has these and nothing else: a sheet asks nobody for anything."""

    class Memory(weasyprint.URLFetcher):  # type: ignore[misc]
        def fetch(self, url: str, headers: Any = None) -> Any:
            del headers
            body, kind = known[url]
            return weasyprint.urls.URLFetcherResponse(url, body, {"Content-Type": kind})

    return Memory()
