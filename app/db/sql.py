"""Statements that live in files: `app/<domain>/sql/<name>.sql`, with named binds."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

APP = Path(__file__).parents[1]


@lru_cache(maxsize=256)
def statement(domain: str, name: str) -> str:
    """The text of one statement."""
    return (APP / domain / "sql" / f"{name}.sql").read_text(encoding="utf-8")
