"""The heat engine in memory (heat_engine), then over HTTP: the first tile of a fresh server, and new filters."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator
from datetime import date, timedelta
from functools import partial

from benchmarks import heat_engine
from benchmarks.data import BOX_LON_LAT
from benchmarks.downloading import download
from benchmarks.measure import Line, seconds
from benchmarks.register import Register
from benchmarks.serving import serving_ours

ZOOM = 13


def run(register: Register, sizes: list[int]) -> Iterator[Line]:
    """In memory with targets, whatever the sizes; over HTTP only informing."""
    column, row = _tile((BOX_LON_LAT[0] + BOX_LON_LAT[2]) / 2, (BOX_LON_LAT[1] + BOX_LON_LAT[3]) / 2)
    yield from heat_engine.run(register, (ZOOM, column, row))
    rows = max(sizes)
    print(f"heat: filling the register to {rows:,} reports …", flush=True)
    register.fill(rows)
    headers = register.token("planner")
    path = f"/tiles/heat/{ZOOM}/{column}/{row}.png"
    with serving_ours("quietude", register.cluster.url("app"), register.var_dir) as server:
        first_s = seconds(lambda: download(server.port, path, headers))
        for _ in range(20):  # the other worker has a first time too
            download(server.port, path, headers)
        later_s = statistics.median(
            seconds(partial(download, server.port, f"{path}?from={day}", headers)) for day in _days()
        )
    yield Line(
        f"heat tile with a new filter ÷ first tile, {rows:,} reports", f"{1000 * later_s:.0f} ms",
        f"{1000 * first_s:.0f} ms", later_s / first_s, "", "the first loads the cube; no later one is cached",
    )  # fmt: skip


def _days() -> list[date]:
    return [date(2025, 2, 1) + timedelta(days=n) for n in range(40)]


def _tile(lon: float, lat: float) -> tuple[int, int]:
    """The slippy-map tile of a point."""
    side = 1 << ZOOM
    up = math.asinh(math.tan(math.radians(lat)))
    return int((lon + 180) / 360 * side), int((1 - up / math.pi) / 2 * side)
