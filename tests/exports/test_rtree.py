"""The packed index is one that SQLite takes for its own: checked, searched, changed afterwards."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import numpy as np
import pytest

from app.exports import rtree
from app.exports.rtree import CELLS_FILLED, PackedIndex


@pytest.fixture
def database() -> Iterator[sqlite3.Connection]:
    made = sqlite3.connect(":memory:", isolation_level=None)
    made.execute("CREATE VIRTUAL TABLE place USING rtree(id, minx, maxx, miny, maxy)")
    yield made
    made.close()


def boxes(count: int, size: float) -> np.ndarray:
    """Random boxes in metres of Lambert-93, some of them points."""
    rng = np.random.default_rng(7)
    low = rng.uniform((646_000, 6_974_000), (652_000, 6_980_000), (count, 2))
    return np.column_stack((low, low + rng.uniform(0, size, (count, 1))))


def found(database: sqlite3.Connection, west: float, south: float, east: float, north: float) -> set[int]:
    query = "SELECT id FROM place WHERE maxx >= ? AND minx <= ? AND maxy >= ? AND miny <= ?"
    return {number for (number,) in database.execute(query, (west, east, south, north))}


def filled(database: sqlite3.Connection, bounds: np.ndarray, step: int) -> PackedIndex:
    index = PackedIndex(database, "place")
    for first in range(0, len(bounds), step):
        some = bounds[first : first + step]
        index.add(np.arange(first + 1, first + 1 + len(some)), some)
    index.finish()
    return index


# Up to two levels above the leaves, and where a node is just full.
@pytest.mark.parametrize(
    "count", [0, 1, 2, CELLS_FILLED, CELLS_FILLED + 1, CELLS_FILLED**2, CELLS_FILLED**2 + 1, 5_000]
)
@pytest.mark.parametrize("size", [0.0, 300.0])
def test_sqlite_finds_it_right(
    database: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch, count: int, size: float
) -> None:
    monkeypatch.setattr(rtree, "PART_ROWS", 1_900)
    bounds = boxes(count, size)
    index = filled(database, bounds, 700)
    assert database.execute("SELECT rtreecheck('place')").fetchone() == ("ok",)
    assert database.execute("SELECT count(*) FROM place").fetchone() == (count,)
    if count:
        assert index.extent == (*bounds[:, :2].min(axis=0), *bounds[:, 2:].max(axis=0))
    for west, south in ((646_000, 6_974_000), (648_500, 6_977_000), (700_000, 6_900_000)):
        window = (west, south, west + 1_000, south + 1_000)
        touches = (
            (bounds[:, 2] >= window[0]) & (bounds[:, 0] <= window[2])
            & (bounds[:, 3] >= window[1]) & (bounds[:, 1] <= window[3])
        )  # fmt: skip
        # Its 32 bits are rounded outwards: up to half a metre more at the edge, never less.
        assert set(np.flatnonzero(touches) + 1) <= found(database, *window)
        assert len(found(database, *window)) <= touches.sum() * 1.02 + 2


@pytest.mark.parametrize("count", [0, CELLS_FILLED, 5_000])
def test_rows_added_and_taken_out_later(database: sqlite3.Connection, count: int) -> None:
    filled(database, boxes(count, 10), 10_000)
    for number in range(1, count, 2):
        database.execute("DELETE FROM place WHERE id = ?", (number,))
    more = boxes(600, 5)
    for number, (west, south, east, north) in enumerate(more, start=10_000):
        database.execute("INSERT INTO place VALUES (?, ?, ?, ?, ?)", (number, west, east, south, north))
    assert database.execute("SELECT rtreecheck('place')").fetchone() == ("ok",)
    assert database.execute("SELECT count(*) FROM place").fetchone() == (count - len(range(1, count, 2)) + 600,)


def test_points_near_the_bound_of_32_bits_are_inside_their_boxes(database: sqlite3.Connection) -> None:
    bounds = np.repeat([[6_974_569.893674609, 646_903.819028097]], 2, axis=0)[:, [0, 1, 0, 1]]
    filled(database, bounds, 10)
    west, east, south, north = database.execute("SELECT minx, maxx, miny, maxy FROM place").fetchone()
    assert west <= bounds[0, 0] <= east
    assert south <= bounds[0, 1] <= north
