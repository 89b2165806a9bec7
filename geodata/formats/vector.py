"""GeoJSON, GeoPackage and Shapefile (or a zip of one) → features in EPSG:4326, through GDAL (pyogrio)."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pyproj
import shapely
from pyogrio import raw
from shapely.errors import ShapelyError
from shapely.geometry.base import BaseGeometry

from geodata.formats import archive
from geodata.formats.columns import Columns
from geodata.formats.text import cell_text
from geodata.records import Item, PlaceRecord, ReadOptions, Refusal, Skip, SourceError, Total

DRIVERS = frozenset({"GeoJSON", "GPKG", "ESRI Shapefile"})
SUFFIXES = (".gpkg", ".geojson", ".json", ".shp")
BATCH_ROWS = 5000
_BOXES = {"EPSG:4326": (-180, -90, 180, 90), "EPSG:2154": (-400_000, 5_900_000, 1_500_000, 7_300_000)}


@dataclass(frozen=True)
class Feature:
    """One feature: `row` counts from 1, `fields` has a text for each column asked for, geometry in EPSG:4326."""

    row: int
    code: str
    fields: dict[str, str]
    geometry: BaseGeometry | None


@dataclass(frozen=True)
class Layer:
    """One readable layer of one file."""

    path: Path
    name: str
    driver: str
    header: list[str]
    rows: int
    crs: str | None
    bounds: tuple[float, float, float, float] | None
    size_bytes: int


Build = Callable[[Feature], PlaceRecord | Skip]
Key = Callable[[dict[str, str]], str]


def read_places(path: Path, columns: Columns, options: ReadOptions, key: Key, build: Build) -> Iterator[Item]:
    """Each feature of the best layer through `build`, which refuses one by ValueError (GeometryRefusedError is one).

    `key` makes the code from the fields, before anything can be refused: a place whose new geometry is broken is
    still known to be in the file.

    Raises:
        SourceError: not a vector file, no layer with these columns, or no known reference system.

    """
    with _best_layer(path, columns) as layer:
        yield Total(layer.rows)
        for feature in _features(layer, columns, options.crs, key):
            try:
                yield build(feature)
            except (ValueError, ShapelyError) as error:
                yield Refusal(feature.row, str(error), feature.code or None)


@contextmanager
def _best_layer(path: Path, columns: Columns) -> Iterator[Layer]:
    """The largest layer that has the columns: official zips carry the same data several times, overseas apart."""
    with _candidates(path) as files:
        layers = [layer for file in files for layer in _layers(file, path.name)]
        fitting = [layer for layer in layers if columns.fits(layer.header)]
        if not fitting:
            header = layers[0].header if layers else []
            columns.find(header, path.name)
            raise SourceError(f"{path.name}: no layer in it")
        yield max(fitting, key=lambda layer: (layer.rows, layer.size_bytes))


@contextmanager
def _candidates(path: Path) -> Iterator[list[Path]]:
    if not path.is_dir() and not archive.is_zip(path):
        _refuse_known_strangers(path)
        yield [path]
        return
    with archive.folder_of(path) as folder:
        files = [file for file in sorted(folder.rglob("*")) if file.suffix.lower() in SUFFIXES and file.is_file()]
        if not files:
            raise SourceError(f"{path.name}: no .gpkg, .geojson or .shp inside")
        yield files


def _refuse_known_strangers(path: Path) -> None:
    """Say what it is when it is something one often gets instead of data."""
    with archive.readable(path) as file:
        start = file.read(512)
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text.startswith(b"<"):
        raise SourceError(f"{path.name}: this is a web page (HTML or XML), not data; was the link a download page?")
    if start.startswith(b"7z\xbc\xaf\x27\x1c"):
        raise SourceError(f"{path.name}: unpack the .7z first (7z x {path.name}) and give the file inside")
    known = text.startswith(b"{") or start.startswith((b"SQLite format 3\x00", b"\x00\x00\x27\x0a"))
    if not known:
        raise SourceError(f"{path.name}: neither GeoJSON, GeoPackage, Shapefile nor a zip of one")


def _layers(file: Path, shown: str) -> list[Layer]:
    try:
        with _quiet():
            names = [str(name) for name, geometry in pyogrio.list_layers(file) if geometry is not None]
            return [layer for name in names if (layer := _layer(file, name)) is not None]
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, UnicodeDecodeError) as error:
        reason = str(error).split(";", maxsplit=1)[0].replace(str(file), shown)
        raise SourceError(f"{shown}: cannot be read: {reason}") from None


def _layer(file: Path, name: str) -> Layer | None:
    info = pyogrio.read_info(file, layer=name, force_feature_count=True, force_total_bounds=True)
    if info["driver"] not in DRIVERS:
        return None
    bounds = info.get("total_bounds")
    return Layer(
        path=file,
        name=name,
        driver=str(info["driver"]),
        header=[str(field) for field in info["fields"]],
        rows=max(0, int(info["features"])),
        crs=info["crs"],
        bounds=None if bounds is None else tuple(float(value) for value in bounds),  # type: ignore[arg-type]
        size_bytes=file.stat().st_size,
    )


def _features(layer: Layer, columns: Columns, crs: str | None, key: Key) -> Iterator[Feature]:
    positions = columns.find(layer.header, layer.path.name)
    transform = _transformer(layer, crs)
    wanted = sorted({layer.header[position] for position in positions.values()})
    encoding = _encoding(layer, wanted)
    # GeoJSON has no index: each batch would parse the whole file again.
    batch = max(1, layer.rows) if layer.driver == "GeoJSON" else BATCH_ROWS
    for start in range(0, layer.rows, batch):
        meta, wkb, cells = _read(layer, wanted, encoding, skip_features=start, max_features=batch)
        at = {str(name): index for index, name in reversed(list(enumerate(meta["fields"])))}
        roles = {role: cells[at[layer.header[position]]] for role, position in positions.items()}
        geometries = _project(wkb, transform)
        for index, geometry in enumerate(geometries):
            fields = {role: cell_text(values[index]) for role, values in roles.items()}
            yield Feature(start + index + 1, key(fields), fields, geometry)


def _read(
    layer: Layer, wanted: list[str], encoding: str | None, **options: Any
) -> tuple[dict[str, Any], Any, list[Any]]:
    try:
        with _quiet():
            meta, _, wkb, cells = raw.read(layer.path, layer=layer.name, columns=wanted, encoding=encoding, **options)
    except (pyogrio.errors.DataSourceError, pyogrio.errors.FeatureError, pyogrio.errors.DataLayerError) as error:
        raise SourceError(f"{layer.path.name}: cannot be read: {error}") from None
    return meta, wkb, cells


def _encoding(layer: Layer, wanted: list[str]) -> str | None:
    """How the text is written.

    A .dbf without .cpg does not say; GDAL would take Latin-1, but recent exports are UTF-8. Text that is valid UTF-8
    is UTF-8; else it is the Windows code page of older French files.
    """
    if layer.driver == "GPKG" or (layer.driver == "ESRI Shapefile" and layer.path.with_suffix(".cpg").exists()):
        return None
    try:
        _read(layer, wanted, "UTF-8", read_geometry=False)
    except UnicodeDecodeError:
        return "CP1252"
    return "UTF-8"


def _transformer(layer: Layer, override: str | None) -> pyproj.Transformer | None:
    """From the layer's reference system to EPSG:4326, x first; None when it is that already."""
    name = override or layer.crs or _guessed_crs(layer)
    if name is None:
        raise SourceError(f"{layer.path.name}: no reference system in it; name it with --crs, such as EPSG:2154")
    try:
        source = pyproj.CRS.from_user_input(name).to_2d()
    except pyproj.exceptions.CRSError:
        raise SourceError(f"{layer.path.name}: unknown reference system {name[:80]}") from None
    if source.equals(pyproj.CRS.from_epsg(4326), ignore_axis_order=True):
        return None
    return pyproj.Transformer.from_crs(source, 4326, always_xy=True)


def _guessed_crs(layer: Layer) -> str | None:
    """For a shapefile that lost its .prj: degrees and Lambert-93 cannot be mistaken for each other."""
    if layer.bounds is None:
        return None
    west, south, east, north = layer.bounds
    for crs, (least_x, least_y, most_x, most_y) in _BOXES.items():
        if least_x <= west <= east <= most_x and least_y <= south <= north <= most_y:
            return crs
    return None


def _project(wkb: Any, transform: pyproj.Transformer | None) -> list[BaseGeometry | None]:
    """The geometries in 2D and EPSG:4326; None for what is none. NaN stays, to be refused."""
    with np.errstate(invalid="ignore"):
        return _projected(shapely.from_wkb(wkb, on_invalid="ignore"), transform)


def _projected(geometries: Any, transform: pyproj.Transformer | None) -> list[BaseGeometry | None]:
    flat: Any = shapely.force_2d(geometries)
    if transform is not None:
        to_4326: Any = transform.transform
        flat = shapely.transform(flat, to_4326, interleaved=False)
    return list(np.atleast_1d(flat))


@contextmanager
def _quiet() -> Iterator[None]:
    """GDAL warns about ring order and field widths, which do not matter here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
