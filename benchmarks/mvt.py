"""A vector tile over the city at zoom 12: ours against tipg, and against the same count written by hand in SQL."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from functools import partial
from itertools import count

from sqlalchemy import Engine, create_engine, text
from sqlalchemy.pool import NullPool

from app.heat.actions import Heat, HeatQuery
from app.heat.mvt import Tile
from app.heat.mvt_actions import Asking, VectorTiles
from app.heat.mvt_clusters import level_of
from app.heat.viewer import PARTNER
from app.people.actor import Actor
from app.places.lattice import cell_ranges_of_bbox
from app.reports.filters import ReportFilter
from benchmarks import peers
from benchmarks.data import BOX_LON_LAT
from benchmarks.downloading import download
from benchmarks.measure import Line, in_turn, seconds
from benchmarks.register import Register
from benchmarks.serving import serving_ours

ZOOM = 12
ROUNDS = 9

# What counting in SQL could wish for: integers only, no row-level security, one index that holds all columns.
_CELLS = """
DROP TABLE IF EXISTS peer.cells;
CREATE TABLE peer.cells AS
SELECT cell_25m, report.severity::smallint AS severity, dense_rank() OVER (ORDER BY theme_code)::smallint AS theme
FROM report JOIN category ON category.code = category_code
WHERE report.visibility <> 'restricted' AND report.state NOT IN ('rejected', 'duplicate');
CREATE INDEX ON peer.cells (cell_25m) INCLUDE (severity, theme);
"""
_COUNT = """
SELECT cell_25m >> {bits} AS square, theme, count(*), max(severity) FROM peer.cells
WHERE {ranges} GROUP BY 1, 2
"""


def run(register: Register, sizes: list[int]) -> Iterator[Line]:
    """At the largest register."""
    rows = max(sizes)
    print(f"mvt: filling the register to {rows:,} reports …", flush=True)
    register.fill(rows)
    peers.prepare(register)
    tile = _tile((BOX_LON_LAT[0] + BOX_LON_LAT[2]) / 2, (BOX_LON_LAT[1] + BOX_LON_LAT[3]) / 2)
    yield from _against_sql(register, tile, rows)
    yield from _against_tipg(register, tile, rows)


def _tile(lon: float, lat: float) -> Tile:
    side = 1 << ZOOM
    up = math.asinh(math.tan(math.radians(lat)))
    return Tile(ZOOM, int((lon + 180) / 360 * side), int((1 - up / math.pi) / 2 * side))


def _new_filters() -> Iterator[date]:
    """First days long before any report: always another filter, always all rows."""
    return (date(2001, 1, 1) + timedelta(days=n) for n in count())


def _against_sql(register: Register, tile: Tile, rows: int) -> Iterator[Line]:
    superuser = create_engine(register.cluster.url("superuser"), poolclass=NullPool)
    with superuser.begin() as connection:
        connection.execute(text(_CELLS))
    with superuser.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM (ANALYZE, FREEZE) peer.cells"))
        ranges = " OR ".join(f"cell_25m BETWEEN {a} AND {b}" for a, b in cell_ranges_of_bbox(tile.lon_lat(0.125)))
        query = text(_COUNT.format(bits=2 * level_of(ZOOM), ranges=ranges))
        works = _ours(register.engine, tile) | {"SQL": lambda: connection.execute(query).all()}
        taken = in_turn(works, ROUNDS)
    for name, target in (("a filter never seen", "≤ 1.3"), ("a filter that was seen", "≤ 1.3")):
        yield Line(
            f"vector tile z{ZOOM}, {name} ÷ the same count in SQL, {rows:,} reports",
            f"{1000 * taken[name]:.1f} ms", f"{1000 * taken['SQL']:.0f} ms", taken[name] / taken["SQL"], target,
            "ours filters, counts and encodes; SQL counts in a covering index of integers, without row-level security",
        )  # fmt: skip


def _ours(engine: Engine, tile: Tile) -> dict[str, Callable[[], object]]:
    heat, tiles, actor = Heat(engine, 5), VectorTiles(engine), Actor("planner", 0, 0)
    kept = heat.keeper.current()
    days = _new_filters()

    def made(first: date | None) -> bytes:
        query = HeatQuery(ReportFilter(from_date=first))
        return tiles.body(Asking(heat.look(kept, query, PARTNER), actor), tile)

    return {"a filter never seen": lambda: made(next(days)), "a filter that was seen": partial(made, None)}


def _against_tipg(register: Register, tile: Tile, rows: int) -> Iterator[Line]:
    headers = register.token("planner")
    path = f"/tiles/reports/{tile.z}/{tile.x}/{tile.y}.mvt"
    with serving_ours("quietude", register.cluster.url("app"), register.var_dir) as ours, peers.tipg(register) as peer:
        peer_path = f"/collections/peer.reports/tiles/WebMercatorQuad/{tile.z}/{tile.x}/{tile.y}"
        for _ in range(20):  # every worker loads its cube once
            download(ours.port, path, headers)
        days = _new_filters()
        taken = {"ours": [], "tipg": []}
        for _ in range(ROUNDS):
            new = f"{path}?from={next(days)}"
            taken["ours"].append(seconds(partial(download, ours.port, new, headers)))
            taken["tipg"].append(seconds(partial(download, peer[0].port, peer_path, {})))
        sizes = download(ours.port, path, headers).size, download(peer[0].port, peer_path, {}).size
    ours_s, tipg_s = (statistics.median(taken[name]) for name in ("ours", "tipg"))
    yield Line(
        f"tipg's vector tile ÷ ours, z{ZOOM}, a filter never seen, {rows:,} reports, over HTTP",
        f"{1000 * ours_s:.0f} ms", f"{1000 * tipg_s:.0f} ms", tipg_s / ours_s, "≥ 50",
        f"ours {sizes[0] / 1000:.1f} kB, clusters of all reports; tipg {sizes[1] / 1e6:.1f} MB of single points",
    )  # fmt: skip
