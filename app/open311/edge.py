"""What every GeoReport answer shares: who asks (by api_key, never by cookie), its format, how it is refused."""

from __future__ import annotations

import time
from contextlib import suppress
from http import HTTPStatus
from ipaddress import ip_address, ip_network
from typing import Any, cast

from flask import Blueprint, Response, current_app, request
from flask_babel import gettext as _
from limits import RateLimitItem, RateLimitItemPerHour, RateLimitItemPerMinute
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from werkzeug.exceptions import HTTPException, TooManyRequests

from app.errors import (
    BadRequestError,
    ConflictError,
    ForbiddenError,
    InvalidInputError,
    NotFoundError,
    NotSignedInError,
    QuietudeError,
)
from app.open311.commands import as_georeport
from app.open311.render import FORMATS, errors
from app.open311.rules import POSTS_A_MINUTE, RESIDENT_POSTS_AN_HOUR
from app.people.actor import PUBLIC, Actor
from app.people.identity import bearer_token, current_actor
from app.people.limits import is_on
from app.people.setup import COOKIELESS
from app.web.bodies import is_form, json_object
from app.web.logs import get_logger
from app.web.problems import TITLES

_POSTS = RateLimitItemPerMinute(POSTS_A_MINUTE)
_RESIDENT_POSTS = RateLimitItemPerHour(RESIDENT_POSTS_AN_HOUR)
RETRY_AFTER_S = "10"


def asking() -> Actor:
    """Who asks: whom the api_key speaks for, else the public. A cookie says nothing here, so nothing can misuse one."""
    return current_actor() if bearer_token() is not None else PUBLIC


def format_() -> str:
    """The format of this answer: the address's ending, else the one that the client prefers; XML is the standard's."""
    ending = request.path.rpartition(".")[2].lower()
    if ending in FORMATS:
        return ending
    best = request.accept_mimetypes.best_match(["text/xml", "application/xml", "application/json"])
    return "json" if best == "application/json" and "application/json" in request.headers.get("Accept", "") else "xml"


def given() -> dict[str, Any]:
    """The parameters of a post: a form's, JSON's, and those of the address.

    Raises:
        BadRequestError: JSON that is none.

    """
    values: dict[str, Any] = request.args.to_dict()
    if request.is_json:
        return values | {str(name): value for name, value in json_object().items()}
    return values | (request.form.to_dict() if is_form() else {})


def take_api_key() -> None:
    """Before anything asks who this is: the specification's api_key is a bearer token like any other."""
    if bearer_token() is not None:
        return
    key = request.args.get("api_key", "")
    if not key.strip() and request.method == "POST":
        if is_form():
            key = request.form.get("api_key", "")
        elif request.is_json:
            with suppress(BadRequestError):  # said once it is asked who this is
                key = json_object().get("api_key", "")
    if isinstance(key, str) and key.strip():
        request.environ["HTTP_AUTHORIZATION"] = f"Bearer {key.strip()}"


def _household(address: str | None) -> str:
    """Whom a resident's posts count for: an IPv4 address, or the /64 that one line has of IPv6."""
    try:
        parsed = ip_address((address or "").partition("%")[0])
    except ValueError:
        return "unknown"
    return str(parsed) if parsed.version == 4 else str(ip_network((int(parsed) >> 64 << 64, 64)))  # noqa: PLR2004


def take_post(actor: Actor, *, is_resident: bool) -> None:
    """Count one post, for the account or for a resident's address.

    Raises:
        TooManyRequests

    """
    if not is_on():
        return
    item: RateLimitItem = _RESIDENT_POSTS if is_resident else _POSTS
    key = ("open311", _household(request.remote_addr) if is_resident else f"account:{actor.user_id}")
    limiter = current_app.extensions["quietude_limiter"].limiter
    if not limiter.hit(item, *key):
        reset_at = limiter.get_window_stats(item, *key).reset_time
        raise TooManyRequests(retry_after=max(1, int(reset_at - time.time()) + 1))


# ── refusals ────────────────────────────────────────────────────────────────────────────────────────────────────────


def refuse(status: int, *descriptions: str) -> Response:
    """GeoReport's errors in the format of this request."""
    title, detail = TITLES.get(status, (HTTPStatus(status).phrase, ""))
    return errors(status, descriptions or (f"{title}. {detail}".strip(),), format_())


def _ours(error: QuietudeError) -> Response:
    status, descriptions = _said(error)
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        get_logger().error("unhandled", exc_info=error)
    return refuse(status, *descriptions)


def _said(error: QuietudeError) -> tuple[int, list[str]]:
    """The status that the specification has for it, and what is said. It knows 403 where HTTP has 401 and 403."""
    match error:
        case NotSignedInError():
            said = 403, [_("api_key: missing, unknown, expired or revoked")]
        case ForbiddenError():
            said = 403, [_("api_key: this account may not do this")]
        case BadRequestError():
            said = 400, [f"{error.parameter}: {error.message}"]
        case InvalidInputError():
            # A service that does not exist is not found, whatever else is wrong.
            is_unknown = any(one.field == "category" and one.code == "unknown" for one in error.errors)
            said = 404 if is_unknown else 400, [as_georeport(one) for one in error.errors]
        case NotFoundError():
            said = 404, [_("%(what)s: not found", what=error.what)]
        case ConflictError():
            said = 409, [error.message]
        case _:
            said = 500, []
    return said


def _http(error: HTTPException) -> Response:
    if error.response is not None:
        return cast("Response", error.response)
    answer = refuse(error.code or 500)
    for name, value in error.get_headers(request.environ):
        if name not in {"Content-Type", "Content-Length"}:
            answer.headers[name] = value
    return answer


def _away(error: Exception) -> Response:
    get_logger().error("database unavailable", error=str(error).splitlines()[0])
    answer = refuse(503)
    answer.headers["Retry-After"] = RETRY_AFTER_S
    return answer


def _unexpected(error: Exception) -> Response:
    get_logger().error("unhandled", exc_info=error)
    return refuse(500)


def equip(blueprint: Blueprint) -> None:
    """Give a blueprint all of this."""
    COOKIELESS.add(blueprint.name)
    blueprint.url_value_preprocessor(lambda _endpoint, _values: take_api_key())
    blueprint.register_error_handler(QuietudeError, _ours)
    blueprint.register_error_handler(HTTPException, _http)
    blueprint.register_error_handler(OperationalError, _away)
    blueprint.register_error_handler(PoolTimeoutError, _away)
    blueprint.register_error_handler(Exception, _unexpected)

    @blueprint.after_request
    def share(response: Response) -> Response:
        """Apps of other origins may read it: there is no cookie that they could borrow."""
        response.headers["Access-Control-Allow-Origin"] = "*"
        response.headers["Access-Control-Allow-Methods"] = "GET, POST"
        response.headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type, Idempotency-Key"
        response.headers["Access-Control-Expose-Headers"] = "Link, Location, Retry-After"
        response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        response.headers["Vary"] = "Accept-Language, Authorization"
        return response
