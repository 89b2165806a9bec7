"""`/api/offline/…`: who is signed in on this phone, and what it takes along; `/sw.js`, `/outbox` and the shells."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from flask import Blueprint, Response, jsonify, render_template, request
from flask_wtf.csrf import generate_csrf

from app.db.session import unit_of_work
from app.errors import ForbiddenError, NotFoundError
from app.nomenclature.actions import current_nomenclature
from app.offline import actions, api, shells
from app.people.guards import require_signed_in
from app.people.identity import current_actor, via_token
from app.people.setup import derived_key
from app.places.store import geography_version
from app.web.compression import packed
from app.web.context import services
from app.web.language import LOCALES

blueprint = Blueprint("offline", __name__, template_folder="templates")

# Of Brotli: a phone fetches these once a release, and each takes some ten milliseconds.
_SMALL = 10


@blueprint.get("/api/offline/session")
@api.SESSION
def session_state() -> Response:
    """Who is signed in by session: its tag, the key of its queue, and a fresh CSRF token. Never kept by a cache."""
    actor = current_actor()
    if via_token():
        raise ForbiddenError("a phone's queue belongs to somebody who signed in with a browser")
    # Nobody has nothing to send, and a token comes with a cookie, which would take the place of the sign-in page's own.
    csrf_token = generate_csrf() if actor.is_signed_in else ""
    answer: dict[str, Any] = {"signed_in": actor.is_signed_in, "csrf_token": csrf_token, "page": phone_account()}
    if actor.is_signed_in:
        with unit_of_work(services().engine, actor) as uow:
            known = actions.own_account(uow, actor)
        answer |= {"account": str(known.tag), "key": base64.b64encode(known.key).decode(), "role": actor.role}
    response = jsonify(answer)
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.get("/api/offline/reference")
@api.REFERENCE
def reference() -> Response:
    """Places as [id, kind, name, lon, lat], themes and categories: what the form needs without a network."""
    actor = current_actor()
    require_signed_in(actor)
    nomenclature = current_nomenclature()
    with unit_of_work(services().engine, actor) as uow:
        state = repr((geography_version(uow.connection), nomenclature.themes, nomenclature.categories))
        etag = hashlib.sha256(state.encode()).hexdigest()[:32]
        known = request.if_none_match.contains_weak(etag)
        raw = b"" if known else _compact(actions.reference(uow, nomenclature))
    return _stamped(raw, etag)


@blueprint.get("/api/offline/reports")
@api.REPORTS
def open_reports() -> Response:
    """Up to 1,000 open reports as [id, category, lon, lat, severity, state, observed_at, version], the newest first.

    `?first=1`: 100, for a phone that has none yet.
    """
    actor = current_actor()
    require_signed_in(actor)
    most = actions.FIRST_REPORTS if "first" in request.args else actions.MOST_REPORTS
    with unit_of_work(services().engine, actor) as uow:
        raw = _compact(actions.open_reports(uow, most=most))
    return _stamped(raw, hashlib.sha256(raw).hexdigest()[:32])


@blueprint.get("/api/offline/patrols")
@api.ROUNDS
def rounds() -> Response:
    """Rounds under way or planned for the next days, each with its stops and what was looked at."""
    actor = current_actor()
    with unit_of_work(services().engine, actor) as uow:
        raw = _compact(actions.rounds(uow, actor, now=datetime.now(UTC)))
    return _stamped(raw, hashlib.sha256(raw).hexdigest()[:32])


def _compact(body: dict[str, Any]) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def _stamped(raw: bytes, etag: str) -> Response:
    """The list with its mark; 304 without it when the phone has just that."""
    known = request.if_none_match.contains_weak(etag)
    answer = Response(status=304) if known else packed(Response(raw, content_type="application/json"))
    # Weak: gzipped or not, it is the same list. The phone keeps it itself; no cache does.
    answer.set_etag(etag, weak=True)
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["Vary"] = "Accept-Encoding, Cookie"
    return answer


# ── the installable app ─────────────────────────────────────────────────────────────────────────────────────────────


@blueprint.get("/sw.js")
def service_worker() -> Response:
    """The worker with the list of what it keeps, from the root so that its scope is the whole site.

    `?classic`: for browsers whose workers take no modules; without sending in the background.
    """
    facts = f"const RELEASE = {json.dumps(shells.worker_facts(), indent=1)};\n"
    code = (shells.STATIC / "js" / "sw.js").read_text(encoding="utf-8")
    if "classic" in request.args:
        code = "\n".join(line for line in code.splitlines() if not line.startswith("import "))
    response = packed(Response(facts + code, content_type="text/javascript; charset=utf-8"), quality=_SMALL)
    response.headers["Cache-Control"] = "no-cache"
    response.add_etag()
    response.make_conditional(request)
    return response


@blueprint.get("/offline/shell")
def shell() -> Response:
    """`?page=/reports/new&lang=fr`: a page without anybody in it, for the phone to keep."""
    page, locale = request.args.get("page", ""), request.args.get("lang", "fr")
    if page not in shells.TEMPLATES:
        raise NotFoundError("page", page[:40])
    html = shells.render_shell(page, locale if locale in LOCALES else "fr")
    return packed(Response(html, mimetype="text/html"), quality=_SMALL)


@blueprint.get("/outbox")
def outbox() -> str:
    """What waits on this phone: the page knows nothing of it, its script does."""
    return render_template("offline/outbox.html", phone=True)


@blueprint.get("/offline")
def no_network() -> str:
    """What opens instead of a page that this phone does not have."""
    return render_template("offline/offline.html", phone=True)


@blueprint.app_context_processor
def _whose_phone() -> dict[str, Any]:
    return {"phone_account": phone_account}


def phone_account() -> str:
    """The account of this page, as a word that tells nothing: the phone notices that it is somebody else's now."""
    actor = current_actor()
    if not actor.is_signed_in:
        return "none"
    return derived_key(services().settings.secret_key, f"phone {actor.user_id}")[:16]


@blueprint.after_app_request
def _name_release(response: Response) -> Response:
    """A page says of which release it is, so that the worker mixes it with nothing older."""
    if response.mimetype == "text/html" and response.status_code == HTTPStatus.OK:
        response.headers["X-Quietude-Release"] = shells.release()
    return response
