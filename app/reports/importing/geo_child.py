"""GeoJSON or GeoPackage of unknown origin → CSV with the point of each feature in degrees. Nothing of app.

Run as a script by app/reports/importing/formats.py: a process with little memory and little time, in which a file that
was made to break GDAL or SQLite breaks nothing else. Answers with one JSON object on stdout, status 3 for a refusal.
"""

from __future__ import annotations

import csv
import json
import resource
import sqlite3
import sys
from pathlib import Path
from typing import Any

MEMORY_BYTES = 3_000_000_000
CPU_S = 120
# A row has at most a few kilobytes; a file of 50 MB that becomes this large is a bomb.
OUT_BYTES = 1_000_000_000
MAX_COLUMNS = 500
REFUSED_STATUS = 3
GEOMETRY_COLUMNS = ("geometry:lon", "geometry:lat")
FEATURE_ID = "feature id"
# Where metres of Lambert-93 lie in metropolitan France: a GeoJSON that holds such numbers and says nothing of them.
LAMBERT_93 = ((50_000, 1_300_000), (6_000_000, 7_200_000))
_POINT, _MULTIPOINT = 0, 4
_TABLES = ("gpkg_contents", "gpkg_geometry_columns", "gpkg_spatial_ref_sys")


class Refusal(Exception):  # noqa: N818  (it is one)
    """`code` and what goes with it."""

    def __init__(self, code: str, **more: Any) -> None:
        super().__init__(code)
        self.answer = {"code": code, **more}


def check_geopackage(path: Path) -> None:
    """Only real tables stand where GDAL reads, no view and no virtual table: so nothing of the file is run."""
    try:
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)
        connection.execute("PRAGMA trusted_schema = OFF")
        kinds = dict(connection.execute("SELECT lower(name), type || ':' || coalesce(sql, '') FROM sqlite_master"))
        if _TABLES[0] not in kinds:
            raise Refusal("not_geopackage")
        for name in _TABLES:
            if not _is_table(kinds.get(name, "")):
                raise Refusal("view", layer=name)
        layers = [str(row[0]) for row in connection.execute("SELECT table_name FROM gpkg_contents")]
        for layer in layers:
            if not _is_table(kinds.get(layer.lower(), "")):
                raise Refusal("view", layer=layer)
        connection.close()
    except sqlite3.Error:
        raise Refusal("broken") from None


def _is_table(kind: str) -> bool:
    return kind.startswith("table:") and not kind[6:].lstrip().upper().startswith("CREATE VIRTUAL")


def choose_layer(pyogrio: Any, path: Path, wanted: str | None) -> str:
    """The layer of that name; without one, the only one with a geometry."""
    layers = [(str(name), kind) for name, kind in pyogrio.list_layers(path)]
    with_geometry = [name for name, kind in layers if kind is not None]
    if wanted is not None:
        if wanted not in dict(layers):
            raise Refusal("no_layer", layer=wanted, layers=[name for name, _kind in layers])
        return wanted
    if len(with_geometry) > 1:
        raise Refusal("layers", layers=with_geometry)
    if not with_geometry:
        raise Refusal("no_geometry")
    return with_geometry[0]


def positions(geometry: Any, crs: str | None, kind: str) -> tuple[list[tuple[str, str]], str]:
    """(lon, lat) as text for each feature; for what is no point its kind and nothing. And the CRS they came in."""
    import numpy as np  # noqa: PLC0415  (after the limits)
    import shapely  # noqa: PLC0415
    from pyproj import CRS, Transformer  # noqa: PLC0415

    shapes = shapely.from_wkb(geometry, on_invalid="ignore")
    single = (shapely.get_type_id(shapes) == _MULTIPOINT) & (shapely.get_num_geometries(shapes) == 1)
    shapes = np.where(single, shapely.get_geometry(shapes, 0), shapes)
    types = shapely.get_type_id(shapes)
    is_point = (types == _POINT) & ~shapely.is_empty(shapes)
    x, y = (
        np.where(is_point, read(np.where(is_point, shapes, None)), np.nan) for read in (shapely.get_x, shapely.get_y)
    )
    if crs is None and kind == "gpkg":
        raise Refusal("no_crs")
    here = CRS.from_user_input(crs or "EPSG:4326")
    if kind == "geojson" and here.to_epsg() in {4326, None} and _looks_lambert(np, x[is_point], y[is_point]):
        here = CRS.from_epsg(2154)
    lon, lat = (
        Transformer.from_crs(here, 4326, always_xy=True).transform(x, y) if here != CRS.from_epsg(4326) else (x, y)
    )
    names = shapely.GeometryType
    out = [
        (repr(float(one_lon)), repr(float(one_lat)))
        if point
        else ("" if shape is None else names(type_).name.lower(), "")
        for one_lon, one_lat, point, shape, type_ in zip(lon, lat, is_point, shapes, types, strict=True)
    ]
    epsg = here.to_epsg()
    return out, f"EPSG:{epsg}" if epsg else here.name


def _looks_lambert(np: Any, x: Any, y: Any) -> bool:
    (west, east), (south, north) = LAMBERT_93
    return bool(len(x) and np.all((x > west) & (x < east) & (y > south) & (y < north)))


def texts(column: Any) -> list[str]:
    """A column as text: whole numbers without a point, nothing for what is missing, lists as JSON."""
    out = []
    for value in column.tolist():
        if hasattr(value, "tolist"):
            value = value.tolist()  # noqa: PLW2901  (a list of GDAL is an array of NumPy)
        if value is None or value != value:  # noqa: PLR0124  (NaN and NaT)
            out.append("")
        elif isinstance(value, float) and value.is_integer() and abs(value) < 1e15:  # noqa: PLR2004
            out.append(str(int(value)))
        elif isinstance(value, (list, dict, tuple)):
            out.append(json.dumps(value, ensure_ascii=False, default=str))
        else:
            out.append(" ".join(str(value).split()) if isinstance(value, str) else str(value))
    return out


def convert(path: Path, kind: str, out: Path, layer: str | None) -> dict[str, Any]:
    """Write the CSV; returns what is known of the file."""
    if kind == "gpkg":
        check_geopackage(path)
    import pyogrio  # noqa: PLC0415
    from pyogrio.errors import DataLayerError, DataSourceError, FeatureError, GeometryError  # noqa: PLC0415

    try:
        name = choose_layer(pyogrio, path, layer)
        meta, fids, geometry, columns = pyogrio.raw.read(path, layer=name, return_fids=True, datetime_as_string=True)
    except (DataLayerError, DataSourceError, FeatureError, GeometryError, UnicodeDecodeError):
        raise Refusal("broken") from None
    if geometry is None:
        raise Refusal("no_geometry")
    names = [" ".join(str(field).split()) for field in meta["fields"]]
    if len(names) > MAX_COLUMNS:
        raise Refusal("columns", columns=len(names))
    points, crs = positions(geometry, meta["crs"], kind)
    # GDAL numbers the features of a GeoJSON without ids itself: such a number says nothing.
    if FEATURE_ID not in names and (kind == "gpkg" or fids.tolist() != list(range(len(fids)))):
        names, columns = [FEATURE_ID, *names], [fids, *columns]
    with out.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*names, *GEOMETRY_COLUMNS])
        cells = [texts(column) for column in columns]
        writer.writerows((*(cell[row] for cell in cells), *point) for row, point in enumerate(points))
    shapes = sorted({lon for lon, lat in points if lon and not lat})
    return {"rows": len(points), "crs": crs, "layer": name, "not_points": shapes}


def main(path: str, kind: str, out: str, layer: str) -> int:
    """The process; 0, or REFUSED_STATUS with the reason."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    resource.setrlimit(resource.RLIMIT_FSIZE, (OUT_BYTES, OUT_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        answer, status = convert(Path(path), kind, Path(out), layer or None), 0
    except Refusal as refusal:
        answer, status = refusal.answer, REFUSED_STATUS
    except MemoryError:
        answer, status = {"code": "too_large"}, REFUSED_STATUS
    sys.stdout.write(json.dumps(answer))
    return status


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:5]))
