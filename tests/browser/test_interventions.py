"""Drawing an intervention on a phone, with a thumb and with a keyboard."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

SMALL = {"width": 360, "height": 740}


def test_a_line_is_drawn_and_stored(open_page: Callable[..., Page]) -> None:
    page = open_page("bailleur@demo.quietude", viewport=SMALL)
    page.goto("/interventions/new")
    page.check("input[name=shape][value=line]")
    board, field = page.locator("#draw-map"), page.locator("#geometry")
    page.locator("#draw-map .map-commune").wait_for(state="attached")
    board.scroll_into_view_if_needed()
    for x, y in ((120, 150), (160, 170), (170, 120)):
        board.click(position={"x": x, "y": y})
    expect(page.locator("#draw-status")).to_have_text("3 points")
    page.click("#draw-undo")
    expect(page.locator("#draw-status")).to_have_text("2 points")
    assert len(field.input_value().splitlines()) == 2
    page.select_option("#kind", "presence")
    page.fill("#planned_start", "2026-12-01T18:00")
    page.click(".send button")
    expect(page.locator("h1")).to_have_text("Présence sur le terrain")
    expect(page.locator("#show-map path.shape.state-planned")).to_be_attached()
    page.goto("/interventions/map")
    expect(page.locator("#interventions-map path.shape.state-planned")).to_be_attached()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_what_is_typed_is_drawn(open_page: Callable[..., Page]) -> None:
    page = open_page("bailleur@demo.quietude")
    page.goto("/interventions/new")
    page.check("input[name=shape][value=area]")
    page.fill("#geometry", "2,2957 49,8942\n2.2967, 49.8942\n2.2967;49.8950")
    page.locator("#geometry").blur()
    expect(page.locator("#draw-status")).to_have_text("3 points")
    expect(page.locator("#draw-map path.drawn")).to_be_attached()
