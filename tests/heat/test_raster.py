"""Coverage of squares against the exact intersection."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from app.heat.raster import coverage, outline_of

SHAPE = (
    shapely.Point(50, 50).buffer(30).difference(shapely.Point(55, 50).buffer(10)).union(shapely.box(80.3, 10.7, 96, 20))
)


def exact(west: float, south: float, step: float, size: int) -> np.ndarray:
    along = np.arange(size) * step
    corner = np.meshgrid(west + along, south + along)
    squares = shapely.box(*corner, *[axis + step for axis in corner])
    return np.asarray(shapely.area(shapely.intersection(squares, SHAPE))) / step**2


@pytest.mark.parametrize(("west", "south", "step"), [(0, 0, 1), (20.3, 30.1, 2), (45, 45, 0.5), (-50, -50, 8)])
def test_squares_are_covered_as_the_intersection_says(west: float, south: float, step: float) -> None:
    found = coverage(outline_of(SHAPE), west, south, step, (40, 40), lines=16)
    wanted = exact(west, south, step, 40)
    assert np.abs(found - wanted).max() < 0.08
    assert found.sum() == pytest.approx(wanted.sum(), rel=0.002, abs=0.05)


def test_holes_stay_open_whatever_the_orientation() -> None:
    for shape in (SHAPE, shapely.reverse(SHAPE)):
        found = coverage(outline_of(shape), 0, 0, 1, (100, 100))
        assert found[50, 55] == 0
        assert found[50, 40] == 1
        assert found[5, 5] == 0


def test_a_shape_all_around_or_away() -> None:
    outline = outline_of(shapely.box(-1000, -1000, 1000, 1000))
    assert (coverage(outline, 0, 0, 1, (8, 8)) == 1).all()
    assert (coverage(outline, 2000, 0, 1, (8, 8)) == 0).all()
    assert (coverage(outline, -2000, 0, 1, (8, 8)) == 0).all()
    assert (coverage(outline, 0, 2000, 1, (8, 8)) == 0).all()
