"""Counts and durations for Prometheus, by route pattern (never by path: a path can hold an id)."""

from __future__ import annotations

import time

from flask import Flask, Response, g, request
from prometheus_client import Counter, Histogram

REQUESTS = Counter("quietude_requests_total", "Requests answered", ["method", "route", "status"])
SECONDS = Histogram("quietude_request_seconds", "Time to the first byte of the answer", ["route"])


def init_app(app: Flask) -> None:
    """Observe every request."""

    @app.after_request
    def observe(response: Response) -> Response:
        route = str(request.url_rule or "-")
        REQUESTS.labels(request.method, route, str(response.status_code)).inc()
        SECONDS.labels(route).observe(time.perf_counter() - g.get("started", time.perf_counter()))
        return response
