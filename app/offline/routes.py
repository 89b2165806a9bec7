"""`/api/offline/…`: who is signed in on this phone, and what it takes along."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from typing import Any

from flask import Blueprint, Response, jsonify, request
from flask_wtf.csrf import generate_csrf

from app.db.session import unit_of_work
from app.errors import ForbiddenError
from app.nomenclature.actions import current_nomenclature
from app.offline import actions
from app.people.guards import require_signed_in
from app.people.identity import current_actor, via_token
from app.places.store import geography_version
from app.web.context import services

blueprint = Blueprint("offline", __name__, template_folder="templates")


@blueprint.get("/api/offline/session")
def session_state() -> Response:
    """Who is signed in by session: its tag, the key of its queue, and a fresh CSRF token. Never kept by a cache."""
    actor = current_actor()
    if via_token():
        raise ForbiddenError("a phone's queue belongs to somebody who signed in with a browser")
    answer: dict[str, Any] = {"signed_in": actor.is_signed_in, "csrf_token": generate_csrf()}
    if actor.is_signed_in:
        with unit_of_work(services().engine, actor) as uow:
            known = actions.own_account(uow, actor)
        answer |= {"account": str(known.tag), "key": base64.b64encode(known.key).decode(), "role": actor.role}
    response = jsonify(answer)
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.get("/api/offline/reference")
def reference() -> Response:
    """Places as [id, kind, name, lon, lat], themes and categories: what the form needs without a network."""
    actor = current_actor()
    require_signed_in(actor)
    nomenclature = current_nomenclature()
    with unit_of_work(services().engine, actor) as uow:
        state = repr((geography_version(uow.connection), nomenclature.themes, nomenclature.categories))
        etag = hashlib.sha256(state.encode()).hexdigest()[:32]
        known = request.if_none_match.contains_weak(etag)
        body = {} if known else actions.reference(uow, nomenclature)
    return _stamped(Response(status=304) if known else _compact(body), etag)


@blueprint.get("/api/offline/reports")
def open_reports() -> Response:
    """Up to 1,000 open reports as [id, category, lon, lat, severity, state, observed_at, version], the newest first."""
    actor = current_actor()
    require_signed_in(actor)
    with unit_of_work(services().engine, actor) as uow:
        body = actions.open_reports(uow)
    etag = hashlib.sha256(json.dumps(body).encode()).hexdigest()[:32]
    known = request.if_none_match.contains_weak(etag)
    return _stamped(Response(status=304) if known else _compact(body), etag)


def _compact(body: dict[str, Any]) -> Response:
    raw = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    if request.accept_encodings["gzip"] <= 0:
        return Response(raw, content_type="application/json")
    answer = Response(gzip.compress(raw, 6, mtime=0), content_type="application/json")
    answer.headers["Content-Encoding"] = "gzip"
    return answer


def _stamped(answer: Response, etag: str) -> Response:
    # Weak: gzipped or not, it is the same list. The phone keeps it itself; no cache does.
    answer.set_etag(etag, weak=True)
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["Vary"] = "Accept-Encoding, Cookie"
    return answer
