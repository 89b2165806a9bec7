"""Gi*, the Poisson comparison and the false-discovery rate against esda and SciPy."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from scipy import ndimage, stats

from app.heat.cells import Area, area_of, disc_sums
from app.heat.chance import changed_by_chance, discoveries, gi_star, two_sided
from tests.heat.test_edge import BOX, EAST, NORTH, SOUTH, WEST, points_at


@pytest.mark.parametrize("radius_m", [100.0, 141.5, 150.0, 200.0, 223.7, 300.0, 1000.0])
def test_discs_are_summed_as_a_convolution_does(radius_m: float) -> None:
    values = np.random.default_rng(1).integers(0, 9, (30, 41))
    reach = int(radius_m // 100)
    row, column = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    disc = ((row**2 + column**2) * 1e4 <= radius_m**2).astype(int)
    np.testing.assert_array_equal(disc_sums(values, radius_m), ndimage.convolve(values, disc, mode="constant"))


@pytest.mark.parametrize("band_m", [100, 150, 250, 400])
@pytest.mark.parametrize("kept", [1.0, 0.7])
def test_gi_star_is_esdas(band_m: int, kept: float) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what the reference's own imports say
        from esda import G_Local
        from libpysal.weights import DistanceBand

        rng = np.random.default_rng(band_m)
        inside = rng.random((20, 25)) <= kept
        counts = np.where(inside, rng.poisson(3, inside.shape) * rng.integers(0, 3, inside.shape), 0)
        weights = DistanceBand(np.argwhere(inside) * 100.0, float(band_m), binary=True, silence_warnings=True)
        wanted = G_Local(counts[inside].astype(float), weights, transform="B", star=True, permutations=0)
    score = gi_star(counts, inside, band_m)
    assert np.abs(score[inside] - wanted.Zs).max() < 1e-9
    assert np.abs(two_sided(score[inside]) - 2 * wanted.p_norm).max() < 1e-9
    assert not score[~inside].any()


def test_where_all_are_alike_nothing_stands_out() -> None:
    inside = np.ones((8, 8), np.bool_)
    for counts in (np.zeros((8, 8), int), np.full((8, 8), 3)):
        assert not gi_star(counts, inside, 150).any()
    assert not gi_star(np.full((1, 1), 9), np.ones((1, 1), np.bool_), 150).any()
    # A disc that holds everything.
    assert not gi_star(np.arange(4).reshape(2, 2), np.ones((2, 2), np.bool_), 1000).any()


def test_two_counts_are_compared_as_the_binomial_test_does() -> None:
    rng = np.random.default_rng(4)
    now, before = rng.integers(0, 20, 300), rng.integers(0, 20, 300)
    wanted = [stats.binomtest(int(a), int(a + b), 0.5).pvalue if a + b else 1 for a, b in zip(now, before, strict=True)]
    assert np.abs(changed_by_chance(now, before, 0.5) - wanted).max() < 1e-12


def test_two_periods_of_unequal_length() -> None:
    now, before, share = np.array([0, 7, 30]), np.array([30, 3, 0]), 0.25
    low = stats.binom.cdf(now, now + before, share)
    high = stats.binom.sf(now - 1, now + before, share)
    np.testing.assert_allclose(changed_by_chance(now, before, share), np.minimum(1, 2 * np.minimum(low, high)))


def test_false_discoveries_are_held() -> None:
    rng = np.random.default_rng(9)
    for _ in range(20):
        p = np.concatenate([rng.random(300), rng.random(50) * 1e-3])
        np.testing.assert_array_equal(discoveries(p), stats.false_discovery_control(p) <= 0.05)
    assert not discoveries(np.array([])).any()
    assert not discoveries(np.ones(5)).any()
    # Of many tests of nothing, hardly any set has a discovery.
    assert sum(discoveries(rng.random(500)).any() for _ in range(200)) < 30


def test_squares_are_those_whose_centre_is_inside() -> None:
    area = area_of(BOX, points_at(np.empty(0), np.empty(0)))
    assert area.inside.sum() == 40 * 30
    points = points_at(np.array([WEST + 250, WEST + 251, EAST + 5000]), np.array([SOUTH + 250, SOUTH + 251, NORTH]))
    counts = area.count(points)
    assert counts.sum() == 2
    at = np.array([WEST + 250, WEST - 5000]), np.array([SOUTH + 250, SOUTH])
    assert area.sample(counts, *at, -1).tolist() == [2, -1]


def test_without_a_territory_the_squares_are_those_around_the_points() -> None:
    assert not area_of(None, points_at(np.empty(0), np.empty(0))).inside.any()
    area = area_of(None, points_at(np.array([WEST, WEST + 500]), np.array([SOUTH, SOUTH + 300])))
    assert isinstance(area, Area)
    assert area.inside.shape == (4, 6)
