"""The map page against folium's HeatMap in a real Chromium: what is fetched, and how soon the heat is there."""

from __future__ import annotations

import shutil
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Any

import folium
import numpy as np
from folium.plugins import HeatMap
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, sync_playwright
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from benchmarks.data import BOX_LON_LAT
from benchmarks.measure import Line
from benchmarks.register import PASSWORD, Register
from benchmarks.serving import ROOT, serving_ours

SIZES = (10_000, 100_000, 1_000_000)
ROUNDS = 3
VIEWPORT: ViewportSize = {"width": 1280, "height": 800}
_LEAFLET = ROOT / "app" / "web" / "static" / "node_modules" / "leaflet" / "dist"
_HEAT_PLUGIN = Path(folium.__file__).parent / "templates" / "leaflet_heat.min.js"
_ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
# The heat is there: every tile of the view has come; the canvas has a coloured pixel.
_OURS_DRAWN = """
() => {
    const tiles = [...document.querySelectorAll('.heat-tiles img.leaflet-tile')];
    const isThere = (tile) => tile.naturalWidth > 0 && tile.classList.contains('leaflet-tile-loaded');
    return tiles.length > 0 && tiles.every(isThere);
}
"""
_PEER_DRAWN = """
() => {
    const canvas = document.querySelector('canvas.leaflet-heatmap-layer');
    if (!canvas || !canvas.width) return false;
    return canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.some((value) => value > 0);
}
"""


@dataclass(frozen=True)
class Visit:
    """One visit of a page until its heat was drawn."""

    page_bytes: int  # the document and what it draws, without scripts and styles
    all_bytes: int
    seconds: float


def run(register: Register, sizes: list[int]) -> Iterator[Line]:
    """At each size in ascending order."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=_ARGUMENTS)
        for rows in sorted({*SIZES, *sizes} if sizes == [100_000, 1_000_000] else sizes):
            print(f"map: filling the register to {rows:,} reports …", flush=True)
            register.fill(rows)
            yield from _lines(rows, _ours(register, browser), _peer(register, browser, rows))
        browser.close()


def _lines(rows: int, ours: tuple[Visit, Visit], peer: tuple[Visit, Visit]) -> Iterator[Line]:
    """First visits and later ones."""
    first, later = zip(ours, peer, strict=True)

    def line(what: str, values: Sequence[float], unit: str, target: str = "", note: str = "") -> Line:
        ours, theirs = (f"{value / 1000:,.0f} kB" if unit == "B" else f"{value:.2f} s" for value in values)
        title = f"{what}, folium HeatMap ÷ ours, {rows:,} reports"
        return Line(title, ours, theirs, values[1] / values[0], target, note)

    wanted = "≥ 200" if rows >= max(SIZES) else ""
    yield line("bytes of the page with its data", [one.page_bytes for one in first], "B", wanted,
               "HTML, and ours also tiles, legend and places; without scripts and styles")  # fmt: skip
    yield line("bytes of everything at a first visit", [one.all_bytes for one in first], "B", "",
               "ours with scripts and styles compressed, as the server sends them; folium without the jQuery, Bootstrap"
               " and icons that it links to")  # fmt: skip
    yield line("bytes of everything at a later visit", [one.all_bytes for one in later], "B", wanted,
               "scripts and styles in the browser's cache; another filter")  # fmt: skip
    yield line("first visit until the heat is drawn", [one.seconds for one in first], "s", "",
               "ours: a filter that the server never drew; gunicorn and PostgreSQL on the same two cores")  # fmt: skip
    yield line("later visit until the heat is drawn", [one.seconds for one in later], "s", "", "another filter")


def _median(visits: list[Visit]) -> Visit:
    of_page, of_all = (
        int(statistics.median(getattr(one, name) for one in visits)) for name in ("page_bytes", "all_bytes")
    )
    return Visit(of_page, of_all, statistics.median(one.seconds for one in visits))


def _visits(new_context: Callable[[], BrowserContext], paths: Iterator[str], drawn: str) -> tuple[Visit, Visit]:
    """Medians of the first visit with an empty cache and of the one after it, of ROUNDS browsers' contexts."""
    firsts, laters = [], []
    for _ in range(ROUNDS):
        context = new_context()
        context.set_default_timeout(300_000)
        page = context.new_page()
        firsts.append(_visit(page, next(paths), drawn))
        laters.append(_visit(page, next(paths), drawn))
        context.close()
    return _median(firsts), _median(laters)


def _visit(page: Page, path: str, drawn: str) -> Visit:
    session = page.context.new_cdp_session(page)
    kinds: dict[str, str] = {}
    sizes: dict[str, int] = {}
    session.on("Network.responseReceived", lambda event: kinds.update({event["requestId"]: event["type"]}))
    session.on("Network.loadingFinished", lambda event: sizes.update({event["requestId"]: event["encodedDataLength"]}))
    session.send("Network.enable")
    started = time.perf_counter()
    page.goto(path, wait_until="commit")
    page.wait_for_function(drawn, polling="raf")
    seconds = time.perf_counter() - started
    page.wait_for_load_state("networkidle")
    session.detach()
    of_page = sum(size for request, size in sizes.items() if kinds.get(request) not in {"Script", "Stylesheet", "Font"})
    return Visit(int(of_page), int(sum(sizes.values())), seconds)


def _ours(register: Register, browser: Browser) -> tuple[Visit, Visit]:
    """Signed in as a planner, whose surface is made of every report."""
    with serving_ours("quietude", register.cluster.url("app"), register.var_dir) as server:
        origin = f"http://127.0.0.1:{server.port}"
        options: dict[str, Any] = {"base_url": origin, "viewport": VIEWPORT, "service_workers": "block"}
        first = browser.new_context(**options)
        page = first.new_page()
        page.goto("/login")
        page.fill("input[name=email]", "planner@demo.quietude")
        page.fill("input[name=password]", PASSWORD)
        page.click("form[name=login_user_form] button[type=submit]")
        page.wait_for_url(lambda url: "/login" not in url)
        for _ in range(20):  # every worker loads its cube once
            page.request.get("/api/heat/legend")
        state = first.storage_state()
        first.close()
        days = (date(2001, 1, 1) + timedelta(days=n) for n in count())
        # The same place and zoom as the peer's.
        paths = (f"/map?from={day}&at={_middle()[0]:.5f},{_middle()[1]:.5f},13" for day in days)
        return _visits(partial(browser.new_context, storage_state=state, **options), paths, _OURS_DRAWN)


def _middle() -> tuple[float, float]:
    west, south, east, north = BOX_LON_LAT
    return (south + north) / 2, (west + east) / 2


def _peer(register: Register, browser: Browser, rows: int) -> tuple[Visit, Visit]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _folium_page(_positions(register, rows), folder)
        with _files(folder) as origin:
            new = partial(browser.new_context, base_url=origin, viewport=VIEWPORT)
            return _visits(new, (f"/index.html?{turn}" for turn in count()), _PEER_DRAWN)


def _positions(register: Register, rows: int) -> np.ndarray:
    """Latitude and longitude of as many of the register's reports."""
    query = text("SELECT ST_Y(geom_4326), ST_X(geom_4326) FROM report ORDER BY number LIMIT :rows")
    with create_engine(register.cluster.url("superuser"), poolclass=NullPool).connect() as connection:
        return np.array([tuple(row) for row in connection.execute(query, {"rows": rows})])


def _folium_page(positions: np.ndarray, folder: Path) -> None:
    """As folium writes it, its own Leaflet and heat plug-in from the same folder: no network, and nothing unneeded."""
    chart = folium.Map(location=_middle(), zoom_start=13, tiles=None)
    chart.default_js, chart.default_css = [("leaflet", "leaflet.js")], [("leaflet_css", "leaflet.css")]
    layer = HeatMap(positions)  # type: ignore[no-untyped-call]
    layer.default_js = [("leaflet-heat.js", _HEAT_PLUGIN.name)]
    layer.add_to(chart)
    chart.save(str(folder / "index.html"))
    for file in (_LEAFLET / "leaflet.js", _LEAFLET / "leaflet.css", _HEAT_PLUGIN):
        shutil.copy(file, folder / file.name)


class _Quiet(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the library's name)
        pass

    def end_headers(self) -> None:
        # As our static files: kept without being asked for again.
        if self.path.endswith((".js", ".css")):
            self.send_header("Cache-Control", "max-age=3600")
        super().end_headers()


@contextmanager
def _files(folder: Path) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
