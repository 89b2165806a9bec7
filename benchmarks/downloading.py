"""A client that reads and forgets, over one connection."""

from __future__ import annotations

import http.client
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

BUFFER = bytearray(1 << 20)


@dataclass(frozen=True)
class Downloaded:
    """How much came, and how it ended."""

    size: int
    end: bytes

    @property
    def number_returned(self) -> int:
        """What the export itself says at its end."""
        return int(self.end.rpartition(b'"numberReturned":')[2].rstrip(b"}\n"))


def download(port: int, path: str, headers: Mapping[str, str], into: Path = Path(os.devnull)) -> Downloaded:
    """Read a whole answer, to nowhere or into a file; a cut one raises."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
    try:
        connection.request("GET", path, headers=dict(headers))
        answer = connection.getresponse()
        if answer.status != http.HTTPStatus.OK:
            raise SystemExit(f"{path}: {answer.status} {answer.read(500)!r}")
        size, end = 0, b""
        with into.open("wb", buffering=0) as file:
            while count := answer.readinto(BUFFER):
                size += count
                end = bytes(BUFFER[max(0, count - 100) : count])
                file.write(memoryview(BUFFER)[:count])
        return Downloaded(size, end)
    finally:
        connection.close()


def features_in(port: int, path: str) -> int:
    """How many features a page of items has (read and counted; not measured)."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
    try:
        connection.request("GET", path, headers={"Accept": "application/geo+json"})
        return len(json.load(connection.getresponse())["features"])
    finally:
        connection.close()
