"""One worker at a time for one thing, without an open transaction while it takes its time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine, text

_LOCK = text("SELECT pg_try_advisory_lock(hashtextextended(:key, 0))")
_UNLOCK = text("SELECT pg_advisory_unlock(hashtextextended(:key, 0))")


@contextmanager
def alone(engine: Engine, key: str) -> Iterator[bool]:
    """Whether nobody else holds this key; until the block ends, or until the process is gone.

    A session lock on a connection of its own: an open transaction would hold back whoever reads increments.
    """
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        is_locked = bool(connection.execute(_LOCK, {"key": key}).scalar_one())
        try:
            yield is_locked
        finally:
            if is_locked:
                connection.execute(_UNLOCK, {"key": key})
