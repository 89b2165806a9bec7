"""French first, English second: pages are French until the switch (a cookie) says otherwise."""

from __future__ import annotations

import math
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

from flask import Blueprint, Flask, Response, redirect, request
from flask_babel import Babel, format_date, format_datetime, format_decimal, get_locale

from app.errors import NotFoundError

LOCALES = ("fr", "en")
# What programs ask (app/web/problems.py has more, where the browser's pages ask too): the first part of the path.
_OF_PROGRAMS = ("api", "ogc", "open311")
COOKIE = "quietude_language"
TIMEZONE = "Europe/Paris"
TRANSLATIONS = str(Path(__file__).with_name("translations"))

blueprint = Blueprint("language", __name__)


def chosen_locale() -> str:
    """The reader's language."""
    cookie = request.cookies.get(COOKIE)
    if cookie in LOCALES:
        return cookie
    if request.path.split("/")[1] not in _OF_PROGRAMS:
        return "fr"
    # A machine has no switch: it asks in its header.
    return request.accept_languages.best_match(LOCALES, default="fr") or "fr"


def locale_code() -> str:
    """The current locale as 'fr' or 'en', also outside a request."""
    locale = get_locale()
    return locale.language if locale is not None else "fr"


def local_path(target: str | None, fallback: str = "/") -> str:
    """`target` when it is a path on this site, else `fallback`: never an open redirect."""
    # Browsers drop control characters and read a backslash as a slash before they resolve a Location.
    if not target or not target.isprintable() or "\\" in target or not target.startswith("/"):
        return fallback
    parts = urlsplit(target)
    return fallback if parts.scheme or parts.netloc or target.startswith("//") else target


@blueprint.get("/language/<code>")
def switch(code: str) -> Response:
    """Remember the language for a year and go back to the page."""
    if code not in LOCALES:
        raise NotFoundError("language", code)
    response = redirect(local_path(request.args.get("next")))
    response.set_cookie(COOKIE, code, max_age=31_536_000, samesite="Lax", secure=request.is_secure, httponly=True)
    assert isinstance(response, Response)
    return response


def number(value: float) -> str:
    """A number as the reader writes it: whole numbers with separators, others to three significant digits."""
    if isinstance(value, int) or value == round(value):
        return str(format_decimal(round(value)))
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return str(format_decimal(round(value, digits)))


def _first(text: str) -> str:
    """French counts the first of a month only: 1er nov., 2 nov."""
    return f"1er{text[1:]}" if locale_code() == "fr" and text.startswith("1 ") else text


def init_app(app: Flask) -> None:
    """Set up Flask-Babel."""
    app.config["BABEL_TRANSLATION_DIRECTORIES"] = TRANSLATIONS
    Babel(
        app,
        default_locale="fr",
        default_timezone=TIMEZONE,
        locale_selector=lambda: chosen_locale() if request else "fr",
    )
    app.jinja_env.globals["locale_code"] = locale_code
    app.jinja_env.filters["number"] = number
    app.jinja_env.filters["degrees"] = lambda value: format_decimal(value, "0.00000")
    app.jinja_env.filters["day"] = lambda value: _first(format_date(value, "d MMM y"))
    app.jinja_env.filters["moment"] = lambda value: _first(format_datetime(value, "d MMM y, HH:mm"))
    app.register_blueprint(blueprint)

    @app.after_request
    def vary(response: Response) -> Response:
        """An error's words are the asker's: no cache gives them to somebody else."""
        if response.status_code >= HTTPStatus.BAD_REQUEST:
            response.vary.update(("Accept-Language", "Cookie"))
        return response
