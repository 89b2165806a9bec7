"""The web server's worker: what is no good HTTP is refused before the application sees it, as a problem too."""

from __future__ import annotations

import json
import socket

from gunicorn import util
from gunicorn.workers.gthread import ThreadWorker


def write_problem(sock: socket.socket, status: int, reason: str, message: str) -> None:
    """An RFC 9457 answer to a request that could not be read (too long an address, a broken header…)."""
    problem = {"type": "about:blank", "title": reason, "status": int(status), "detail": message}
    body = json.dumps(problem).encode()
    head = (
        f"HTTP/1.1 {int(status)} {reason}\r\nConnection: close\r\nContent-Type: application/problem+json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    util.write_nonblock(sock, head.encode("latin-1") + body)


class Worker(ThreadWorker):  # type: ignore[misc]
    """gunicorn's own with threads; it writes HTML where nobody can read it."""

    def init_process(self) -> None:
        """Once a process, before the first request."""
        util.write_error = write_problem
        super().init_process()
