"""Residences of social landlords from RPLS: one row a dwelling, grouped into buildings by their address.

RPLS has no coordinates. They come from columns of a geocoded extract (lon/lat, or x/y in Lambert-93) or from the BAN,
the national address file, given beside it. A row that neither can place is refused.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from pyproj import Transformer
from shapely import Point

from geodata.formats.addresses import Address, AddressBook
from geodata.formats.columns import Columns
from geodata.formats.geometry import GeometryRefusedError, lon_lat_point, number
from geodata.formats.tabular import Row, read_rows
from geodata.formats.text import insee_code, place_name, slug
from geodata.records import Item, PlaceRecord, ReadOptions, Refusal, Skip, Total

COLUMNS = Columns(
    required={"insee": ("depcom",), "street": ("nomvoie",), "number": ("numvoie",)},
    optional={
        "street_type": ("typvoie",),
        "repeat": ("indrep",),
        "building": ("bat",),
        "entrance": ("entree",),
        "residence": ("immeu",),
        "complement": ("complgeo",),
        "commune": ("libcom",),
        "landlord": ("rs", "raison_sociale", "nom_bailleur"),
        "built": ("construct",),
        "dwellings": ("nb",),
        "lon": ("lon", "longitude", "result_longitude"),
        "lat": ("lat", "latitude", "result_latitude"),
        "x": ("x", "x_lambert93", "coord_x"),
        "y": ("y", "y_lambert93", "coord_y"),
    },
)
_TO_4326 = Transformer.from_crs(2154, 4326, always_xy=True)
_EARLIEST, _LATEST = 1800, 2100


@dataclass
class _Building:
    """The dwellings that share an address and a building, as they are gathered."""

    address: Address
    row: int
    rows: int = 0
    dwellings: int = 0
    lons: list[float] = field(default_factory=list)
    lats: list[float] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    landlords: list[str] = field(default_factory=list)
    years: list[int] = field(default_factory=list)


def read_residences(path: Path, options: ReadOptions) -> Iterator[Item]:
    """Residences; `rows` of a record is the number of rows grouped, its attribute `dwellings` what they count."""
    rows = list(read_rows(path, COLUMNS))
    yield Total(len(rows))
    communes = {insee_code(row.get("insee")) for row in rows}
    wanted = communes & options.only if options.only else communes
    book = AddressBook.read(options.addresses, wanted) if options.addresses else None
    buildings: dict[str, _Building] = {}
    for row in rows:
        outcome = _add(row, options, book, buildings)
        if outcome is not None:
            yield outcome
    yield from (_record(code, building) for code, building in buildings.items())


def _add(row: Row, options: ReadOptions, book: AddressBook | None, into: dict[str, _Building]) -> Item | None:
    """Gather one row into its building, or say why not."""
    insee = insee_code(row.get("insee"))
    if row.problem or not insee:
        return Refusal(row.line, row.problem or "no commune (DEPCOM)")
    if not options.wants([insee]):
        return Skip(row.line, f"{insee}: another commune")
    address = Address.of(insee, row.get("number"), row.get("repeat"), row.get("street_type"), row.get("street"))
    code = slug([insee, address.street, address.number, address.repeat, row.get("building")])
    if not address.street and not row.get("residence"):
        return Refusal(row.line, f"{insee}: no street and no name")
    try:
        spot = _spot(row, address, book)
    except GeometryRefusedError as error:
        return Refusal(row.line, f"{address.label}: {error}", code)
    _gather(into.setdefault(code, _Building(address, row.line)), row, spot)
    return None


def _spot(row: Row, address: Address, book: AddressBook | None) -> Point:
    """Where the row is: its own coordinates first, then the address file."""
    if row.get("lon") and row.get("lat"):
        return lon_lat_point(row.get("lon"), row.get("lat"))
    if row.get("x") and row.get("y"):
        lon, lat = _TO_4326.transform(number(row.get("x"), "x"), number(row.get("y"), "y"))
        return lon_lat_point(str(lon), str(lat))
    if book is None:
        raise GeometryRefusedError("no coordinates; give the BAN file of the department with --addresses")
    lon_lat = book.find(address)
    if lon_lat is None:
        raise GeometryRefusedError("not in the address file")
    return lon_lat_point(*map(str, lon_lat))


def _gather(building: _Building, row: Row, spot: Point) -> None:
    lon, lat = spot.x, spot.y
    building.lons.append(lon)
    building.lats.append(lat)
    building.rows += 1
    building.dwellings += _whole(row.get("dwellings")) or 1
    building.names.extend(filter(None, [row.get("residence") or row.get("complement")]))
    building.landlords.extend(filter(None, [row.get("landlord")]))
    year = _whole(row.get("built"))
    if year and _EARLIEST <= year <= _LATEST:
        building.years.append(year)


def _record(code: str, building: _Building) -> PlaceRecord:
    # The median: one dwelling geocoded to the far end of the town must not pull the building there.
    point = lon_lat_point(str(round(median(building.lons), 7)), str(round(median(building.lats), 7)))
    attributes: dict[str, object] = {
        "insee": [building.address.insee],
        "address": building.address.label,
        "dwellings": building.dwellings,
    }
    if building.landlords:
        attributes["landlord"] = _commonest(building.landlords)
    if building.years:
        attributes["built"] = min(building.years)
    name = _commonest(building.names) if building.names else building.address.label
    return PlaceRecord("residence", code, place_name(name, code), point, attributes, building.row, rows=building.rows)


def _commonest(values: list[str]) -> str:
    """The value said most often; of several the first in the alphabet, whatever the order of the rows."""
    counts: dict[str, int] = defaultdict(int)
    for value in values:
        counts[value] += 1
    return min(counts, key=lambda value: (-counts[value], value))


def _whole(value: str) -> int | None:
    """12 for '12', '12.0' and '12,0'."""
    try:
        return round(number(value, "count"))
    except GeometryRefusedError:
        return None
