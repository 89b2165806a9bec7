"""What a tile's pixels, a click and a legend are taken from, one kind a measure. Pure.

Values are looked up in EPSG:2154; a class is a number of the layer's palette, 0 where nothing is drawn.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from app.heat import palette
from app.heat.cells import Area
from app.heat.cube import Array
from app.heat.exposure import ExposureKind, near_of
from app.heat.palette import LegendClass, Palette
from app.heat.surface import Surface


@dataclass(frozen=True)
class Place:
    """A value with a code for what it means (words.MEANINGS); None where it is not known."""

    value: float | None
    meaning: str = ""


class Layer(Protocol):
    """One picture."""

    @property
    def palette(self) -> Palette:
        """Its colours."""
        ...

    @property
    def nbytes(self) -> int:
        """For caches."""
        ...

    def classes(self, east_m: Array, north_m: Array, pixels_per_point: int) -> Array:
        """The palette's number for every pixel: [row, column], uint8."""
        ...

    def place(self, east_m: float, north_m: float) -> Place:
        """The value at one place."""
        ...

    def legend(self) -> list[LegendClass]:
        """What the colours mean."""
        ...

    @property
    def top(self) -> float:
        """The last class's end; 0 where classes are no ranges, or there is nothing to draw."""
        ...

    def up_to(self, top: float) -> Layer:
        """The same with classes that end at `top`, so that pictures can be compared."""
        ...


def _one(surface: Surface, east_m: float, north_m: float) -> float:
    return float(surface.at(np.array([east_m]), np.array([north_m]))[0])


def _surface_bytes(surface: Surface) -> int:
    return 10_000 + sum(window.values.nbytes for window in surface.windows)


@dataclass(frozen=True)
class DensityLayer:
    """A density as it is. `peak` is what its classes reach up to."""

    surface: Surface
    peak: float
    is_open: bool = False  # values beyond the peak are drawn in the last class

    palette = palette.SEQUENTIAL

    @property
    def top(self) -> float:
        """The last class's end."""
        return palette.nice_top(self.peak)

    def up_to(self, top: float) -> DensityLayer:
        """The same with other classes."""
        return replace(self, peak=top, is_open=palette.nice_top(top) < self.peak)

    @property
    def nbytes(self) -> int:
        """For caches."""
        return _surface_bytes(self.surface)

    def classes(self, east_m: Array, north_m: Array, pixels_per_point: int) -> Array:
        """By the ramp's breaks."""
        del pixels_per_point
        return palette.classes(self.surface.at(east_m, north_m), self.peak)

    def place(self, east_m: float, north_m: float) -> Place:
        """The density."""
        return Place(_one(self.surface, east_m, north_m))

    def legend(self) -> list[LegendClass]:
        """From faint to strong."""
        return palette.legend(self.peak, is_open=self.is_open)


# The ratio's peak is looked for at no more nodes than this.
_PEAK_NODES = 250_000


@dataclass(frozen=True)
class RatioLayer:
    """Smoothed reports over smoothed exposure with the same kernel (Bithell, Statistics in Medicine 9, 1990).

    What the border takes away it takes from both. Where too little exposure is near, the ratio is not known.
    """

    reports: Surface
    exposure: Surface
    kind: ExposureKind
    peak: float
    is_open: bool = False

    palette = palette.SEQUENTIAL

    @property
    def top(self) -> float:
        """The last class's end."""
        return palette.nice_top(self.peak)

    def up_to(self, top: float) -> RatioLayer:
        """The same with other classes."""
        return replace(self, peak=top, is_open=palette.nice_top(top) < self.peak)

    @property
    def nbytes(self) -> int:
        """For caches; the exposure is kept once for many."""
        return _surface_bytes(self.reports)

    def values(self, east_m: Array, north_m: Array) -> Array:
        """The ratio, NaN where it is not known, elementwise."""
        return ratio(self.reports, self.exposure, self.kind, east_m, north_m)

    def classes(self, east_m: Array, north_m: Array, pixels_per_point: int) -> Array:
        """By the ramp's breaks; strokes where it is not known."""
        values = self.values(east_m, north_m)
        unknown = np.isnan(values)
        found = palette.classes(np.where(unknown, 0, values), self.peak)
        found[unknown & palette.strokes(values.shape, pixels_per_point)] = palette.EXTRA
        return found

    def place(self, east_m: float, north_m: float) -> Place:
        """The ratio, or that it is not known."""
        value = float(self.values(np.array([east_m]), np.array([north_m]))[0])
        return Place(None, "not_enough_exposure") if np.isnan(value) else Place(value)

    def legend(self) -> list[LegendClass]:
        """From faint to strong, and the strokes."""
        unknown = LegendClass(None, None, palette.UNKNOWN, "not_enough_exposure", "strokes")
        return [*palette.legend(self.peak, is_open=self.is_open), unknown]


def ratio(reports: Surface, exposure: Surface, kind: ExposureKind, east_m: Array, north_m: Array) -> Array:
    """Reports per `kind.per` of the exposure, NaN where fewer than `kind.least` are near, elementwise."""
    under = exposure.at(east_m, north_m)
    known = near_of(under, exposure.bandwidth_m) >= kind.least
    over = reports.at(east_m, north_m)
    return np.where(known, over * kind.per / np.where(known, under, 1), np.nan)


def ratio_layer(reports: Surface, exposure: Surface, kind: ExposureKind) -> RatioLayer:
    """With the peak where it is known."""
    peak = 0.0
    for window in reports.windows:
        rows, columns = window.values.shape
        every = max(1, int(np.ceil((rows * columns / _PEAK_NODES) ** 0.5)))
        grid = np.meshgrid(np.arange(0, columns, every), np.arange(0, rows, every))
        places = window.west_m + grid[0] * window.step_m, window.south_m + grid[1] * window.step_m
        values = ratio(reports, exposure, kind, *places)
        peak = max(peak, float(np.nanmax(values, initial=0.0)))
    return RatioLayer(reports, exposure, kind, peak)


@dataclass(frozen=True)
class ChangeLayer:
    """The difference of two densities, with dots over the squares where it is more than chance."""

    surface: Surface
    area: Area
    direction: Array  # int8 a square: -1 fewer, 0 no more than chance, 1 more
    peak: float
    is_open: bool = False

    palette = palette.DIVERGING

    @property
    def top(self) -> float:
        """The last class's end."""
        return palette.nice_top(self.peak)

    def up_to(self, top: float) -> ChangeLayer:
        """The same with other classes."""
        return replace(self, peak=top, is_open=palette.nice_top(top) < self.peak)

    @property
    def nbytes(self) -> int:
        """For caches."""
        return _surface_bytes(self.surface) + 2 * self.direction.nbytes

    def classes(self, east_m: Array, north_m: Array, pixels_per_point: int) -> Array:
        """By the diverging breaks, and the dots."""
        found = palette.change_classes(self.surface.at(east_m, north_m), self.peak)
        marked = self.area.sample(self.direction, east_m, north_m, 0) != 0
        found[marked & palette.dots(found.shape, pixels_per_point)] = palette.EXTRA
        return found

    def place(self, east_m: float, north_m: float) -> Place:
        """The difference, and whether it is more than chance."""
        direction = int(self.area.sample(self.direction, np.array([east_m]), np.array([north_m]), 0)[0])
        return Place(_one(self.surface, east_m, north_m), ("by_chance", "more", "fewer")[direction])

    def legend(self) -> list[LegendClass]:
        """From fewer to more, and the dots."""
        classes = palette.change_legend(self.peak, is_open=self.is_open)
        return [*classes, LegendClass(None, None, palette.MARK, "beyond_chance", "dots")] if classes else []


@dataclass(frozen=True)
class SignificanceLayer:
    """Hot, cold and ordinary squares."""

    area: Area
    score: Array
    direction: Array  # int8 a square: -1 cold, 0 not significant, 1 hot

    palette = palette.SIGNIFICANCE
    top = 0.0

    def up_to(self, top: float) -> SignificanceLayer:
        """Itself: hot is hot."""
        del top
        return self

    @property
    def nbytes(self) -> int:
        """For caches."""
        return 10_000 + self.score.nbytes + 2 * self.direction.nbytes

    def classes(self, east_m: Array, north_m: Array, pixels_per_point: int) -> Array:
        """1 cold, 2 ordinary, 3 hot."""
        del pixels_per_point
        numbers = np.where(self.area.inside, self.direction + 2, 0).astype(np.uint8)
        return self.area.sample(numbers, east_m, north_m, 0).astype(np.uint8)

    def place(self, east_m: float, north_m: float) -> Place:
        """The standard score and what it means."""
        at = np.array([east_m]), np.array([north_m])
        if not self.area.sample(self.area.inside, *at, default=0)[0]:
            return Place(None, "outside")
        direction = int(self.area.sample(self.direction, *at, 0)[0])
        return Place(float(self.area.sample(self.score, *at, 0.0)[0]), ("ordinary", "hot", "cold")[direction])

    def legend(self) -> list[LegendClass]:
        """The three classes; none when there are no squares."""
        if not self.area.inside.any():
            return []
        named = zip((palette.HOT, palette.ORDINARY, palette.COLD), ("hot", "ordinary", "cold"), strict=True)
        return [LegendClass(None, None, colour, code) for colour, code in named]
