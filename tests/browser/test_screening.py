"""The form's own look for persons: the same table gives the same finds in Chromium as on the server."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from app.reports.screening import rules, screen
from tests.reports.screening_cases import CASES, HELD_OUT

pytestmark = pytest.mark.browser


def test_javascript_finds_what_python_finds(open_page: Callable[..., Page]) -> None:
    texts = [case.text for case in (*CASES, *HELD_OUT)] + ["E\u0301lodie Caron, 😀 06 12 34 56 78", ""]
    page = open_page()
    page.goto("/login")
    script = """async ([table, texts]) => {
        const { makeScreen } = await import('/static/js/report-screening.js');
        const look = makeScreen(table);
        return texts.map((text) => look(text).map(({ kind, certain, found }) => [kind, certain, found]));
    }"""
    found = page.evaluate(script, [rules(), texts])
    assert found == [[[find.kind, find.certain, find.found] for find in screen(text)] for text in texts]
