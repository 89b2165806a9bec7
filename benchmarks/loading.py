"""A closed-loop client: some connections kept alive, each sends its next request when its answer is there.

One thread and a selector: little enough work that the server is what is measured.
"""

from __future__ import annotations

import selectors
import socket
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

CONNECTIONS = 16


@dataclass
class Answers:
    """Requests per second, and how many answers of each status."""

    per_second: float = 0.0
    statuses: Counter[int] = field(default_factory=Counter)


def load(port: int, requests: Iterator[bytes], duration_s: float) -> Answers:
    """Send requests for that long; `requests` must not run out."""
    answers = Answers()
    selector = selectors.DefaultSelector()
    for _ in range(CONNECTIONS):
        client = socket.create_connection(("127.0.0.1", port), timeout=60)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        selector.register(client, selectors.EVENT_READ, bytearray())
        client.sendall(next(requests))
    started = time.perf_counter()
    while time.perf_counter() - started < duration_s:
        for key, _ in selector.select(timeout=1):
            assert isinstance(key.fileobj, socket.socket)
            status = _receive(key.fileobj, key.data)
            if status is not None:
                answers.statuses[status] += 1
                key.fileobj.sendall(next(requests))
    answers.per_second = answers.statuses.total() / (time.perf_counter() - started)
    for key in list(selector.get_map().values()):
        assert isinstance(key.fileobj, socket.socket)
        key.fileobj.close()
    selector.close()
    return answers


def _receive(client: socket.socket, held: bytearray) -> int | None:
    """Take what came; the status once the answer is whole."""
    came = client.recv(65_536)
    if not came:
        raise SystemExit(f"the server hung up after {bytes(held[:300])!r}")
    held += came
    end = held.find(b"\r\n\r\n")
    if end < 0:
        return None
    head = bytes(held[:end]).lower()
    length = int(head.partition(b"content-length:")[2].split(b"\r\n", 1)[0])
    if len(held) < end + 4 + length:
        return None
    held.clear()
    return int(head.split(b" ", 2)[1])
