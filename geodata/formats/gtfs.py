"""GTFS, the timetable format: stops as points, routes as lines. A zip or a folder; ids are text; names are no keys."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import shapely
from shapely.geometry.base import BaseGeometry

from geodata.formats import archive, gtfs_shapes
from geodata.formats.columns import Columns
from geodata.formats.geometry import GeometryRefusedError, linear, lon_lat_point
from geodata.formats.tabular import Row, read_rows
from geodata.formats.text import place_name
from geodata.records import Item, PlaceRecord, ReadOptions, Refusal, Skip, SourceError, Total

STOPS = Columns(
    required={"id": ("stop_id",), "name": ("stop_name",), "lat": ("stop_lat",), "lon": ("stop_lon",)},
    optional={
        "code": ("stop_code",),
        "location_type": ("location_type",),
        "parent": ("parent_station",),
        "wheelchair": ("wheelchair_boarding",),
        "platform": ("platform_code",),
    },
)
ROUTES = Columns(
    required={"id": ("route_id",)},
    optional={
        "short": ("route_short_name",),
        "long": ("route_long_name",),
        "type": ("route_type",),
        "colour": ("route_color",),
        "text_colour": ("route_text_color",),
        "agency": ("agency_id",),
    },
)
_SORTS = {"1": "an area of several stops", "2": "an entrance", "3": "a node of a walkway", "4": "a boarding area"}
_COLOUR = re.compile(r"[0-9A-Fa-f]{6}")


def read_stops(path: Path, options: ReadOptions) -> Iterator[Item]:
    """The points where one waits (location_type 0 or empty).

    An area (location_type 1) is no place of its own: both sides of a street would be found three times. Its id and
    name are kept with each of its stops (`area`, `area_name`), so that the two sides can be shown as one.
    """
    del options  # a stop does not say its commune
    with _feed(path, "stops.txt") as folder:
        rows = list(read_rows(folder / "stops.txt", STOPS))
        yield Total(len(rows))
        areas = {row.get("id"): row.get("name") for row in rows if row.get("location_type") == "1"}
        for row in rows:
            yield _stop(row, areas)


def _stop(row: Row, areas: dict[str, str]) -> Item:
    code = row.get("id")
    if row.problem or not code:
        return Refusal(row.line, f"stops.txt: {row.problem or 'no stop_id'}", code or None)
    sort = row.get("location_type")
    if sort in _SORTS:
        return Skip(row.line, f"stops.txt: {code} is {_SORTS[sort]}")
    if sort not in {"", "0"}:
        return Refusal(row.line, f"stops.txt: {code}: unknown location_type {sort[:20]!r}", code)
    try:
        geometry = lon_lat_point(row.get("lon"), row.get("lat"))
    except GeometryRefusedError as error:
        return Refusal(row.line, f"stops.txt: {code}: {error}", code)
    parent = row.get("parent")
    attributes = {
        "area": parent,
        "area_name": areas.get(parent, ""),
        "stop_code": row.get("code"),
        "platform": row.get("platform"),
        "wheelchair": {"1": "yes", "2": "no"}.get(row.get("wheelchair"), ""),
    }
    name = place_name(row.get("name"), areas.get(parent) or code)
    return PlaceRecord("stop", code, name, geometry, {k: v for k, v in attributes.items() if v}, row.line)


def read_lines(path: Path, options: ReadOptions) -> Iterator[Item]:
    """The routes, each as the lines of its trips: from shapes.txt, else through the stops of stop_times.txt."""
    del options  # a line does not say its communes
    with _feed(path, "routes.txt") as folder:
        rows = list(read_rows(folder / "routes.txt", ROUTES))
        yield Total(len(rows))
        ways = gtfs_shapes.ways_of_routes(folder, {row.get("id") for row in rows})
        for row in rows:
            yield _line(row, ways.get(row.get("id"), []))


def _line(row: Row, ways: list[BaseGeometry]) -> Item:
    code = row.get("id")
    if row.problem or not code:
        return Refusal(row.line, f"routes.txt: {row.problem or 'no route_id'}", code or None)
    if not ways:
        return Refusal(row.line, f"routes.txt: {code}: neither shapes nor stop times say where it goes", code)
    try:
        geometry = linear(shapely.GeometryCollection(ways))
    except GeometryRefusedError as error:
        return Refusal(row.line, f"routes.txt: {code}: {error}", code)
    attributes = {
        "short_name": row.get("short"),
        "long_name": row.get("long"),
        "colour": _colour(row.get("colour")),
        "text_colour": _colour(row.get("text_colour")),
        "route_type": row.get("type"),
        "agency": row.get("agency"),
    }
    name = place_name(f"{row.get('short')} {row.get('long')}", code)
    return PlaceRecord("line", code, name, geometry, {k: v for k, v in attributes.items() if v}, row.line)


def _colour(value: str) -> str:
    """'#E3C305' for 'E3C305'; '' for anything that is not six hexadecimal digits (it ends up in a style)."""
    digits = value.removeprefix("#")
    return f"#{digits.upper()}" if _COLOUR.fullmatch(digits) else ""


@contextmanager
def _feed(path: Path, needed: str) -> Iterator[Path]:
    """The folder with the .txt files; some zips have them one folder down."""
    with archive.folder_of(path) as folder:
        found = sorted(folder.rglob(needed), key=lambda file: len(file.parts))
        if not found:
            raise SourceError(f"{path.name}: no {needed} inside, so this is not a GTFS feed")
        yield found[0].parent
