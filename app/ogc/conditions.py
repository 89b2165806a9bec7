"""Where, when and which page as SQL conditions with named binds."""

from __future__ import annotations

from typing import Any

from app.ogc.collections import Collection
from app.ogc.crs import WGS84_SRID
from app.ogc.query import Query
from app.ogc.spans import Box, Times
from app.places.lattice import cell_ranges_of_bbox

_BOUNDS = ("west", "south", "east", "north")
_HALF_DIGIT = 5e-8
Binds = dict[str, Any]


def where(collection: Collection, query: Query, *, paged: bool = True) -> tuple[list[str], Binds]:
    """The whole query; paged: from where the last page ended."""
    parts = [*([collection.always] if collection.always else []), *query.parts]
    binds = dict(query.binds)
    if query.box is not None:
        _add_box(collection, query.box, parts, binds)
    if query.times is not None:
        _add_times(collection, query.times, parts, binds)
    if paged and query.after is not None:
        parts.append(f"{collection.key} > CAST(:ogc_after AS {collection.key_type})")
        binds["ogc_after"] = query.after
    return parts, binds


def _add_box(collection: Collection, box: Box, parts: list[str], binds: Binds) -> None:
    """Touching the box counts. In another system the features are moved there: a box has straight edges only at home.

    A superset in degrees comes first, which an index knows.
    """
    near = [_near(collection, bounds, f"ogc_{i}", binds) for i, bounds in enumerate(box.lon_lat)]
    parts.append(f"({' OR '.join(near)})" if near else "false")
    if box.srid == WGS84_SRID:
        return
    for name, value in zip(_BOUNDS, box.boxes[0], strict=True):
        binds[f"ogc_box_{name}"] = value
    binds["ogc_box_srid"] = box.srid
    envelope = ", ".join(f":ogc_box_{name}" for name in _BOUNDS)
    moved = f"ST_Transform({collection.geometry}, :ogc_box_srid)"
    parts.append(f"ST_Intersects({moved}, ST_MakeEnvelope({envelope}, :ogc_box_srid))")


def _near(collection: Collection, bounds: tuple[float, float, float, float], prefix: str, binds: Binds) -> str:
    """One box in degrees, edges included."""
    names = {name: f":{prefix}_{name}" for name in _BOUNDS}
    binds |= {f"{prefix}_{name}": value for name, value in zip(_BOUNDS, bounds, strict=True)}
    geometry = collection.geometry
    if collection.geometry_type != "Point" or collection.table != "report":
        # Half of the last digit that leaves: what is written on the edge is in.
        envelope = f"ST_Expand(ST_MakeEnvelope({', '.join(names.values())}, {WGS84_SRID}), {_HALF_DIGIT})"
        return f"({geometry} && {envelope} AND ST_Intersects({geometry}, {envelope}))"
    # Under row-level security a box loses its index, ranges of cells do not (docs/design.md, section 5).
    ranges = cell_ranges_of_bbox(bounds)
    cells = []
    for i, (first, last) in enumerate(ranges):
        binds |= {f"{prefix}_from_{i}": first, f"{prefix}_to_{i}": last}
        cells.append(f"{collection.table}.cell_25m BETWEEN :{prefix}_from_{i} AND :{prefix}_to_{i}")
    # As the coordinates are written: what is written on the edge is in.
    lon, lat = (f"round({axis}({geometry}) * 1e7) / 1e7" for axis in ("ST_X", "ST_Y"))
    inside = (
        f"{lon} BETWEEN {names['west']} AND {names['east']} AND {lat} BETWEEN {names['south']} AND {names['north']}"
    )
    return f"(({' OR '.join(cells) or 'false'}) AND {inside})"


def _add_times(collection: Collection, times: Times, parts: list[str], binds: Binds) -> None:
    """What overlaps the interval, its ends included; what has no time matches."""
    if collection.start is None or collection.end is None:
        return
    either = []
    if times.start is not None:
        either.append(f"{collection.end} >= :ogc_start")
        binds["ogc_start"] = times.start
    if times.end is not None:
        either.append(f"{collection.start} <= :ogc_end")
        binds["ogc_end"] = times.end
    if times.before is not None:
        either.append(f"{collection.start} < :ogc_before")
        binds["ogc_before"] = times.before
    if either:
        parts.append(f"({collection.start} IS NULL OR ({' AND '.join(either)}))")
