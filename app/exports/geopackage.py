"""An export as a GeoPackage (OGC 12-128): made as a whole beside the stream, because a database file has no order.

The features are those of the GeoJSON, with field types of their own instead of texts. Memory stays that of one batch.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import Transformer

from app.exports.dictionary import COLUMNS, Column

MEDIA_TYPE = "application/geopackage+sqlite3"
CRS = (2154, 4326)
BATCH_ROWS = 20_000
READ_BYTES = 256 * 1024
_UTC = 100  # GDAL's own code for it


def frame(name: str, chunks: Iterable[bytes], _count: Callable[[], int], epsg: int = CRS[0]) -> Iterator[bytes]:
    """Lines of `,{feature}` → the bytes of a GeoPackage with one layer, `name`. Nothing comes before it is whole.

    epsg: 2154 (Lambert-93, metres) or 4326.
    """
    lines = chain.from_iterable(chunk[1:].split(b"\n,") for chunk in chunks)
    with tempfile.TemporaryDirectory(prefix="quietude-export-") as folder:
        path = Path(folder) / f"{name}.gpkg"
        _write(path, name, [], epsg)
        for some in iter(lambda: list(islice(lines, BATCH_ROWS)), []):
            _write(path, name, [json.loads(line) for line in some], epsg)
        with path.open("rb") as file:
            while part := file.read(READ_BYTES):
                yield part


def _write(path: Path, name: str, features: Sequence[Mapping[str, Any]], epsg: int) -> None:
    import pyogrio  # noqa: PLC0415  (GDAL is large, and most processes never make a GeoPackage)

    columns = [column for column in COLUMNS[name] if not column.csv_only]
    pairs = [_field(column, [feature["properties"][column.name] for feature in features]) for column in columns]
    zones = np.full(len(features), _UTC, dtype=np.int32)
    pyogrio.raw.write(
        path,
        geometry=shapely.to_wkb(_geometries(features, epsg)),
        field_data=[values for values, _mask in pairs],
        field_mask=[mask for _values, mask in pairs],
        fields=[column.name for column in columns],
        gdal_tz_offsets={column.name: zones for column in columns if column.type == "datetime"},
        layer=name,
        driver="GPKG",
        geometry_type="Point" if name == "reports" else "Unknown",
        crs=f"EPSG:{epsg}",
        promote_to_multi=False,
        append=path.exists(),
    )


def _geometries(features: Sequence[Mapping[str, Any]], epsg: int) -> NDArray[np.object_]:
    made = np.array([shapely.geometry.shape(feature["geometry"]) for feature in features], dtype=object)
    if epsg == CRS[1]:
        return made
    to_metres = Transformer.from_crs(CRS[1], epsg, always_xy=True)

    def project(lon_lat: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.column_stack(to_metres.transform(lon_lat[:, 0], lon_lat[:, 1]))

    return np.asarray(shapely.transform(made, project), dtype=object)


def _field(column: Column, values: list[Any]) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
    """One column with GDAL's type for it, and where there is nothing."""
    match column.type:
        case "integer":
            nothing = np.array([value is None for value in values], dtype=bool)
            return np.array([value or 0 for value in values], dtype=np.int32), nothing
        case "real":
            return np.array([np.nan if value is None else value for value in values], dtype=np.float64), None
        case "boolean":
            return np.array(values, dtype=bool), None
        case "datetime":
            return np.array([value and value.removesuffix("Z") for value in values], dtype="datetime64[ms]"), None
        case _:
            texts = [";".join(value) if isinstance(value, list) else value for value in values]
            return np.array(texts, dtype=object), None
