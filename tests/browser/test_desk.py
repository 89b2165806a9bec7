"""The desk by keyboard and by thumb, undo, and the dashboard's charts, in a real browser."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import Engine, text

from app.db.session import unit_of_work
from app.people.actor import SYSTEM
from tests.browser.conftest import CENTRE_LAT, CENTRE_LON, DESKTOP, Watch
from tests.browser.test_pages import _check

pytestmark = [pytest.mark.browser, pytest.mark.slow]

_ADD = text("""
    INSERT INTO report (id, category_code, geom_4326, cell_25m, severity, state, visibility, observed_at, received_at,
                        due_at, organisation_id, reporter_organisation_id, acknowledged_at, resolved_at)
    SELECT gen_random_uuid(), 'lift_out', ST_SetSRID(ST_MakePoint(:lon, :lat), 4326), 1, 2,
        CASE WHEN n > 4 THEN 'resolved' ELSE 'new' END, 'partner', at, at, at + n * interval '1 hour',
        landlord.id, city.id, CASE WHEN n > 4 THEN at + interval '5 hours' END,
        CASE WHEN n > 4 THEN at + interval '2 days' END
    FROM generate_series(1, 10) AS n, LATERAL (SELECT :now - n * interval '4 days' AS at) AS moment,
        (SELECT id FROM organisation WHERE slug = 'bailleur-social-demo') AS landlord,
        (SELECT id FROM organisation WHERE kind = 'city' LIMIT 1) AS city
""")


@pytest.fixture
def reports(live_server: str, engine: Engine) -> None:
    """Four of the landlord's that are new, and six that it resolved."""
    now = datetime.now(UTC) - timedelta(hours=1)
    with unit_of_work(engine, SYSTEM) as uow:
        assert uow.connection.execute(_ADD, {"lon": CENTRE_LON, "lat": CENTRE_LAT, "now": now}).rowcount == 10


def states(engine: Engine) -> dict[str, int]:
    with unit_of_work(engine, SYSTEM) as uow:
        found = uow.connection.execute(
            text("SELECT state, count(*) AS many FROM report WHERE state <> 'resolved' GROUP BY state")
        )
        return {row.state: row.many for row in found}


def test_the_desk_by_keyboard(open_page: Callable[..., Page], reports: None, engine: Engine) -> None:
    page = open_page("bailleur@demo.quietude", viewport=DESKTOP)
    page.goto("/desk")
    rows = page.locator("#desk-rows tbody tr")
    expect(rows).to_have_count(4)
    # Letters do nothing where the focus is not in the list.
    page.locator("h1").click()
    for key in ("x", "a", "?"):
        page.keyboard.press(key)
    expect(page.locator(".tick:checked")).to_have_count(0)
    rows.nth(0).locator(".tick").focus()
    for key in ("x", "j", "ArrowDown", "x", "k"):
        page.keyboard.press(key)
    expect(rows.nth(1).locator(".tick")).to_be_focused()
    expect(page.locator("#ticked")).to_have_text("2 cochés")
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_have_attribute("open", "")
    rows.nth(1).locator(".tick").focus()
    page.keyboard.press("t")
    expect(page.locator("#transfer-organisation")).to_be_focused()
    rows.nth(1).locator(".tick").focus()
    page.keyboard.press("a")
    expect(page.locator(".message.success")).to_contain_text("2 signalements traités.")
    assert states(engine) == {"acknowledged": 2, "new": 2}
    page.get_by_role("button", name="Annuler").click()
    expect(page.locator(".message")).to_contain_text("2 signalements remis comme avant.")
    assert states(engine) == {"new": 4}
    page.get_by_role("link", name="Retour au bureau").click()
    expect(rows).to_have_count(4)


def test_the_desk_by_thumb_and_without_scripts(
    open_page: Callable[..., Page], watch: Watch, reports: None, engine: Engine
) -> None:
    watch.allow("422")
    page = open_page("bailleur@demo.quietude", java_script_enabled=False)
    page.goto("/desk")
    page.locator(".tick").nth(0).check()
    # What is ticked at the top of a long list is acted on without scrolling to its end.
    box = page.locator("#move").bounding_box()
    assert box is not None
    assert box["y"] + box["height"] <= 845
    page.locator("#bulk-reject summary").click()
    page.get_by_role("button", name="Rejeter").click()
    expect(page.locator("#error-summary")).to_be_visible()
    expect(page.locator(".tick").nth(0)).to_be_checked()
    page.select_option("#reject-reason", "not_found")
    page.get_by_role("button", name="Rejeter").click()
    expect(page.locator(".message.success")).to_contain_text("1 signalement traité.")
    assert states(engine) == {"new": 3, "rejected": 1}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_each_page_by_axe_and_at_360_pixels(open_page: Callable[..., Page], reports: None, scheme: str) -> None:
    page = open_page("bailleur@demo.quietude", color_scheme=scheme)
    page.goto("/desk?tab=soon")
    page.locator(".filters > summary").click()
    page.fill("#name", "Une liste au nom aussi long que permis, pour voir ce qu'il fait")
    page.get_by_role("button", name="Garder", exact=True).click()
    page.goto("/desk")
    page.locator(".tick").nth(0).check()
    page.get_by_role("button", name="Prendre en compte").click()
    done = page.url
    paths = ["/desk", "/desk?tab=waiting", "/desk?tab=interventions", "/desk?severity=2", "/dashboard", done]
    assert {path: wrong for path in paths if (wrong := _check(page, path))} == {}


def test_charts_are_drawn_and_their_tables_print_whole(open_page: Callable[..., Page], reports: None) -> None:
    page = open_page("bailleur@demo.quietude", viewport=DESKTOP)
    page.goto("/dashboard")
    bars = page.locator("figure.chart").nth(0).locator("svg > rect.series-0")
    assert bars.count() >= 4
    assert all((box := bar.bounding_box()) and box["height"] > 5 for bar in bars.all())
    expect(page.locator("#by-subject-chart-title")).to_be_attached()
    image = page.locator(".chart-map img")
    image.scroll_into_view_if_needed()
    expect(image).to_have_js_property("complete", value=True)
    page.emulate_media(media="print")
    assert page.evaluate(
        "[...document.querySelectorAll('.scroll.low')].every((e) => e.scrollHeight <= e.clientHeight + 1)"
    )
