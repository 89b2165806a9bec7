"""Errors become answers: Problem Details (RFC 9457) for machines, a page in the reader's language for people."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, NotRequired, cast

from flask import Flask, Response, json, render_template, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf.csrf import CSRFError
from gunicorn.http.errors import ParseException
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from typing_extensions import TypedDict
from werkzeug.exceptions import HTTPException

from app.errors import STATUS, BadRequestError, ChangedError, InvalidInputError, NotSignedInError, QuietudeError
from app.web.logs import get_logger, request_id

# What machines ask: these never get a page.
MACHINE_PATHS = ("/api/", "/tiles/", "/export/", "/opendata/", "/ogc/", "/healthz", "/readyz", "/metrics")


class ProblemFieldJson(TypedDict):
    """One refused field or parameter, and what to do about it. code: for programs."""

    field: str
    message: str
    code: NotRequired[str]


class ProblemJson(TypedDict):
    """Problem Details (RFC 9457). errors: one for each refused field."""

    type: str
    title: str
    status: int
    detail: str
    request_id: NotRequired[str]
    errors: NotRequired[list[ProblemFieldJson]]


TITLES: dict[int, tuple[Any, Any]] = {
    400: (_l("Bad request"), _l("The address or the form holds something that cannot be read.")),
    401: (_l("Please sign in"), _l("This needs an account.")),
    403: (_l("Not allowed"), _l("Your role does not allow this.")),
    404: (_l("Not found"), _l("There is nothing here, or nothing that you may see.")),
    405: (_l("Not possible"), _l("This address does not accept that kind of request.")),
    408: (_l("Nothing more came"), _l("The connection fell silent before everything was here. Please try again.")),
    409: (_l("Conflict"), _l("This contradicts what is already stored.")),
    412: (_l("Changed meanwhile"), _l("It is no longer what If-Match says. Nothing of yours was stored.")),
    413: (_l("Too large"), _l("What was sent is larger than this service accepts.")),
    414: (_l("Address too long"), _l("This address is longer than this service reads.")),
    415: (_l("Unknown format"), _l("Send JSON or a form.")),
    422: (_l("Please correct"), _l("Some fields could not be accepted.")),
    428: (_l("Which version?"), _l("Say which version this changes: If-Match, or the field version.")),
    429: (_l("Too many requests"), _l("Please wait a moment and try again.")),
    500: (_l("Something went wrong"), _l("The fault is ours. Nothing that was already accepted is lost.")),
    503: (_l("Unavailable for the moment"), _l("The register cannot be reached. Please try again in a minute.")),
}


def wants_page() -> bool:
    """Whether the asker is a person with a browser."""
    if request.path.startswith(MACHINE_PATHS) or request.headers.get("Authorization", "")[:7].lower() == "bearer ":
        return False
    if request.path.startswith("/photos/"):
        # Asked for by pictures on pages and by programs, which take anything: a page only for who asks for one.
        return "text/html" in request.accept_mimetypes.values()
    return request.accept_mimetypes.accept_html


def problem(status: int, detail: str = "", *, title: str = "", **more: Any) -> Response:
    """An RFC 9457 answer."""
    fallback_title, fallback_detail = TITLES.get(status, (HTTPStatus(status).phrase, ""))
    body = {
        "type": "about:blank",
        "title": title or str(fallback_title),
        "status": status,
        "detail": detail or str(fallback_detail),
        "request_id": request_id(),
        **more,
    }
    return Response(json.dumps(body), status=status, content_type="application/problem+json")


def error_answer(status: int, detail: str = "", **more: Any) -> Response:
    """A page for people, a problem for machines."""
    if not wants_page():
        return problem(status, detail, **more)
    title, text = TITLES.get(status, (HTTPStatus(status).phrase, ""))
    page = render_template(
        "web/error.html",
        status=status,
        title=title,
        text=detail or text,
        request_id=request_id(),
        errors=more.get("errors", []),
    )
    return Response(page, status=status, content_type="text/html; charset=utf-8")


def _ours(error: QuietudeError) -> Response:
    status: int = next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 500)
    if isinstance(error, ChangedError) and request.if_match:
        status = HTTPStatus.PRECONDITION_FAILED
    if isinstance(error, InvalidInputError):
        if not wants_page() and all((one.field, one.code) == ("version", "missing") for one in error.errors):
            status = HTTPStatus.PRECONDITION_REQUIRED
        fields = [{"field": e.field, "message": e.message, "code": e.code} for e in error.errors]
        return error_answer(status, errors=fields)
    if isinstance(error, BadRequestError):
        detail = _("Parameter “%(name)s”: %(message)s", name=error.parameter, message=error.message)
        return error_answer(status, detail, errors=[{"field": error.parameter, "message": error.message}])
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        get_logger().error("unhandled", exc_info=error)
        return error_answer(status)
    answer = error_answer(status, getattr(error, "message", ""))
    if isinstance(error, NotSignedInError):
        answer.headers["WWW-Authenticate"] = "Bearer"
    return answer


def _http(error: HTTPException) -> Response:
    if error.response is not None:  # redirects and answers made by a library
        return cast("Response", error.response)
    answer = error_answer(error.code or 500)
    for name, value in error.get_headers(request.environ):
        if name not in {"Content-Type", "Content-Length"}:
            answer.headers[name] = value
    return answer


def _no_token(_error: CSRFError) -> Response:
    """The form is of another session, or the browser sent no cookie back."""
    return error_answer(
        400,
        _(
            "This page is too old, or your browser keeps no cookies. Allow them for this site, open the page again and"
            " send it once more."
        ),
    )


def _database_away(error: Exception) -> Response:
    get_logger().error("database unavailable", error=str(error).splitlines()[0])
    answer = error_answer(503)
    answer.headers["Retry-After"] = "10"
    return answer


def _broken_body(_error: ParseException) -> Response:
    """The server reads a body only when a view asks for it: then its pieces turn out to be no HTTP."""
    return error_answer(400)


def _unexpected(error: Exception) -> Response:
    get_logger().error("unhandled", exc_info=error)
    return error_answer(500)


def init_app(app: Flask) -> None:
    """Register the one map from errors to answers."""
    app.register_error_handler(QuietudeError, _ours)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(CSRFError, _no_token)
    app.register_error_handler(OperationalError, _database_away)
    app.register_error_handler(PoolTimeoutError, _database_away)
    app.register_error_handler(ParseException, _broken_body)
    app.register_error_handler(Exception, _unexpected)
