"""The spatial index of a GeoPackage, packed: SQLite's R*Tree nodes written as a whole instead of row by row.

SQLite keeps an R*Tree in three ordinary tables (sqlite.org/rtree.html, "Shadow Tables"; the layout of a node is in the
head of ext/rtree/rtree.c, unchanged since 2008). Rows put in one by one cost more than everything else in a GeoPackage;
packed by Sort-Tile-Recursive (Leutenegger, Lopez, Edgington 1997) the index costs a tenth and is read faster.
GDAL does the same from version 3.7 on. `rtreecheck()` says whether it is right.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterable
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

# SQLite's most (RTREE_MAXCELLS) is 51; some room, so that the first rows added later split nothing.
CELLS_FILLED = 46
CELLS_MOST = 51
NODE_BYTES = 4 + 24 * CELLS_MOST
# So many boxes are sorted at once: what bounds memory. Leaves are then of one such part of the file.
PART_ROWS = 250_000
ROOT = 1
_ROOT_IS_LEAF = "UPDATE OR REPLACE {}_{} SET nodeno = 1 WHERE nodeno = ?"
_CELL = np.dtype([("id", ">i8"), ("box", ">f4", 4)])

Boxes = NDArray[np.float32]


class PackedIndex:
    """Takes (minx, miny, maxx, maxy) by row number; writes the index of one table into an open database."""

    def __init__(self, database: sqlite3.Connection, table: str) -> None:
        self._database = database
        self._table = table  # of the virtual table; ours, never a user's
        self._waiting: list[tuple[NDArray[np.int64], Boxes]] = []
        self._rows_waiting = 0
        self._next_node = ROOT + 1
        self._leaves: list[tuple[NDArray[np.int64], Boxes]] = []
        self._extent = np.array([np.inf, np.inf, -np.inf, -np.inf])

    @property
    def extent(self) -> tuple[float, float, float, float] | None:
        """(minx, miny, maxx, maxy) of everything so far; None of nothing."""
        west, south, east, north = (float(value) for value in self._extent)
        return (west, south, east, north) if west <= east else None

    def add(self, ids: NDArray[np.int64], bounds: NDArray[np.float64]) -> None:
        """Rows with their boxes, an (n, 4) array as shapely.bounds gives it."""
        if not len(ids):
            return
        self._extent[:2] = np.minimum(self._extent[:2], bounds[:, :2].min(axis=0))
        self._extent[2:] = np.maximum(self._extent[2:], bounds[:, 2:].max(axis=0))
        self._waiting.append((ids, _outwards(bounds)))
        self._rows_waiting += len(ids)
        if self._rows_waiting >= PART_ROWS:
            self._write_leaves()

    def finish(self) -> None:
        """Write what waits, and the levels above the leaves."""
        self._write_leaves()
        ids, boxes = _joined(self._leaves)
        depth = 0
        while len(ids) > CELLS_FILLED:
            depth += 1
            ids, boxes = self._write_level(ids, boxes, "parent")
        if depth == 0 and len(ids) == 1:  # a single leaf is itself the root
            leaf = (int(ids[0]),)
            self._database.execute(_ROOT_IS_LEAF.format(self._table, "node"), leaf)
            self._database.execute(_ROOT_IS_LEAF.format(self._table, "rowid"), leaf)
        elif len(ids):
            self._put_nodes([(ROOT, _node(ids, boxes, depth + 1))])
            self._put_members("parent", ids, np.full(len(ids), ROOT, dtype=np.int64))

    def _write_leaves(self) -> None:
        if self._waiting:
            ids, boxes = _joined(self._waiting)
            self._waiting, self._rows_waiting = [], 0
            self._leaves.append(self._write_level(ids, boxes, "rowid"))

    def _write_level(self, ids: NDArray[np.int64], boxes: Boxes, members: str) -> tuple[NDArray[np.int64], Boxes]:
        """Nodes that hold these boxes; returns the nodes' numbers and boxes."""
        order = _tiles(boxes)
        ids, boxes = ids[order], boxes[order]
        # Filled evenly, so that none has fewer than SQLite's least.
        count = math.ceil(len(ids) / CELLS_FILLED)
        starts = np.linspace(0, len(ids), count + 1).round().astype(np.int64)
        numbers = np.arange(self._next_node, self._next_node + count, dtype=np.int64)
        self._next_node += count
        self._put_nodes(
            (int(number), _node(ids[first:end], boxes[first:end], 0))
            for number, (first, end) in zip(numbers, pairwise(starts), strict=True)
        )
        self._put_members(members, ids, np.repeat(numbers, np.diff(starts)))
        return numbers, np.column_stack((
            np.minimum.reduceat(boxes[:, :2], starts[:-1]), np.maximum.reduceat(boxes[:, 2:], starts[:-1]),
        ))  # fmt: skip

    def _put_nodes(self, nodes: Iterable[tuple[int, bytes]]) -> None:
        self._database.executemany(f"INSERT OR REPLACE INTO {self._table}_node VALUES (?, ?)", nodes)  # noqa: S608

    def _put_members(self, kind: str, ids: NDArray[np.int64], nodes: NDArray[np.int64]) -> None:
        """Which node each row (or node) is in; in order, so that SQLite appends."""
        order = np.argsort(ids)
        pairs = zip(ids[order].tolist(), nodes[order].tolist(), strict=True)
        self._database.executemany(f"INSERT INTO {self._table}_{kind} VALUES (?, ?)", pairs)  # noqa: S608


def _joined(parts: list[tuple[NDArray[np.int64], Boxes]]) -> tuple[NDArray[np.int64], Boxes]:
    if not parts:
        return np.empty(0, dtype=np.int64), np.empty((0, 4), dtype=np.float32)
    return np.concatenate([ids for ids, _ in parts]), np.concatenate([boxes for _, boxes in parts])


def _outwards(bounds: NDArray[np.float64]) -> Boxes:
    """In SQLite's 32 bits, never smaller than they are."""
    boxes = bounds.astype(np.float32)
    low, high = boxes[:, :2], boxes[:, 2:]
    boxes[:, :2] = np.where(low > bounds[:, :2], np.nextafter(low, np.float32(-np.inf)), low)
    boxes[:, 2:] = np.where(high < bounds[:, 2:], np.nextafter(high, np.float32(np.inf)), high)
    return boxes


def _tiles(boxes: Boxes) -> NDArray[np.intp]:
    """An order in which neighbours follow each other: strips by x, each sorted by y."""
    strips = math.ceil(math.sqrt(len(boxes) / CELLS_FILLED))
    strip = np.empty(len(boxes), dtype=np.int64)
    strip[np.argsort(boxes[:, 0] + boxes[:, 2])] = np.arange(len(boxes)) // (strips * CELLS_FILLED)
    return np.lexsort((boxes[:, 1] + boxes[:, 3], strip))


def _node(ids: NDArray[np.int64], boxes: Boxes, depth: int) -> bytes:
    """One node as SQLite stores it: depth (of the root only), count, cells of an id and minx, maxx, miny, maxy."""
    cells = np.empty(len(ids), dtype=_CELL)
    cells["id"] = ids
    cells["box"] = boxes[:, [0, 2, 1, 3]]
    head = depth.to_bytes(2, "big") + len(ids).to_bytes(2, "big")
    return (head + cells.tobytes()).ljust(NODE_BYTES, b"\0")
