"""Whole exports over HTTP against ogr2ogr and GeoPandas making the same file, and against our own pages of 1,000."""

from __future__ import annotations

import http.client
import json
import re
import subprocess
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from benchmarks import peers
from benchmarks.downloading import BUFFER, download
from benchmarks.measure import Line, in_turn
from benchmarks.register import Register
from benchmarks.serving import Running, serving_ours

GEOJSON = "/export/reports.geojson"
GEOPACKAGE = "/export/reports.gpkg"
ITEMS = "/ogc/collections/reports/items?f=json&limit=1000"
# From this many rows on each takes a quarter of a minute and more: two rounds, and the first download warms up.
MANY_ROWS = 500_000
_RETURNED = re.compile(rb'"numberReturned":\s*(\d+)')
_NEXT = re.compile(r'<([^>]+)>; rel="?next"?')


PARTS = ("geojson", "geopandas", "geopackage", "pages")


def run(register: Register, rows: int, parts: Collection[str]) -> Iterator[Line]:
    """The lines about these parts at this size of the register, by one server."""
    works = {"geojson": _geojson, "geopandas": _geopandas, "geopackage": _geopackage, "pages": _pages}
    with serving_ours("quietude", register.cluster.url("app"), register.var_dir) as server:
        for part in parts:
            print(f"  {part} …", flush=True)
            yield works[part](register, server, rows)


def rounds(rows: int, works: Mapping[str, Callable[[], object]], *, many: int = 2) -> dict[str, float]:
    """The median time of each; many: rounds of a big register."""
    return in_turn(works, many, warm=False) if rows > MANY_ROWS else in_turn(works, 3)


def _ogr2ogr(register: Register, *arguments: str) -> Callable[[], object]:
    """The last argument is the file, made anew each time."""
    source = f"PG:host={register.cluster.socket_dir()} port=5432 dbname=quietude user=quietude_app schemas=peer"
    command = ["ogr2ogr", "-q", *arguments, source, "reports", "-nln", "reports"]

    def make() -> None:
        Path(arguments[-1]).unlink(missing_ok=True)
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    return make


def _geojson(register: Register, server: Running, rows: int) -> Line:
    headers = register.token("planner")
    download(server.port, GEOJSON, headers)
    medians = rounds(
        rows,
        {
            "over HTTP": lambda: download(server.port, GEOJSON, headers),
            "ogr2ogr": _ogr2ogr(register, "-f", "GeoJSON", "/vsistdout/"),
        },
    )
    return _line(
        f"ogr2ogr to GeoJSON ÷ GeoJSON over HTTP, {rows:,} reports", medians["over HTTP"], medians["ogr2ogr"], "≥ 2.5",
        "from a plain table with everything looked up, to nowhere",
    )  # fmt: skip


def _geopandas(register: Register, server: Running, rows: int) -> Line:
    headers = register.token("planner")
    features = download(server.port, GEOJSON, headers).number_returned
    with _geopandas_process(register, features) as once:
        works = {"over HTTP": lambda: download(server.port, GEOJSON, headers), "GeoPandas": once}
        medians = rounds(rows, works, many=1)
    return _line(
        f"GeoPandas to GeoJSON ÷ GeoJSON over HTTP, {rows:,} reports", medians["over HTTP"], medians["GeoPandas"],
        "≥ 10", "read_postgis and to_file, already imported and connected",
    )  # fmt: skip


def _geopackage(register: Register, server: Running, rows: int) -> Line:
    headers, folder = register.token("planner"), register.var_dir
    theirs = _ogr2ogr(register, "-f", "GPKG", "-t_srs", "EPSG:2154", str(folder / "theirs.gpkg"))
    mine = folder / "ours.gpkg"
    medians = rounds(rows, {"over HTTP": lambda: download(server.port, GEOPACKAGE, headers, mine), "ogr2ogr": theirs})
    assert _features(mine) == _features(folder / "theirs.gpkg"), "not the same features"
    size_mb = mine.stat().st_size / 1e6
    ours_s, theirs_s = medians["over HTTP"], medians["ogr2ogr"]
    return Line(
        f"GeoPackage over HTTP ÷ ogr2ogr, {rows:,} reports", f"{ours_s:.2f} s", f"{theirs_s:.2f} s", ours_s / theirs_s,
        "≤ 1.2", f"both EPSG:2154 with a spatial index, {size_mb:.0f} MB; ours with a style, titles and meanings",
    )  # fmt: skip


def _features(file: Path) -> str:
    done = subprocess.run(["ogrinfo", "-so", str(file), "reports"], check=True, capture_output=True, text=True)
    return next(line for line in done.stdout.splitlines() if line.startswith("Feature Count"))


def _pages(register: Register, server: Running, rows: int) -> Line:
    headers = register.token("planner")
    whole = download(server.port, GEOJSON, headers).number_returned
    counted = 0

    def all_pages() -> None:
        nonlocal counted
        counted = sum(_follow(server.port, headers))

    medians = rounds(rows, {"one stream": lambda: download(server.port, GEOJSON, headers), "pages of 1,000": all_pages})
    assert counted == whole, "the pages together are not the stream"
    ours_s, stream_s = medians["pages of 1,000"], medians["one stream"]
    return Line(
        f"OGC items by 1,000, every page, ÷ one stream, {rows:,} reports", f"{ours_s:.2f} s", f"{stream_s:.2f} s",
        ours_s / stream_s, "≤ 3", f"{-(-counted // 1000)} pages one after the other over one connection",
    )  # fmt: skip


def _follow(port: int, headers: dict[str, str]) -> Iterator[int]:
    """How many features each page has, from the first to the last by its `next`."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
    path: str | None = ITEMS
    while path is not None:
        connection.request("GET", path, headers=headers | {"Accept": "application/geo+json"})
        answer = connection.getresponse()
        if answer.status != http.HTTPStatus.OK:
            raise SystemExit(f"{path}: {answer.status} {answer.read(500)!r}")
        # Read and forgotten, as the stream is; what a page begins with says how many features it has.
        size = answer.readinto(BUFFER)
        returned = _RETURNED.search(BUFFER[: min(size, 1000)])
        assert returned is not None, "not a page of features"
        while answer.readinto(BUFFER):
            pass
        yield int(returned[1])
        found = _NEXT.search(", ".join(answer.headers.get_all("Link", [])))
        path = found and found[1].partition(f":{port}")[2]
    connection.close()


@contextmanager
def _geopandas_process(register: Register, features: int) -> Iterator[Callable[[], None]]:
    """A process that makes the file each time it is asked."""
    script = Path(__file__).with_name("geopandas_peer.py")
    where = [str(register.cluster.socket_dir()), str(register.var_dir / "geopandas.geojson")]
    command = [str(peers.VENV / "bin" / "python"), str(script), *where]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        ask, answer = process.stdin, process.stdout

        def once() -> None:
            ask.write("again\n")
            ask.flush()
            assert json.loads(answer.readline()) == features, "not the same features"

        yield once
        ask.close()


def _line(what: str, ours_s: float, peer_s: float, target: str, note: str) -> Line:
    return Line(what, f"{ours_s:.2f} s", f"{peer_s:.2f} s", peer_s / ours_s, target, note)
