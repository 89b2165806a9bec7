"""A rectangle of the Web Mercator plane and its pixels: what a map to take along shows. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from app.heat.cube import Array
from app.heat.raster import coverage
from app.places.lattice import transformer

if TYPE_CHECKING:
    from app.heat.actions import Look

Bounds = tuple[float, float, float, float]
# Pixels are projected on a grid this coarse and interpolated: within it the projection bends by less than 1 cm.
_GRID_M = 500.0
_LEAST_M = 200.0


@dataclass(frozen=True)
class Frame:
    """West, south, east, north in metres of EPSG:3857; pixels are square."""

    west: float
    south: float
    east: float
    north: float
    width: int
    height: int

    @property
    def step(self) -> float:
        """Metres of EPSG:3857 a pixel."""
        return (self.east - self.west) / self.width

    @property
    def metres_per_pixel(self) -> float:
        """On the ground, in the middle: Web Mercator enlarges by the secant of the latitude."""
        middle = (self.south + self.north) / 2
        return self.step * 1 / math.cosh(middle / 6_378_137.0)

    @property
    def lon_lat(self) -> Bounds:
        """West, south, east, north in degrees."""
        to_degrees = transformer(3857, 4326).transform
        west, south = to_degrees(self.west, self.south)
        east, north = to_degrees(self.east, self.north)
        return float(west), float(south), float(east), float(north)

    def pixels(self, x_3857: Array, y_3857: Array) -> tuple[Array, Array]:
        """Metres of EPSG:3857 as pixels from the upper left corner, elementwise."""
        return (x_3857 - self.west) / self.step, (self.north - y_3857) / self.step

    def places(self) -> tuple[Array, Array]:
        """East and north in EPSG:2154 of the pixel centres: [row, column], rows from north to south."""
        across, down = (_weights(size, size * self.step) for size in (self.width, self.height))
        x = np.linspace(self.west, self.east, across.shape[1])
        y = np.linspace(self.north, self.south, down.shape[1])
        east, north = transformer(3857, 2154).transform(*np.meshgrid(x, y))
        east_m, north_m = (down @ axis @ across.T for axis in (east, north))
        return east_m, north_m


def _weights(pixels: int, extent_m: float) -> Array:
    """Pixel centres as linear combinations of a coarse grid: [pixels, nodes]."""
    coarse = max(8, math.ceil(extent_m / _GRID_M))
    position = (np.arange(pixels) + 0.5) * coarse / pixels
    left = np.minimum(position.astype(int), coarse - 1)
    weights = np.zeros((pixels, coarse + 1))
    weights[np.arange(pixels), left] = 1 - (position - left)
    weights[np.arange(pixels), left + 1] = position - left
    return weights


def frame_of(bounds: Bounds, width: int, height: int, *, padding: float = 0.03) -> Frame:
    """The least frame of this many pixels that holds a box (degrees) with some room around."""
    to_mercator = transformer(4326, 3857).transform
    west, south = to_mercator(*bounds[:2])
    east, north = to_mercator(*bounds[2:])
    wide = max(east - west, _LEAST_M) * (1 + 2 * padding)
    high = max(north - south, _LEAST_M) * (1 + 2 * padding)
    step = max(wide / width, high / height)
    x, y = (west + east) / 2, (south + north) / 2
    half_wide, half_high = step * width / 2, step * height / 2
    return Frame(x - half_wide, y - half_high, x + half_wide, y + half_high, width, height)


def fitting_frame(bounds: Bounds, longest: int, *, padding: float = 0.01) -> Frame:
    """The frame of a box (degrees) that is `longest` pixels on its longer side and no larger than it must be."""
    whole = frame_of(bounds, longest, longest, padding=padding)
    to_mercator = transformer(4326, 3857).transform
    west, south = to_mercator(*bounds[:2])
    east, north = to_mercator(*bounds[2:])
    wide, high = (max(size, _LEAST_M) * (1 + 2 * padding) for size in (east - west, north - south))
    width, height = (min(max(16, math.ceil(size / whole.step)), longest) for size in (wide, high))
    return frame_of(bounds, width, height, padding=padding)


def drawn(look: Look, frame: Frame, pixels_per_point: int = 1) -> Array:
    """The picture in a frame as its tiles have it: numbers of its palette, [row, column], 0 outside the territory."""
    layer = look.picture().layer
    if look.query.top is not None:
        layer = layer.up_to(look.query.top)
    classes = layer.classes(*frame.places(), pixels_per_point)
    if look.territory is not None and classes.any():
        outline = look.territory.outline_3857
        inside = coverage(outline, frame.west, frame.south, frame.step, (frame.height, frame.width))
        classes[inside[::-1] < 0.5] = 0  # noqa: PLR2004
    return classes
