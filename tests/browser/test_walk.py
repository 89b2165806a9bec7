"""The walk of the first slice: an agent reports, a partner sees it on the heat map, a planner gets it as GeoJSON."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import CENTRE_LAT, CENTRE_LON, DESKTOP

pytestmark = pytest.mark.browser


def test_from_the_street_to_the_planners_file(open_page: Callable[..., Page]) -> None:
    here = {"longitude": CENTRE_LON, "latitude": CENTRE_LAT, "accuracy": 8}
    agent = open_page("agent@demo.quietude", geolocation=here, permissions=["geolocation"])
    agent.goto("/reports/new")
    agent.click("button[data-theme=cleanliness]")
    agent.click("label:has(input[value=overflowing_bin])")
    agent.click("#locate")
    expect(agent.locator(".map-pin")).to_be_visible()
    agent.click("#submit")
    expect(agent.locator("#done")).to_be_visible()
    report_id = str(agent.get_attribute("#done-link", "href")).rpartition("/")[2]

    partner = open_page("bailleur@demo.quietude", viewport=DESKTOP)
    partner.goto("/map")
    partner.wait_for_load_state("networkidle")
    expect(partner.locator(".leaflet-tile-loaded").first).to_be_attached()
    point = partner.request.get(f"/api/heat/point?lon={CENTRE_LON}&lat={CENTRE_LAT}").json()
    assert point["reports_within_bandwidth"] == 1
    assert point["value"] > 0
    partner.goto("/reports")
    expect(partner.locator(f"a[href='/reports/{report_id}']")).to_be_visible()

    planner = open_page("planner@demo.quietude", viewport=DESKTOP)
    answer = planner.request.get("/export/reports.geojson")
    assert answer.status == 200, answer.text()
    (feature,) = answer.json()["features"]
    assert feature["id"] == report_id
    assert feature["geometry"] == {"type": "Point", "coordinates": [CENTRE_LON, CENTRE_LAT]}
    assert feature["properties"]["category"] == "overflowing_bin"
