"""The production server on a port of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine, text

from tests.ogc.samples import fill
from tests.serving import serving as running_server

EMPTY = text("""
    TRUNCATE report, report_event, intervention, intervention_event, intervention_report, place, api_token, account,
        organisation, geodata_import RESTART IDENTITY CASCADE
""")


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


@contextmanager
def filled(engine: Engine, owner_engine: Engine, app_url: str, folder: Path) -> Iterator[Live]:
    """A live server with a few hundred reports, for real clients; emptied at the end. `token` of a planner."""
    world = fill(engine, 300)
    with serving(app_url, folder) as root:
        yield Live(root, world.tokens["planner"])
    with owner_engine.begin() as connection:
        connection.execute(EMPTY)
