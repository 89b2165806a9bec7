"""`/healthz` (the process), `/readyz` (the database), `/metrics` (Prometheus)."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from app.db.migrate import head_revision
from app.web.context import services
from app.web.problems import problem

blueprint = Blueprint("health", __name__)

_READY = text(
    "SELECT (SELECT version_num FROM alembic_version) AS revision,"
    " (SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user)"
    " OR EXISTS (SELECT FROM pg_tables WHERE tablename = 'report' AND tableowner = current_user) AS too_powerful"
)


@blueprint.get("/healthz")
def healthz() -> Response:
    """The process answers."""
    return jsonify(status="ok")


@blueprint.get("/readyz")
def readyz() -> Response:
    """The database is reachable, migrated, and we are nobody powerful in it."""
    try:
        with services().engine.connect() as connection:
            row = connection.execute(_READY).one()
    except SQLAlchemyError:
        return problem(503)
    if row.revision != head_revision():
        return problem(503, f"the schema is at revision {row.revision}, this version needs {head_revision()}")
    if row.too_powerful:
        return problem(503, "the application's database role must neither own the tables nor bypass row security")
    return jsonify(status="ready", revision=row.revision)


@blueprint.get("/metrics")
def metrics() -> Response:
    """Counters of this process."""
    return Response(generate_latest(), content_type=CONTENT_TYPE_LATEST)
