"""The lattice: cells and their Morton keys, and the ranges that cover a window."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.places.lattice import (
    CELL_M,
    CELLS_PER_SIDE,
    ORIGIN_EAST_M,
    ORIGIN_NORTH_M,
    cell_column_row,
    cell_key,
    cell_of,
    cell_ranges,
    cell_ranges_of_bbox,
    cells_of,
    column_row,
    to_lambert93,
    to_lon_lat,
)

LAST = CELLS_PER_SIDE - 1
cells = st.integers(0, LAST)
# Metropolitan France without its corners at sea.
lons = st.floats(-4.5, 8.0)
lats = st.floats(42.5, 51.0)


def _key(column: int, row: int) -> int:
    return int(cell_key(np.array([column]), np.array([row]))[0])


@st.composite
def windows(draw: st.DrawFn, side_most: int) -> tuple[int, int, int, int]:
    west, south = draw(st.integers(0, LAST)), draw(st.integers(0, LAST))
    east = min(LAST, west + draw(st.integers(0, side_most)))
    north = min(LAST, south + draw(st.integers(0, side_most)))
    return west, south, east, north


@given(cells, cells)
def test_a_key_goes_back_to_its_column_and_row(column: int, row: int) -> None:
    columns, rows = cell_column_row(cell_key(np.array([column]), np.array([row])))
    assert (columns.tolist(), rows.tolist()) == ([column], [row])


@given(cells, cells)
def test_a_key_interleaves_the_bits(column: int, row: int) -> None:
    bits = "".join(r + c for c, r in zip(f"{column:016b}", f"{row:016b}", strict=True))
    assert _key(column, row) == int(bits, 2)


@given(st.integers(0, LAST - 1), st.integers(0, LAST - 1), st.integers(0, 14))
def test_an_aligned_square_is_one_run_of_keys(column: int, row: int, level: int) -> None:
    side = 1 << min(level, 4)
    west, south = column - column % side, row - row % side
    grid = [_key(west + i, south + j) for i, j in itertools.product(range(side), range(side))]
    assert sorted(grid) == list(range(min(grid), min(grid) + side * side))


@given(lons, lats)
def test_lambert_93_and_back(lon: float, lat: float) -> None:
    east_m, north_m = to_lambert93(np.array([lon]), np.array([lat]))
    back = to_lon_lat(east_m, north_m)
    assert (back[0][0], back[1][0]) == (pytest.approx(lon, abs=1e-9), pytest.approx(lat, abs=1e-9))


@given(lons, lats)
def test_a_point_lies_in_its_own_cell(lon: float, lat: float) -> None:
    east_m, north_m = to_lambert93(np.array([lon]), np.array([lat]))
    columns, rows = cell_column_row(cells_of(np.array([lon]), np.array([lat])))
    assert 0 <= east_m[0] - ORIGIN_EAST_M - columns[0] * CELL_M < CELL_M
    assert 0 <= north_m[0] - ORIGIN_NORTH_M - rows[0] * CELL_M < CELL_M


@given(st.floats(0, 1_600_000), st.floats(6_000_001, 7_600_000))
def test_a_step_of_25_metres_is_the_neighbour(east_m: float, north_m: float) -> None:
    column, row = column_row(np.array([east_m]), np.array([north_m]))
    beside = column_row(np.array([(column[0] + 1.5) * CELL_M + ORIGIN_EAST_M]), np.array([north_m]))
    above = column_row(np.array([east_m]), np.array([(row[0] + 1.5) * CELL_M + ORIGIN_NORTH_M]))
    assert (beside[0][0], beside[1][0]) == (column[0] + 1, row[0])
    assert (above[0][0], above[1][0]) == (column[0], row[0] + 1)


@pytest.mark.parametrize(
    ("east_m", "north_m"),
    [(-0.01, 6_500_000), (1_638_400, 6_500_000), (500_000, 5_999_999.99), (500_000, 7_638_400)],
)
def test_points_outside_the_lattice_are_refused(east_m: float, north_m: float) -> None:
    with pytest.raises(ValueError, match="outside the lattice"):
        column_row(np.array([east_m]), np.array([north_m]))


def test_the_corners_of_the_lattice_have_the_least_and_the_greatest_key() -> None:
    assert (_key(0, 0), _key(LAST, LAST)) == (0, 2**32 - 1)


@given(windows(side_most=40), st.integers(1, 64))
def test_ranges_cover_the_window_and_keep_to_their_number(window: tuple[int, int, int, int], most: int) -> None:
    ranges = cell_ranges(*window, most=most)
    assert 1 <= len(ranges) <= most
    assert all(first <= last for first, last in ranges)
    assert all(before[1] < after[0] for before, after in itertools.pairwise(ranges))
    west, south, east, north = window
    columns, rows = np.meshgrid(np.arange(west, east + 1), np.arange(south, north + 1))
    keys = cell_key(columns.ravel(), rows.ravel())
    covered = np.zeros(len(keys), dtype=bool)
    for first, last in ranges:
        covered |= (keys >= first) & (keys <= last)
    assert covered.all()


@given(windows(side_most=12))
def test_with_room_for_them_the_ranges_are_exact(window: tuple[int, int, int, int]) -> None:
    ranges = cell_ranges(*window, most=4000)
    west, south, east, north = window
    assert sum(last - first + 1 for first, last in ranges) == (east - west + 1) * (north - south + 1)


def test_an_empty_window_has_no_ranges() -> None:
    assert cell_ranges(5, 5, 4, 9) == []
    assert cell_ranges(5, 5, 9, 4) == []


def test_the_whole_lattice_is_one_range() -> None:
    assert cell_ranges(0, 0, LAST, LAST) == [(0, 2**32 - 1)]


sides = st.tuples(st.floats(0, 0.2), st.floats(0, 0.2))


@given(lons, lats, sides, st.tuples(st.floats(0, 1), st.floats(0, 1)))
def test_a_box_of_degrees_covers_every_point_in_it(
    west: float, south: float, sides: tuple[float, float], inside: tuple[float, float]
) -> None:
    (width, height), (across, up) = sides, inside
    ranges = cell_ranges_of_bbox((west, south, west + width, south + height))
    key = int(cells_of(np.array([west + across * width]), np.array([south + up * height]))[0])
    assert any(first <= key <= last for first, last in ranges)


def test_a_box_elsewhere_has_no_ranges_and_the_world_has_some() -> None:
    assert cell_ranges_of_bbox((-80.0, 40.0, -70.0, 45.0)) == []
    assert cell_ranges_of_bbox((-180.0, -90.0, 180.0, 90.0)) != []


@given(lons, lats)
def test_one_point_lies_in_the_same_cell_as_among_many(lon: float, lat: float) -> None:
    assert cell_of(lon, lat) == int(cells_of(np.array([lon]), np.array([lat]))[0])


def test_one_point_outside_the_lattice_has_no_cell() -> None:
    with pytest.raises(ValueError, match="outside the lattice"):
        cell_of(-60.0, 49.0)
