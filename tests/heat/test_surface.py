"""The surface against the direct sum, its mass, and its symmetry."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.heat.cube import Choice, made_rows
from app.heat.points import Points, gathered, points_of, points_together, within
from app.heat.selection import SeverityRecency
from app.heat.surface import _lattice, _Moments, density, gathered_density, step_of

# A corner of the lattice near Amiens, in subcells.
X0, Y0 = 25_900 * 256, 37_800 * 256
SUBCELL_M = 25.0 / 256


def cloud(offsets_m: np.ndarray) -> Points:
    fine = np.round(np.asarray(offsets_m, float).reshape(-1, 2) / SUBCELL_M).astype(np.int64)
    return Points((X0 + fine[:, 0]).astype(np.uint32), (Y0 + fine[:, 1]).astype(np.uint32))


def direct(points: Points, h: float, east: np.ndarray, north: np.ndarray) -> np.ndarray:
    """The exact Gaussian KDE, point by point, in points per km²."""
    x, y = points.metres()
    weight = np.ones(len(points)) if points.weight is None else points.weight
    squared = (east[..., None] - x) ** 2 + (north[..., None] - y) ** 2
    total: np.ndarray = (np.exp(-squared / (2 * h**2)) * weight).sum(-1)
    return 1e6 / (2 * np.pi * h**2) * total


def probe(points: Points, h: float, count: int = 41) -> tuple[np.ndarray, np.ndarray]:
    x, y = points.metres()
    east = np.linspace(x.min() - 5 * h, x.max() + 5 * h, count)
    north = np.linspace(y.min() - 5 * h, y.max() + 5 * h, count)
    return np.meshgrid(east, north)


@pytest.mark.parametrize("h", [50, 60, 74, 75, 99, 149, 150, 151, 299, 500, 1000])
def test_one_point_is_within_one_percent_wherever_it_lies(h: int) -> None:
    worst = 0.0
    for fraction_x in np.linspace(0, 25, 6):
        for fraction_y in np.linspace(0, 25, 6):
            points = cloud(np.array([[fraction_x, fraction_y]]))
            x, y = points.metres()
            side = np.linspace(-4.5 * h, 4.5 * h, 61)
            east, north = np.meshgrid(x[0] + side, y[0] + side)
            error = np.abs(density(points, h).at(east, north) - direct(points, h, east, north)).max()
            worst = max(worst, error * 2 * np.pi * h**2 / 1e6)
    assert worst < 0.01


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.floats(0, 900), st.floats(0, 900), st.integers(1, 40)), min_size=1, max_size=30),
    st.integers(50, 1000),
)
def test_any_cloud_is_within_one_percent_of_its_peak(spots: list[tuple[float, float, int]], h: int) -> None:
    points = cloud(np.repeat([spot[:2] for spot in spots], [spot[2] for spot in spots], axis=0))
    east, north = probe(points, h)
    exact = direct(points, h, east, north)
    x, y = points.metres()
    peak = max(exact.max(), direct(points, h, x, y).max())
    assert np.abs(density(points, h).at(east, north) - exact).max() < 0.01 * peak


@settings(max_examples=40)
@given(st.lists(st.tuples(st.floats(0, 3000), st.floats(0, 3000)), min_size=1, max_size=50), st.integers(50, 1000))
def test_mass_is_kept(spots: list[tuple[float, float]], h: int) -> None:
    points = cloud(np.array(spots))
    assert density(points, h, scale=2.0).mass() == pytest.approx(2.0 * len(spots), rel=1e-5)


def test_weights_count_as_repeated_points() -> None:
    one, other = cloud(np.array([[3.0, 700.0]])), cloud(np.array([[400.0, 20.0]]))
    weighted = points_together(one, Points(other.x, other.y, np.array([3.0])))
    repeated = cloud(np.array([[3.0, 700.0]] + [[400.0, 20.0]] * 3))
    east, north = probe(weighted, 150)
    np.testing.assert_allclose(
        density(weighted, 150).at(east, north), density(repeated, 150).at(east, north), rtol=1e-5
    )


@pytest.mark.parametrize("h", [50, 150, 333, 1000])
def test_the_surface_is_that_of_scikit_learn(h: int) -> None:
    from sklearn.neighbors import KernelDensity

    rng = np.random.default_rng(h)
    points = cloud(np.concatenate([rng.normal(2000, 400, (400, 2)), rng.random((200, 2)) * 4000]))
    east, north = probe(points, h, 25)
    estimator = KernelDensity(bandwidth=h, kernel="gaussian").fit(np.column_stack(points.metres()))
    log_density = estimator.score_samples(np.column_stack([east.ravel(), north.ravel()]))
    reference = np.exp(log_density).reshape(east.shape) * len(points) * 1e6
    found = density(points, h)
    assert np.abs(found.at(east, north) - reference).max() < 0.01 * reference.max()


def test_weights_may_be_negative() -> None:
    one, other = cloud(np.array([[3.0, 700.0]])), cloud(np.array([[400.0, 20.0]]))
    signed = points_together(Points(one.x, one.y, np.array([2.0])), Points(other.x, other.y, np.array([-3.0])))
    east, north = probe(signed, 150)
    exact = direct(signed, 150, east, north)
    surface = density(signed, 150)
    assert np.abs(surface.at(east, north) - exact).max() < 0.01 * np.abs(exact).max()
    assert surface.peak == pytest.approx(np.abs(exact).max(), rel=0.05)


@pytest.mark.parametrize("bandwidth_m", [75, 150, 600])
def test_rows_are_gathered_in_pieces_as_in_one(bandwidth_m: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.heat.points.CHUNK", 64)
    rng = np.random.default_rng(1)
    n = 1000
    rows = made_rows(
        number=np.arange(n), day=rng.integers(0, 400, n), category=rng.integers(1, 9, n),
        severity=rng.integers(1, 5, n), visibility=np.zeros(n, int), state=np.zeros(n, int),
        lon=2.29 + rng.random(n) / 50, lat=49.89 + rng.random(n) / 50,
    )  # fmt: skip
    choice = Choice(frozenset({1, 2, 5}), 20, 300, np.ones(256, np.bool_))
    weights = SeverityRecency(date(2000, 12, 31), 30)
    whole = points_of(rows, choice.of(rows))
    wanted = weights.of(rows.take(choice.of(rows)))
    more = cloud(np.array([[9000.0, 500.0]]))
    direct_surface, mass = gathered_density(rows, choice, more, bandwidth_m)
    assert mass == len(whole) + 1
    monkeypatch.setattr("app.heat.surface._DIRECT_NODES", 0)
    other, other_mass = gathered_density(rows, choice, more, bandwidth_m)
    assert other_mass == mass
    east, north = probe(points_together(whole, more), bandwidth_m)
    np.testing.assert_allclose(direct_surface.at(east, north), other.at(east, north), rtol=1e-4, atol=1e-6 * other.peak)
    pieces = gathered(rows, choice, weights)
    assert 0 < len(pieces) < n
    np.testing.assert_array_equal(pieces.x, whole.x)
    np.testing.assert_array_equal(pieces.y, whole.y)
    np.testing.assert_array_equal(pieces.weight, wanted)


def test_no_points_is_zero_everywhere() -> None:
    surface = density(cloud(np.empty((0, 2))), 150)
    assert surface.peak == 0.0
    assert surface.at(np.array([650_000.0]), np.array([6_977_000.0])).tolist() == [0.0]


def test_two_cities_cost_no_more_than_what_they_cover() -> None:
    points = cloud(np.array([[0.0, 0.0], [600.0, 0.0], [120_000.0, 90_000.0]]))
    surface = density(points, 50)
    assert sum(window.values.size for window in surface.windows) < 100_000
    assert surface.mass() == pytest.approx(3, rel=1e-5)


def test_a_split_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    points = cloud(np.concatenate([rng.random((50, 2)) * 2000, [7000, 500] + rng.random((50, 2)) * 2000]))
    east, north = probe(points, 900, 31)
    whole = density(points, 900).at(east, north)
    monkeypatch.setattr("app.heat.surface.WINDOW_NODES", 10)
    split = density(points, 900)
    assert len(split.windows) == 2
    np.testing.assert_allclose(split.at(east, north), whole, rtol=1e-4, atol=whole.max() * 1e-6)


def test_a_million_on_one_point() -> None:
    points = Points(np.full(1_000_000, X0 + 77, np.uint32), np.full(1_000_000, Y0 + 200, np.uint32))
    surface = density(points, 150)
    x, y = points.metres()
    assert surface.at(x[:1], y[:1])[0] == pytest.approx(1e6 * 1e6 / (2 * np.pi * 150**2), rel=0.01)


def test_step_is_at_most_a_sixth_of_the_bandwidth() -> None:
    for h in range(50, 1001):
        step = step_of(h)
        assert step <= h / 6 < 2 * step
    assert step_of(150) == 25.0


def test_within_counts_by_distance() -> None:
    points = cloud(np.array([[0.0, 0.0], [0.0, 149.0], [0.0, 151.0]]))
    x, y = points.metres()
    assert within(points, x[0], y[0], 150) == 2
    assert within(Points(points.x, points.y, np.array([1.0, 2.5, 9.0])), x[0], y[0], 150) == 3.5


@pytest.mark.parametrize("bandwidth_m", [50, 150, 700, 1000])
def test_two_sums_in_one_number_are_exact(bandwidth_m: int) -> None:
    """As many points as are taken at once, all at the far corner of one node; and one here and there."""
    lattice = _lattice((X0, Y0), (X0 + 40_000, Y0 + 40_000), bandwidth_m)
    per_node = 1 << lattice.shift
    rng = np.random.default_rng(5)
    full = np.full(min(lattice.points_at_once, 300_000) - 100, per_node - 1)
    x, y = (np.append(full, rng.integers(0, 40_000, 100)) + (start // per_node + 1) * per_node for start in (X0, Y0))
    points = Points(x.astype(np.uint32), y.astype(np.uint32))
    together, apart = _Moments(lattice), _Moments(lattice)
    together.add(points)
    apart.add(Points(points.x, points.y, np.ones(len(points))))
    np.testing.assert_array_equal(together.count, apart.count)
    np.testing.assert_array_equal(together._x, apart._x)
    np.testing.assert_array_equal(together._y, apart._y)
    assert len(points) <= lattice.points_at_once
