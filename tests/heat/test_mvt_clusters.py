"""Counting in squares: nothing is lost from level to level, whatever the order and the spread of the points."""

from __future__ import annotations

import numpy as np
import pytest

from app.heat.mvt_clusters import BASE_LEVEL, Cells, counted, counted_groups, level_of, together
from app.heat.points import Points
from app.heat.protect import Groups
from app.places.lattice import cell_column_row

THEMES = 5


def random_points(count: int, side: int, seed: int = 1) -> tuple[Points, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x, y = (rng.integers(9_000_000, 9_000_000 + side, count).astype(np.uint32) for _ in range(2))
    return Points(x, y), rng.integers(0, THEMES, count), rng.integers(1, 5, count)


def by_square(cells: Cells) -> dict[tuple[int, int], tuple[object, ...]]:
    parts = zip(cells.column, cells.row, cells.count, cells.severity, cells.main_theme(), strict=True)
    return {(int(c), int(r)): (int(n), int(s), int(t)) for c, r, n, s, t in parts}


@pytest.mark.parametrize("side", [100_000, 7_000_000])  # counted in a table, and sorted
@pytest.mark.parametrize("level", [0, 4, 9])
def test_every_square_says_what_a_loop_says(side: int, level: int) -> None:
    points, theme, severity = random_points(3000, side)
    cells = counted(points, theme, severity, THEMES, level)
    expected: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for x, y, t, s in zip(points.x, points.y, theme, severity, strict=True):
        expected.setdefault((int(x) >> (8 + level), int(y) >> (8 + level)), []).append((int(t), int(s)))
    found = by_square(cells)
    assert found.keys() == expected.keys()
    for square, reports in expected.items():
        counts = [sum(t == place for t, _ in reports) for place in range(THEMES)]
        assert found[square] == (len(reports), max(s for _, s in reports), counts.index(max(counts)))


@pytest.mark.parametrize("level", [4, 5, 8, 16])
def test_a_coarser_level_is_what_counting_at_once_gives(level: int) -> None:
    points, theme, severity = random_points(3000, 400_000)
    half = len(points) // 2
    first = counted(points.take(np.arange(half)), theme[:half], severity[:half], THEMES)
    second = counted(points.take(np.arange(half, len(points))), theme[half:], severity[half:], THEMES)
    joined = together([first, second], level)
    at_once = counted(points, theme, severity, THEMES, level)
    assert by_square(joined) == by_square(at_once)
    assert joined.count.sum() == len(points)
    for one, other in zip(joined.centres().metres(), at_once.centres().metres(), strict=True):
        np.testing.assert_allclose(np.sort(one), np.sort(other), atol=0.2)


def test_the_centre_is_the_mean_of_the_reports_and_inside_the_square() -> None:
    points = Points(np.array([9_000_000, 9_000_100], np.uint32), np.array([9_000_000, 9_000_000], np.uint32))
    cells = counted(points, np.array([0, 0]), np.array([1, 4]), THEMES, 8)
    assert (cells.centres().x.tolist(), cells.centres().y.tolist()) == ([9_000_050], [9_000_000])
    assert cells.severity.tolist() == [4]


def test_the_key_is_the_prefix_of_the_cells_morton_key() -> None:
    points, theme, severity = random_points(500, 300_000)
    cells = counted(points, theme, severity, THEMES, 6)
    column, row = cell_column_row(cells.key)
    assert (column == cells.column).all()
    assert (row == cells.row).all()


def test_groups_are_counted_without_severity_at_the_middle_of_their_square() -> None:
    theme, restricted, quarter = np.array([1, 2, 1]), np.zeros(3, np.bool_), np.full(3, 8100)
    groups = Groups(theme, restricted, quarter, np.array([70, 70, 70]), np.array([90, 90, 91]), np.array([5, 10, 15]))
    cells = counted_groups(groups, THEMES)
    assert by_square(cells) == {(70, 90): (15, 0, 2), (70, 91): (15, 0, 1)}
    assert cells.centres().x.tolist() == [(70 << 12) + 2048] * 2
    assert by_square(together([cells], 6)) == {(17, 22): (30, 0, 1)}


def test_nothing_is_nothing() -> None:
    none = np.empty(0, np.int64)
    cells = counted(Points(none, none), none, none, THEMES)
    assert len(cells) == len(together([cells], 9)) == 0


def test_squares_are_as_large_as_the_zoom_wants() -> None:
    assert [level_of(z) for z in (8, 14, 15, 18, 20)] == [10, BASE_LEVEL, 3, 0, 0]
