"""Structured logs: one line a request, with a request id that is also in the answer and on every error page."""

from __future__ import annotations

import logging
import re
import secrets
import sys
import threading
import time
from contextlib import suppress
from contextvars import ContextVar
from functools import cache

import structlog
from flask import Flask, Response, g, request

from app.web.context import services

_GOOD_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")
# Of the request that this thread is at, or was at last.
_CURRENT_ID: ContextVar[str | None] = ContextVar("quietude_request_id", default=None)


class _Lines:
    """Whole lines to standard error. Nobody's request fails because a terminal went away."""

    def __init__(self) -> None:
        self._stream = sys.stderr
        self._lock = threading.Lock()

    def msg(self, line: str) -> None:
        """Write one line."""
        with self._lock, suppress(OSError, ValueError):
            self._stream.write(f"{line}\n")
            self._stream.flush()

    debug = info = warning = error = exception = critical = msg


def _for_a_terminal(_logger: object, _method: str, event: structlog.typing.EventDict) -> str:
    """Time, level, event, then what was said, by name; structlog's own renderer takes four times as long."""
    head = f"{event.pop('timestamp')} [{event.pop('level'):<8}] {event.pop('event'):<24}"
    trace = event.pop("exception", None)
    line = " ".join((head, *(f"{name}={_shown(value)}" for name, value in event.items())))
    return line if trace is None else f"{line}\n{trace}"


def _shown(value: object) -> object:
    """One word as it is; anything else so that its end is plain and it stays on its line."""
    is_word = not isinstance(value, str) or (value.isprintable() and " " not in value)
    return value if is_word else repr(value)


def _with_request_id(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Also what is said while an answer is streamed, when the request is over for the framework."""
    known = _CURRENT_ID.get()
    if known is not None:
        event["request_id"] = known
    return event


def configure(log_format: str) -> None:
    """Send structlog straight to standard error: by way of the standard library a line took five times as long."""
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False) if log_format == "json" else _for_a_terminal
    )
    lines = _Lines()
    structlog.configure(
        processors=[
            _with_request_id,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=lambda *_names: lines,
        # Every application that is made configures again (each test has one): get_logger forgets, loggers do not.
        cache_logger_on_first_use=False,
    )
    get_logger.cache_clear()


@cache
def get_logger() -> structlog.typing.FilteringBoundLogger:
    """The product's logger, put together once a configuration."""
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger().bind()
    return logger


def request_id() -> str:
    """The id of this request: the proxy's X-Request-Id when it looks like one, else a new one."""
    if "request_id" not in g:
        given = request.headers.get("X-Request-Id", "")
        g.request_id = given if _GOOD_ID.fullmatch(given) else secrets.token_hex(8)
    return str(g.request_id)


def init_app(app: Flask) -> None:
    """Log each request once it is answered: never its body, its query or who sent it."""
    with app.app_context():
        configure(services().settings.log_format)

    @app.before_request
    def start() -> None:
        g.started = time.perf_counter()
        _CURRENT_ID.set(request_id())

    @app.after_request
    def finish(response: Response) -> Response:
        now, rule = time.perf_counter(), request.url_rule
        # Nothing else sets it: it need not be looked for first.
        response.headers.add("X-Request-Id", request_id())
        get_logger().info(
            "request",
            method=request.method,
            route="-" if rule is None else rule.rule,
            status=response.status_code,
            ms=round((now - g.get("started", now)) * 1000, 1),
        )
        return response
