"""The reference geography of a map to take along: shapes with their names, simplified to what its scale can show."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import shapely
from shapely.geometry.base import BaseGeometry

from app.places import store
from app.places.lattice import transformer

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from app.heat.takeaway_frame import Bounds

KINDS = ("commune", "neighbourhood", "line")
# Above this there is no map to read any more; the picture is then drawn without that kind.
SHAPES_MOST = 2000


@dataclass(frozen=True)
class Shape:
    """One place."""

    kind: str
    name: str
    approximate: bool
    colour: str
    shape_4326: BaseGeometry

    @property
    def shape_3857(self) -> BaseGeometry:
        """In Web Mercator."""
        to_mercator: Any = transformer(4326, 3857).transform
        return shapely.transform(self.shape_4326, to_mercator, interleaved=False)

    def feature(self) -> dict[str, Any]:
        """As GeoJSON, six digits (10 cm)."""
        rounded = shapely.set_precision(self.shape_4326, 1e-6)
        shape = rounded if not rounded.is_empty else self.shape_4326
        properties = {"name": self.name, "approximate": self.approximate, "colour": self.colour}
        return {"type": "Feature", "geometry": shapely.geometry.mapping(shape), "properties": properties}


def read_shapes(connection: Connection, bounds: Bounds, simplify_m: float) -> list[Shape]:
    """The open places of KINDS that touch a box in degrees."""
    found = []
    for kind in KINDS:
        texts = list(store.features(connection, kind, bounds, simplify_m, most=SHAPES_MOST + 1))
        if len(texts) <= SHAPES_MOST:
            found += [_shape(kind, json.loads(text)) for text in texts]
    return found


def _shape(kind: str, feature: dict[str, Any]) -> Shape:
    properties = feature["properties"]
    shape = shapely.from_geojson(json.dumps(feature["geometry"]))
    return Shape(kind, properties["name"], bool(properties["approximate"]), properties["colour"] or "", shape)
