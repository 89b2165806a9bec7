"""Mapbox vector tiles (specification 2.1) of clusters, and where tiles lie. Pure.

Tile coordinates are 4,096 a side, y downwards. A feature belongs to the tile that has it at 0 ≤ x, y < 4,096; tiles
also hold what lies in a margin around them, so that a circle on an edge is drawn whole: a sum over tiles must count
each feature where it belongs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import cast

import mapbox_vector_tile
import numpy as np

from app.heat.cube import Array
from app.heat.mvt_clusters import Cells
from app.nomenclature.store import Nomenclature
from app.places.lattice import CELL_M, transformer

EXTENT = 4096
MARGIN = 512  # 32 of a tile's 256 pixels: the radius of the largest circle, with room
ZOOM_MIN, POINTS_FROM_ZOOM, ZOOM_MAX = 8, 15, 20
CLUSTERS, REPORTS = "clusters", "reports"
MEDIA_TYPE = "application/vnd.mapbox-vector-tile"
_HALF_WORLD_M = 20_037_508.342789244

CLUSTER_FIELDS = {
    "count": "Number",
    "severity": "Number",
    "theme": "String",
    "theme_fr": "String",
    "theme_en": "String",
    "cell_m": "Number",
}
REPORT_FIELDS = {
    "id": "String",
    "category": "String",
    "theme": "String",
    "severity": "Number",
    "state": "String",
    "label_fr": "String",
    "label_en": "String",
    "theme_fr": "String",
    "theme_en": "String",
    "observed_on": "String",
}


@dataclass(frozen=True)
class Tile:
    """A tile of the Web Mercator pyramid."""

    z: int
    x: int
    y: int

    @property
    def side_m(self) -> float:
        """Metres of EPSG:3857."""
        return 2 * _HALF_WORLD_M / (1 << self.z)

    def lon_lat(self, margin: float = 0.0) -> tuple[float, float, float, float]:
        """West, south, east, north in degrees, with a margin in parts of the side; within the world."""
        tiles = 1 << self.z
        west, east = ((self.x + along) / tiles * 360 - 180 for along in (-margin, 1 + margin))
        turns = (math.pi * (1 - 2 * (self.y + along) / tiles) for along in (1 + margin, -margin))
        south, north = (math.degrees(math.atan(math.sinh(turn))) for turn in turns)
        return max(west, -180.0), max(south, -90.0), min(east, 180.0), min(north, 90.0)


@dataclass(frozen=True)
class Placed:
    """Squares with their centres in EPSG:3857 metres."""

    cells: Cells
    x_3857: Array
    y_3857: Array


def placed(cells: Cells) -> Placed:
    """Project the centres once for all tiles."""
    x, y = transformer(2154, 3857).transform(*cells.centres().metres())
    return Placed(cells, np.asarray(x), np.asarray(y))


def cluster_tile(clusters: Placed, tile: Tile, nomenclature: Nomenclature) -> bytes:
    """One tile with the layer `clusters`; no bytes at all when there is nothing in it."""
    scale = EXTENT / tile.side_m
    x = np.floor((clusters.x_3857 + _HALF_WORLD_M) * scale).astype(np.int64) - tile.x * EXTENT
    y = np.floor((_HALF_WORLD_M - clusters.y_3857) * scale).astype(np.int64) - tile.y * EXTENT
    near = (x >= -MARGIN) & (x < EXTENT + MARGIN) & (y >= -MARGIN) & (y < EXTENT + MARGIN)
    index = np.flatnonzero(near)
    if not len(index):
        return b""
    cells = clusters.cells
    keys, main = cells.key, cells.main_theme()
    features = []
    for i in index.tolist():
        theme = nomenclature.themes[main[i]]
        properties = {
            "count": int(cells.count[i]),
            "theme": theme.code,
            "theme_fr": theme.label_fr,
            "theme_en": theme.label_en,
            "cell_m": round(CELL_M * 2**cells.level),
        }
        if cells.severity[i]:
            properties["severity"] = int(cells.severity[i])
        geometry = {"type": "Point", "coordinates": [int(x[i]), int(y[i])]}
        features.append({"id": int(keys[i]), "geometry": geometry, "properties": properties})
    layer = {"name": CLUSTERS, "features": features}
    options = {"extents": EXTENT, "y_coord_down": True}
    return cast("bytes", mapbox_vector_tile.encode([layer], default_options=options))
