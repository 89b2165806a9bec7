"""Where real reference files lie, beside the checkout; they are nobody's to commit, and tests skip without them."""

from __future__ import annotations

from pathlib import Path

REAL = Path(__file__).parents[2] / "shared/data"
