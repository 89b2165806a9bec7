"""The web server's reading of requests."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from werkzeug.exceptions import RequestTimeout

from app.web import server


def test_a_client_that_falls_silent_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "SILENCE_S", 0.01)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(b"GET / HT")
        unreader = server.PatientUnreader(ours)
        assert unreader.read() == b"GET / HT"
        assert unreader.read() == b""
        unreader.in_body = True
        with pytest.raises(RequestTimeout):
            unreader.read()
        assert ours.gettimeout() is None


@contextmanager
def trickle(pause_s: float) -> Iterator[server.PatientUnreader]:
    """What reads from a client that says a byte every `pause_s` seconds, as long as the block lasts."""
    ours, theirs = socket.socketpair()
    is_over = threading.Event()

    def say() -> None:
        while not is_over.wait(pause_s):
            theirs.sendall(b"x")

    client = threading.Thread(target=say)
    client.start()
    with ours, theirs:
        try:
            yield server.PatientUnreader(ours)
        finally:
            is_over.set()
            client.join()


@pytest.fixture
def set_patience(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """0.2 s for a request, and its bytes at so many a second."""

    def set_patience(bytes_per_s: int) -> None:
        monkeypatch.setattr(server, "PATIENCE_S", 0.2)
        monkeypatch.setattr(server, "SLOWEST_BYTES_PER_S", bytes_per_s)

    return set_patience


def test_a_client_that_trickles_is_told_408(set_patience: Callable[[int], None]) -> None:
    set_patience(1_000_000)
    with trickle(0.01) as unreader:
        unreader.in_body = True
        with pytest.raises(RequestTimeout):
            unreader.read(10_000)
        unreader.begin()  # of the next request it is heard again
        assert unreader.read(1) == b"x"
        unreader.in_body = False
        assert len(unreader.read(10_000)) < 1000  # half a head: gone


def test_a_slow_but_honest_client_is_read_to_the_end(set_patience: Callable[[int], None]) -> None:
    set_patience(1)  # each byte gives a second
    with trickle(0.01) as unreader:
        unreader.in_body = True
        assert len(unreader.read(60)) == 60
