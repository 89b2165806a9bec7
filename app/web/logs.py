"""Structured logs: one line a request, with a request id that is also in the answer and on every error page."""

from __future__ import annotations

import logging
import re
import secrets
import time

import structlog
from flask import Flask, Response, g, request

from app.web.context import services

_GOOD_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")


def configure(log_format: str) -> None:
    """Send structlog and the standard library through one renderer."""
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=False, pad_event_to=24)
    )
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                renderer,
            ],
        )
    )
    logger = logging.getLogger("quietude")
    logger.handlers[:] = [handler]
    logger.propagate = False
    logger.setLevel(logging.INFO)


def get_logger() -> structlog.stdlib.BoundLogger:
    """The product's logger."""
    logger: structlog.stdlib.BoundLogger = structlog.get_logger("quietude")
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
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id())

    @app.after_request
    def finish(response: Response) -> Response:
        response.headers["X-Request-Id"] = request_id()
        get_logger().info(
            "request",
            method=request.method,
            route=str(request.url_rule or "-"),
            status=response.status_code,
            ms=round((time.perf_counter() - g.get("started", time.perf_counter())) * 1000, 1),
        )
        return response
