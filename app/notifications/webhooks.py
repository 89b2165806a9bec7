"""How a webhook leaves: one POST to a public address (app/web/outgoing.py), and what is kept of the answer."""

from __future__ import annotations

import ssl
import time
from collections.abc import Mapping

from app.notifications.store import Attempt
from app.web.outgoing import FAILURES, BlockedError, described, exchange, judged, printable

ANSWER_BYTES = 500


def post(
    url: str, body: bytes, headers: Mapping[str, str], *, allow_private: bool, tls: ssl.SSLContext | None = None
) -> Attempt:
    """POST a body. 2xx is success; everything else, redirects too, is an attempt that failed, never an exception."""
    started = time.monotonic()
    status: int | None = None
    answer: str | None = None
    try:
        got = exchange("POST", url, body, headers, allow_private=allow_private, most_bytes=ANSWER_BYTES, tls=tls)
        status, answer = got.status, printable(got.body.decode("utf-8", "replace"))
        error = judged(status)
    except (BlockedError, *FAILURES) as failed:
        error = described(failed)
    duration_ms = round((time.monotonic() - started) * 1000)
    return Attempt(error is None, duration_ms, status, answer, error)
