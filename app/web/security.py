"""Headers that every answer carries: a strict content security policy with a nonce, and its neighbours."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from flask import Flask, Response, g, request

from app.web.basemap import BASEMAPS
from app.web.context import services

if TYPE_CHECKING:
    from app.settings import Settings


# Parts of a page, never a document: not SVG. The worker's own script is no static file, and has its policy.
_PARTS = {"text/css", "text/javascript", "image/png", "application/json"}


def csp_nonce() -> str:
    """This request's nonce, for the few inline blocks that folium makes."""
    if "csp_nonce" not in g:
        g.csp_nonce = secrets.token_urlsafe(16)
    return str(g.csp_nonce)


def _policy(settings: Settings) -> str:
    """The policy, with {nonce} where each request's own goes."""
    # The base map's origin is the one thing that settings may add; no page asks any other origin for anything.
    basemap = BASEMAPS.get(settings.basemap)
    images = " ".join(("'self' data: blob:", *([basemap.origin] if basemap else [])))
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self' 'nonce-{nonce}'",
            "style-src 'self' 'nonce-{nonce}'",
            f"img-src {images}",
            "font-src 'self'",
            "connect-src 'self'",
            "manifest-src 'self'",
            "worker-src 'self'",
            "form-action 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
        )
    )


def init_app(app: Flask) -> None:
    """Set the headers on every answer, error pages included."""
    app.jinja_env.globals["csp_nonce"] = csp_nonce

    with app.app_context():
        settings = services().settings
    policy = _policy(settings)
    fixed = [
        ("X-Content-Type-Options", "nosniff"),
        *([("Strict-Transport-Security", "max-age=31536000")] if settings.https else []),
    ]
    of_documents = [
        ("Referrer-Policy", "same-origin"),
        ("Permissions-Policy", "geolocation=(self), camera=(self), microphone=()"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
    ]

    @app.after_request
    def headers(response: Response) -> Response:
        # Nothing else sets these: they need not be looked for first.
        response.headers.extend(fixed)
        # Of a page's scripts, styles and pictures these say nothing, and a phone fetches sixty of them.
        if request.endpoint != "static" or response.mimetype not in _PARTS:
            response.headers.extend(
                [("Content-Security-Policy", policy.replace("{nonce}", csp_nonce())), *of_documents]
            )
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        # Pages differ by who asks: nothing is kept by a cache unless its route says so.
        response.headers.setdefault("Cache-Control", "no-store")
        return response
