"""The form on a slow phone: what a first visit carries, and what waits until somebody wants it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Request, expect
from sqlalchemy import Engine, text

from app.db.session import unit_of_work
from app.people.actor import SYSTEM
from tests.browser.conftest import CENTRE_LAT, CENTRE_LON, Watch

pytestmark = pytest.mark.browser

LEAFLET = "**/leaflet/dist/leaflet.js"
# "At most 200 kB compressed without photos"; the first paint waits for the page and its first styles only.
FIRST_VISIT_BYTES = 200_000
BLOCKING_STYLES = {"app.css", "reports.css", "duplicates.css", "photos.css"}


def _asked(page: Page) -> list[str]:
    asked: list[str] = []

    def note(request: Request) -> None:
        asked.append(request.url.rpartition("/")[2])

    page.on("request", note)
    return asked


def test_a_first_visit_is_light_and_blocks_on_little(agent: Page) -> None:
    received: dict[str, int] = {}
    session: Any = agent.context.new_cdp_session(agent)
    session.on("Network.loadingFinished", lambda e: received.update({e["requestId"]: e["encodedDataLength"]}))
    session.send("Network.enable")
    session.send("Network.setCacheDisabled", {"cacheDisabled": True})
    agent.goto("/reports/new")
    agent.locator("#report-map").scroll_into_view_if_needed()
    expect(agent.locator(".map-commune")).to_be_attached()
    agent.wait_for_load_state("networkidle")
    assert 20_000 < sum(received.values()) < FIRST_VISIT_BYTES
    blocking = agent.evaluate(
        "performance.getEntriesByType('resource').filter((one) => one.renderBlockingStatus === 'blocking')"
        ".map((one) => one.name.split('/').pop())"
    )
    assert set(blocking) <= BLOCKING_STYLES


def test_the_map_waits_for_the_first_tap(agent: Page) -> None:
    asked = _asked(agent)
    agent.goto("/reports/new")
    expect(agent.locator("#report-form.enhanced")).to_be_visible()
    agent.wait_for_load_state("networkidle")
    assert "report-place.js" in asked
    assert "leaflet.js" not in asked
    agent.click("button[data-theme=street]")
    expect(agent.locator(".map-commune")).to_be_attached()
    assert asked.count("leaflet.js") == 1


def test_without_the_map_the_coordinates_are_there(agent: Page, engine: Engine, watch: Watch) -> None:
    watch.allow("ERR_FAILED|Failed to fetch")
    agent.route(LEAFLET, lambda route: route.abort())
    agent.goto("/reports/new")
    agent.click("button[data-theme=street]")
    agent.click("label:has(input[value=pothole])")
    expect(agent.locator("#place-status")).to_contain_text("La carte n'a pas pu être chargée")
    agent.fill("#lon", str(CENTRE_LON))
    agent.fill("#lat", str(CENTRE_LAT))
    agent.click("#submit")
    expect(agent.locator("#done-title")).to_have_text("Merci, c'est enregistré.")
    with unit_of_work(engine, SYSTEM) as uow:
        stored = uow.connection.execute(text("SELECT ST_X(geom_4326), ST_Y(geom_4326) FROM report")).one()
    assert tuple(stored) == (CENTRE_LON, CENTRE_LAT)


def test_an_address_that_names_a_place_shows_it(open_page: Callable[..., Page]) -> None:
    page = open_page("agent@demo.quietude")
    page.goto(f"/reports/new?lon={CENTRE_LON}&lat={CENTRE_LAT}")
    expect(page.locator(".map-pin")).to_be_attached()
    expect(page.locator("#lon")).to_have_value(str(CENTRE_LON))
