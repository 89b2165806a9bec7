"""The web server's worker: what is no good HTTP is refused before the application sees it, as a problem too."""

from __future__ import annotations

import json
import socket
import time
from typing import Any

from gunicorn import util
from gunicorn.http.unreader import SocketUnreader
from gunicorn.workers import gthread
from werkzeug.exceptions import RequestTimeout

# A phone that loses its network in the middle of a request says nothing more, and must not hold a thread for ever.
SILENCE_S = 10.0
# Nor must one that says a byte now and then: so long for a request, and longer for each byte that comes, at the rate
# of a slow but honest phone.
PATIENCE_S = 60.0
SLOWEST_BYTES_PER_S = 2000
LEAST_S = 0.001  # what is there already is taken


def write_problem(sock: socket.socket, status: int, reason: str, message: str) -> None:
    """An RFC 9457 answer to a request that could not be read (too long an address, a broken header…)."""
    problem = {"type": "about:blank", "title": reason, "status": int(status), "detail": message}
    body = json.dumps(problem).encode()
    head = (
        f"HTTP/1.1 {int(status)} {reason}\r\nConnection: close\r\nContent-Type: application/problem+json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    util.write_nonblock(sock, head.encode("latin-1") + body)


class PatientUnreader(SocketUnreader):  # type: ignore[misc]
    """gunicorn's own, which waits for the rest of a request without end. in_body: a view is reading."""

    in_body = False

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(sock)
        self.begin()

    def begin(self) -> None:
        """A new request: what the one before took does not count."""
        self._waited_s, self._received = 0.0, 0

    def chunk(self, size_hint: int | None = None) -> bytes:
        """What comes next; nothing once the client is gone, or too slow or silent before the head was whole.

        Too slow: we have waited for this request longer than `PATIENCE_S` and its bytes so far at the slowest rate.

        Raises:
            RequestTimeout: silent or too slow in a body. Half of one is not a bad request, and a phone may try again.

        """
        if self.sock.gettimeout() is not None:  # gunicorn's own deadline
            return bytes(super().chunk(size_hint))
        left_s = PATIENCE_S + self._received / SLOWEST_BYTES_PER_S - self._waited_s
        asked_at = time.monotonic()
        try:
            self.sock.settimeout(max(min(SILENCE_S, left_s), LEAST_S))
            came = bytes(super().chunk(size_hint))
        except TimeoutError:
            if self.in_body:
                raise RequestTimeout from None
            return b""
        finally:
            self.sock.settimeout(None)  # answers may take as long as the client reads them
            self._waited_s += time.monotonic() - asked_at
        self._received += len(came)
        return came


class Connection(gthread.TConn):  # type: ignore[misc]
    """gunicorn's own, read with an end to its patience."""

    def init(self) -> None:
        """Before each request."""
        is_new = not self.initialized
        super().init()
        if is_new:
            self.parser.unreader = PatientUnreader(self.sock)
        else:
            self.parser.unreader.begin()


class Worker(gthread.ThreadWorker):  # type: ignore[misc]
    """gunicorn's own with threads; it writes HTML where nobody can read it."""

    def init_process(self) -> None:
        """Once a process, before the first request."""
        util.write_error = write_problem
        gthread.TConn = Connection
        super().init_process()

    def handle_request(self, req: Any, conn: Any) -> bool:
        """One request whose head has come."""
        unreader = conn.parser.unreader
        unreader.in_body = True
        try:
            return bool(super().handle_request(req, conn))
        finally:
            unreader.in_body = False
