"""Headers that every answer carries: a strict content security policy with a nonce, and its neighbours."""

from __future__ import annotations

import secrets

from flask import Flask, Response, g

from app.web.basemap import BASEMAPS
from app.web.context import services


def csp_nonce() -> str:
    """This request's nonce, for the few inline blocks that folium makes."""
    if "csp_nonce" not in g:
        g.csp_nonce = secrets.token_urlsafe(16)
    return str(g.csp_nonce)


def _policy() -> str:
    # The base map's origin is the one thing that settings may add; no page asks any other origin for anything.
    basemap = BASEMAPS.get(services().settings.basemap)
    images = " ".join(("'self' data: blob:", *([basemap.origin] if basemap else [])))
    nonce = f"'nonce-{csp_nonce()}'"
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src 'self' {nonce}",
            f"style-src 'self' {nonce}",
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

    @app.after_request
    def headers(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = _policy()
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "same-origin"
        response.headers["Permissions-Policy"] = "geolocation=(self), camera=(self), microphone=()"
        response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        if services().settings.https:
            response.headers["Strict-Transport-Security"] = "max-age=31536000"
        # Pages differ by who asks: nothing is kept by a cache unless its route says so.
        if "Cache-Control" not in response.headers:
            response.headers["Cache-Control"] = "no-store"
        return response
