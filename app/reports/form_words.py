"""What the form needs besides the nomenclature, also from the phone: phrases, and why a text is pointed out."""

from __future__ import annotations

from typing import Any

from app.reports.phrases import phrases
from app.reports.screening_words import reasons


def for_the_form() -> dict[str, Any]:
    """`phrases` by theme, `reasons` by kind of what looks like a person."""
    return {"phrases": phrases(), "reasons": reasons()}
