"""The readers: which official format gives which kinds of place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from geodata.formats.communes import read_communes, read_neighbourhoods
from geodata.formats.gtfs import read_lines, read_stops
from geodata.formats.iris import read_iris
from geodata.formats.qpv import read_qpv
from geodata.formats.residences import read_residences
from geodata.formats.schools import read_schools
from geodata.records import Item, Kind, ReadOptions

Reader = Callable[[Path, ReadOptions], Iterator[Item]]


@dataclass(frozen=True)
class Dataset:
    """One thing that can be imported: the readers to run over the file, a kind of place each.

    `by_commune` says whether its rows name their commune, so that they can be chosen by INSEE code.
    """

    readers: dict[Kind, Reader]
    by_commune: bool = True


DATASETS: dict[str, Dataset] = {
    "commune": Dataset({"commune": read_communes}),
    "neighbourhood": Dataset({"neighbourhood": read_neighbourhoods}),
    "iris": Dataset({"iris": read_iris}),
    "qpv": Dataset({"qpv": read_qpv}),
    "gtfs": Dataset({"stop": read_stops, "line": read_lines}, by_commune=False),
    "stop": Dataset({"stop": read_stops}, by_commune=False),
    "line": Dataset({"line": read_lines}, by_commune=False),
    "residence": Dataset({"residence": read_residences}),
    "school": Dataset({"school": read_schools}),
}
