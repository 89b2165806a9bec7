"""A report on paper, and dates as the server writes them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import DESKTOP
from tests.browser.test_duplicates import report

pytestmark = pytest.mark.browser


def test_a_printed_report_holds_what_there_is_to_read(open_page: Callable[..., Page]) -> None:
    page = open_page("agent@demo.quietude", viewport=DESKTOP)
    page.goto(f"/reports/{report(page, 30)}")
    expect(page.locator("main button:visible")).not_to_have_count(0)
    page.emulate_media(media="print")
    for nothing in ("main button", ".top", ".bottom"):
        expect(page.locator(f"{nothing}:visible")).to_have_count(0)
    expect(page.get_by_role("heading", name="L'essentiel")).to_be_visible()
    expect(page.get_by_text("Données synthétiques")).to_be_visible()
    expect(page.locator("#show-map")).to_be_visible()


@pytest.mark.parametrize(("language", "said"), [("fr", "1er déc. 2026, 11:00"), ("en", "1 Dec 2026, 11:00")])
def test_the_first_of_a_month_is_written_like_the_server_writes_it(
    open_page: Callable[..., Page], language: str, said: str
) -> None:
    page = open_page()
    page.goto(f"/language/{language}?next=/reports/new")
    first = "import('/static/js/moments.js').then(({ moment }) => moment('2026-12-01T10:00:00Z'))"
    assert page.evaluate(first) == said
    eleventh = first.replace("-01T", "-11T")
    assert page.evaluate(eleventh) == said.replace("1er", "11").replace("1 Dec", "11 Dec")
