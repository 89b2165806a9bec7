"""What every reader yields, whatever the format: places, refusals, skipped rows and the total."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from shapely.geometry.base import BaseGeometry

Kind = Literal["commune", "neighbourhood", "iris", "qpv", "stop", "line", "residence", "school"]
KINDS: tuple[Kind, ...] = ("commune", "neighbourhood", "iris", "qpv", "stop", "line", "residence", "school")

Attributes = Mapping[str, object]


class SourceError(Exception):
    """The file as a whole cannot be read as what it was said to be; one line for the terminal."""


@dataclass(frozen=True)
class PlaceRecord:
    """One place as the source has it.

    `geometry` is 2D, valid, not empty and in EPSG:4326 (lon, lat). `code` is text and unique within the kind.
    `attributes` holds JSON values; `insee` among them lists the communes the place lies in, where the source says so.
    `row` is where the source has it, `rows` how many of its rows the place stands for.
    """

    kind: Kind
    code: str
    name: str
    geometry: BaseGeometry
    attributes: Attributes = field(default_factory=dict)
    row: int = 0
    rows: int = 1


@dataclass(frozen=True)
class Refusal:
    """One row that cannot become a place, and why. `code` is the place it was about, where that much is known."""

    row: int
    reason: str
    code: str | None = None


@dataclass(frozen=True)
class Skip:
    """One row that is right but not wanted: another commune, a kind of stop that is no place of its own."""

    row: int
    reason: str


@dataclass(frozen=True)
class Total:
    """How many rows the source has, said once before they come; for the progress bar."""

    rows: int


Item = PlaceRecord | Refusal | Skip | Total


@dataclass(frozen=True)
class ReadOptions:
    """What the operator said about the file.

    `only`: INSEE codes; empty means all. `addresses`: a BAN CSV, to place residences. `crs`: the reference system,
    for files that do not name theirs or name a wrong one.
    """

    only: frozenset[str] = field(default_factory=frozenset)
    addresses: Path | None = None
    crs: str | None = None

    def wants(self, insee: list[str]) -> bool:
        """Whether a place in these communes is wanted (whole codes are compared, never parts of text)."""
        return not self.only or not self.only.isdisjoint(insee)
