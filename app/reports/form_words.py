"""What the form needs besides the nomenclature, also from the phone: phrases, and how to look for persons."""

from __future__ import annotations

from typing import Any

from app.reports.phrases import phrases
from app.reports.screening import rules
from app.reports.screening_words import reasons


def for_the_form() -> dict[str, Any]:
    """`phrases` by theme, `screening`: the table of patterns, `reasons` by kind."""
    return {"phrases": phrases(), "screening": rules(), "reasons": reasons()}
