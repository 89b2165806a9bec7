"""The file to take along, opened from disk by a browser without a network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import DESKTOP, PHONE
from tests.browser.test_pages import AXE, WCAG

pytestmark = pytest.mark.browser


@pytest.fixture
def file(open_page: Callable[..., Page], tmp_path: Path) -> Path:
    """What the public gets."""
    page = open_page()
    page.goto("/map")
    answer = page.request.get("/map.html")
    assert answer.ok
    target = tmp_path / "map.html"
    target.write_bytes(answer.body())
    return target


@pytest.mark.parametrize("viewport", [PHONE, DESKTOP])
def test_it_opens_from_disk_without_a_network_and_without_an_error(
    file: Path, browser: Browser, viewport: dict[str, int]
) -> None:
    context = browser.new_context(viewport=viewport, offline=True)  # type: ignore[arg-type]
    page = context.new_page()
    noted: list[str] = []
    page.on("console", lambda message: noted.append(message.text))
    page.on("pageerror", lambda error: noted.append(str(error)))
    page.on("request", lambda r: None if r.url.startswith(("file:", "data:")) else noted.append(r.url))
    page.goto(file.as_uri())
    expect(page.locator("img.heat-image")).to_be_visible()
    expect(page.locator(".place-name:not(.crowded)").first).to_be_visible()
    # Leaflet works: the map zooms, and the image with it.
    before = page.locator("img.heat-image").bounding_box()
    page.locator(".leaflet-control-zoom-in").click()
    page.wait_for_timeout(500)
    after = page.locator("img.heat-image").bounding_box()
    assert before
    assert after
    assert after["width"] > 1.5 * before["width"]
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    page.add_script_tag(content=AXE.read_text(encoding="utf-8"))
    found = page.evaluate("(tags) => axe.run({runOnly: {type: 'tag', values: tags}})", WCAG)
    assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found["violations"]] == []
    assert noted == []
    context.close()
