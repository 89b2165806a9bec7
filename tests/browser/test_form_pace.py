"""At most five taps and thirty seconds from opening to saved: counted, on a phone made slow, at a declared pace.

The seconds are computed from what the hand did, not measured: no busy machine decides. benchmarks/form.py measures.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import Engine, text

from app.db.session import unit_of_work
from app.people.actor import SYSTEM
from tests.browser.conftest import CENTRE_LAT, CENTRE_LON

pytestmark = pytest.mark.browser

MOST_TAPS, MOST_S = 5, 30.0
# To look and decide, to bring the thumb there and tap, and for a letter on the screen's keyboard.
LOOK_S, TAP_S, LETTER_S = 1.5, 1.0, 0.3
HERE = {"longitude": CENTRE_LON, "latitude": CENTRE_LAT, "accuracy": 8}
RECORDED = "Merci, c'est enregistré."
# Fingers, not clicks: a tap on a label is followed by the browser's own click on its control.
COUNT = """
const count = (name) => { sessionStorage[name] = Number(sessionStorage[name] || 0) + 1; };
addEventListener('pointerup', (event) => { if (event.isTrusted) count('taps'); }, true);
addEventListener('input', (event) => { if (event.inputType === 'insertText') count('letters'); }, true);
"""


@dataclass(frozen=True)
class Effort:
    """What the hand did from opening to saved."""

    taps: int
    letters: int

    @property
    def seconds(self) -> float:
        """At the pace above."""
        return self.taps * (LOOK_S + TAP_S) + self.letters * LETTER_S


def _effort(page: Page) -> Effort:
    expect(page.locator("#done-title")).to_have_text(RECORDED)
    taps, letters = page.evaluate(
        "['taps', 'letters'].map((name) => { const n = Number(sessionStorage[name] || 0);"
        " sessionStorage.removeItem(name); return n; })"
    )
    return Effort(taps, letters)


@pytest.fixture
def slow_phone(open_page: Callable[..., Page]) -> Callable[..., Page]:
    """A phone that is tapped with a finger, its processor four times slower."""

    def make(**options: Any) -> Page:
        page = open_page("agent@demo.quietude", has_touch=True, is_mobile=True, **options)
        session: Any = page.context.new_cdp_session(page)
        session.send("Emulation.setCPUThrottlingRate", {"rate": 4})
        page.add_init_script(COUNT)
        return page

    return make


def _stored(engine: Engine) -> list[Any]:
    with unit_of_work(engine, SYSTEM) as uow:
        return list(
            uow.connection.execute(
                text("SELECT category_code, description FROM report ORDER BY received_at")
            ).mappings()
        )


def _choose(page: Page, theme: str, category: str) -> None:
    page.tap(f"button[data-theme={theme}]")
    page.tap(f"label:has(input[value={category}])")


def test_the_common_case_is_two_taps(slow_phone: Callable[..., Page], engine: Engine) -> None:
    page = slow_phone(geolocation=HERE, permissions=["geolocation"])
    page.goto("/reports/new")
    _choose(page, "cleanliness", "overflowing_bin")
    expect(page.locator(".map-accuracy")).to_be_attached()  # nobody tapped for it: it was allowed before
    page.tap("#submit")
    assert _effort(page) == Effort(taps=3, letters=0)
    page.context.set_geolocation({"longitude": CENTRE_LON + 0.01, "latitude": CENTRE_LAT, "accuracy": 8})
    page.goto("/reports/new")
    page.tap("#recent")
    expect(page.locator(".map-accuracy")).to_be_attached()
    page.tap("#submit")
    assert _effort(page) == Effort(taps=2, letters=0)
    assert [row["category_code"] for row in _stored(engine)] == ["overflowing_bin"] * 2


def test_five_taps_and_thirty_seconds_with_a_text_and_no_position(
    slow_phone: Callable[..., Page], engine: Engine
) -> None:
    page = slow_phone()
    page.goto("/reports/new")
    _choose(page, "street", "pothole")
    expect(page.locator(".map-commune")).to_be_attached()
    page.tap("#report-map")
    page.tap("#description")
    page.keyboard.type("devant l'arrêt, roue de vélo")
    page.tap("#submit")
    effort = _effort(page)
    assert effort == Effort(taps=MOST_TAPS, letters=28)
    assert effort.seconds <= MOST_S
    assert [row["description"] for row in _stored(engine)] == ["devant l'arrêt, roue de vélo"]


def test_refused_position_costs_one_more_tap(slow_phone: Callable[..., Page]) -> None:
    page = slow_phone()
    page.goto("/reports/new")
    page.tap("#locate")
    expect(page.locator("#place-status.danger")).to_be_visible()
    _choose(page, "street", "pothole")
    page.tap("#report-map")
    page.tap("#submit")
    assert _effort(page).taps == MOST_TAPS
