"""The correction at the territory's border against exact integrals."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from scipy.special import ndtr

from app.heat.edge import LEAST_MASS, Territory, edge_of
from app.heat.points import Points
from app.heat.surface import M2_PER_KM2, density, step_of
from tests.heat.test_surface import SUBCELL_M, cloud, direct

# In metres of EPSG:2154, near Amiens; not on the lattice.
WEST, SOUTH, EAST, NORTH = 648_007.0, 6_975_013.0, 652_011.0, 6_978_019.0
BOX = Territory(shapely.box(WEST, SOUTH, EAST, NORTH), "box")


def mass_in_box(east: np.ndarray, north: np.ndarray, h: float) -> np.ndarray:
    """∫ K over the box, exactly: a product of normal distribution functions."""
    across = ndtr((EAST - east) / h) - ndtr((WEST - east) / h)
    along = ndtr((NORTH - north) / h) - ndtr((SOUTH - north) / h)
    product: np.ndarray = across * along
    return product


def points_at(east: np.ndarray, north: np.ndarray) -> Points:
    return Points((east / SUBCELL_M).astype(np.uint32), ((north - 6_000_000) / SUBCELL_M).astype(np.uint32))


@pytest.mark.parametrize("h", [50, 150, 400, 1000])
def test_the_factor_is_one_over_the_mass_inside(h: int) -> None:
    edge = edge_of(BOX, h)
    assert edge.factor is not None
    rows, columns = edge.factor.shape
    east = (edge.west_column + np.arange(columns) + 0.5) * edge.step_m
    north = 6_000_000 + (edge.south_row + np.arange(rows) + 0.5) * edge.step_m
    east, north = np.meshgrid(east, north)
    inside = BOX.covers(east, north)
    exact = np.maximum(mass_in_box(east, north, h), LEAST_MASS)
    assert np.abs(1 / edge.factor[inside] - exact[inside]).max() < 0.008


@pytest.mark.parametrize("h", [100, 150, 500])
def test_the_corrected_surface_is_the_sum_divided_by_the_mass(h: int) -> None:
    rng = np.random.default_rng(2)
    points = points_at(WEST + rng.random(60) * 500, SOUTH + rng.random(60) * 500)
    surface = density(points, h, edge=edge_of(BOX, h))
    east, north = np.meshgrid(np.linspace(WEST + 1, WEST + 1500, 40), np.linspace(SOUTH + 1, SOUTH + 1500, 40))
    exact = direct(points, h, east, north) / np.maximum(mass_in_box(east, north, h), LEAST_MASS)
    assert np.abs(surface.at(east, north) - exact).max() < 0.015 * exact.max()


def test_an_even_spread_is_even_up_to_the_border() -> None:
    grid = np.meshgrid(np.arange(WEST + 5, EAST, 10.0), np.arange(SOUTH + 5, NORTH, 10.0))
    points = points_at(*(axis.ravel() for axis in grid))
    edge = edge_of(BOX, 300)
    at = np.meshgrid(np.linspace(WEST + 1, EAST - 1, 30), np.linspace(SOUTH + 1, NORTH - 1, 30))
    even = density(points, 300, edge=edge).at(*at) / (M2_PER_KM2 / 100)
    assert np.abs(even - 1).max() < 0.02
    # Without it the corner would have a quarter.
    assert density(points, 300).at(*at).min() / (M2_PER_KM2 / 100) < 0.3


def test_it_never_explodes_and_nothing_is_drawn_outside() -> None:
    spike = Territory(shapely.Polygon([(WEST, SOUTH), (EAST, SOUTH), (EAST, SOUTH + 20)]), "spike")
    edge = edge_of(spike, 200)
    assert edge.factor is not None
    assert edge.factor.max() <= 1 / LEAST_MASS + 1e-6
    points = points_at(np.array([WEST + 2000]), np.array([SOUTH + 5]))
    surface = density(points, 200, edge=edge)
    assert surface.at(np.array([WEST + 2000]), np.array([SOUTH - 3 * step_of(200)]))[0] == 0


def test_reports_far_from_the_territory_are_not_drawn() -> None:
    away = cloud(np.array([[200_000.0, 0.0]]))
    assert density(away, 150, edge=edge_of(BOX, 150)).peak == 0


def test_a_territory_too_large_for_it_is_left_uncorrected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.heat.edge.EDGE_NODES", 100)
    edge = edge_of(BOX, 150)
    assert edge.factor is None
    points = cloud(np.array([[3.0, 5.0]]))
    assert density(points, 150, edge=edge).peak == density(points, 150).peak
