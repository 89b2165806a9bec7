"""Near me in a real browser: the list around the phone, one tap that is kept without a network and arrives once."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import Engine

from tests.browser.conftest import Watch
from tests.browser.test_duplicates import HERE, report, said, violations

pytestmark = pytest.mark.browser


@pytest.fixture
def phone(open_page: Callable[..., Page]) -> Page:
    """A field agent's phone that knows where it is."""
    return open_page("agent@demo.quietude", geolocation=HERE, permissions=["geolocation"])


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_list_map_and_one_tap(open_page: Callable[..., Page], engine: Engine, scheme: str) -> None:
    phone = open_page("agent@demo.quietude", geolocation=HERE, permissions=["geolocation"], color_scheme=scheme)
    close, far = report(phone, 30), report(phone, 200, "pothole")
    report(phone, 800)
    phone.goto("/near")
    cards = phone.locator(".near-card")
    expect(cards).to_have_count(2)
    expect(cards.nth(0)).to_contain_text("30 m au nord")
    expect(phone.locator(".near-dot")).to_have_count(2)
    # Below the dots and the circle, also when it comes after them.
    expect(phone.locator(".leaflet-reference-pane .map-commune")).to_have_count(1)
    expect(phone.locator(".leaflet-reference-pane svg")).to_be_visible()
    expect(phone.locator(".leaflet-reference-pane .near-dot, .leaflet-reference-pane .map-accuracy")).to_have_count(0)
    phone.wait_for_load_state("networkidle")
    assert violations(phone) == []
    for button in phone.locator(".near-answers .button").all():
        box = button.bounding_box()
        assert box is not None
        assert box["height"] >= 48
    assert phone.evaluate("document.documentElement.scrollWidth <= innerWidth")
    cards.nth(0).get_by_role("button", name="Toujours là").click()
    expect(cards.nth(0).get_by_role("link")).to_be_focused()  # the buttons are gone
    expect(cards.nth(0).locator(".near-said")).to_contain_text("est envoyé")
    cards.nth(1).get_by_role("button", name="Disparu").click()
    expect(cards.nth(1).locator(".near-said")).to_contain_text("est envoyé")
    assert (said(engine, close), said(engine, far)) == (["created", "still_there"], ["created", "gone"])


def test_browser_that_keeps_nothing_asks_and_says_at_once(phone: Page, engine: Engine) -> None:
    close = report(phone, 30)
    phone.add_init_script("IDBFactory.prototype.open = () => { throw new DOMException('', 'SecurityError'); };")
    phone.goto("/near")
    # The sign-in page of a hotel's network says 200 to everything.
    phone.route("**/confirmations", lambda route: route.fulfill(body="<h1>Bienvenue</h1>"), times=1)
    phone.locator(".near-answers .button").first.click()
    expect(phone.locator(".near-said.danger")).to_contain_text("pas de connexion")
    phone.locator(".near-answers .button").first.click()
    expect(phone.locator(".near-said")).to_contain_text("est envoyé")
    assert said(engine, close) == ["created", "still_there"]


def test_without_a_network_it_is_kept_and_goes_out_once(phone: Page, engine: Engine, watch: Watch) -> None:
    watch.allow("ERR_INTERNET_DISCONNECTED|ERR_FAILED|Failed to fetch")
    close = report(phone, 30)
    phone.goto("/near")
    expect(phone.locator(".near-card")).to_have_count(1)
    phone.context.set_offline(True)
    phone.get_by_role("button", name="Disparu").click()
    expect(phone.locator(".near-said")).to_contain_text("« Disparu » est enregistré")
    assert said(engine, close) == ["created"]
    phone.context.set_offline(False)
    expect(phone.locator(".near-said")).to_contain_text("« Disparu » est envoyé")
    assert said(engine, close) == ["created", "gone"]
    phone.reload()  # which answer it was is not kept: nothing else is said in its place
    expect(phone.locator(".near-said")).to_have_text("Votre réponse est envoyée. Le responsable est prévenu.")
