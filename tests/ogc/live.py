"""The production server on a port of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.serving import serving as running_server


@dataclass(frozen=True)
class Live:
    """Where it is, and who may read it all."""

    url: str
    token: str


@contextmanager
def serving(app_url: str, folder: Path) -> Iterator[str]:
    """Gives the address of its root."""
    with running_server(app_url, folder) as running:
        yield running.url
