"""The form's own look for persons: the same table gives the same finds in Chromium as on the server."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from app.reports.screening import screen
from tests.reports.screening_cases import CASES, HELD_OUT

pytestmark = pytest.mark.browser


def test_javascript_finds_what_python_finds(open_page: Callable[..., Page]) -> None:
    texts = [case.text for case in (*CASES, *HELD_OUT)] + ["E\u0301lodie Caron, 😀 06 12 34 56 78", ""]
    page = open_page()
    page.goto("/login")
    script = """async (texts) => {
        const { screen } = await import('/static/js/report-screening.js');
        return texts.map((text) => screen(text).map(({ kind, certain, found }) => [kind, certain, found]));
    }"""
    found = page.evaluate(script, texts)
    assert found == [[[find.kind, find.certain, find.found] for find in screen(text)] for text in texts]


def test_the_form_points_out_what_looks_like_a_person(agent: Page) -> None:
    agent.goto("/reports/new")
    agent.locator("#report-map").scroll_into_view_if_needed()
    expect(agent.locator(".map-commune")).to_be_attached()
    agent.click("button[data-theme=street]")
    agent.click("label:has(input[value=pothole])")
    agent.click("#center")
    agent.fill("#description", "rue Victor Hugo, vu par Mme Dupont, 06 12 34 56 78")
    lines = agent.locator("#screening-list li")
    expect(lines).to_have_count(2)
    expect(lines.locator("mark")).to_have_text(["Mme Dupont", "06 12 34 56 78"])
    agent.click("#submit")
    expect(agent.locator("#screening")).to_be_focused()
    expect(agent.locator("#done")).to_be_hidden()
    # The uncertain one may stay; the certain one may not, and is selected to be written over.
    lines.nth(0).get_by_role("button", name="Garder").click()
    expect(lines).to_have_count(1)
    expect(lines.get_by_role("button", name="Garder")).to_have_count(0)
    lines.get_by_role("button", name="Corriger").click()
    selected = "(field) => field.value.slice(field.selectionStart, field.selectionEnd)"
    assert agent.locator("#description").evaluate(selected) == "06 12 34 56 78"
    agent.keyboard.type("hier")
    expect(agent.locator("#screening")).to_be_hidden()
    agent.click("#submit")
    expect(agent.locator("#done-title")).to_have_text("Merci, c'est enregistré.")
