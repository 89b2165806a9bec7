"""Seed the nomenclature, and serve it from memory."""

from __future__ import annotations

import csv
import time
from pathlib import Path

from flask import current_app
from sqlalchemy import Engine

from app.db.session import unit_of_work
from app.nomenclature.store import Nomenclature, add_missing_categories, load_nomenclature
from app.people.actor import PUBLIC, SYSTEM
from app.web.context import services

DEFAULT_CSV = Path(__file__).with_name("default.csv")
KEPT_S = 5.0


def seed_default(engine: Engine) -> int:
    """Put the product's own nomenclature into the database; codes that exist are left alone."""
    with DEFAULT_CSV.open(encoding="utf-8", newline="") as file:
        rows = [dict(row) | {"position": position} for position, row in enumerate(csv.DictReader(file), 1)]
    with unit_of_work(engine, SYSTEM) as uow:
        return add_missing_categories(uow.connection, rows)


class NomenclatureCache:
    """The nomenclature as of at most five seconds ago: it is read by every request and changes a few times a year."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._kept: tuple[float, Nomenclature] | None = None

    def get(self) -> Nomenclature:
        """The current nomenclature."""
        kept = self._kept
        if kept is not None and time.monotonic() - kept[0] < KEPT_S:
            return kept[1]
        with unit_of_work(self._engine, PUBLIC) as uow:
            fresh = load_nomenclature(uow.connection)
        self._kept = (time.monotonic(), fresh)
        return fresh


def current_nomenclature() -> Nomenclature:
    """The nomenclature for this request."""
    extensions = current_app.extensions
    if "quietude_nomenclature" not in extensions:
        extensions["quietude_nomenclature"] = NomenclatureCache(services().engine)
    cache: NomenclatureCache = extensions["quietude_nomenclature"]
    return cache.get()
