"""How a command gets at the database: one's own server, or the embedded one, started for as long as it takes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine

from app.db.cluster import Cluster
from app.db.running import running
from app.db.session import make_engine
from app.settings import load_settings


@contextmanager
def open_engine() -> Iterator[Engine]:
    """An engine of the application role, on the database that the settings name.

    Raises:
        SettingsError: wrong settings.
        ClusterError: the embedded cluster cannot be started.

    """
    settings = load_settings()
    if settings.database_url is None:
        cluster = Cluster(settings.var_dir)
        with running(cluster):
            yield from _engine(cluster.url("app"))
    else:
        yield from _engine(settings.database_url)


def _engine(url: str) -> Iterator[Engine]:
    engine = make_engine(url, pool_size=1)
    try:
        yield engine
    finally:
        engine.dispose()
