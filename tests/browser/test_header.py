"""The header at every width between a phone and a desk: all of it is on the screen."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

pytestmark = pytest.mark.browser

# A phone upright, a tablet, a phone on its side, small laptops, and where doors and the name come out of the menu.
WIDTHS = [390, 768, 844, 1024, 1088, 1248, 1280]
BESIDE = """() => [...document.querySelectorAll('.top a, .top summary')]
  .filter((e) => e.checkVisibility() && e.getBoundingClientRect().right > innerWidth)
  .map((e) => e.textContent.trim())"""


@pytest.mark.parametrize("language", ["fr", "en"])
def test_no_door_is_beside_the_screen(open_page: Callable[..., Page], language: str) -> None:
    page = open_page("coordinator@demo.quietude")
    page.goto(f"/language/{language}?next=/reports/new")
    page.evaluate("document.querySelector('.outbox-badge').hidden = false")
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 390})
        assert page.evaluate(BESIDE) == [], width
        assert page.evaluate("document.documentElement.scrollWidth") <= width
