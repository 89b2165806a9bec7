"""Shapes of the database in EPSG:2154."""

from __future__ import annotations

from typing import Any

import shapely
from shapely.geometry.base import BaseGeometry

from app.places.lattice import to_lambert93


def projected(wkb_4326: bytes) -> BaseGeometry:
    """A shape of EPSG:4326, as WKB, in EPSG:2154."""
    to_2154: Any = to_lambert93  # the stubs know interleaved coordinates only
    return shapely.transform(shapely.from_wkb(wkb_4326), to_2154, interleaved=False)
