"""The reference systems of a filter's geometries, and their way to degrees (lon, lat). Pure."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import shapely
from flask_babel import gettext as _
from numpy.typing import NDArray
from pyproj import Transformer
from shapely.geometry.base import BaseGeometry

from app.filtering.tree import Box, FilterError

LON_LAT = 4326
# Straight lines of a projected system are arcs in degrees: a vertex at least every this share of the geometry's extent.
_SEGMENTS = 32
Coordinates = NDArray[np.float64]
_LON_MOST, _LAT_MOST = 180.0, 90.0


@dataclass(frozen=True)
class FilterCrs:
    """srid: of EPSG; lat_lon: the first number is the latitude."""

    srid: int
    lat_lon: bool = False


_EPSG = "http://www.opengis.net/def/crs/EPSG/0/"
CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
CRS_OF_URI = {
    CRS84: FilterCrs(LON_LAT),
    f"{_EPSG}4326": FilterCrs(LON_LAT, lat_lon=True),
    f"{_EPSG}3857": FilterCrs(3857),
    f"{_EPSG}2154": FilterCrs(2154),
}


def parse_crs(uri: str, parameter: str = "filter-crs") -> FilterCrs:
    """A system by its URI.

    Raises:
        FilterError: not one of CRS_OF_URI.

    """
    if uri not in CRS_OF_URI:
        raise FilterError(_("choose one of %(names)s", names=", ".join(CRS_OF_URI)), parameter)
    return CRS_OF_URI[uri]


@lru_cache(maxsize=8)
def _to_degrees(srid: int) -> Transformer:
    return Transformer.from_crs(srid, LON_LAT, always_xy=True)


def box_geometry(box: Box, crs: FilterCrs) -> BaseGeometry:
    """A box as a geometry in degrees (lon, lat). In degrees, west beyond east is a box across the antimeridian.

    Raises:
        FilterError: its low corner lies beyond its high corner, or it is not on earth.

    """
    west, south, east, north = box.first_low, box.second_low, box.first_high, box.second_high
    if crs.lat_lon:
        west, south, east, north = south, west, north, east
    if south > north or (west > east and crs.srid != LON_LAT):
        raise FilterError(_("a box has its low corner first, then its high corner"))
    if west > east:
        halves = _rectangle(west, south, _LON_MOST, north), _rectangle(-_LON_MOST, south, east, north)
        return to_lon_lat(shapely.union_all(halves), FilterCrs(LON_LAT))
    return to_lon_lat(_rectangle(west, south, east, north), FilterCrs(crs.srid))


def _rectangle(west: float, south: float, east: float, north: float) -> BaseGeometry:
    """A box without width or height is a line, without both a point: as an area neither would be valid."""
    if west < east and south < north:
        return shapely.box(west, south, east, north)
    if (west, south) == (east, north):
        return shapely.Point(west, south)
    return shapely.LineString([(west, south), (east, north)])


def to_lon_lat(geometry: BaseGeometry, crs: FilterCrs) -> BaseGeometry:
    """A filter's geometry in degrees (lon, lat).

    Raises:
        FilterError: it is not valid, or not on earth.

    """
    if not np.isfinite(shapely.get_coordinates(geometry)).all():
        raise FilterError(_("a geometry lies outside of its reference system"))
    if crs.lat_lon:
        geometry = shapely.transform(geometry, lambda lat_lon: lat_lon[:, ::-1])
    if crs.srid != LON_LAT:
        geometry = _projected(geometry, crs.srid)
    if not np.isfinite(shapely.get_coordinates(geometry)).all():
        raise FilterError(_("a geometry lies outside of its reference system"))
    west, south, east, north = geometry.bounds
    if west < -_LON_MOST or east > _LON_MOST or south < -_LAT_MOST or north > _LAT_MOST:
        raise FilterError(_("a geometry lies outside of the earth; is filter-crs right?"))
    if not shapely.is_valid(geometry):
        raise FilterError(_("a geometry is not valid: %(why)s", why=shapely.is_valid_reason(geometry)[:100]))
    return geometry


def _projected(geometry: BaseGeometry, srid: int) -> BaseGeometry:
    west, south, east, north = geometry.bounds
    if extent := max(east - west, north - south):
        geometry = shapely.segmentize(geometry, extent / _SEGMENTS)

    def degrees(east_north: Coordinates) -> Coordinates:
        return np.column_stack(_to_degrees(srid).transform(east_north[:, 0], east_north[:, 1]))

    return shapely.transform(geometry, degrees)
