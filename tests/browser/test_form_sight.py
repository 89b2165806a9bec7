"""The form in sunlight and in the dark, and twice as large: contrast of 7:1, nothing beside the screen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import CENTRE_LAT, CENTRE_LON, Watch

pytestmark = pytest.mark.browser

AXE = Path(__file__).parents[2] / "app/web/static/node_modules/axe-core/axe.min.js"
HERE = {"longitude": CENTRE_LON, "latitude": CENTRE_LAT, "accuracy": 8}
# 390 × 844 at 200 %.
ZOOMED = {"width": 195, "height": 422}
CONTRAST = """async () => {
  const found = await axe.run('main', {runOnly: {type: 'rule', values: ['color-contrast-enhanced']}});
  return found.violations.flatMap((v) => v.nodes.map((n) => `${n.target}: ${n.any[0].message}`));
}"""
# What of the form cannot be brought under a finger: covered, cut off, or beside the screen.
OUT_OF_REACH = """() => {
  const out = [];
  const controls = 'a, button, summary, select, textarea, input:not([type=hidden])';
  for (const e of document.querySelectorAll(`main :is(${controls})`)) {
    const target = e.matches('input') && e.labels?.length ? e.closest('label, .photo-input, .field') ?? e : e;
    if (!target.checkVisibility({visibilityProperty: true, contentVisibilityAuto: true})) continue;
    if (e.closest('.leaflet-container')) continue;
    target.scrollIntoView({block: 'center', inline: 'nearest'});
    const box = target.getBoundingClientRect();
    const at = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
    const isThere = at && (target.contains(at) || at.contains(target));
    if (!isThere || box.left < -1 || box.right > innerWidth + 1) out.push(e.outerHTML.slice(0, 120));
  }
  return out;
}"""

HARD_TO_HIT = """() => {
  const all = 'main :is(a, button, summary, select, textarea, input:not([type=hidden], [type=file]))';
  const aside = '.leaflet-container, .send, .visually-hidden';
  const targets = new Set([...document.querySelectorAll(all)]
    .filter((e) => e.checkVisibility() && !e.closest(aside))
    .map((e) => e.matches('[type=radio], [type=checkbox]') ? e.closest('label') : e));
  const name = (e) => e.textContent.trim().slice(0, 30) || e.id;
  const boxes = [...targets].map((e) => ({ name: name(e), box: e.getBoundingClientRect() }));
  const wrong = boxes.filter(({ box }) => Math.min(box.width, box.height) < 44)
    .map(({ name, box }) => `${name}: ${box.width} x ${box.height}`);
  boxes.forEach((one, i) => boxes.slice(i + 1).forEach((other) => {
    const [a, b] = [one.box, other.box];
    const gap = Math.max(a.left - b.right, b.left - a.right, a.top - b.bottom, b.top - a.bottom);
    if (gap < 7.9) wrong.push(`${one.name} and ${other.name}: ${gap} px`);
  }));
  return wrong;
}"""


def _steps(page: Page) -> Iterator[str]:
    """Each state that the form goes through."""
    page.goto("/reports/new")
    expect(page.locator("#themes")).to_be_visible()
    yield "open"
    page.click("#submit")
    expect(page.locator("#error-summary")).to_be_visible()
    yield "something is missing"
    page.click("button[data-theme=street]")
    yield "theme"
    page.click("label:has(input[value=pothole])")
    page.locator("#report-map").scroll_into_view_if_needed()
    expect(page.locator(".map-accuracy")).to_be_attached()
    page.click("label:has(input[name=severity][value='3'])")
    page.fill("#description", "vu par Mme Dupont, 06 12 34 56 78")
    expect(page.locator("#screening-list li")).to_have_count(2)
    page.click("#later summary")
    yield "all of it, and a person in the text"
    page.fill("#description", "")
    page.click("#submit")
    expect(page.locator("#done-title")).to_be_focused()
    yield "recorded"
    page.click("#here-again")
    page.context.set_offline(True)
    page.click("#recents button")
    page.click("#submit")
    expect(page.locator("#done-title")).to_have_text("Enregistré sur ce téléphone.")
    yield "waits for a network"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_step_has_a_contrast_of_seven(open_page: Callable[..., Page], watch: Watch, scheme: str) -> None:
    watch.allow("ERR_INTERNET_DISCONNECTED")
    page = open_page("agent@demo.quietude", color_scheme=scheme, geolocation=HERE, permissions=["geolocation"])
    weak = []
    for step in _steps(page):
        page.evaluate(AXE.read_text())
        weak += [f"{step}: {found}" for found in page.evaluate(CONTRAST)]
    assert not weak, "\n".join(weak)


def test_every_step_works_at_twice_the_size(open_page: Callable[..., Page], watch: Watch) -> None:
    watch.allow("ERR_INTERNET_DISCONNECTED")
    page = open_page("agent@demo.quietude", viewport=ZOOMED, geolocation=HERE, permissions=["geolocation"])
    wrong = []
    for step in _steps(page):
        if (width := page.evaluate("document.documentElement.scrollWidth")) > ZOOMED["width"]:
            wrong.append(f"{step}: {width} px wide")
        wrong += [f"{step}: out of reach: {found}" for found in page.evaluate(OUT_OF_REACH)]
    assert not wrong, "\n".join(wrong)


def test_what_is_chosen_shows_in_forced_colours(open_page: Callable[..., Page]) -> None:
    page = open_page("agent@demo.quietude", forced_colors="active")
    page.goto("/reports/new")
    outline = "(choice) => getComputedStyle(choice).outlineStyle"
    grave = page.locator("label:has(input[name=severity][value='3'])")
    assert grave.evaluate(outline) == "none"
    grave.click()
    assert grave.evaluate(outline) == "solid"


@pytest.mark.parametrize("width", [320, 360, 390])
def test_a_glove_hits_one_target_of_the_form(open_page: Callable[..., Page], watch: Watch, width: int) -> None:
    """Each at least 44 px, and 8 px to the next; the bar at the bottom lies over the page and is left out."""
    watch.allow("ERR_INTERNET_DISCONNECTED")
    view = {"width": width, "height": 844}
    page = open_page("agent@demo.quietude", viewport=view, geolocation=HERE, permissions=["geolocation"])
    wrong = [f"{step}: {found}" for step in _steps(page) for found in page.evaluate(HARD_TO_HIT)]
    assert not wrong, "\n".join(wrong)
