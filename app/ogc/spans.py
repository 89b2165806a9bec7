"""`bbox` and `datetime`: where and when, as OGC API – Features writes them."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from flask_babel import gettext as _

from app.errors import BadRequestError
from app.filtering import parse_datetime
from app.filtering.tree import Property
from app.ogc.crs import WGS84_SRID, Crs
from app.places.lattice import FRANCE_LON_LAT, transformer

Bounds = tuple[float, float, float, float]
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_FLAT, _WITH_HEIGHTS = 4, 6


@dataclass(frozen=True)
class Box:
    """A box in the axes east, north of `srid`; west > east: over the antimeridian (degrees only)."""

    west: float
    south: float
    east: float
    north: float
    srid: int

    @property
    def boxes(self) -> tuple[Bounds, ...]:
        """One box, two over the antimeridian."""
        if self.west <= self.east:
            return ((self.west, self.south, self.east, self.north),)
        return ((self.west, self.south, 180.0, self.north), (-180.0, self.south, self.east, self.north))

    @property
    def lon_lat(self) -> tuple[Bounds, ...]:
        """What surely holds it in degrees, as far as metropolitan France reaches; empty outside."""
        if self.srid == WGS84_SRID:
            return self.boxes
        # A projection means something near the country only: first what of the box lies there, then its edges.
        left, bottom, right, top = transformer(WGS84_SRID, self.srid).transform_bounds(*FRANCE_LON_LAT, densify_pts=101)
        west, south = max(self.west, left), max(self.south, bottom)
        east, north = min(self.east, right), min(self.north, top)
        if west > east or south > north:
            return ()
        found = transformer(self.srid, WGS84_SRID).transform_bounds(west, south, east, north, densify_pts=101)
        margin = 1e-4  # ten metres: an edge is an arc between the points that were transformed
        return ((found[0] - margin, found[1] - margin, found[2] + margin, found[3] + margin),)


def parse_bbox(value: str, crs: Crs) -> Box:
    """Four numbers, or six of which the heights are ignored, in the axes of `crs`.

    Raises:
        BadRequestError: names the parameter.

    """
    parts = [part.strip() for part in value.split(",")]
    if len(parts) not in {_FLAT, _WITH_HEIGHTS} or not all(_NUMBER.fullmatch(part) for part in parts):
        raise BadRequestError("bbox", _("write four numbers (or six with heights), separated by commas"))
    numbers = [float(part) for part in parts]
    if not all(math.isfinite(number) for number in numbers):
        raise BadRequestError("bbox", _("this number is too large"))
    half = len(numbers) // 2
    first, second, third, fourth = (*numbers[:2], *numbers[half : half + 2])
    if crs.lat_first:
        first, second, third, fourth = second, first, fourth, third
    box = Box(first, second, third, fourth, crs.srid)
    if box.south > box.north or (box.west > box.east and not crs.is_geographic):
        raise BadRequestError("bbox", _("the first corner must be the lower left one"))
    if crs.is_geographic and not (
        all(abs(lon) <= 180 for lon in (box.west, box.east)) and abs(box.south) <= 90 and abs(box.north) <= 90  # noqa: PLR2004
    ):
        raise BadRequestError("bbox", _("degrees go from -180 to 180 and from -90 to 90"))
    return box


@dataclass(frozen=True)
class Times:
    """From `start` to `end`, both included; None: open. `before`: the end is a whole day, up to this moment."""

    start: datetime | None
    end: datetime | None
    before: datetime | None


def parse_times(value: str) -> Times:
    """`datetime`: a moment, or an interval with `..` or nothing for an open end; a day is the whole day in UTC.

    Raises:
        BadRequestError: names the parameter.

    """
    found = parse_datetime(value)
    assert not isinstance(found.start, Property), "no names in this parameter"
    assert not isinstance(found.end, Property), "no names in this parameter"
    start, end = found.start, found.end
    if start is not None and not isinstance(start, datetime):
        start = _midnight(start)
    if end is None or isinstance(end, datetime):
        return Times(start, end, None)
    try:
        return Times(start, None, _midnight(end + timedelta(days=1)))
    except OverflowError:
        raise BadRequestError("datetime", _("this day is out of range")) from None


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
