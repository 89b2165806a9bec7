"""Pixels of tiles: against the exact projection, without seams, the same value at every zoom."""

from __future__ import annotations

import numpy as np
import pytest

from app.heat.palette import classes
from app.heat.points import Points
from app.heat.surface import density
from app.heat.tiles import pixel_places, tile_exists
from app.places.lattice import to_lambert93

LON, LAT = 2.2957, 49.8941


def tile_of(lon: float, lat: float, z: int) -> tuple[int, int]:
    x = (lon + 180) / 360 * 2**z
    y = (1 - np.arcsinh(np.tan(np.radians(lat))) / np.pi) / 2 * 2**z
    return int(x), int(y)


def exact_places(z: int, x: int, y: int) -> tuple[np.ndarray, np.ndarray]:
    pixel = (np.arange(256) + 0.5) / 256
    lon = (x + pixel) / 2**z * 360 - 180
    lat = np.degrees(np.arctan(np.sinh(np.pi * (1 - 2 * (y + pixel) / 2**z))))
    return to_lambert93(*np.meshgrid(lon, lat))


@pytest.mark.parametrize("z", range(8, 21))
def test_pixels_lie_where_the_projection_says(z: int) -> None:
    x, y = tile_of(LON, LAT, z)
    found, exact = pixel_places(z, x, y), exact_places(z, x, y)
    error = np.hypot(found[0] - exact[0], found[1] - exact[1]).max()
    pixel_m = 40_075_017 * np.cos(np.radians(LAT)) / 2**z / 256
    assert error < 0.01 * pixel_m


def city() -> Points:
    rng = np.random.default_rng(5)
    east, north = to_lambert93(LON + rng.normal(0, 0.02, 3000), LAT + rng.normal(0, 0.015, 3000))
    return Points((east * 256 / 25).astype(np.uint32), ((north - 6_000_000) * 256 / 25).astype(np.uint32))


@pytest.mark.parametrize("z", [11, 14, 17])
def test_there_is_no_seam_between_tiles(z: int) -> None:
    surface = density(city(), 150)
    x, y = tile_of(LON, LAT, z)
    for dx, dy in ((1, 0), (0, 1)):
        here = surface.at(*pixel_places(z, x, y))
        there = surface.at(*pixel_places(z, x + dx, y + dy))
        both = np.concatenate([here, there], axis=1 if dx else 0)
        steps = np.abs(np.diff(both, axis=1 if dx else 0))
        seam = steps[:, 255] if dx else steps[255]
        inner = steps[:, 250:261] if dx else steps[250:261]
        # The step across the seam is like the steps around it: never more than the steepest of them.
        assert seam.max() <= 1.25 * np.delete(inner, 5, 1 if dx else 0).max() + 1e-6


def test_the_value_of_a_place_is_the_same_at_every_zoom() -> None:
    surface = density(city(), 150)
    reference = surface.at(*to_lambert93(np.array([LON]), np.array([LAT])))[0]
    for z in range(14, 21):
        x, y = tile_of(LON, LAT, z)
        east, north = pixel_places(z, x, y)
        here = to_lambert93(np.array(LON), np.array(LAT))
        nearest = np.unravel_index(np.argmin(np.hypot(east - here[0], north - here[1])), east.shape)
        pixel_m = 40_075_017 * np.cos(np.radians(LAT)) / 2**z / 256
        # At most half a pixel's diagonal away, on a slope of at most peak/h.
        assert abs(surface.at(east, north)[nearest] - reference) <= surface.peak * pixel_m / 150


def test_four_tiles_hold_what_their_parent_holds() -> None:
    surface = density(city(), 300)
    x, y = tile_of(LON, LAT, 13)
    parent = surface.at(*pixel_places(13, x, y))
    rows = [
        np.concatenate([surface.at(*pixel_places(14, 2 * x + i, 2 * y + j)) for i in (0, 1)], axis=1) for j in (0, 1)
    ]
    children = np.concatenate(rows).reshape(256, 2, 256, 2).mean((1, 3))
    assert np.abs(children - parent).max() < 0.005 * surface.peak
    assert (classes(children, surface.peak) == classes(parent, surface.peak)).mean() > 0.98


def test_far_away_there_is_nothing() -> None:
    surface = density(city(), 150)
    for z, x, y in ((8, 0, 0), (8, 255, 255), (8, 128, 128), (20, 0, 0)):
        assert not surface.at(*pixel_places(z, x, y)).any()


def test_tiles_that_exist() -> None:
    assert tile_exists(8, 0, 0)
    assert tile_exists(20, (1 << 20) - 1, 0)
    assert not tile_exists(7, 0, 0)
    assert not tile_exists(21, 0, 0)
    assert not tile_exists(8, 256, 0)
    assert not tile_exists(8, 0, -1)
