"""What every request needs from the process: settings and the engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from flask import Flask, current_app, request
from werkzeug.middleware.proxy_fix import ProxyFix

from app.db.cluster import Cluster
from app.db.session import make_engine

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from app.settings import Settings

# Room for a form that somebody pasted a book into: it deserves a message at its field, not a cut connection.
MAX_BODY_BYTES = 16_000_000


@dataclass(frozen=True)
class Services:
    """Made once a process."""

    settings: Settings
    engine: Engine


def database_url(settings: Settings) -> str:
    """Where the application connects: the server of one's own, else the embedded cluster."""
    return settings.database_url or Cluster(settings.var_dir).url("app")


def init_app(app: Flask, settings: Settings) -> None:
    """Attach the services and Flask's own configuration."""
    app.extensions["quietude"] = Services(settings, make_engine(database_url(settings), pool_size=settings.threads))
    app.config.update(
        SECRET_KEY=settings.secret_key,
        MAX_CONTENT_LENGTH=MAX_BODY_BYTES,
        MAX_FORM_MEMORY_SIZE=MAX_BODY_BYTES,
        MAX_FORM_PARTS=100,
        SESSION_COOKIE_NAME="quietude_session",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.https,
        PREFERRED_URL_SCHEME="https" if settings.https else "http",
    )
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    # None of our views and hooks is a coroutine: Flask need not look at twenty of them in every request.
    app.ensure_sync = lambda function: function  # type: ignore[assignment,method-assign]
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        behind = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops, x_prefix=hops)
        app.wsgi_app = cast("Any", behind)  # type: ignore[method-assign]


def services() -> Services:
    """The current process's services."""
    return cast("Services", current_app.extensions["quietude"])


def base_url() -> str:
    """Where absolute links begin, without the last slash: QUIETUDE_PUBLIC_URL, else as the request was addressed."""
    return (services().settings.public_url or request.url_root).rstrip("/")
