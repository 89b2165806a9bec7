"""Counts and durations for Prometheus, by route pattern (never by path: a path can hold an id)."""

from __future__ import annotations

import time
from functools import cache

from flask import Flask, Response, g, request
from prometheus_client import Counter, Histogram

REQUESTS = Counter("quietude_requests_total", "Requests answered", ["method", "route", "status"])
SECONDS = Histogram("quietude_request_seconds", "Time to the first byte of the answer", ["route"])


@cache
def _children(method: str, route: str, status: int) -> tuple[Counter, Histogram]:
    # Looking labels up costs more than counting. Routes, methods and statuses are few: Flask refuses unknown methods.
    return REQUESTS.labels(method, route, str(status)), SECONDS.labels(route)


def init_app(app: Flask) -> None:
    """Observe every request."""

    @app.after_request
    def observe(response: Response) -> Response:
        rule = request.url_rule
        requests, seconds = _children(request.method, "-" if rule is None else rule.rule, response.status_code)
        requests.inc()
        now = time.perf_counter()
        seconds.observe(now - g.get("started", now))
        return response
