"""Reference systems of OGC API – Features, Part 2: which there are, and features' geometries in them.

Coordinates are kept in WGS 84 with seven decimals (one centimetre). Lambert-93 rests on RGF93, which is taken for the
same as WGS 84, as everywhere in the product: the two differ by some decimetres.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import shapely
from flask_babel import gettext as _
from numpy.typing import NDArray

from app.errors import BadRequestError
from app.ogc.features import Features
from app.places.lattice import transformer

_EPSG = "http://www.opengis.net/def/crs/EPSG/0/{}"


@dataclass(frozen=True)
class Crs:
    """One reference system. `lat_first`: its own axes are latitude, longitude; `decimals` of its coordinates."""

    uri: str
    srid: int
    name: str
    lat_first: bool = False
    decimals: int = 7

    @property
    def is_geographic(self) -> bool:
        """Degrees, not metres."""
        return self.srid == WGS84_SRID


WGS84_SRID = 4326
CRS84 = Crs("http://www.opengis.net/def/crs/OGC/1.3/CRS84", WGS84_SRID, "WGS 84 (longitude, latitude)")
SYSTEMS = (
    CRS84,
    Crs(_EPSG.format(4326), WGS84_SRID, "WGS 84 (latitude, longitude)", lat_first=True),
    Crs(_EPSG.format(3857), 3857, "WGS 84 / Pseudo-Mercator", decimals=3),
    Crs(_EPSG.format(2154), 2154, "RGF93 v1 / Lambert-93", decimals=3),
)
URIS = tuple(crs.uri for crs in SYSTEMS)
_BY_URI = {crs.uri: crs for crs in SYSTEMS}


def parse_crs(name: str, value: str | None) -> Crs:
    """The system that a parameter names; CRS84 when there is no such parameter.

    Raises:
        BadRequestError: it is not one of ours.

    """
    if value is None:
        return CRS84
    found = _BY_URI.get(value)
    if found is None:
        raise BadRequestError(name, _("choose one of %(uris)s", uris=", ".join(URIS)))
    return found


# How far a feature's text is its head, and what follows its geometry; both statements that make them are ours.
_HEAD = re.compile(r'\{"type"\s?:\s?"Feature",\s?"id"\s?:\s?(?P<id>"[^"]*"|\d+),\s?"geometry"\s?:\s?')
_TAIL = re.compile(r',\s?"properties"\s?:')


def last_id(features: Features) -> str:
    """The id of the last feature."""
    last = features.joined[features.joined.rfind(b"\n") + 1 :].decode()
    head = _HEAD.match(last.removeprefix(","))
    assert head is not None, "not a feature as our statements write them"
    return head["id"].strip('"')


def in_crs(features: Features, crs: Crs) -> Features:
    """The features, whose geometries are in CRS84, with them in `crs` instead."""
    if crs is CRS84 or not features.count:
        return features
    lines = features.lines
    spans = [_geometry_span(line) for line in lines]
    texts = [line[start:end] for line, (start, end) in zip(lines, spans, strict=True)]
    moved = shapely.to_geojson(_projected(np.asarray(shapely.from_geojson(texts), dtype=object), crs))
    placed = (
        line[:start] + str(text) + line[end:] for line, (start, end), text in zip(lines, spans, moved, strict=True)
    )
    return Features("\n,".join(placed).encode(), features.count)


def _geometry_span(feature: str) -> tuple[int, int]:
    head = _HEAD.match(feature)
    tail = head and _TAIL.search(feature, head.end())
    assert head is not None, "not a feature as our statements write them"
    assert tail is not None, "a feature without properties"
    return head.end(), tail.start()


def _projected(geometries: NDArray[np.object_], crs: Crs) -> NDArray[np.object_]:
    def project(lon_lat: NDArray[np.float64]) -> NDArray[np.float64]:
        if crs.is_geographic:
            return lon_lat[:, ::-1] if crs.lat_first else lon_lat
        moved = np.column_stack(transformer(WGS84_SRID, crs.srid).transform(lon_lat[:, 0], lon_lat[:, 1]))
        return np.asarray(np.round(moved, crs.decimals))

    return np.asarray(shapely.transform(geometries, project), dtype=object)
