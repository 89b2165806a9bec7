"""Without a page and without the browser's memory: the worker sends, and a phone that was switched off goes on."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from sqlalchemy import Engine

from benchmarks.soak_network import Network
from tests.browser.conftest import ARGUMENTS, PHONE, Watch, sign_in
from tests.browser.test_duplicates import HERE, report, said
from tests.browser.test_offline_outbox import NO_NETWORK, REPORT, run, save_without_network, settled, states, stored
from tests.browser.test_offline_pages import controlled

pytestmark = [pytest.mark.browser, pytest.mark.slow]

TAG = "quietude-outbox"


@pytest.fixture
def phone(open_page: Callable[..., Page], watch: Watch) -> Page:
    """A phone that has a worker."""
    watch.allow(NO_NETWORK)
    page = open_page("agent@demo.quietude", service_workers="allow")
    controlled(page)
    return page


def sync(context: BrowserContext, origin: str) -> None:
    """What the browser does once there is a network again, with no page of ours open."""
    blank = context.new_page()
    session = context.new_cdp_session(blank)
    known: list[dict[str, Any]] = []
    session.on("ServiceWorker.workerRegistrationUpdated", lambda event: known.extend(event["registrations"]))
    session.send("ServiceWorker.enable")
    for _ in range(100):
        if known:
            break
        blank.wait_for_timeout(50)
    (registration,) = {one["registrationId"] for one in known if not one["isDeleted"]}
    asked = {"origin": origin, "registrationId": registration, "tag": TAG, "lastChance": False}
    session.send("ServiceWorker.dispatchSyncEvent", asked)
    blank.close()


def arrived(engine: Engine, page: Page) -> list[tuple[str, int]]:
    """What is stored, as soon as something is."""
    deadline = time.monotonic() + 20
    while not (found := stored(engine)) and time.monotonic() < deadline:
        page.wait_for_timeout(100)
    return found


def test_worker_sends_with_no_page_open(phone: Page, live_server: str, engine: Engine) -> None:
    saved = save_without_network(phone)
    run(phone, "await outbox.flush();")
    asked: list[str] = []
    for _ in range(100):
        asked = asked or phone.evaluate("navigator.serviceWorker.ready.then((found) => found.sync.getTags())")
        phone.wait_for_timeout(0 if asked else 50)
    assert asked == [TAG]
    context = phone.context
    phone.close()
    context.set_offline(False)
    sync(context, live_server)
    again = context.new_page()
    assert arrived(engine, again) == [(saved, 0)]
    again.goto("/outbox")
    expect(again.locator(".outbox-item.outbox-sent")).to_have_count(1)
    assert settled(again) == ["sent"]
    assert stored(engine) == [(saved, 0)]


def test_worker_sends_nothing_for_somebody_else(phone: Page, live_server: str, engine: Engine) -> None:
    """The session ended and another person signed in: what waits stays, for its own account."""
    saved = save_without_network(phone)
    phone.context.clear_cookies()
    phone.context.set_offline(False)
    sign_in(phone, "bailleur@demo.quietude")
    sync(phone.context, live_server)
    assert (settled(phone), stored(engine)) == ([], [])
    phone.context.clear_cookies()
    sign_in(phone, "agent@demo.quietude")
    assert settled(phone) == ["sent"]
    assert stored(engine) == [(saved, 0)]


def test_browser_whose_workers_take_no_modules(open_page: Callable[..., Page], watch: Watch, engine: Engine) -> None:
    """`/sw.js?classic`: pages open without a network all the same; what waits is sent by the pages."""
    watch.allow(NO_NETWORK)
    phone = open_page(service_workers="allow")
    phone.add_init_script(
        """const register = navigator.serviceWorker.register.bind(navigator.serviceWorker);
        navigator.serviceWorker.register = (url, options) => (
          options?.type === 'module' ? Promise.reject(new TypeError('no modules here')) : register(url, options));"""
    )
    sign_in(phone, "agent@demo.quietude")
    controlled(phone)
    assert phone.evaluate("navigator.serviceWorker.controller.scriptURL").endswith("/sw.js?classic=1")
    phone.context.set_offline(True)
    phone.goto("/reports/new")
    expect(phone.locator("#report-form")).to_be_visible()
    assert phone.locator('meta[name="quietude-account"]').count() == 0
    saved = run(phone, "return (await outbox.save('report', value)).id;", REPORT)
    assert states(phone) == ["waiting"]
    phone.context.set_offline(False)
    assert arrived(engine, phone) == [(saved, 0)]
    phone.goto("/outbox")
    phone.click(".menu summary")
    phone.click("form[action$='/logout'] button")
    phone.wait_for_url(lambda url: url.endswith("/"))
    left = phone.evaluate("import('/static/js/offline-db.js').then(async ({open}) => (await open()).count('keys'))")
    assert left == 0


# ── switched off and on ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def network(live_server: str) -> Iterator[Network]:
    """What a browser started anew has of it, worker included: Playwright cuts off the pages alone."""
    made = Network(int(live_server.rpartition(":")[2]), Random(1))
    yield made
    made.close()


@pytest.fixture
def switch_on(browser: Browser, network: Network, watch: Watch, tmp_path: Path) -> Iterator[Callable[[], Page]]:
    """Starts a browser of its own on one profile; each time the one before is closed."""
    watch.allow(NO_NETWORK)
    watch.origin = f"http://127.0.0.1:{network.port}"
    running: list[BrowserContext] = []

    def start() -> Page:
        if running:
            running.pop().close()
        context = browser.browser_type.launch_persistent_context(
            tmp_path / "profile",
            executable_path=shutil.which("chromium") or shutil.which("chromium-browser"),
            args=ARGUMENTS,
            base_url=watch.origin,
            viewport=PHONE,
            locale="fr-FR",
            geolocation=HERE,
            permissions=["geolocation"],
        )
        running.append(context)
        page = context.pages[0]
        watch.follow(page)
        return page

    yield start
    for context in running:
        context.close()


def test_confirmation_from_a_cold_start_without_network(
    switch_on: Callable[[], Page], network: Network, engine: Engine
) -> None:
    phone = switch_on()
    sign_in(phone, "agent@demo.quietude")
    near = report(phone, 30)
    controlled(phone)
    phone.goto("/near")
    expect(phone.locator(".near-card")).to_have_count(1)

    network.cut()
    phone = switch_on()
    phone.context.set_offline(True)
    phone.goto("/near")
    expect(phone.locator("#near-synced")).to_contain_text("Sans réseau")
    phone.get_by_role("button", name="Toujours là").click()
    expect(phone.locator(".near-said")).to_contain_text("partira avec le réseau")
    assert phone.locator('meta[name="quietude-account"]').count() == 0
    assert said(engine, near) == ["created"]
    phone.goto("/outbox")
    waiting = phone.locator(".outbox-waiting")
    expect(waiting).to_contain_text("toujours là")
    phone.get_by_role("button", name="Modifier").click()
    phone.get_by_label("disparu").check()
    phone.get_by_role("button", name="Enregistrer").click()
    expect(waiting).to_contain_text("disparu")
    assert states(phone) == ["waiting"]

    network.restore()
    phone = switch_on()  # a session of a browser ends with it: she signs in again, and it goes out
    sign_in(phone, "agent@demo.quietude")
    assert settled(phone) == ["sent"]
    phone = switch_on()
    sign_in(phone, "agent@demo.quietude")
    assert settled(phone) == ["sent"]
    assert said(engine, near) == ["created", "gone"]
    phone.goto(f"/reports/{near}")
    expect(phone.locator(".timeline li strong")).to_have_text([re.compile("^Signal"), "Disparu, constaté sur place"])
