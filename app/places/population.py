"""How many live in each IRIS: kept as an attribute of the place, for rates on the heat map."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine

from app.db.session import unit_of_work
from app.errors import GeodataError
from app.people.actor import SYSTEM
from app.places import store
from app.places.importing import RefusedRow
from geodata.formats.population import Residents, read_population
from geodata.records import ReadOptions, Refusal, SourceError


@dataclass(frozen=True)
class PopulationResult:
    """What an import changed. unknown: IRIS of the file that are not imported."""

    updated: int
    unchanged: int
    unknown: int
    skipped: int
    refused: tuple[RefusedRow, ...]


def import_population(engine: Engine, path: Path, *, only: Iterable[str] = ()) -> PopulationResult:
    """Say how many live in each IRIS that is there. Safe to repeat; an import of IRIS contours keeps it.

    Raises:
        GeodataError: nothing was changed; the text says why.

    """
    options = ReadOptions(only=frozenset(code.strip().upper() for code in only if code.strip()))
    residents: dict[str, float] = {}
    refused: list[RefusedRow] = []
    skipped = 0
    try:
        for item in read_population(path, options):
            if isinstance(item, Residents):
                residents[item.code] = item.residents
            elif isinstance(item, Refusal):
                refused.append(RefusedRow("iris", item.row, item.code, item.reason))
            else:
                skipped += 1
    except SourceError as error:
        raise GeodataError(str(error), tuple(refused)) from None
    with unit_of_work(engine, SYSTEM) as uow:
        known, updated = store.set_population(uow.connection, residents)
        if not known:
            message = (
                f"{path.name}: none of its {len(residents)} IRIS is imported: `quietude geodata import iris` first"
            )
            raise GeodataError(message, tuple(refused))
    return PopulationResult(updated, known - updated, len(residents) - known, skipped, tuple(refused))
