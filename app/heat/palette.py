"""Colours, class breaks and the PNG of a tile. Pure.

The ramp is matplotlib's inferno (Smith and van der Walt, 2015; CC0), light to dark: its lightness falls evenly, so
equal steps look equal, also in grey and to colour-blind readers. Breaks are ten equal steps below the surface's own
peak over the whole territory, rounded up to 1, 2 or 5 times a power of ten: they do not move while panning or zooming.

Differences have a ramp of their own: five equal steps of CIE lightness on each side, blue for fewer and orange for more
(hues 265° and 50° of Lab), which red- and green-blind readers tell apart; breaks are symmetric around 0.
"""

from __future__ import annotations

import io
import itertools
import math
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

import numpy as np
from PIL import Image

from app.heat.cube import Array

Rgba = tuple[int, int, int, int]

# inferno at 0.95, 0.86, … 0.14.
_COLOURS = (
    (0xF2, 0xF2, 0x7D), (0xF8, 0xCD, 0x37), (0xFC, 0xA8, 0x0D), (0xF6, 0x84, 0x14), (0xE6, 0x63, 0x2B),
    (0xCF, 0x46, 0x47), (0xB1, 0x31, 0x5B), (0x8F, 0x24, 0x69), (0x6C, 0x18, 0x6E), (0x49, 0x0B, 0x6A),
)  # fmt: skip
# Faint values let the map through; every class stays well visible.
_ALPHAS = tuple(round(255 * (0.58 + 0.036 * step)) for step in range(len(_COLOURS)))
COLOURS: tuple[Rgba, ...] = tuple((*rgb, alpha) for rgb, alpha in zip(_COLOURS, _ALPHAS, strict=True))
# Below this share of the top nothing is drawn, else every point would end in a visible disc.
FAINTEST_SHARE = 0.02

_CLEAR: Rgba = (0, 0, 0, 0)
# From the greatest decrease to the greatest increase; CIE L* 34 … 82 and back.
_LESS = ((0x03, 0x54, 0x83), (0x02, 0x72, 0xB0), (0x0B, 0x92, 0xDF), (0x6F, 0xB0, 0xEF), (0xAD, 0xCF, 0xF8))
_MORE = ((0xF5, 0xC1, 0xAA), (0xE4, 0x99, 0x78), (0xCE, 0x73, 0x4A), (0xB2, 0x50, 0x22), (0x89, 0x36, 0x0E))
_SIDE_ALPHAS = (168, 188, 206, 222, 235)
LESS: tuple[Rgba, ...] = tuple((*rgb, alpha) for rgb, alpha in zip(_LESS, reversed(_SIDE_ALPHAS), strict=True))
MORE: tuple[Rgba, ...] = tuple((*rgb, alpha) for rgb, alpha in zip(_MORE, _SIDE_ALPHAS, strict=True))
# Dots over what is more than chance; strokes over what is not known.
MARK: Rgba = (0x1A, 0x1A, 0x1A, 235)
UNKNOWN: Rgba = (0x6B, 0x6B, 0x6B, 200)
COLD, ORDINARY, HOT = (*_LESS[1], 225), (0x8A, 0x8A, 0x8A, 64), (*_MORE[3], 230)
# Below this share of the top a difference is not drawn.
LEAST_CHANGE_SHARE = 0.04


@dataclass(frozen=True)
class Palette:
    """The colours of a PNG; number 0 is transparent."""

    colours: tuple[Rgba, ...]

    @cached_property
    def table(self) -> bytes:
        """As the PNG's palette wants it."""
        return bytes(value for colour in (_CLEAR, *self.colours) for value in colour[:3])

    @cached_property
    def transparency(self) -> bytes:
        """One opacity a colour."""
        return bytes(colour[3] for colour in (_CLEAR, *self.colours))


# Numbers 1 … 10 are the ramp's classes; 11 is "not enough exposure", or "more than chance".
SEQUENTIAL = Palette((*COLOURS, UNKNOWN))
DIVERGING = Palette((*LESS, *MORE, MARK))
SIGNIFICANCE = Palette((COLD, ORDINARY, HOT))
EXTRA = len(COLOURS) + 1


@dataclass(frozen=True)
class LegendClass:
    """Values from `lower` (inclusive) to `upper` (exclusive) are drawn in `rgba`.

    `code` names a class that is not a range (words.CLASSES); its bounds are None. `pattern` says that it is drawn as
    dots or strokes over the others.
    """

    lower: float | None
    upper: float | None
    rgba: Rgba
    code: str = ""
    pattern: str = ""

    @property
    def colour(self) -> str:
        """As CSS, without the opacity."""
        return "#{:02x}{:02x}{:02x}".format(*self.rgba[:3])

    @property
    def opacity(self) -> float:
        """0 to 1."""
        return round(self.rgba[3] / 255, 3)


def nice_top(peak: float) -> float:
    """The least of 1, 2, 5 × 10ⁿ that is not below the peak; 0 when there is no peak."""
    if not peak > 0:
        return 0.0
    power = math.floor(math.log10(peak))
    for exponent in (power, power + 1):
        for digit in (1, 2, 5):
            # As text, because 5 * 10.0 ** -3 is not 0.005.
            top = float(f"{digit}e{exponent}")
            if top >= peak:
                return top
    raise AssertionError


def breaks(peak: float) -> tuple[float, ...]:
    """The classes' bounds, ascending; none when there is nothing to draw."""
    top = nice_top(peak)
    if not top:
        return ()
    steps = (top * step / len(COLOURS) for step in range(1, len(COLOURS) + 1))
    return (float(f"{top * FAINTEST_SHARE:.6g}"), *(float(f"{step:.6g}") for step in steps))


def legend(peak: float, *, is_open: bool = False) -> list[LegendClass]:
    """The classes from faint to strong; the last has no end when values beyond it are drawn in it."""
    bounds = breaks(peak)
    found = [LegendClass(*pair) for pair in zip(bounds, bounds[1:], COLOURS, strict=False)]
    return [*found[:-1], replace(found[-1], upper=None)] if found and is_open else found


def change_breaks(peak: float) -> tuple[float, ...]:
    """The bounds of the classes of differences up to ±peak, ascending and symmetric; none when there is nothing."""
    top = nice_top(peak)
    if not top:
        return ()
    side = [float(f"{top * share:.6g}") for share in (LEAST_CHANGE_SHARE, 0.2, 0.4, 0.6, 0.8, 1.0)]
    return (*(-bound for bound in reversed(side)), *side)


def change_legend(peak: float, *, is_open: bool = False) -> list[LegendClass]:
    """From the greatest decrease to the greatest increase; the middle, which is not drawn, is left out."""
    bounds = change_breaks(peak)
    if not bounds:
        return []
    pairs = list(itertools.pairwise(bounds))
    found = [LegendClass(*pair, colour) for pair, colour in zip(pairs[:5] + pairs[6:], (*LESS, *MORE), strict=True)]
    if not is_open:
        return found
    return [replace(found[0], lower=None), *found[1:-1], replace(found[-1], upper=None)]


def change_classes(values: Array, peak: float) -> Array:
    """0 for what is hardly changed, 1 … 5 for less, 6 … 10 for more (uint8), elementwise."""
    bounds = np.array(change_breaks(peak)[1:-1], np.float32)
    if not len(bounds):
        return np.zeros(np.shape(values), np.uint8)
    numbers = np.array([1, 2, 3, 4, 5, 0, 6, 7, 8, 9, 10], np.uint8)
    return numbers[np.searchsorted(bounds, np.asarray(values, np.float32), side="right")]


def classes(values: Array, peak: float) -> Array:
    """0 for what is not drawn, else 1 … 10 (uint8), elementwise."""
    bounds = np.array(breaks(peak)[:-1], np.float32)
    return np.searchsorted(bounds, np.asarray(values, np.float32), side="right").astype(np.uint8)


def dots(shape: tuple[int, int], pixels_per_point: int = 1) -> Array:
    """A pattern of dots that goes on over the edges of tiles (bool)."""
    row, column = (axis // pixels_per_point for axis in np.indices(shape, np.uint16))
    lattice: Array = (row % 8 < 2) & ((column + 4 * (row // 8 % 2)) % 8 < 2)  # noqa: PLR2004
    return lattice


def strokes(shape: tuple[int, int], pixels_per_point: int = 1) -> Array:
    """A pattern of slanted lines that goes on over the edges of tiles (bool)."""
    row, column = (axis // pixels_per_point for axis in np.indices(shape, np.uint16))
    lines: Array = (row + column) % 8 < 1
    return lines


def png(classes_: Array, palette: Palette = SEQUENTIAL) -> bytes:
    """A palette PNG; rows from north to south."""
    if not classes_.any():
        return _empty_png(*classes_.shape)
    return _encoded(classes_, palette)


@lru_cache(maxsize=4)
def _empty_png(height: int, width: int) -> bytes:
    return _encoded(np.zeros((height, width), np.uint8), SEQUENTIAL)


def _encoded(classes_: Array, palette: Palette) -> bytes:
    image = Image.fromarray(classes_)
    image.putpalette(palette.table)
    out = io.BytesIO()
    image.save(out, "PNG", transparency=palette.transparency, compress_level=4)
    return out.getvalue()
