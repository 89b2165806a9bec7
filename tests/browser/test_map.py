"""The map page in a browser: drawing without reload, two periods, the slider, layers, keyboard, faults, axe."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Request, Route, expect
from sqlalchemy import Engine, text

from app.db.session import unit_of_work
from app.people.actor import SYSTEM
from tests.browser.conftest import CENTRE_LAT, CENTRE_LON, DESKTOP, Watch, until
from tests.browser.test_pages import _violations

pytestmark = [pytest.mark.browser, pytest.mark.slow]
Open = Callable[..., Page]
HERE = f"at={CENTRE_LAT},{CENTRE_LON},14"


@pytest.fixture
def register(live_server: str, engine: Engine) -> None:
    """Ten reports a month around the centre, from January to June 2026."""
    with unit_of_work(engine, SYSTEM) as uow:
        uow.connection.execute(
            text("""
                INSERT INTO report (id, category_code, geom_4326, cell_25m, severity, visibility, observed_at, state)
                SELECT gen_random_uuid(), 'graffiti',
                       ST_SetSRID(ST_MakePoint(:lon + n * 2e-3 - 0.01, :lat + month * 3e-3 - 0.01), 4326), 0,
                       2, 'public', make_timestamptz(2026, month, 10, 12, 0, 0, 'Europe/Paris'), 'new'
                FROM generate_series(1, 6) AS month, generate_series(1, 10) AS n
            """),
            {"lon": CENTRE_LON, "lat": CENTRE_LAT},
        )


def tiles(page: Page) -> list[str]:
    """Addresses of the heat tiles that are asked for from now on."""
    found: list[str] = []
    page.on("request", lambda request: found.append(request.url) if "/tiles/heat/" in request.url else None)
    return found


def shown(page: Page, path: str) -> Page:
    page.goto(path)
    page.wait_for_load_state("networkidle")
    return page


_WIDTHS = "[...document.querySelectorAll('.place-commune')].map((path) => path.getBoundingClientRect().width)"
# What is there to be pressed and is lower than 44 px.
_SMALL = """
    () => [...document.querySelectorAll('.map-page :is(button, summary, select, .chip, .check, .leaflet-bar a)')]
        .filter((one) => one.offsetParent && one.getBoundingClientRect().height < 43.5)
        .map((one) => one.outerHTML.slice(0, 90))
"""


def query(address: str) -> str:
    return address.partition("?")[2]


def test_filters_redraw_without_a_reload_and_the_back_button_works(open_page: Open, register: None) -> None:
    page = shown(open_page("planner@demo.quietude", viewport=DESKTOP), "/map")
    page.evaluate("window.still = true")
    asked = tiles(page)
    page.check("input[value=street]", force=True)
    expect(page.locator("#map-results")).to_contain_text("Rien à montrer")
    page.check("input[value=cleanliness]", force=True)
    expect(page.locator(".legend-period")).to_contain_text("60 signalements")
    assert query(page.url) == "theme=cleanliness,street"
    assert any("theme=cleanliness%2Cstreet" in address for address in asked)
    page.select_option("#measure", "weighted")
    expect(page.locator("#half_life")).to_be_visible()
    expect(page.locator(".legend-unit").first).to_contain_text("points de gravité")
    page.focus("#by")
    page.select_option("#by", "stop")
    expect(page.locator("th button[data-sort=name]")).to_have_text("Arrêt")
    expect(page.locator("#by")).to_be_focused()
    assert query(page.url) == "theme=cleanliness,street&measure=weighted&by=stop"
    for _ in range(3):
        page.go_back()
    expect(page.locator("#measure")).to_have_value("count")
    expect(page.locator("#map-results")).to_contain_text("Rien à montrer")
    assert query(page.url) == "theme=street"
    assert page.evaluate("window.still")


def test_two_periods_move_together_and_share_their_colours(open_page: Open, register: None) -> None:
    page = shown(open_page("planner@demo.quietude", viewport=DESKTOP), "/map?from=2026-04-01&to=2026-06-30")
    asked = tiles(page)
    page.check("#compare")
    expect(page.locator(".map-pane.second .pane-title")).to_contain_text("31 déc. 2025 au 31 mars 2026")
    expect(page.locator("#pane-title")).to_contain_text("1er avr. 2026 au 30 juin 2026")
    page.wait_for_load_state("networkidle")
    tops = {re.findall(r"top=([\d.]+)", address)[0] for address in asked if "from=2025-12-31" in address}
    assert tops == {re.findall(r"top=([\d.]+)", address)[0] for address in asked if "from=2026-04-01" in address}
    assert len(tops) == 1
    width = page.evaluate(_WIDTHS)[0]
    page.focus(".map-pane:not(.second) .folium-map")
    page.keyboard.press("+")
    # The outline of the commune says how each map is zoomed.
    until(page, "(before) => " + _WIDTHS + ".every((width) => width > 1.5 * before)", arg=width)
    widths = page.evaluate(_WIDTHS)
    assert widths[0] == pytest.approx(widths[1], abs=2)
    page.focus(".map-pane.second .folium-map")
    page.keyboard.press("Enter")
    expect(page.locator(".leaflet-popup")).to_have_count(2)
    page.uncheck("#compare")
    expect(page.locator(".map-pane.second")).to_have_count(0)
    assert "from2" not in page.url


def test_the_slider_steps_plays_and_stops(open_page: Open, register: None) -> None:
    page = shown(open_page("planner@demo.quietude", viewport=DESKTOP, reduced_motion="reduce"), "/map?to=2026-06-30")
    asked = tiles(page)
    page.click("#time-open")
    expect(page.locator("#time-text")).to_have_text("juin 2026")
    expect(page.locator(".legend-period")).to_contain_text("10 signalements")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#time-text")).to_have_text("mai 2026")
    page.focus("#time-range")
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#time-range")).to_have_attribute("aria-valuetext", "avril 2026")
    assert "step=2026-04-01" in page.url
    # What comes next is there before it is wanted.
    until(page, "document.querySelectorAll('.heat-tiles').length === 2")
    assert any("from=2026-05-01" in address for address in asked)
    page.click("#time-play")
    expect(page.locator("#time-play")).to_have_attribute("aria-label", "Pause")
    expect(page.locator("#time-text")).to_have_text("juin 2026", timeout=20_000)
    expect(page.locator("#time-play")).to_have_attribute("aria-label", "Lecture")
    assert len({re.findall(r"top=([\d.]+)", address)[0] for address in asked if "top=" in address}) == 1
    page.reload()
    expect(page.locator("#time-text")).to_have_text("juin 2026")
    page.click("#time-close")
    expect(page.locator(".legend-period")).to_contain_text("60 signalements")
    assert query(page.url) == "to=2026-06-30"


def test_layers_are_loaded_when_wanted_and_remembered(open_page: Open, register: None, engine: Engine) -> None:
    with unit_of_work(engine, SYSTEM) as uow:
        uow.connection.execute(
            text(
                "INSERT INTO place (kind, code, name, geom_4326, source) VALUES ('residence', 'r', '<b>Tour</b>',"
                " ST_SetSRID(ST_MakePoint(:lon, :lat), 4326), 'test')"
            ),
            {"lon": CENTRE_LON, "lat": CENTRE_LAT},
        )
    asked: list[str] = []
    page = open_page("planner@demo.quietude", viewport=DESKTOP)

    def note(request: Request) -> None:
        if "/api/places/" in request.url or ".mvt" in request.url:
            asked.append(request.url)

    page.on("request", note)
    shown(page, f"/map?{HERE}")
    assert not [address for address in asked if "iris" in address or "residence" in address or ".mvt" in address]
    expect(page.locator(".place-neighbourhood").first).to_be_attached()
    page.click("#map-layers summary")
    for layer in ("iris", "residence", "clusters"):
        page.check(f"#map-layers input[value={layer}]")
    expect(page.locator("[data-note=iris]")).to_have_text("(aucun importé)")
    expect(page.locator("[data-note=neighbourhood]")).to_have_text("(approximatif)")
    expect(page.locator(".place-residence")).to_have_count(1)
    expect(page.locator(".vector-cluster").first).to_be_visible()
    assert [address for address in asked if "residence.geojson?bbox=" in address]
    page.uncheck("#map-layers input[value=heat]")
    expect(page.locator(".heat-tiles")).to_have_count(0)
    assert "layers=clusters,reports,neighbourhood,iris,line,stop,residence" in page.url
    page.reload()
    page.wait_for_load_state("networkidle")
    expect(page.locator(".place-residence")).to_have_count(1)
    expect(page.locator(".heat-tiles")).to_have_count(0)
    page.keyboard.press("Escape")


def test_by_the_keyboard_alone(open_page: Open, register: None) -> None:
    page = shown(open_page("planner@demo.quietude", viewport=DESKTOP), f"/map?{HERE}")
    order: list[str] = []
    for _ in range(90):
        page.keyboard.press("Tab")
        order.append(page.evaluate("document.activeElement.id || document.activeElement.getAttribute('class') || 'x'"))
    joined = " ".join(order)
    parts = "category from measure bandwidth compare map_ leaflet-control-zoom-in map-ask time-open by sort"
    assert [part for part in parts.split() if part not in joined] == []
    page.focus(".folium-map")
    page.keyboard.press("ArrowUp")
    expect(page.locator(".cross")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.locator("#map-said")).to_contain_text("signalements par km² et 30 jours")
    expect(page.locator("#map-said")).to_contain_text("à moins de 150")
    page.keyboard.press("Escape")
    expect(page.locator(".leaflet-popup")).to_have_count(0)
    page.mouse.click(800, 500)
    expect(page.locator(".leaflet-popup")).to_contain_text("km²")
    expect(page.locator(".cross")).to_be_hidden()


def test_the_table_is_sorted_by_its_heads(open_page: Open, register: None) -> None:
    page = shown(open_page("planner@demo.quietude", viewport=DESKTOP), "/map?by=stop")
    page.click("button[data-sort=name]")
    expect(page.locator("th[aria-sort]")).to_have_attribute("aria-sort", "ascending")
    names = page.locator(".map-table tbody th").all_inner_texts()
    assert names == sorted(names, key=page.evaluate("(names) => names", names).index)
    assert len(names) > 1
    page.click("button[data-sort=reports0]")
    counts = [int(text) for text in page.locator(".map-table tbody td:nth-child(2)").all_inner_texts()]
    assert counts == sorted(counts, reverse=True)
    page.select_option("#bandwidth", "300")
    expect(page.locator("#legend-text")).to_contain_text("300")
    expect(page.locator("th[aria-sort]")).to_have_attribute("aria-sort", "descending")


def test_faults_are_said(open_page: Open, register: None, watch: Watch) -> None:
    watch.allow("Failed to load|ERR_|503|net::")
    page = open_page(viewport=DESKTOP)

    def refuse(route: Route) -> None:
        route.fulfill(status=503, body="")

    page.route("**/tiles/heat/**", refuse)
    shown(page, "/map")
    expect(page.locator("#map-state")).to_have_text("Des parties de la carte n'ont pas pu être chargées.")
    page.unroute("**/tiles/heat/**")
    page.context.set_offline(True)
    page.check("input[value=street]", force=True)
    expect(page.locator("#map-state")).to_have_text("Pas de réseau : la carte montre ce qui a été chargé en dernier.")
    page.context.set_offline(False)
    expect(page.locator("#map-state")).to_have_text("Rien à montrer pour ce choix.")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_accessible_with_everything_open(open_page: Open, register: None, scheme: Any) -> None:
    page = open_page("planner@demo.quietude", color_scheme=scheme, viewport=DESKTOP)
    wrong: dict[str, Any] = {}
    for name, path in {
        "two periods": "/map?from=2026-04-01&to=2026-06-30&from2=2026-01-01&to2=2026-03-31",
        "a step": "/map?to=2026-06-30&step=2026-05-01",
        "change": f"/map?measure=change&to=2026-06-30&{HERE}",
    }.items():
        shown(page, path)
        page.click("#map-layers summary")
        # A phone, the least width, and a desktop at 200 %.
        for width, height in ((1280, 800), (390, 844), (360, 740), (640, 400)):
            page.set_viewport_size({"width": width, "height": height})
            page.wait_for_timeout(150)
            if page.evaluate("document.documentElement.scrollWidth") > width:
                wrong[f"{name} {width}"] = "scrolls sideways"
            small = page.evaluate(_SMALL)
            if small:
                wrong[f"{name} {width} targets"] = small
        page.set_viewport_size(DESKTOP)
        if found := _violations(page):
            wrong[name] = found
    assert wrong == {}


def test_the_organisation_that_answers_is_chosen_and_stays_in_the_address(
    open_page: Open, register: None, engine: Engine
) -> None:
    with unit_of_work(engine, SYSTEM) as uow:
        slug = uow.connection.scalar(text("SELECT min(slug) FROM organisation"))
        transfer = """
            UPDATE report SET organisation_id = (SELECT id FROM organisation WHERE slug = :slug)
            WHERE observed_at < '2026-03-01'
        """
        uow.connection.execute(text(transfer), {"slug": slug})
    page = shown(open_page("planner@demo.quietude", viewport=DESKTOP), "/map")
    expect(page.locator("#map-results")).to_contain_text("60 signalements")
    asked = tiles(page)
    page.select_option("#organisation", slug)
    expect(page.locator("#map-results")).to_contain_text("20 signalements")
    assert query(page.url) == f"organisation={slug}"
    page.wait_for_load_state("networkidle")
    assert asked
    assert all(f"organisation={slug}" in address for address in asked)
    page.go_back()
    expect(page.locator("#map-results")).to_contain_text("60 signalements")
    expect(page.locator("#organisation")).to_have_value("")


def test_the_legend_stands_beside_the_territory(open_page: Open, register: None) -> None:
    page = shown(open_page("planner@demo.quietude", viewport=DESKTOP), "/map")
    expect(page.locator("#legend")).to_be_visible()
    legend, outline = page.locator("#legend").bounding_box(), page.locator(".place-commune").first.bounding_box()
    assert legend
    assert outline
    assert legend["x"] + legend["width"] <= outline["x"]
