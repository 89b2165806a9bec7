"""Cells to text: codes stay text, names are cleaned, nothing that PostgreSQL or a page would choke on gets through."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

import numpy as np

LONGEST_NAME = 200
# Control characters (NUL among them), line separators, and the bidirectional marks that can reorder a page.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff\ud800-\udfff]")


def cell_text(value: object) -> str:
    """One cell as text: '' for null and NaN, 80021 for 80021.0, lists joined by ', '."""
    if value is None:
        return ""
    if isinstance(value, np.ndarray | list | tuple):
        return ", ".join(cell_text(item) for item in value)
    if isinstance(value, float | np.floating):
        if np.isnan(value):
            return ""
        return str(int(value)) if float(value).is_integer() else str(value)
    return clean(str(value))


def clean(value: str) -> str:
    """Text with its unprintable characters and runs of white space turned to single spaces."""
    return " ".join(_UNPRINTABLE.sub(" ", value).split())


def place_name(value: str, fallback: str) -> str:
    """A name fit for a label; the fallback where the source has none."""
    return (clean(value) or fallback)[:LONGEST_NAME]


def split_codes(value: str) -> list[str]:
    """INSEE codes of a cell such as '13055, 13070': split, never searched as text."""
    return [code for code in (part.strip() for part in re.split(r"[,;|]", value)) if code]


def insee_code(value: str) -> str:
    """A commune code; the leading zero that spreadsheets eat is put back."""
    return value.zfill(5) if value.isdigit() and len(value) == 4 else value  # noqa: PLR2004


def plain(value: str) -> str:
    """Upper case without accents, punctuation turned to spaces: what two spellings of a street have in common."""
    decomposed = unicodedata.normalize("NFKD", value.replace("œ", "oe").replace("Œ", "OE"))
    letters = "".join(char for char in decomposed if not unicodedata.combining(char))
    return " ".join(re.sub(r"[^0-9A-Z]+", " ", letters.upper()).split())


def slug(parts: Iterable[str]) -> str:
    """A readable key of lower-case words joined by '-'."""
    return "-".join(plain(part).lower().replace(" ", "-") for part in parts if plain(part))
