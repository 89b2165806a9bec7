"""The territory in the heat map: what the kernel loses over its border, and what lies inside. Pure.

    m(x) = ∫_T K(x - u) du,   f(x) / m(x) for x in T     (Diggle, JRSS C 34, 1985; spatstat's density.ppp by default)

m is the same convolution of the territory's mask, so an even spread of reports gives an even surface up to the border.
Where the territory is a thin spike m is held at LEAST_MASS: nothing is ever more than five times what was counted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import shapely
from scipy import fft, ndimage
from shapely.geometry.base import BaseGeometry

from app.heat.cube import Array
from app.heat.raster import Outline, coverage, outline_of
from app.heat.surface import Window, kernel_of, step_of
from app.places.lattice import ORIGIN_EAST_M, ORIGIN_NORTH_M, transformer

LEAST_MASS = 0.2
# A whole département at 50 m would take gigabytes: beyond this, no correction, and the picture says so.
EDGE_NODES = 9_000_000


@dataclass(frozen=True, eq=False)
class Territory:
    """Where reports are accepted, in EPSG:2154; `version` changes when it does."""

    shape_2154: BaseGeometry
    version: str = ""

    def __post_init__(self) -> None:
        shapely.prepare(self.shape_2154)

    @cached_property
    def outline_2154(self) -> Outline:
        """Its edges in EPSG:2154."""
        return outline_of(self.shape_2154)

    @cached_property
    def outline_3857(self) -> Outline:
        """Its edges in Web Mercator, for the pixels of tiles."""
        to_mercator: Any = transformer(2154, 3857).transform
        # Long edges are straight in one projection only.
        fine = shapely.segmentize(self.shape_2154, 500.0)
        return outline_of(shapely.transform(fine, to_mercator, interleaved=False))

    @property
    def bounds_4326(self) -> tuple[float, float, float, float]:
        """West, south, east, north in degrees."""
        west, south, east, north = transformer(2154, 4326).transform_bounds(*self.shape_2154.bounds)
        return west, south, east, north

    def covers(self, east_m: Array, north_m: Array) -> Array:
        """Whether places lie inside, elementwise."""
        return np.asarray(shapely.intersects_xy(self.shape_2154, east_m, north_m), np.bool_)


@dataclass(frozen=True)
class Edge:
    """1 / m at the nodes of one bandwidth's lattice, 0 where no pixel inside the territory looks; None: too large."""

    factor: Array | None  # float32 [row, column]
    west_column: int  # of the node at factor[0, 0], counted in steps from the lattice's origin
    south_row: int
    step_m: float

    def corrected(self, window: Window) -> Array:
        """The window's values divided by the kernel's mass inside the territory; 0 outside it."""
        if self.factor is None:
            return window.values
        column = round((window.west_m - ORIGIN_EAST_M) / self.step_m - 0.5)
        row = round((window.south_m - ORIGIN_NORTH_M) / self.step_m - 0.5)
        values = np.zeros_like(window.values)
        ours, theirs = zip(
            _overlap(row, values.shape[0], self.south_row, self.factor.shape[0]),
            _overlap(column, values.shape[1], self.west_column, self.factor.shape[1]),
            strict=True,
        )
        np.multiply(window.values[ours], self.factor[theirs], out=values[ours])
        return values

    @property
    def nbytes(self) -> int:
        """For caches."""
        return 1000 + (0 if self.factor is None else self.factor.nbytes)


def _overlap(first: int, size: int, other_first: int, other_size: int) -> tuple[slice, slice]:
    """The common part of two ranges, as slices of each."""
    begin = max(first, other_first)
    end = max(begin, min(first + size, other_first + other_size))
    return slice(begin - first, end - first), slice(begin - other_first, end - other_first)


def edge_of(territory: Territory, bandwidth_m: float) -> Edge:
    """The correction of one bandwidth, over the territory and one node around it."""
    step = step_of(bandwidth_m)
    west_m, south_m, east_m, north_m = territory.outline_2154.bounds
    west, east = (math.floor((axis - ORIGIN_EAST_M) / step) + more for axis, more in ((west_m, -1), (east_m, 1)))
    south, north = (math.floor((axis - ORIGIN_NORTH_M) / step) + more for axis, more in ((south_m, -1), (north_m, 1)))
    shape = north - south + 1, east - west + 1
    if shape[0] * shape[1] > EDGE_NODES:
        return Edge(None, west, south, step)
    covered = coverage(
        territory.outline_2154, ORIGIN_EAST_M + west * step, ORIGIN_NORTH_M + south * step, step, shape, lines=4
    )
    mass = _convolved(covered, bandwidth_m / step)
    # A pixel inside looks at the four nodes around it.
    seen = ndimage.binary_dilation(covered > 0, np.ones((3, 3), np.bool_))
    factor = np.where(seen, 1 / np.maximum(mass, LEAST_MASS), 0).astype(np.float32)
    return Edge(factor, west, south, step)


def _convolved(values: Array, sigma: float) -> Array:
    """With the surface's own kernel; nothing lies beyond the array."""
    reach, _away, kernel = kernel_of(sigma)
    size = [fft.next_fast_len(length + reach, real=True) for length in values.shape]
    spectrum = fft.rfft2(values.astype(np.float64), size)
    for axis in (0, 1):
        centred = np.zeros(size[axis])
        np.add.at(centred, np.arange(-reach, reach + 1) % size[axis], kernel)
        spectrum *= fft.fft(centred)[:, None] if axis == 0 else fft.rfft(centred)[None, :]
    smooth: Array = fft.irfft2(spectrum, size)[: values.shape[0], : values.shape[1]]
    return smooth
