"""Reference geography: seed the approximate Amiens, import official files, say where the territory is."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from flask import current_app
from sqlalchemy import Engine

from app.db.session import unit_of_work
from app.errors import GeodataError
from app.people.actor import SYSTEM
from app.places import download, importing, store
from app.places.importing import Batch, KindResult, Progress, RefusedRow, TerritoryMark
from app.places.territory import TerritoryShape, territory
from app.web.context import services
from geodata import amiens
from geodata.formats import DATASETS
from geodata.manifest import load_manifest
from geodata.records import PlaceRecord, ReadOptions, SourceError

__all__ = ["AFTER_IMPORT", "ImportResult", "current_territory", "import_places", "seed_approximate"]

TERRITORY_KEPT_S = 2.0
APPROXIMATE_SOURCE = "quietude-approximate"
_INSEE = re.compile(r"\d{5}|2[AB]\d{3}")
_SOURCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")

AfterImport = Callable[[Engine], object]
# What domains above do when the geography has changed (reports are located again). They add themselves here, so that
# nothing here calls upwards; the command line runs them once the import is committed.
AFTER_IMPORT: list[AfterImport] = []


@dataclass(frozen=True)
class ImportResult:
    """What an import did, by kind, and every refused row."""

    source: str
    kinds: tuple[KindResult, ...]
    refused: tuple[RefusedRow, ...]

    def _sum(self, name: str) -> int:
        return sum(getattr(kind, name) for kind in self.kinds)

    @property
    def read(self) -> int:
        return self._sum("read")

    @property
    def skipped(self) -> int:
        return self._sum("skipped")

    @property
    def added(self) -> int:
        return self._sum("added")

    @property
    def updated(self) -> int:
        return self._sum("updated")

    @property
    def reopened(self) -> int:
        return self._sum("reopened")

    @property
    def unchanged(self) -> int:
        return self._sum("unchanged")

    @property
    def closed(self) -> int:
        return self._sum("closed")


def current_territory() -> TerritoryShape:
    """The territory, for the request being served: as of at most two seconds ago, as every report asks for it.

    Raises:
        NoTerritoryError: no commune is marked as the territory.

    """
    kept: tuple[float, TerritoryShape] | None = current_app.extensions.get("quietude_territory")
    if kept is not None and time.monotonic() - kept[0] < TERRITORY_KEPT_S:
        return kept[1]
    with services().engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        fresh = territory(connection)
    current_app.extensions["quietude_territory"] = (time.monotonic(), fresh)
    return fresh


def seed_approximate(engine: Engine) -> int:
    """Put the approximate Amiens in, kind by kind, where nothing official is; how many places changed.

    Safe to repeat. The commune becomes the territory only when there is none.
    """
    changed = 0
    records = amiens.approximate_places()
    with unit_of_work(engine, SYSTEM) as uow:
        store.begin_import(uow.connection)
        for kind, group in groupby(records, key=lambda record: record.kind):
            places = list(group)
            if store.has_official(uow.connection, kind) or store.seeded_already(
                uow.connection, kind, APPROXIMATE_SOURCE, _digest_of(places)
            ):
                continue
            mark: TerritoryMark = "" if store.has_territory(uow.connection) else "set"
            batch = Batch(APPROXIMATE_SOURCE, None, _digest_of(places), approximate=True, territory=mark)
            result = importing.write(uow, importing.stage_records(uow, kind, places), batch)
            changed += result.added + result.updated + result.closed
    return changed


def import_places(
    engine: Engine,
    kind: str,
    file_or_url: str | Path,
    *,
    source: str | None = None,
    edition: str | None = None,
    only: Iterable[str] = (),
    addresses: Path | None = None,
    crs: str | None = None,
    territory: bool = False,
    add_territory: bool = False,
    close_many: bool = False,
    cache_dir: Path | None = None,
    progress: Progress | None = None,
    downloading: Progress | None = None,
) -> ImportResult:
    """Import a file, or one that a URL names, in one transaction: all of it or nothing.

    `kind` is a key of DATASETS. `only` are INSEE codes. `territory` makes the imported communes the territory,
    `add_territory` adds them to it. `progress` gets rows so far and in all (or None), `downloading` bytes.

    Raises:
        GeodataError: nothing was imported; the text says why.

    """
    quiet: Progress = lambda _done, _total: None  # noqa: E731
    codes = _checked(kind, source, only, addresses, marks=territory or add_territory)
    path = _file(str(file_or_url), cache_dir, downloading or quiet)
    mark: TerritoryMark = "add" if add_territory else "set" if territory else ""
    batch = Batch(source or _default_source(kind), edition, _sha256(path), codes, territory=mark, close_many=close_many)
    options = ReadOptions(only=frozenset(codes), addresses=addresses, crs=crs)
    try:
        with unit_of_work(engine, SYSTEM) as uow:
            kinds, refused = importing.import_dataset(
                uow, DATASETS[kind], path, options=options, batch=batch, progress=progress or quiet
            )
    except SourceError as error:
        raise GeodataError(str(error)) from None
    return ImportResult(batch.source, tuple(kinds), tuple(refused))


def _checked(
    kind: str, source: str | None, only: Iterable[str], addresses: Path | None, *, marks: bool
) -> tuple[str, ...]:
    """The INSEE codes, once everything that was asked makes sense together."""
    codes = tuple(dict.fromkeys(code.strip().upper() for code in only if code.strip()))
    if kind not in DATASETS:
        raise GeodataError(f"unknown kind {kind}: one of {', '.join(DATASETS)}")
    if wrong := [code for code in codes if not _INSEE.fullmatch(code)]:
        raise GeodataError(f"not an INSEE code of five characters: {', '.join(wrong)}")
    if codes and not DATASETS[kind].by_commune:
        raise GeodataError(f"{kind}: its rows do not say their commune, so they cannot be chosen by INSEE code")
    if marks and kind != "commune":
        raise GeodataError("only communes can be the territory")
    if addresses is not None and kind != "residence":
        raise GeodataError("an address file only helps to place residences")
    if source is not None and not (_SOURCE.fullmatch(source) and source != APPROXIMATE_SOURCE):
        raise GeodataError("a source is named by up to 64 letters, digits and . _ : - and not by our own name")
    return codes


def _default_source(kind: str) -> str:
    manifest = load_manifest()
    known = manifest.source_of(kind) or manifest.source_of("gtfs")
    assert known is not None
    return known.id


def _file(file_or_url: str, cache_dir: Path | None, downloading: Progress) -> Path:
    if download.is_url(file_or_url):
        return download.fetch(file_or_url, cache_dir or Path("var/cache/geodata"), downloading)
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", file_or_url):
        raise GeodataError(f"{file_or_url}: only http:// and https:// can be fetched")
    path = Path(file_or_url)
    if not path.exists():
        raise GeodataError(f"{path}: there is no such file")
    return path


def _sha256(path: Path) -> str:
    """Of the bytes; of a folder, those of its files in the order of their names."""
    files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
    digest = hashlib.sha256()
    try:
        for file in files:
            with file.open("rb") as stream:
                while chunk := stream.read(1 << 20):
                    digest.update(chunk)
    except OSError as error:
        raise GeodataError(f"{path}: {error.strerror}") from None
    return digest.hexdigest()


def _digest_of(places: list[PlaceRecord]) -> str:
    return hashlib.sha256(
        "\n".join(f"{place.code} {place.name} {place.geometry.wkt}" for place in places).encode()
    ).hexdigest()
