"""Residents of each IRIS: Insee's base-ic-evol-struct-pop, one row an IRIS, no geometry.

The year is in the column's name (P21_POP); where a file has several, the latest counts. Values are fractional.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from geodata.formats.columns import Columns
from geodata.formats.tabular import Row, read_rows
from geodata.records import ReadOptions, Refusal, Skip

# 1968 to 1999 are written with the same two digits; no edition since has been of IRIS before 2006.
COLUMNS = Columns(
    required={"code": ("iris", "code_iris"), "residents": tuple(f"p{yy:02}_pop" for yy in range(45, 5, -1))}
)
_CODE = re.compile(r"[0-9][0-9AB][0-9]{7}")
# The largest IRIS has some 15,000; a whole commune without IRIS rarely more than 20,000.
_MOST = 1_000_000


@dataclass(frozen=True)
class Residents:
    """How many live in one IRIS."""

    row: int
    code: str
    residents: float


def read_population(path: Path, options: ReadOptions) -> Iterator[Residents | Refusal | Skip]:
    """The residents of each IRIS.

    Raises:
        SourceError: not a CSV file with these columns.

    """
    for row in read_rows(path, COLUMNS):
        yield _read(row, options)


def _read(row: Row, options: ReadOptions) -> Residents | Refusal | Skip:
    code = row.get("code").upper()
    if row.problem is not None:
        return Refusal(row.line, row.problem)
    if not _CODE.fullmatch(code):
        return Refusal(row.line, f"not the code of an IRIS (nine characters): {code[:40]!r}")
    if not options.wants([code[:5]]):
        return Skip(row.line, f"{code}: another commune")
    try:
        residents = float(row.get("residents").replace(",", "."))
    except ValueError:
        residents = math.nan
    if not 0 <= residents <= _MOST:
        return Refusal(row.line, f"not a number of residents: {row.get('residents')[:40]!r}", code)
    return Residents(row.line, code, round(residents, 2))
