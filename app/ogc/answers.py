"""How the API answers: documents and pages with their links, errors as its standard and RFC 9457 want them, CORS."""

from __future__ import annotations

import hashlib
import json
from http import HTTPStatus
from typing import Any

from flask import Response, render_template, request
from flask_babel import gettext as _
from werkzeug.exceptions import HTTPException

from app.errors import (
    STATUS,
    BadRequestError,
    NotSignedInError,
    QuietudeError,
)
from app.ogc.crs import Crs
from app.ogc.links import Link, add_headers
from app.ogc.negotiate import HTML, Offer, wants_html
from app.web.compression import gzipped
from app.web.language import locale_code
from app.web.logs import get_logger, request_id
from app.web.problems import TITLES, problem

EXPOSED = "Content-Crs, Link, ETag, Content-Type, Content-Language, WWW-Authenticate"
_CODES: dict[int, str] = {
    400: "InvalidParameterValue",
    401: "NotAuthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    406: "NotAcceptable",
}
_WORTH_GZIP_BYTES = 1_000


def document(chosen: Offer, content: dict[str, Any], template: str, **more: Any) -> Response:
    """A document as JSON or as a page; its links also as headers."""
    if chosen.f == "html":
        body = render_template(f"ogc/{template}", document=content, **more)
        response = Response(body, content_type=f"{HTML}; charset=utf-8")
    else:
        response = _encoded(json.dumps(content, ensure_ascii=False).encode(), chosen.media_type)
    return finished(response, content.get("links", more.get("links", [])))


def finished(response: Response, links: list[Link], crs: Crs | None = None) -> Response:
    """The headers that every answer has."""
    add_headers(response, links)
    response.headers["Content-Language"] = locale_code()
    if crs is not None:
        response.headers["Content-Crs"] = f"<{crs.uri}>"
    response.vary.update(("Accept", "Accept-Encoding", "Accept-Language", "Authorization", "Cookie"))
    return response


def features(chosen: Offer, body: bytes, links: list[Link], crs: Crs, *marks: bytes) -> Response:
    """A feature or some of them as GeoJSON; 304 when the client has just that. marks: all that it changes with."""
    digest = hashlib.sha256(chosen.media_type.encode())
    for mark in marks:
        digest.update(mark)
    etag = digest.hexdigest()[:32]
    known = request.if_none_match.contains_weak(etag)
    response = Response(status=304) if known else _encoded(body, chosen.media_type)
    response.set_etag(etag, weak=True)
    # QGIS (Qt) reads its own copy without asking again, also when it has signed in meanwhile: it must not keep one.
    response.cache_control.no_store = True
    response.cache_control.private = True
    return finished(response, links, crs)


def _encoded(body: bytes, media_type: str) -> Response:
    """Compressed when the client can read that. These answers hold no secret beside what an address puts into them."""
    response = Response(body, content_type=media_type)
    return gzipped(response, 1) if len(body) >= _WORTH_GZIP_BYTES else response


def ours(error: QuietudeError) -> Response:
    """The product's own errors."""
    status = next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 500)
    if isinstance(error, BadRequestError):
        detail = _("Parameter “%(name)s”: %(message)s", name=error.parameter, message=error.message)
        return _answer(status, detail, errors=[{"field": error.parameter, "message": error.message}])
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        get_logger().error("unhandled", exc_info=error)
    answer = _answer(status, str(getattr(error, "message", "")))
    if isinstance(error, NotSignedInError):
        answer.headers["WWW-Authenticate"] = "Bearer"
    return answer


def http(error: HTTPException) -> Response:
    """The errors of HTTP itself."""
    if isinstance(error.response, Response):
        return error.response
    status = error.code or 500
    own_words = status == HTTPStatus.NOT_ACCEPTABLE and error.description
    answer = _answer(status, error.description or "" if own_words else "")
    for name, value in error.get_headers(request.environ):
        if name not in {"Content-Type", "Content-Length"}:
            answer.headers[name] = value
    return answer


def _answer(status: int, detail: str, **more: Any) -> Response:
    """A page for people; for machines RFC 9457 with the two members of OGC's exception schema."""
    title, text = TITLES.get(status, (HTTPStatus(status).phrase, ""))
    detail = detail or str(text)
    if wants_html():
        page = render_template(
            "web/error.html", status=status, title=title, text=detail, request_id=request_id(), errors=[]
        )
        return Response(page, status=status, content_type=f"{HTML}; charset=utf-8")
    code = _CODES.get(status, HTTPStatus(status).phrase.replace(" ", ""))
    return problem(status, detail, code=code, description=detail, **more)


def open_to_all(response: Response) -> Response:
    """Pages of other origins may read this API, with a token of their own; never with somebody's session."""
    headers = response.headers
    headers["Access-Control-Allow-Origin"] = "*"
    headers["Access-Control-Expose-Headers"] = EXPOSED
    headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    if request.method == "OPTIONS":
        headers["Access-Control-Allow-Methods"] = "GET, HEAD, OPTIONS"
        headers["Access-Control-Allow-Headers"] = "Authorization, Accept, Accept-Language, Content-Type, If-None-Match"
        headers["Access-Control-Max-Age"] = "86400"
    return response
