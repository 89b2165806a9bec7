"""What the tests of the synthetic year share."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine, text

from app.db.session import unit_of_work
from app.people.actor import SYSTEM

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


def quiet(_line: str) -> None:
    pass


def query(engine: Engine, sql: str) -> list[tuple[Any, ...]]:
    with unit_of_work(engine, SYSTEM) as uow:
        return [tuple(row) for row in uow.connection.execute(text(sql))]
