"""Reference geography in the database: the only SQL of this domain (the territory's is in territory.py)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TextIO, cast

import psycopg2
import shapely
from sqlalchemy import Connection, text

from app.db.session import UnitOfWork
from app.db.sql import statement
from app.places.lattice import FRANCE_LON_LAT
from geodata.records import PlaceRecord

COPY = "COPY staged_place (row_number, kind, code, name, geom_4326, attributes) FROM STDIN"
_LOCK = text("SELECT pg_advisory_xact_lock(hashtext('quietude.geodata'))")
Bbox = tuple[float, float, float, float]


@dataclass(frozen=True)
class NearbyPlace:
    """A place near a point; the distance in metres of EPSG:2154, 0 inside an area."""

    id: int
    kind: str
    code: str
    name: str
    approximate: bool
    distance_m: float


@dataclass(frozen=True)
class ImportedSource:
    """The last import of one kind from one source, and how many of its places are open now."""

    kind: str
    source: str
    edition: str | None
    imported_at: datetime
    open_places: int


@dataclass(frozen=True)
class Written:
    """What one kind's import changed. `reopened` is among `updated`."""

    added: int
    updated: int
    reopened: int


def _sql(name: str) -> str:
    return statement("places", name)


# ── importing ───────────────────────────────────────────────────────────────────────────────────────────────────────


def begin_import(connection: Connection) -> None:
    """Wait for any other import, lift the statement timeout for this transaction, make the staging tables."""
    connection.execute(text("SET LOCAL statement_timeout = 0"))
    connection.execute(_LOCK)
    connection.execute(text(_sql("stage")))


def stage(uow: UnitOfWork, records: Iterable[PlaceRecord]) -> None:
    """COPY the records into the staging table as they come; nothing is held in memory."""
    lines = _CopyFile(map(_copy_line, records))
    try:
        with uow.raw.cursor() as cursor:
            cursor.copy_expert(COPY, cast("TextIO", lines))
    except psycopg2.Error:
        # What went wrong while reading comes back as a cancelled COPY; the reader's own error says more.
        if lines.error is not None:
            raise lines.error from None
        raise


def stage_refused(connection: Connection, codes: Sequence[tuple[str, str]]) -> None:
    """Remember (kind, code) of the refused rows."""
    if codes:
        connection.execute(
            text(
                "INSERT INTO refused_place (kind, code)"
                " SELECT * FROM unnest(CAST(:kinds AS text[]), CAST(:codes AS text[]))"
            ),
            {"kinds": [kind for kind, _ in codes], "codes": [code for _, code in codes]},
        )


def take_invalid(connection: Connection) -> list[tuple[int, str, str, str]]:
    """Take rows whose geometry PostGIS calls invalid out of the staging table: (row, kind, code, reason)."""
    rows = connection.execute(
        text(
            "DELETE FROM staged_place WHERE ST_IsEmpty(geom_4326) OR NOT ST_IsValid(geom_4326)"
            " RETURNING row_number, kind, code, ST_IsValidReason(geom_4326)"
        )
    ).all()
    return [(row[0], row[1], row[2], row[3]) for row in rows]


def add_import(connection: Connection, kind: str, source: str, edition: str | None, sha256: str) -> int:
    """A new line of the import log; its counts come at the end."""
    made = connection.execute(
        text(
            "INSERT INTO geodata_import (kind, source, edition, sha256, rows_read, rows_added, rows_updated,"
            " rows_unchanged, rows_closed, rows_refused)"
            " VALUES (:kind, :source, :edition, :sha256, 0, 0, 0, 0, 0, 0) RETURNING id"
        ),
        {"kind": kind, "source": source, "edition": edition, "sha256": sha256},
    )
    return int(made.scalar_one())


def set_counts(connection: Connection, import_id: int, counts: dict[str, int]) -> None:
    """The counts of an import."""
    connection.execute(
        text(
            "UPDATE geodata_import SET rows_read = :read, rows_added = :added, rows_updated = :updated,"
            " rows_unchanged = :unchanged, rows_closed = :closed, rows_refused = :refused WHERE id = :id"
        ),
        {"id": import_id, **counts},
    )


def upsert(connection: Connection, kind: str, source: str, import_id: int, *, approximate: bool) -> Written:
    """The staged places of one kind into the table: changed ones updated, new ones added, equal ones left alone."""
    binds = {"kind": kind, "source": source, "import_id": import_id, "approximate": approximate}
    updated, reopened = connection.execute(text(_sql("update")), binds).one()
    added = connection.execute(text(_sql("insert")), binds).scalar_one()
    return Written(added=added, updated=updated, reopened=reopened)


def find_vanished(connection: Connection, kind: str, source: str, only: Sequence[str] | None) -> tuple[int, int]:
    """Remember which open places of the source the file no longer has; how many, and of how many."""
    connection.execute(text("DROP TABLE IF EXISTS vanished_place"))
    binds = {"kind": kind, "source": source, "only": None if only is None else list(only)}
    connection.execute(text(_sql("vanished")), binds)
    row = connection.execute(
        text(
            "SELECT (SELECT count(*) FROM vanished_place),"
            " (SELECT count(*) FROM place WHERE kind = :kind AND source = :source AND closed_at IS NULL)"
        ),
        binds,
    ).one()
    return int(row[0]), int(row[1])


def close_vanished(connection: Connection) -> int:
    """Close them: reports go on pointing to them, nothing new will."""
    return connection.execute(
        text(
            "UPDATE place SET closed_at = clock_timestamp(), updated_at = clock_timestamp(), is_territory = false"
            " WHERE id IN (SELECT id FROM vanished_place)"
        )
    ).rowcount


def close_approximate(connection: Connection, kind: str, *, keep_territory: bool) -> int:
    """Close the drawn-by-hand places of a kind, now that official ones are there."""
    return connection.execute(
        text(
            "UPDATE place SET closed_at = clock_timestamp(), updated_at = clock_timestamp(), is_territory = false"
            " WHERE kind = :kind AND approximate AND closed_at IS NULL AND NOT (is_territory AND :keep_territory)"
        ),
        {"kind": kind, "keep_territory": keep_territory},
    ).rowcount


def mark_territory(connection: Connection, *, add: bool) -> int:
    """The staged communes become the territory, alone or beside what is it already; how many rows changed."""
    return connection.execute(
        text(
            "UPDATE place SET is_territory = here.marked, updated_at = clock_timestamp()"
            " FROM (SELECT place.id, staged.code IS NOT NULL OR (:add AND place.is_territory) AS marked FROM place"
            "       LEFT JOIN staged_place AS staged ON staged.kind = place.kind AND staged.code = place.code"
            "       WHERE place.kind = 'commune') AS here"
            " WHERE here.id = place.id AND here.marked <> place.is_territory"
        ),
        {"add": add},
    ).rowcount


def set_population(connection: Connection, residents: Mapping[str, float]) -> tuple[int, int]:
    """Keep the residents of each open IRIS by code; how many of them there are, and how many changed."""
    binds = {"codes": list(residents), "residents": list(residents.values())}
    row = connection.execute(text(_sql("population")), binds).one()
    return int(row.known), int(row.updated)


def has_territory(connection: Connection) -> bool:
    """Whether any open commune is marked."""
    return bool(connection.scalar(text("SELECT EXISTS (SELECT FROM place WHERE is_territory AND closed_at IS NULL)")))


def has_official(connection: Connection, kind: str) -> bool:
    """Whether open places of the kind came from a file."""
    asked = "SELECT EXISTS (SELECT FROM place WHERE kind = :kind AND NOT approximate AND closed_at IS NULL)"
    return bool(connection.scalar(text(asked), {"kind": kind}))


def seeded_already(connection: Connection, kind: str, source: str, sha256: str) -> bool:
    """Whether the last import of the kind from the source was of exactly this content."""
    last = connection.scalar(
        text("SELECT sha256 FROM geodata_import WHERE kind = :kind AND source = :source ORDER BY id DESC LIMIT 1"),
        {"kind": kind, "source": source},
    )
    return bool(last == sha256)


class _CopyFile:
    """The file-like object that COPY reads from, fed by an iterator of lines."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self._rest = ""
        self.error: BaseException | None = None

    def read(self, size: int = -1) -> str:
        """At least one line while there are any; psycopg2 takes what it gets."""
        while len(self._rest) < size or size < 0:
            line = self._next()
            if line is None:
                break
            self._rest += line
        part, self._rest = (self._rest, "") if size < 0 else (self._rest[:size], self._rest[size:])
        return part

    def _next(self) -> str | None:
        try:
            return next(self._lines, None)
        except BaseException as error:
            self.error = error
            raise


def _copy_line(record: PlaceRecord) -> str:
    geometry = shapely.to_wkb(shapely.set_srid(record.geometry, 4326), hex=True, include_srid=True)
    cells = (record.kind, record.code, record.name, geometry, json.dumps(record.attributes, ensure_ascii=False))
    return f"{record.row}\t" + "\t".join(_escaped(cell) for cell in cells) + "\n"


def _escaped(cell: str) -> str:
    return cell.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


# ── reading ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def nearby(
    connection: Connection, lon: float, lat: float, radius_m: float, kinds: Sequence[str], *, most: int = 20
) -> list[NearbyPlace]:
    """Open places of these kinds within `radius_m` metres, nearest first; the stops of one area count once."""
    west, south, east, north = FRANCE_LON_LAT
    if not (west <= lon <= east and south <= lat <= north):
        # Lambert-93 has no value everywhere, and there are no places outside France.
        return []
    binds = {"lon": lon, "lat": lat, "radius_m": radius_m, "kinds": list(kinds), "most": most}
    return [NearbyPlace(**row) for row in connection.execute(text(_sql("nearby")), binds).mappings()]


def features(
    connection: Connection, kind: str, bbox: Bbox | None = None, simplify_m: float = 0.0, *, most: int = 50_000
) -> Iterator[str]:
    """Open places of a kind as GeoJSON features, each a text of JSON; `simplify_m` is a tolerance of about metres."""
    west, south, east, north = bbox or (None, None, None, None)
    binds = {"kind": kind, "simplify_m": simplify_m, "most": most}
    rows = connection.execute(
        text(_sql("features")), {**binds, "west": west, "south": south, "east": east, "north": north}
    )
    return (str(row[0]) for row in rows)


def places_geojson(connection: Connection, kind: str, bbox: Bbox | None = None, simplify_m: float = 0.0) -> str:
    """A GeoJSON FeatureCollection (RFC 7946) of the open places of a kind, ordered by code."""
    return collection(features(connection, kind, bbox, simplify_m))


def collection(texts: Iterable[str]) -> str:
    """Features, each a text of JSON, as one FeatureCollection."""
    return '{"type":"FeatureCollection","features":[' + ",\n".join(texts) + "]}"


def geography_version(connection: Connection) -> str:
    """Changes with every import, and with every place that comes in another way."""
    asked = (
        "SELECT concat_ws('-', current_database(), (SELECT max(id) FROM place), max(id), max(imported_at))"
        " FROM geodata_import"
    )
    return str(connection.scalar(text(asked)))


def imported_sources(connection: Connection) -> list[ImportedSource]:
    """The last import of each kind and source."""
    rows = connection.execute(
        text(
            "SELECT DISTINCT ON (kind, source) kind, source, edition, imported_at, (SELECT count(*) FROM place"
            " WHERE place.kind = done.kind AND place.source = done.source AND closed_at IS NULL) AS open_places"
            " FROM geodata_import AS done ORDER BY kind, source, id DESC"
        )
    )
    return [ImportedSource(**row) for row in rows.mappings()]
