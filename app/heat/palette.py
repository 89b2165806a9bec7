"""Colours, class breaks and the PNG of a tile. Pure.

The ramp is matplotlib's inferno (Smith and van der Walt, 2015; CC0), light to dark: its lightness falls evenly, so
equal steps look equal, also in grey and to colour-blind readers. Breaks are ten equal steps below the surface's own
peak over the whole territory, rounded up to 1, 2 or 5 times a power of ten: they do not move while panning or zooming.
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from functools import lru_cache

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


@dataclass(frozen=True)
class LegendClass:
    """Values from `lower` (inclusive) to `upper` (exclusive) are drawn in `rgba`."""

    lower: float
    upper: float
    rgba: Rgba

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


def legend(peak: float) -> list[LegendClass]:
    """The classes from faint to strong."""
    bounds = breaks(peak)
    return [LegendClass(*pair) for pair in zip(bounds, bounds[1:], COLOURS, strict=False)]


_PALETTE = bytes(value for colour in ((0, 0, 0, 0), *COLOURS) for value in colour[:3])
_TRANSPARENCY = bytes(colour[3] for colour in ((0, 0, 0, 0), *COLOURS))


def classes(values: Array, peak: float) -> Array:
    """0 for what is not drawn, else 1 … 10 (uint8), elementwise."""
    bounds = np.array(breaks(peak)[:-1], np.float32)
    return np.searchsorted(bounds, np.asarray(values, np.float32), side="right").astype(np.uint8)


def png(classes_: Array) -> bytes:
    """A palette PNG; rows from north to south."""
    if not classes_.any():
        return _empty_png(*classes_.shape)
    return _encoded(classes_)


@lru_cache(maxsize=4)
def _empty_png(height: int, width: int) -> bytes:
    return _encoded(np.zeros((height, width), np.uint8))


def _encoded(classes_: Array) -> bytes:
    image = Image.fromarray(classes_)
    image.putpalette(_PALETTE)
    out = io.BytesIO()
    image.save(out, "PNG", transparency=_TRANSPARENCY, compress_level=4)
    return out.getvalue()
