"""The web server's worker: what is no good HTTP is refused before the application sees it, as a problem too."""

from __future__ import annotations

import json
import socket
from typing import Any

from gunicorn import util
from gunicorn.http.unreader import SocketUnreader
from gunicorn.workers import gthread
from werkzeug.exceptions import RequestTimeout

# A phone that loses its network in the middle of a request says nothing more, and must not hold a thread for ever.
SILENCE_S = 10.0


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

    def chunk(self, size_hint: int | None = None) -> bytes:
        """What comes next; nothing once the client is gone, or was silent for `SILENCE_S` between two requests.

        Raises:
            RequestTimeout: silent in a body. Half of one is not a bad request, and a phone may try again.

        """
        before = self.sock.gettimeout()
        if before is not None:  # gunicorn's own deadline
            return bytes(super().chunk(size_hint))
        self.sock.settimeout(SILENCE_S)
        try:
            return bytes(super().chunk(size_hint))
        except TimeoutError:
            if self.in_body:
                raise RequestTimeout from None
            return b""
        finally:
            self.sock.settimeout(None)  # answers may take as long as the client reads them


class Connection(gthread.TConn):  # type: ignore[misc]
    """gunicorn's own, read with an end to its patience."""

    def init(self) -> None:
        """Before each request."""
        is_new = not self.initialized
        super().init()
        if is_new:
            self.parser.unreader = PatientUnreader(self.sock)


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
