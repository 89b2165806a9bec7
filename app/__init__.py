"""Quiétude: a register of public-space defects, tranquillity issues and interventions, with heat maps."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

    from flask import Flask

    from app.settings import Settings

# Domains with pages or endpoints, in the order of the layers.
BLUEPRINTS = (
    "web.health",
    "web.pages",
    "people",
    "places",
    "photos",
    "photos.resumable_routes",
    "routing",
    "reports",
    "reports.moves_routes",
    "reports.duplicates_routes",
    "reports.confirmations_routes",
    "reports.near_routes",
    "interventions",
    "interventions.api_routes",
    "patrols",
    "patrols.api_routes",
    "heat",
    "heat.page",
    "heat.mvt_routes",
    "heat.takeaway_routes",
    "exports",
    "ogc",
    "api",
    "desk.tfpb_routes",
    "desk.desk_routes",
    "desk.texts_routes",
    "desk.dashboard_routes",
    "notifications",
    "offline",
    "open311",
    "open311.admin_routes",
    "imports",
    "opendata",
)


def create_app(settings: Settings | None = None) -> Flask:
    """Build the application: settings, services, blueprints, error map. Nothing else."""
    from flask import Flask  # noqa: PLC0415  (the command line imports this package without needing Flask)

    from app.people import setup as people  # noqa: PLC0415
    from app.settings import load_settings  # noqa: PLC0415
    from app.web import compression, context, language, logs, metrics, problems, security  # noqa: PLC0415

    app = Flask("app.web", static_url_path="/static")
    context.init_app(app, settings or load_settings())
    logs.init_app(app)
    metrics.init_app(app)
    security.init_app(app)
    compression.init_app(app)
    language.init_app(app)
    problems.init_app(app)
    people.init_app(app)
    for module in load_modules():
        app.register_blueprint(module.blueprint)
    return app


def load_modules() -> list[ModuleType]:
    """Import every module with a blueprint: most of the time of a start, and shared by processes forked afterwards."""
    return [import_module(f"app.{name if '.' in name else f'{name}.routes'}") for name in BLUEPRINTS]
