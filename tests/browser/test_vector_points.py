"""The layer of vector tiles in a real browser: circles with numbers, dots with links, nothing left behind."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import Engine, text

from app.db.session import unit_of_work
from app.people.actor import SYSTEM
from app.places.lattice import cells_of
from tests.browser.conftest import CENTRE_LAT, CENTRE_LON, DESKTOP, Watch, until

_FILL = text("""
    INSERT INTO report (id, category_code, geom_4326, cell_25m, severity, visibility, observed_at)
    SELECT gen_random_uuid(), 'pothole', ST_SetSRID(ST_MakePoint(lon, lat), 4326), cell, 3, 'public', now()
    FROM unnest(CAST(:lon AS float8[]), CAST(:lat AS float8[]), CAST(:cell AS bigint[])) AS given (lon, lat, cell)
""")
_SHOW = """async ([url, zoom]) => {
    const { VectorPoints } = await import('/static/js/vector-points.js');
    const { map } = window.quietudeMap;
    map.setView([%s, %s], zoom, { animate: false });
    window.shown = new VectorPoints(url);
    const loaded = new Promise((resolve) => window.shown.on('load', resolve));
    window.shown.addTo(map);
    await loaded;
}""" % (CENTRE_LAT, CENTRE_LON)  # noqa: UP031
_COUNT = "() => [...document.querySelectorAll('.vector-cluster')].reduce((sum, e) => sum + Number(e.textContent), 0)"
_DOTS = """() => {
    let dots = 0;
    window.quietudeMap.map.eachLayer((layer) => {
        if (layer instanceof L.CircleMarker && layer.options.renderer === window.shown._dots) dots += 1;
    });
    return dots;
}"""
URL = "/tiles/reports/{z}/{x}/{y}.mvt"

pytestmark = pytest.mark.browser


@pytest.fixture
def planner_map(engine: Engine, open_page: Callable[..., Page]) -> Page:
    """The map page of a planner; 60 reports within 200 m of the centre."""
    page = open_page("planner@demo.quietude", viewport=DESKTOP)
    rng = np.random.default_rng(3)
    lon, lat = CENTRE_LON + rng.uniform(-0.002, 0.002, 60), CENTRE_LAT + rng.uniform(-0.0015, 0.0015, 60)
    values = {"lon": lon.tolist(), "lat": lat.tolist(), "cell": cells_of(lon, lat).tolist()}
    with unit_of_work(engine, SYSTEM) as uow:
        uow.connection.execute(_FILL, values)
    page.goto("/map")
    return page


def test_circles_show_how_many_and_go_with_the_layer(planner_map: Page) -> None:
    planner_map.evaluate(_SHOW, [URL, 13])
    assert planner_map.evaluate(_COUNT) == 60
    assert planner_map.locator(".vector-cluster-3").count() > 0  # the ring says how grave
    assert planner_map.locator(".vector-cluster[tabindex]").count() == 0
    planner_map.evaluate("window.shown.setUrl('/tiles/reports/{z}/{x}/{y}.mvt?theme=cleanliness')")
    expect(planner_map.locator(".vector-cluster")).to_have_count(0)
    planner_map.evaluate("window.shown.remove()")
    planner_map.evaluate(_SHOW, [URL, 14])
    planner_map.evaluate("window.shown.remove()")
    assert planner_map.locator(".vector-cluster").count() == 0


def test_dots_are_the_reports_and_lead_to_them(planner_map: Page) -> None:
    planner_map.evaluate(_SHOW, [URL, 18])
    planner_map.evaluate("window.quietudeMap.map.setZoom(17, { animate: false })")
    until(planner_map, f"({_DOTS})() === 60")
    planner_map.evaluate("""() => window.quietudeMap.map.eachLayer((layer) => {
        if (layer instanceof L.CircleMarker && layer.options.renderer === window.shown._dots) window.dot = layer;
    })""")
    planner_map.evaluate("window.dot.openPopup()")
    link = planner_map.locator(".leaflet-popup-content a").last
    expect(link).to_have_text("Nid-de-poule")
    link.click()
    planner_map.wait_for_url("**/reports/*")


def test_a_tile_that_cannot_be_read_is_said(planner_map: Page, watch: Watch) -> None:
    watch.allow("400")
    told = planner_map.evaluate("""async () => {
        const { VectorPoints } = await import('/static/js/vector-points.js');
        const layer = new VectorPoints('/tiles/reports/{z}/{x}/{y}.mvt?theme=nonsense');
        const failed = new Promise((resolve) => layer.on('failed', (event) => resolve(event.error.message)));
        layer.addTo(window.quietudeMap.map);
        return failed;
    }""")
    assert told == "400"
