"""Numbers, dates and plurals as the reader writes them."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from flask import Flask
from flask_babel import ngettext

from app.web.language import COOKIE


@pytest.mark.parametrize(
    ("language", "source", "text"),
    [
        ("fr", "{{ 12345.6|number }}", "12\u202f346"),
        ("fr", "{{ 3.25|number }}", "3,25"),
        ("en", "{{ 12345|number }}", "12,345"),
        ("fr", "{{ 2.29571234|degrees }}", "2,29571"),
        ("en", "{{ 2.2|degrees }}", "2.20000"),
        ("fr", "{{ autumn|day }}", "24 nov. 2026"),
        ("fr", "{{ first|day }}", "1er nov. 2026"),
        ("fr", "{{ eleventh|day }}", "11 nov. 2026"),
        ("en", "{{ first|day }}", "1 Nov 2026"),
        ("fr", "{{ evening|moment }}", "1er déc. 2026, 00:30"),
    ],
)
def test_filters_write_as_the_reader_does(app: Flask, language: str, source: str, text: str) -> None:
    days = {
        "autumn": date(2026, 11, 24),
        "first": date(2026, 11, 1),
        "eleventh": date(2026, 11, 11),
        "evening": datetime(2026, 11, 30, 23, 30, tzinfo=UTC),
    }
    with app.test_request_context(headers={"Cookie": f"{COOKIE}={language}"}):
        assert app.jinja_env.from_string(source).render(days) == text


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 signalement"), (1, "1 signalement"), (2, "2 signalements"), (3000, "3000 signalements")]
)
def test_french_has_no_plural_below_two(app: Flask, count: int, text: str) -> None:
    with app.test_request_context():
        assert ngettext("%(num)s report", "%(num)s reports", count) == text
