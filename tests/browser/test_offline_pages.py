"""The pages that open without a network after one visit, and what they show of whom."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from app.offline import shells
from tests.browser.conftest import Watch, until

pytestmark = pytest.mark.browser


def controlled(page: Page) -> None:
    """One visit: the worker has everything and answers for this page."""
    page.goto("/reports/new")
    page.evaluate(
        "() => navigator.serviceWorker.controller"
        " || new Promise((done) => navigator.serviceWorker.addEventListener('controllerchange', done))"
    )


@pytest.fixture
def phone(open_page: Callable[..., Page]) -> Page:
    """A phone whose browser may have a worker."""
    return open_page("agent@demo.quietude", service_workers="allow")


def test_form_and_map_open_without_network(phone: Page, watch: Watch) -> None:
    controlled(phone)
    watch.allow("ERR_INTERNET_DISCONNECTED|ERR_FAILED|Failed to fetch")
    phone.context.set_offline(True)
    phone.goto("/reports/new")
    expect(phone.locator("#report-form")).to_be_visible()
    phone.locator("#report-map").scroll_into_view_if_needed()
    expect(phone.locator(".map-commune")).to_be_attached()
    assert phone.locator("input[name=id]").first.input_value() != ""
    assert "agent@demo" not in phone.content()
    phone.goto("/reports")
    expect(phone.locator("h1")).to_have_text("Pas de réseau")


def test_signing_out_without_network_is_told_to_the_server_later(phone: Page, watch: Watch) -> None:
    controlled(phone)
    watch.allow("ERR_INTERNET_DISCONNECTED|ERR_FAILED|Failed to fetch")
    phone.context.set_offline(True)
    phone.goto("/outbox")
    phone.click("#outbox-leave button")
    expect(phone.locator("#outbox-leaving")).to_be_visible()
    expect(phone.locator("#outbox-leave")).to_be_hidden()
    phone.context.set_offline(False)
    phone.goto("/outbox")
    expect(phone.get_by_role("link", name="Se connecter").first).to_be_visible()
    assert phone.request.get("/api/session").json()["signed_in"] is False


def test_new_release_waits_while_somebody_is_entering(phone: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    controlled(phone)
    caches_now = "caches.keys().then((names) => names.filter((name) => name.startsWith('quietude-app-')))"
    (before,) = phone.evaluate(caches_now)
    phone.fill("#description", "pas encore fini")
    monkeypatch.setattr(shells, "VERSION", "a later one")
    phone.evaluate(
        """async () => {
          const registration = await navigator.serviceWorker.ready;
          await registration.update();
          const pause = () => new Promise((done) => setTimeout(done, 50));
          for (let tries = 0; tries < 200 && !registration.waiting; tries += 1) await pause();
          document.dispatchEvent(new Event('visibilitychange'));
        }"""
    )
    phone.wait_for_timeout(500)
    assert phone.evaluate("navigator.serviceWorker.ready.then((found) => Boolean(found.waiting))")
    phone.evaluate("document.dispatchEvent(new CustomEvent('quietude:saved'))")
    until(phone, "navigator.serviceWorker.ready.then((found) => !found.waiting)")
    until(phone, f"{caches_now}.then((names) => names.length === 1 && names[0] !== '{before}')")


def test_the_app_can_be_installed(phone: Page) -> None:
    controlled(phone)
    session: Any = phone.context.new_cdp_session(phone)
    assert session.send("Page.getAppManifest")["errors"] == []
    # A context of the tests is a private window, where nothing can be installed; that is all that may be wrong.
    errors = session.send("Page.getInstallabilityErrors")["installabilityErrors"]
    assert [error["errorId"] for error in errors] == ["in-incognito"]


def test_pages_are_kept_in_the_language_that_is_spoken(phone: Page, watch: Watch) -> None:
    controlled(phone)
    kept = (
        "() => caches.keys().then((names) => names.find((name) => name.startsWith('quietude-app-')))"
        # A key is listed a moment before what lies under it can be read.
        ".then((name) => caches.open(name)).then((cache) => cache.keys().then((all) => Promise.all("
        "all.map((key) => cache.match(key).then((found) => found?.text()).then((text) => text && key)))))"
        ".then((all) => all.filter(Boolean).map(({ url }) => new URL(url).searchParams.get('lang')).filter(Boolean))"
    )
    assert set(phone.evaluate(kept)) == {"fr"}
    # The sign-in page of a hotel's network is none of them.
    (worker,) = phone.context.service_workers
    worker.evaluate(
        """() => {
          self.asked = 0;
          self.real = self.fetch;
          self.fetch = () => { self.asked += 1; return Promise.resolve(new Response('<h1>Bienvenue</h1>')); };
        }"""
    )
    phone.evaluate(
        """async () => {
          await (await caches.open('quietude-places')).put('/language', new Response('en'));
          navigator.serviceWorker.controller.postMessage('language');
        }"""
    )
    while worker.evaluate("self.asked") < len(shells.TEMPLATES):
        phone.wait_for_timeout(50)
    worker.evaluate("() => { self.fetch = self.real; }")
    assert set(phone.evaluate(kept)) == {"fr"}
    phone.goto("/language/en?next=/reports/new")
    until(
        phone,
        f"({kept})().then((all) => all.length > 0 && all.filter((one) => one === 'en').length === all.length / 2)",
    )
    watch.allow("ERR_INTERNET_DISCONNECTED|ERR_FAILED|Failed to fetch")
    phone.context.set_offline(True)
    phone.goto("/reports/new")
    assert phone.evaluate("document.documentElement.lang") == "en"
