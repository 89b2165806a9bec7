"""A round on a phone: started, walked, reported from, ended; and a walk that is recorded by taps on a map."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from tests.browser.conftest import Watch
from tests.browser.test_pages import _check

pytestmark = pytest.mark.browser

SMALL: ViewportSize = {"width": 360, "height": 740}


def test_a_round_from_start_to_end(open_page: Callable[..., Page]) -> None:
    page = open_page("agent@demo.quietude", viewport=SMALL)
    page.goto("/patrols/new")
    for index in range(2):
        page.locator(".place-list input").nth(index).check()
    page.locator(".send button[value=start]").click()
    progress = page.locator(".progress label")
    expect(progress).to_have_text("0 sur 2")
    page.locator("#next button[value=nothing]").click()
    expect(progress).to_have_text("1 sur 2")
    expect(page.locator("#next")).to_be_focused()
    for button in page.locator("#next .answers button").all():
        box = button.bounding_box()
        assert box is not None
        assert box["height"] >= 44
    page.locator(".passages form button").click()
    expect(progress).to_have_text("0 sur 2")
    expect(page.locator("#stop-1")).to_be_focused()
    page.locator("#next button[value=nothing]").click()
    expect(progress).to_have_text("1 sur 2")
    page.locator("#next button[value=found]").click()
    page.locator("[data-theme=cleanliness]").first.click()
    page.locator("label.tile:visible").first.click()
    page.click("#submit")
    page.locator("#done a.primary").click()
    expect(progress).to_have_text("2 sur 2")
    expect(page.locator(".passages .found a.what")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.locator("#end ~ form button[value=finish]").click()
    expect(page.locator(".figures dd")).to_have_text(["2", "1", "1"])
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_network_that_goes_before_the_worker_is_there(open_page: Callable[..., Page], watch: Watch) -> None:
    """Nothing could bring the page back: it stays, and says what waits."""
    watch.allow("ERR_INTERNET_DISCONNECTED")
    page = open_page("agent@demo.quietude", viewport=SMALL)
    page.goto("/patrols/new")
    page.locator(".place-list input").first.check()
    page.locator(".send button[value=start]").click()
    page.wait_for_load_state("networkidle")
    page.context.set_offline(True)
    page.locator("#next button[value=nothing]").click()
    expect(page.locator("#round-waiting")).to_be_visible()
    expect(page.locator("#next")).to_be_focused()


def test_a_walk_is_recorded_by_taps(open_page: Callable[..., Page]) -> None:
    page = open_page("agent@demo.quietude")
    page.goto("/patrols/new?kind=walk")
    page.fill("#people_residents", "5")
    page.locator(".send button[value=start]").click()
    page.locator("#observe-map .map-commune").wait_for(state="attached")
    page.locator("#observe-map").click(position={"x": 120, "y": 90})
    page.select_option("#category", "graffiti")
    page.locator(".observe button[value=found]").click()
    expect(page.locator(".passages li")).to_have_count(1)
    expect(page.locator("#lon")).to_have_value(re.compile(r"^2\.\d+$"))
    page.locator(".observe button[value=nothing]").click()
    expect(page.locator(".passages li")).to_have_count(2)
    expect(page.locator(".patrol-map .mark")).not_to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_each_page_by_axe_and_at_360_pixels(open_page: Callable[..., Page], scheme: str) -> None:
    page = open_page("agent@demo.quietude", color_scheme=scheme)
    page.goto("/patrols/new?kind=walk")
    page.locator(".place-list input").first.check()
    page.fill("#title", "Ensemble" * 14)
    page.locator(".send button[value=start]").click()
    page.locator("#next button[value=nothing]").click()
    walk = page.url.split("#")[0]
    assert {path: wrong for path in ("/patrols", "/patrols/new", walk) if (wrong := _check(page, path))} == {}
    page.locator("#end ~ form button[value=finish]").click()
    expect(page.locator(".figures")).to_be_visible()
    assert _check(page, walk) == []
