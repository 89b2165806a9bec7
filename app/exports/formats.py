"""The formats, and the frame that each puts around the lines that the database makes.

A frame takes chunks of whole lines as COPY makes them (a GeoPackage's: of rows). What closes a frame comes only after
the last chunk came without an error: a body that was cut is seen as cut where the format can show it (GeoJSON does;
lines and CSV cannot, so their readers need the connection's own error).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from app.exports import geopackage
from app.exports.copying import GeometryAndText, Lines, Sink
from app.exports.dictionary import csv_header
from app.exports.legend import Layer

# Takes what the sink hands over.
Frame = Callable[[Layer, Iterable[Any]], Iterator[bytes]]


@dataclass(frozen=True)
class Format:
    """One way out.

    ending: of the address and of the file; query: which statement makes the rows; sink: what takes them;
    has_legend: whether the frame wants the layer's.
    """

    ending: str
    media_type: str
    query: str
    frame: Frame
    sink: type[Sink[Any]] = Lines
    has_legend: bool = False


def _collection(layer: Layer, chunks: Iterable[bytes]) -> Iterator[bytes]:
    """A FeatureCollection (RFC 7946) around lines of `,{feature}`. GDAL takes the name as the layer's name.

    numberReturned (as in OGC API – Features) lets a reader check that it has everything.
    """
    start = b'{"type":"FeatureCollection","name":"%s","features":[\n' % layer.name.encode()
    for chunk in chunks:
        # The first feature's comma goes.
        yield start + chunk[1:] if start else chunk
        start = b""
    yield start + b'],"numberReturned":%d}\n' % layer.count()


def _lines(_layer: Layer, chunks: Iterable[bytes]) -> Iterator[bytes]:
    """A feature a line: the same lines without their commas. A raw line feed is never inside JSON."""
    yield b""
    for chunk in chunks:
        yield chunk[1:].replace(b"\n,", b"\n")


def _table(layer: Layer, chunks: Iterable[bytes]) -> Iterator[bytes]:
    """RFC 4180 with a header; UTF-8, commas, line feeds."""
    yield csv_header(layer.name)
    yield from chunks


GEOJSON = Format("geojson", "application/geo+json", "geojson", _collection)
CSV = Format("csv", "text/csv; charset=utf-8; header=present", "csv", _table)
GEOPACKAGE = Format("gpkg", geopackage.MEDIA_TYPE, "gpkg", geopackage.frame, GeometryAndText, has_legend=True)
FORMATS = {
    one.ending: one for one in (GEOJSON, Format("geojsonl", "application/x-ndjson", "geojson", _lines), CSV, GEOPACKAGE)
}


def in_crs(format_: Format, epsg: int) -> Format:
    """The same format in another reference system; only a GeoPackage has one to choose."""
    return replace(format_, frame=partial(geopackage.frame, epsg=epsg))


# What can be taken out, and as what. A step of a history has no place of its own.
OFFERED = {
    "reports": tuple(FORMATS),
    "interventions": tuple(FORMATS),
    "patrols": tuple(FORMATS),
    "events": (CSV.ending,),
    "intervention_events": (CSV.ending,),
}
