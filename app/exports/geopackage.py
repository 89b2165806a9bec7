"""An export as a GeoPackage (OGC 12-128): made as a whole beside the stream, because a database file has no order.

GDAL makes the empty file, with what the standard asks for around a layer; SQLite then takes the rows as COPY brings
them, in one transaction without a journal. GDAL's own writer needs twice the time for the same rows, most of it for the
index (docs/decisions/0027). Memory is that of a few batches.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import Transformer

from app.exports.dictionary import COLUMNS, Column
from app.exports.gpkg_tables import describe
from app.exports.legend import Layer
from app.exports.rtree import PackedIndex

MEDIA_TYPE = "application/geopackage+sqlite3"
CRS = (2154, 4326)
# What QGIS 3.22 and GDAL 3.6 of Debian 12 read without a warning.
VERSION = "1.3"
READ_BYTES = 256 * 1024

# A row of sql/*_gpkg.sql in binary COPY: two fields, each with its length before it.
_FIELD_COUNT_BYTES = 2
_LENGTH_BYTES = 4
_SEPARATOR = "\x1f"
# The one field that can hold any character is the last of the text, wherever its column stands.
_LAST = "description"
_SECONDS = len("2026-05-04T18:30:00")
_MILLISECONDS = _SECONDS + len(".000")
# "GP", version 0, flags: little-endian, no envelope (GeoPackage, clause 2.1.3).
_HEAD = b"GP\0\x01"
# Nobody reads the file before it is whole, and a broken one is thrown away: nothing needs to be kept against a crash.
_QUICK = (
    "PRAGMA journal_mode = OFF", "PRAGMA synchronous = OFF", "PRAGMA locking_mode = EXCLUSIVE",
    "PRAGMA cache_size = -8192", "PRAGMA temp_store = MEMORY",
)  # fmt: skip

_TRIGGERS = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = ?"


def frame(layer: Layer, batches: Iterable[Sequence[bytes]], epsg: int = CRS[0]) -> Iterator[bytes]:
    """Rows as COPY sends them → the bytes of a GeoPackage with one layer. Nothing comes before it is whole.

    epsg: 2154 (Lambert-93, metres) or 4326.
    """
    with tempfile.TemporaryDirectory(prefix="quietude-export-") as folder:
        path = Path(folder) / f"{layer.name}.gpkg"
        _make_empty(path, layer.name, epsg)
        _fill(path, layer, batches, epsg)
        file = path.open("rb")
    with file:  # the name is gone already: nothing is left behind, whatever becomes of this process
        while part := file.read(READ_BYTES):
            yield part


def _columns(name: str) -> list[Column]:
    return [column for column in COLUMNS[name] if not column.csv_only]


def _make_empty(path: Path, name: str, epsg: int) -> None:
    import pyogrio  # noqa: PLC0415  (GDAL is large, and most processes never make a GeoPackage)

    columns = _columns(name)
    pyogrio.raw.write(
        path,
        geometry=np.empty(0, dtype=object),
        field_data=[np.empty(0, dtype=_DTYPES.get(column.type, object)) for column in columns],
        fields=[column.name for column in columns],
        layer=name,
        driver="GPKG",
        geometry_type="Unknown" if name == "interventions" else "Point",
        crs=f"EPSG:{epsg}",
        dataset_options={"VERSION": VERSION},
    )


_DTYPES: dict[str, Any] = {"integer": np.int32, "real": np.float64, "boolean": np.bool_, "datetime": "datetime64[ms]"}


def _fill(path: Path, layer: Layer, batches: Iterable[Sequence[bytes]], epsg: int) -> None:
    # Another thread may close what it did not open: the one that answers is not always the one that began.
    name = layer.name
    database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        for setting in _QUICK:
            database.execute(setting)
        database.execute("BEGIN")
        # The triggers keep index and count right for whoever edits the file; they call functions of a GIS.
        triggers = list(
            database.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = ?", (name,))
        )
        for trigger, _ in triggers:
            database.execute(f'DROP TRIGGER "{trigger}"')
        index = PackedIndex(database, f"rtree_{name}_geom")
        rows = _put_rows(database, name, batches, epsg, index)
        index.finish()
        _tell_extent(database, name, index, rows)
        if layer.legend is not None:
            describe(database, name, layer.legend)
        for _, sql in triggers:
            database.execute(sql)
        database.execute("COMMIT")
    finally:
        database.close()


def _put_rows(
    database: sqlite3.Connection, name: str, batches: Iterable[Sequence[bytes]], epsg: int, index: PackedIndex
) -> int:
    """Every row of every batch; returns how many."""
    columns = sorted(_columns(name), key=lambda column: column.name == _LAST)
    fields = ", ".join(f'"{column.name}"' for column in columns)
    values = ", ".join("nullif(?, '')" for _ in columns)
    insert = f"INSERT INTO {name} (fid, geom, {fields}) VALUES (?, ?, {values})"  # noqa: S608
    times = [position for position, column in enumerate(columns) if column.type == "datetime"]
    project, fid = _projection(epsg), 1
    for batch in batches:
        lengths = [int.from_bytes(row[_FIELD_COUNT_BYTES : _FIELD_COUNT_BYTES + _LENGTH_BYTES]) for row in batch]
        blobs, bounds = _geometries(batch, lengths, epsg, project)
        index.add(np.arange(fid, fid + len(batch)), bounds)
        texts = _texts(batch, lengths, len(columns), times)
        database.executemany(insert, ([number, blob, *row] for number, blob, row in zip(count(fid), blobs, texts)))
        fid += len(batch)
    return fid - 1


def _texts(batch: Sequence[bytes], lengths: Sequence[int], fields: int, times: Sequence[int]) -> Iterator[list[str]]:
    """The fields of each row, as SQLite takes them; a column's type makes numbers of digits."""
    before = _FIELD_COUNT_BYTES + 2 * _LENGTH_BYTES
    for row, length in zip(batch, lengths, strict=True):
        values = row[before + length :].decode().split(_SEPARATOR, fields - 1)
        for position in times:
            value = values[position]
            if len(value) == _SECONDS:
                values[position] = f"{value}.000Z"
            elif value:
                values[position] = f"{value}00"[:_MILLISECONDS] + "Z"
        yield values


Project = Callable[[NDArray[np.float64]], NDArray[np.float64]]


def _projection(epsg: int) -> Project | None:
    if epsg == CRS[1]:
        return None
    to_metres = Transformer.from_crs(CRS[1], epsg, always_xy=True)
    return lambda lon_lat: np.column_stack(to_metres.transform(lon_lat[:, 0], lon_lat[:, 1]))


def _geometries(
    batch: Sequence[bytes], lengths: Sequence[int], epsg: int, project: Project | None
) -> tuple[list[bytes], NDArray[np.float64]]:
    """Each row's geometry as a GeoPackage holds it, and all their boxes."""
    start = _FIELD_COUNT_BYTES + _LENGTH_BYTES
    made = shapely.from_wkb([row[start : start + length] for row, length in zip(batch, lengths, strict=True)])
    if project is not None:
        made = shapely.transform(made, project)
    head = _HEAD + epsg.to_bytes(4, "little")
    blobs = [head + wkb for wkb in shapely.to_wkb(made, include_srid=False, byte_order=1)]
    return blobs, shapely.bounds(made)


def _tell_extent(database: sqlite3.Connection, name: str, index: PackedIndex, rows: int) -> None:
    extent = index.extent or (None, None, None, None)
    database.execute(
        "UPDATE gpkg_contents SET min_x = ?, min_y = ?, max_x = ?, max_y = ?,"
        " last_change = strftime('%Y-%m-%dT%H:%M:%fZ', 'now') WHERE table_name = ?",
        (*extent, name),
    )
    database.execute("UPDATE gpkg_ogr_contents SET feature_count = ? WHERE table_name = ?", (rows, name))
