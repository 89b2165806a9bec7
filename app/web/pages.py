"""Pages that belong to no domain: the start page, the accessibility statement, the installable app's files."""

from __future__ import annotations

import time
from typing import Any

from flask import Blueprint, Response, current_app, render_template
from flask_wtf.csrf import generate_csrf
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from app.version import VERSION
from app.web.context import services

blueprint = Blueprint("pages", __name__)

_SYNTHETIC = text("SELECT EXISTS (SELECT FROM organisation WHERE is_synthetic)")
_KEPT_S = 30.0


def has_synthetic_data() -> bool:
    """Whether demo data is loaded: every page then says so. Looked up at most every 30 seconds."""
    kept: tuple[float, bool] | None = current_app.extensions.get("quietude_synthetic")
    if kept is not None and time.monotonic() - kept[0] < _KEPT_S:
        return kept[1]
    try:
        with services().engine.connect() as connection:
            answer = bool(connection.execute(_SYNTHETIC).scalar_one())
    except SQLAlchemyError:  # an error page must not fail for its banner
        return kept[1] if kept else False
    current_app.extensions["quietude_synthetic"] = (time.monotonic(), answer)
    return answer


@blueprint.app_context_processor
def _everywhere() -> dict[str, Any]:
    return {
        "has_synthetic_data": has_synthetic_data,
        "csrf_token": generate_csrf,
        "basemap": services().settings.basemap,
        "version": VERSION,
    }


@blueprint.get("/")
def home() -> str:
    """The start page."""
    return render_template("web/home.html")


@blueprint.get("/accessibility")
def accessibility() -> str:
    """The accessibility statement that French law asks for."""
    return render_template("web/accessibility.html")


@blueprint.get("/manifest.webmanifest")
def manifest() -> Response:
    """What makes the form installable."""
    response = current_app.send_static_file("manifest.webmanifest")
    response.headers["Content-Type"] = "application/manifest+json"
    return response
