"""The web server's reading of requests."""

from __future__ import annotations

import socket

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
