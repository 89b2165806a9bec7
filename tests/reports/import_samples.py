"""A small mapping and small files for the tests of imports."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, text

from app.db.session import unit_of_work
from app.nomenclature.store import load_nomenclature
from app.people.actor import SYSTEM
from app.places.territory import territory
from app.reports.importing.actions import ImportOutcome, ImportRequest, import_reports
from app.reports.importing.mapping import ImportMapping, parse_mapping
from tests.reports.samples import LAT, LON

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
MAPPING: dict[str, Any] = {
    "name": "test",
    "id": {"column": "id"},
    "coordinates": {"lon": "lon", "lat": "lat"},
    "observed_at": {"column": "when"},
    "category": {"columns": ["what"], "values": {"bin": "overflowing_bin", "tag": "graffiti", "secret": "refuse"}},
    "description": {"columns": ["text"]},
}
HEADER = "id,lon,lat,when,what,text"


def mapping(**changes: Any) -> ImportMapping:
    return parse_mapping(MAPPING | changes)


def row(ref: object = 1, **changes: object) -> str:
    """A good row, quoted where it must be."""
    cells = {
        "id": ref,
        "lon": LON,
        "lat": LAT,
        "when": "2026-04-01T10:00:00+02:00",
        "what": "bin",
        "text": "",
    } | changes
    return ",".join(_quoted(str(cell)) for cell in cells.values())


def _quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"' if set(cell) & set(',"\n\r') else cell


def write(path: Path, *lines: str, header: str = HEADER, encoding: str = "utf-8") -> Path:
    path.write_bytes("\n".join([header, *lines, ""]).encode(encoding, "surrogateescape"))
    return path


def run(engine: Engine, path: Path, used: ImportMapping | None = None, **options: Any) -> ImportOutcome:
    """Import a file as the command line does."""
    with unit_of_work(engine, SYSTEM) as uow:
        nomenclature, shape = load_nomenclature(uow.connection), territory(uow.connection)
    progress = options.pop("progress", None)
    now = options.pop("now", NOW)
    request = ImportRequest(path, used or mapping(), **options)
    return import_reports(engine, request, nomenclature=nomenclature, territory=shape, now=now, progress=progress)


def reports(engine: Engine, columns: str = "*") -> list[Any]:
    """The stored reports in the order of their ids in the file."""
    query = text(f"SELECT {columns} FROM report ORDER BY source_ref")
    with unit_of_work(engine, SYSTEM) as uow:
        return list(uow.connection.execute(query).mappings())


def refusals(path: Path) -> list[Mapping[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))
