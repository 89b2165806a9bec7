"""The heat engine in memory, and the NumPy, SciPy and PNG steps that nothing of its kind can do without."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np
from PIL import Image
from scipy import ndimage
from sqlalchemy import create_engine

from app.heat.actions import Heat, HeatQuery, Look
from app.heat.cube import Rows, fingerprint, made_rows
from app.heat.keeper import Kept
from app.heat.palette import SEQUENTIAL
from app.heat.reference import Reference
from app.heat.selection import flags_mask
from app.heat.tiles import pixel_places
from app.heat.viewer import COORDINATOR
from app.nomenclature.store import Nomenclature
from app.places.lattice import CELL_M, ORIGIN_NORTH_M
from app.reports.filters import ReportFilter
from benchmarks.data import SEED, random_points

FIRST_DAY, TODAY = date(2025, 1, 1), date(2026, 1, 1)
BANDWIDTH_M = 150
# As many as a city has that answer for something.
ORGANISATIONS = 20
_EPOCH = date(2000, 1, 1)


def synthetic_rows(count: int, nomenclature: Nomenclature) -> Rows:
    """A year of seeded reports around Amiens."""
    rng = np.random.default_rng((SEED, count))
    lon, lat = random_points(rng, count)
    numbers = np.array([category.number for category in nomenclature.categories])
    first = (FIRST_DAY - _EPOCH).days
    return made_rows(
        number=np.arange(count), day=first + rng.integers(0, 365, count),
        category=numbers[rng.integers(0, len(numbers), count)], severity=rng.integers(1, 5, count),
        visibility=rng.integers(0, 2, count), state=rng.integers(0, 6, count), lon=lon, lat=lat,
        organisation=rng.integers(0, ORGANISATIONS, count),
    )  # fmt: skip


class Ours:
    """The engine as the tile route drives it, over rows in memory."""

    def __init__(self, rows: Rows, nomenclature: Nomenclature, reference: Reference) -> None:
        self.heat = Heat(create_engine("postgresql+psycopg2://"), 5, today=lambda: TODAY)
        self.kept = Kept(rows, fingerprint(rows), nomenclature, reference, datetime.now(UTC))
        self.themes = tuple(theme.code for theme in nomenclature.themes[:-1])
        self._turn = 0

    def look(self, day: date) -> Look:
        """All themes but one, from a day on."""
        chosen = ReportFilter(themes=self.themes, from_date=day, to_date=TODAY)
        return self.heat.look(self.kept, HeatQuery(chosen, BANDWIDTH_M), COORDINATOR)

    def first(self, tile: tuple[int, int, int]) -> bytes:
        """A tile of a filter never seen."""
        self._turn += 1
        return self.look(FIRST_DAY + timedelta(days=self._turn)).tile(*tile)

    def later(self, tile: tuple[int, int, int]) -> bytes:
        """A tile of a filter already drawn."""
        return self.look(FIRST_DAY).tile(*tile)


@dataclass(frozen=True)
class Floor:
    """The same filter and tile, hand-written over flat arrays; no key, no cache, no border, no offsets."""

    cell: np.ndarray  # int32, the node of the lattice
    day: np.ndarray
    category: np.ndarray
    flags: np.ndarray
    wanted: np.ndarray  # bool by category number
    visible: np.ndarray  # bool by flags: the viewer's visibilities and the states
    shape: tuple[int, int]
    west: int
    south: int
    last_day: int

    def counted(self, first_day: int) -> np.ndarray:
        """Filter and bincount."""
        kept = self.wanted[self.category]
        kept &= self.visible[self.flags]
        kept &= self.day >= first_day
        kept &= self.day <= self.last_day
        return np.bincount(self.cell[kept], minlength=self.shape[0] * self.shape[1]).reshape(self.shape)

    def smoothed(self, first_day: int) -> np.ndarray:
        """And scipy.ndimage.gaussian_filter."""
        smooth: np.ndarray = ndimage.gaussian_filter(
            self.counted(first_day).astype(np.float32), BANDWIDTH_M / CELL_M, mode="constant"
        )
        return smooth

    def drawn(self, smooth: np.ndarray, tile: tuple[int, int, int]) -> bytes:
        """Resample and encode."""
        east, north = pixel_places(*tile)
        at = [(north - ORIGIN_NORTH_M) / CELL_M - 0.5 - self.south, east / CELL_M - 0.5 - self.west]
        values = ndimage.map_coordinates(smooth, at, order=1)
        bounds = np.linspace(0, smooth.max(), 11, dtype=np.float32)
        image = Image.fromarray(np.searchsorted(bounds[1:], values).astype(np.uint8))
        image.putpalette(SEQUENTIAL.table)
        out = io.BytesIO()
        image.save(out, "PNG", transparency=SEQUENTIAL.transparency, compress_level=4)
        return out.getvalue()


def floor_of(ours: Ours) -> Floor:
    """The floor over the same rows, with the same margin for the kernel."""
    rows, margin = ours.kept.rows, int(4 * BANDWIDTH_M / CELL_M) + 1
    west, south = int(rows.column.min()) - margin, int(rows.row.min()) - margin
    shape = int(rows.row.max()) + margin - south + 1, int(rows.column.max()) + margin - west + 1
    cell = (rows.row.astype(np.int32) - south) * shape[1] + (rows.column.astype(np.int32) - west)
    wanted = np.zeros(int(rows.category.max()) + 1, np.bool_)
    for category in ours.kept.nomenclature.categories:
        wanted[category.number] = category.theme in ours.themes
    visible = flags_mask(ReportFilter(), COORDINATOR.exact)
    last_day = (TODAY - _EPOCH).days
    return Floor(cell, rows.day, rows.category, rows.flags, wanted, visible, shape, west, south, last_day)


def first_floor(floor: Floor, tile: tuple[int, int, int]) -> Callable[[], bytes]:
    """All steps, with another day each time."""
    turn = [0]
    first = (FIRST_DAY - _EPOCH).days

    def work() -> bytes:
        turn[0] += 1
        return floor.drawn(floor.smoothed(first + turn[0]), tile)

    return work
