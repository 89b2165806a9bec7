"""Pages as PDF by WeasyPrint: with a font of ours, tagged, and without asking anybody for anything."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, cast

from flask_babel import gettext as _
from markupsafe import Markup

from app.errors import QuietudeError

Weight = Literal["Regular", "Semibold", "Bold"]
WEIGHTS: tuple[Weight, ...] = ("Regular", "Bold")
BASE = "sheet:/"
# The addresses of the font's files inside a page.
FONTS = {weight: f"{BASE}{weight}.ttf" for weight in WEIGHTS}


class NoPdfError(QuietudeError):
    """The system's libraries that set text are not installed; one line for the terminal and for the page."""


def font_path(weight: Weight) -> str:
    """Where the font's file is: it comes with a Python package, so that it is the same on every machine."""
    return str(files("font_source_sans_pro") / "files" / f"SourceSansPro-{weight}.ttf")


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


def make_pdf(page: str, files_of_page: Mapping[str, tuple[bytes, str]]) -> bytes:
    """A page as PDF, tagged (PDF/UA-1). files_of_page: address under BASE → (content, media type).

    Raises:
        NoPdfError: Pango is not installed.

    """
    weasyprint = _weasyprint()
    known = dict(files_of_page)
    for weight, address in FONTS.items():
        known[address] = Path(font_path(weight)).read_bytes(), "font/ttf"
    made = weasyprint.HTML(string=page, base_url=BASE, url_fetcher=_from_memory(weasyprint, known))
    return cast("bytes", made.write_pdf(pdf_variant="pdf/ua-1"))


def css_string(text: str) -> Markup:
    """A text as a string of a style sheet: everything but letters, digits and spaces by its number.

    The space after a number belongs to it.
    """
    return Markup('"' + "".join(c if c.isalnum() or c == " " else f"\\{ord(c):x} " for c in text) + '"')  # noqa: S704


def _from_memory(weasyprint: Any, known: dict[str, tuple[bytes, str]]) -> Any:
    """A fetcher that has these and nothing else: a page asks nobody for anything."""

    class Memory(weasyprint.URLFetcher):  # type: ignore[misc]
        def fetch(self, url: str, headers: Any = None) -> Any:
            del headers
            body, kind = known[url]
            return weasyprint.urls.URLFetcherResponse(url, body, {"Content-Type": kind})

    return Memory()
