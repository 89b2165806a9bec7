"""The report form on a phone against a plain HTML form of the same fields: taps, time, bytes, no network, scores."""

from __future__ import annotations

import math
import shutil
import socket
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Error, Page, Playwright, sync_playwright

from benchmarks import form_lighthouse
from benchmarks.form_network import SLOW_4G, WIRED, PhoneNetwork, Wire
from benchmarks.measure import Line
from benchmarks.register import PASSWORD, Register
from benchmarks.serving import free_port, serving_ours

ROUNDS = 3
LIGHTHOUSE_RUNS = 5
CPU_SLOWDOWN = 4
# How fast somebody is: from seeing a control to having tapped it, and from key to key.
TAP_S, KEY_S = 1.0, 0.3
CATEGORY, THEME = "overflowing_bin", "cleanliness"
CENTRE_LON, CENTRE_LAT = 2.2957, 49.8942
_ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
_SAVED_HERE = "#done-title:not(:empty)"


@dataclass
class Hand:
    """A thumb at human pace. What it did is counted, and how long it waited by itself."""

    page: Page
    taps: int = 0
    keys: int = 0

    def tap(self, selector: str) -> None:
        """Once it is there, and seen."""
        control = self.page.locator(selector).first
        control.wait_for(state="visible")
        time.sleep(TAP_S)
        control.click()
        self.taps += 1

    def choose(self, selector: str, value: str) -> None:
        """In a native list: one tap opens it, one chooses."""
        self.page.locator(selector).wait_for(state="visible")
        time.sleep(2 * TAP_S)
        self.page.select_option(selector, value)
        self.taps += 2

    def write(self, selector: str, text: str) -> None:
        """Tap the field, then key by key."""
        self.tap(selector)
        self.page.keyboard.type(text, delay=1000 * KEY_S)
        self.keys += len(text)

    def __str__(self) -> str:
        return f"{self.taps} taps" + f" and {self.keys} keys" * (self.keys > 0)


@dataclass
class Bench:
    """What every step needs. Each report is made at a place of its own, so that none is "reported already"."""

    browser: Browser
    network: PhoneNetwork
    cookies: Any
    turns: Iterator[int] = field(default_factory=count)

    def context(self) -> BrowserContext:
        """A phone that was never here, whose agent is signed in and which may say where it is."""
        context = self.browser.new_context(
            base_url=f"http://127.0.0.1:{self.network.port}",
            viewport={"width": 390, "height": 844},
            device_scale_factor=2,
            is_mobile=True,
            has_touch=True,
            locale="fr-FR",
            storage_state={"cookies": self.cookies, "origins": []},
            permissions=["geolocation"],
        )
        context.set_default_timeout(120_000)
        return context

    def place(self, context: BrowserContext) -> tuple[float, float]:
        """Go somewhere else: a spiral of 250 m around the centre."""
        turn = next(self.turns)
        angle, distance_m = 2.4 * turn, 250 * math.sqrt(turn)
        lon = CENTRE_LON + distance_m * math.cos(angle) / 71_700
        lat = CENTRE_LAT + distance_m * math.sin(angle) / 111_200
        context.set_geolocation({"longitude": lon, "latitude": lat, "accuracy": 8})
        return lon, lat

    def timed(self, context: BrowserContext, steps: Callable[[Hand, tuple[float, float]], None], wire: Wire) -> Done:
        """Open a page on a slow phone and go through the steps."""
        at = self.place(context)
        page = context.new_page()
        session = context.new_cdp_session(page)
        session.send("Emulation.setCPUThrottlingRate", {"rate": CPU_SLOWDOWN})
        hand = Hand(page)
        self.network.line = wire
        started = time.perf_counter()
        steps(hand, at)
        seconds = time.perf_counter() - started
        self.network.line = WIRED
        session.send("Emulation.setCPUThrottlingRate", {"rate": 1})
        # Chromium may never answer when a page is closed that is still coming.
        page.wait_for_load_state("networkidle")
        page.close()
        return Done(seconds, str(hand), hand.taps)


@dataclass(frozen=True)
class Done:
    """From opening the form to knowing that it is saved."""

    seconds: float
    said: str
    taps: int

    def __str__(self) -> str:
        return f"{self.said} in {self.seconds:.1f} s"


def _has_worker(page: Page) -> None:
    """Until the phone keeps all that it needs. A page that opens in that moment is not controlled, the next one is."""
    deadline = time.monotonic() + 120
    while not page.evaluate("navigator.serviceWorker.getRegistration().then((found) => Boolean(found?.active))"):
        assert time.monotonic() < deadline, "the worker was not installed"
        page.wait_for_timeout(100)


def _first_of_ours(hand: Hand, at: tuple[float, float]) -> None:  # noqa: ARG001  (the phone says it)
    hand.page.goto("/reports/new", wait_until="commit")
    hand.tap(f"button[data-theme={THEME}]")
    hand.tap(f"label:has(input[value={CATEGORY}])")
    hand.page.locator(".map-accuracy").wait_for(state="attached")
    hand.tap("#submit")
    hand.page.locator(_SAVED_HERE).wait_for()


def _usual_of_ours(hand: Hand, at: tuple[float, float]) -> None:  # noqa: ARG001
    hand.page.goto("/reports/new", wait_until="commit")
    hand.tap("#recents .tile, #recent")
    hand.page.locator(".map-accuracy").wait_for(state="attached")
    hand.tap("#submit")
    hand.page.locator(_SAVED_HERE).wait_for()


def _of_plain(hand: Hand, at: tuple[float, float]) -> None:
    hand.page.goto("/plain", wait_until="commit")
    hand.choose("#category", CATEGORY)
    hand.write("#lon", f"{at[0]:.4f}")
    hand.write("#lat", f"{at[1]:.4f}")
    hand.tap("button")
    hand.page.wait_for_url("**/reports/*-*", wait_until="commit")


def run(register: Register, sizes: list[int]) -> Iterator[Line]:  # noqa: ARG001
    """Ours and the plain form of the same fields, from the same server."""
    version = form_lighthouse.install()
    with (
        serving_ours("quietude", register.cluster.url("app"), register.var_dir) as server,
        sync_playwright() as playwright,
    ):
        network = PhoneNetwork(server.port)
        browser = playwright.chromium.launch(executable_path=_chromium(), args=_ARGUMENTS)
        bench = Bench(browser, network, _cookies(browser, server.port))
        yield from _weight(bench)
        yield from _times(bench)
        yield from _without_network(bench)
        browser.close()
        network.close()
        yield from _lighthouse(playwright, server.port, version)


def _chromium() -> str:
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    assert found, "install Debian's package chromium"
    return found


def _sign_in(page: Page, port: int) -> None:
    page.goto(f"http://127.0.0.1:{port}/login")
    page.fill("input[name=email]", "agent@demo.quietude")
    page.fill("input[name=password]", PASSWORD)
    page.click("form[name=login_user_form] button[type=submit]")
    page.wait_for_url(lambda url: "/login" not in url)


def _cookies(browser: Browser, port: int) -> Any:
    """Cookies know no ports: the phones come in by the slow one."""
    context = browser.new_context(service_workers="block", locale="fr-FR")
    _sign_in(context.new_page(), port)
    cookies = context.cookies()
    context.close()
    return cookies


# ── bytes ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _weight(bench: Bench) -> Iterator[Line]:
    page_only, whole, plain = [], [], []
    for _ in range(ROUNDS):
        page_only.append(_received(bench, "/reports/new", worker=False))
        whole.append(_received(bench, "/reports/new", worker=True))
        plain.append(_received(bench, "/plain", worker=False))
    for what, ours, note in (
        ("the form until it works, with its map", page_only, "the page, styles, scripts, icons, outlines"),
        ("and everything that the phone keeps", whole, "also every page that works without a network"),
    ):  # fmt: skip
        mine, theirs = statistics.median(ours) / 1000, statistics.median(plain) / 1000
        yield Line(
            f"kB of a first visit: {what}", f"{mine:.0f} kB", f"{theirs:.1f} kB", mine, "≤ 200",
            f"every byte that came down, headers too; {note}; the ratio column is ours",
        )  # fmt: skip


def _received(bench: Bench, path: str, *, worker: bool) -> int:
    """Bytes that came down until the page (and its worker) asks for nothing more."""
    context = bench.context()
    bench.place(context)
    if not worker:
        context.add_init_script("delete Navigator.prototype.serviceWorker")
    before = bench.network.received
    page = context.new_page()
    page.goto(path)
    if worker:
        _has_worker(page)
    if path != "/plain":
        page.locator(".map-accuracy").wait_for(state="attached")
    page.wait_for_load_state("networkidle")
    quiet_since = time.monotonic()
    seen = bench.network.received
    while time.monotonic() - quiet_since < 2:
        page.wait_for_timeout(100)
        if bench.network.received != seen:
            seen, quiet_since = bench.network.received, time.monotonic()
    context.close()
    return seen - before


# ── taps and seconds ────────────────────────────────────────────────────────────────────────────────────────────────


def _times(bench: Bench) -> Iterator[Line]:
    pace = (
        f"median of {ROUNDS}; phone profile, processor {CPU_SLOWDOWN} × slower, {TAP_S:.0f} s a tap and {KEY_S} s a key"
    )
    wire = SLOW_4G
    first, usual, plain = [], [], []
    for _ in range(ROUNDS):
        phone = bench.context()
        first.append(bench.timed(phone, _first_of_ours, wire))
        page = phone.new_page()
        page.goto("/reports/new")
        _has_worker(page)
        page.close()
        usual.append(bench.timed(phone, _usual_of_ours, wire))
        phone.close()
        phone = bench.context()
        plain.append(bench.timed(phone, _of_plain, wire))
        phone.close()
        print(f"    {wire.name}: {first[-1]}, {usual[-1]}, plain {plain[-1]}", flush=True)
    for what, ours in (("first time", first), ("common case", usual)):
        yield Line(
            f"taps from opening to saved, {what}", ours[0].said, plain[0].said, ours[0].taps, "≤ 5",
            "position allowed; plain: the coordinates are known by heart; the ratio column is ours",
        )  # fmt: skip
    for what, ours in (("first visit", first), ("common case", usual)):
        mine, other = (statistics.median(one.seconds for one in side) for side in (ours, plain))
        yield Line(
            f"s from opening to saved, {what}, {wire.name}", f"{mine:.1f} s", f"{other:.1f} s", mine, "≤ 30",
            f"{pace}; recorded by the server on both sides; the ratio column is ours",
        )  # fmt: skip


# ── no network ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _without_network(bench: Bench) -> Iterator[Line]:
    phone = bench.context()
    bench.place(phone)
    page = phone.new_page()
    page.goto("/reports/new")
    _has_worker(page)
    page.locator(".map-accuracy").wait_for(state="attached")
    bench.network.cut()
    before = bench.network.received
    page.goto("/reports/new")
    page.click(f"button[data-theme={THEME}]")
    page.click(f"label:has(input[value={CATEGORY}])")
    page.locator(".map-accuracy").wait_for(state="attached")
    page.click("#submit")
    page.locator(_SAVED_HERE).wait_for()
    assert bench.network.received == before
    bench.network.restore()
    page.evaluate("window.dispatchEvent(new Event('online'))")
    page.get_by_text("Merci, c'est enregistré.").wait_for()
    phone.close()
    opens = _plain_without_network(bench)
    yield Line(
        "requests that a later visit needs, from opening to saved", "0", "2" if not opens else "0", 0, "≤ 0",
        "the network is cut before the page is opened; plain: the page and the post; the ratio column is ours",
    )  # fmt: skip
    yield Line(
        "the network is cut: saved, and recorded once it is back", "yes", "yes" if opens else "no: an error page", 1,
        "≥ 1", "plain: what was typed is gone with its page; ratio column: 1 is yes",
    )  # fmt: skip


def _plain_without_network(bench: Bench) -> bool:
    """Whether the plain form opens, or at least keeps what was typed when it was open already."""
    phone = bench.context()
    page = phone.new_page()
    page.goto("/plain")
    page.fill("#description", "sous le pont")
    bench.network.cut()
    with suppress(Error):
        page.click("button", timeout=10_000)
    kept = page.locator("#description").count() > 0
    with suppress(Error):
        kept = page.goto("/plain") is not None or kept
    bench.network.restore()
    phone.close()
    return kept


# ── Lighthouse ──────────────────────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def _listening_chromium(playwright: Playwright, server_port: int) -> Iterator[int]:
    """The port of a Chromium whose agent is signed in: Lighthouse opens its tab there, and leaves cookies alone."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        arguments = [*_ARGUMENTS, f"--remote-debugging-port={port}"]
        context = playwright.chromium.launch_persistent_context(
            folder, executable_path=_chromium(), args=arguments, locale="fr-FR"
        )
        page = context.new_page()
        _sign_in(page, server_port)
        page.close()
        socket.create_connection(("127.0.0.1", port), 5).close()
        yield port
        context.close()


def _lighthouse(playwright: Playwright, server_port: int, version: str) -> Iterator[Line]:
    with _listening_chromium(playwright, server_port) as port:
        origin = f"http://127.0.0.1:{server_port}"
        ours = form_lighthouse.scores(f"{origin}/reports/new", port, LIGHTHOUSE_RUNS)
        plain = form_lighthouse.scores(f"{origin}/plain", port, LIGHTHOUSE_RUNS)
    paint, blocked, shift = "largest-contentful-paint", "total-blocking-time", "cumulative-layout-shift"
    figures = (
        f"largest paint {ours[paint] / 1000:.1f} s (plain {plain[paint] / 1000:.1f}),"
        f" blocked {ours[blocked]:.0f} ms (plain {plain[blocked]:.0f}), shift {ours[shift]:.3f}"
    )
    for name in form_lighthouse.CATEGORIES:
        note = f"Lighthouse {version}, its mobile throttling, median of {LIGHTHOUSE_RUNS}; the ratio column is ours"
        yield Line(
            f"Lighthouse, {name.replace('-', ' ')}", f"{ours[name]:.0f}", f"{plain[name]:.0f}", ours[name], "≥ 95",
            f"{note}; {figures}" if name == "performance" else note,
        )  # fmt: skip
