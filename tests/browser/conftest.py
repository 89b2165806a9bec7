"""The real application behind a real port, and a real Chromium that notes every error and every foreign request."""

from __future__ import annotations

import re
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, expect, sync_playwright
from sqlalchemy import Engine
from werkzeug.serving import make_server

from app.people.actions import ensure_demo_accounts
from app.places.actions import seed_approximate
from benchmarks.soak import Server

# A picture is cleaned in a process of its own, and the machine of the tests may have other work.
expect.set_options(timeout=20_000)

PASSWORD = "place-vogel-le-soir"
PHONE: ViewportSize = {"width": 390, "height": 844}
DESKTOP: ViewportSize = {"width": 1280, "height": 800}
CENTRE_LON, CENTRE_LAT = 2.2957, 49.8942
OpenPhone = Callable[[], BrowserContext]
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@dataclass
class Watch:
    """What a page did that it should not: a test passes only when nothing is left over."""

    origin: str
    problems: list[str] = field(default_factory=list)
    # Said by Playwright in a context that blocks workers: most tests cut the network in ways that a worker undoes.
    allowed: list[str] = field(default_factory=lambda: ["Service Worker registration blocked by Playwright"])

    def allow(self, pattern: str) -> None:
        """This problem is what the test provokes."""
        self.allowed.append(pattern)

    def note(self, problem: str) -> None:
        self.problems.append(problem)

    def left_over(self) -> list[str]:
        return [p for p in self.problems if not any(re.search(pattern, p) for pattern in self.allowed)]

    def follow(self, page: Page) -> None:
        page.on("pageerror", lambda error: self.note(f"script error: {error}"))
        page.on(
            "console", lambda m: self.note(f"console {m.type}: {m.text}") if m.type in {"error", "warning"} else None
        )
        page.on("request", lambda request: self._check_origin(request.url))

    def _check_origin(self, url: str) -> None:
        if not url.startswith((self.origin + "/", "data:", "blob:")):
            self.note(f"request to another origin: {url}")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    executable = shutil.which("chromium") or shutil.which("chromium-browser")
    assert executable, "install Debian's package chromium"
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
        yield started
        started.close()


@pytest.fixture
def live_server(app: Flask, engine: Engine) -> Iterator[str]:
    """The origin of the application with the demo accounts and the approximate geography of Amiens."""
    app.config["RATELIMIT_ENABLED"] = False
    ensure_demo_accounts(engine, PASSWORD)
    seed_approximate(engine)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def killable_server(clean: None, engine: Engine, app_url: str, owner_url: str, tmp_path: Path) -> Iterator[Server]:
    """`quietude serve` on the database of the tests, which can be killed and started again at the same address."""
    ensure_demo_accounts(engine, PASSWORD)
    seed_approximate(engine)
    environment = {
        "QUIETUDE_DATABASE_URL": app_url,
        "QUIETUDE_MIGRATION_DATABASE_URL": owner_url,
        "QUIETUDE_VAR_DIR": str(tmp_path / "var"),
        "QUIETUDE_WORKERS": "1",
    }
    made = Server(environment, tmp_path / "serve.log")
    made.start()
    made.wait()
    yield made
    made.kill()


@pytest.fixture
def open_phone(browser: Browser, killable_server: Server, tmp_path: Path) -> Iterator[OpenPhone]:
    """Opens the browser of one phone; what it keeps outlives its closing."""
    opened: list[BrowserContext] = []

    def make() -> BrowserContext:
        context = browser.browser_type.launch_persistent_context(
            tmp_path / "phone",
            executable_path=shutil.which("chromium") or shutil.which("chromium-browser"),
            args=ARGUMENTS,
            base_url=f"http://127.0.0.1:{killable_server.port}",
            viewport=PHONE,
            has_touch=True,
            is_mobile=True,
            device_scale_factor=2,
            locale="fr-FR",
            timezone_id="Europe/Paris",
            permissions=["geolocation"],
        )
        opened.append(context)
        return context

    yield make
    for context in opened:
        context.close()


@pytest.fixture
def watch(live_server: str) -> Iterator[Watch]:
    made = Watch(live_server)
    yield made
    assert made.left_over() == []


@pytest.fixture
def open_page(browser: Browser, live_server: str, watch: Watch) -> Iterator[Callable[..., Page]]:
    """Opens a page in a new browser context; `email` signs in first."""
    contexts: list[BrowserContext] = []

    def make(email: str | None = None, **options: Any) -> Page:
        context = browser.new_context(
            **{
                "base_url": live_server,
                "viewport": PHONE,
                "locale": "fr-FR",
                "timezone_id": "Europe/Paris",
                "service_workers": "block",
            }
            | options
        )
        context.set_default_timeout(15_000)
        contexts.append(context)
        page = context.new_page()
        watch.follow(page)
        if email is not None:
            sign_in(page, email)
        return page

    yield make
    for context in contexts:
        context.close()


def sign_in(page: Page, email: str) -> None:
    page.goto("/login")
    page.fill("input[name=email]", email)
    page.fill("input[name=password]", PASSWORD)
    page.click("form[name=login_user_form] button[type=submit]")
    page.wait_for_url(lambda url: "/login" not in url)


def until(page: Page, expression: str, arg: Any = None) -> None:
    """Wait until that is true. Playwright's wait_for_function asks a second time by eval, which our pages forbid."""
    deadline = time.monotonic() + 20
    while not page.evaluate(expression, arg):
        assert time.monotonic() < deadline, f"never: {expression}"
        page.wait_for_timeout(50)


@pytest.fixture
def agent(open_page: Callable[..., Page]) -> Page:
    """A phone on which the demo field agent is signed in."""
    return open_page("agent@demo.quietude")
