"""A look into a file: its header and first rows, the values of some columns, its first rows as they would land."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path

from flask_babel import gettext as _

from app.imports.propose import Sample
from app.imports.rules import MOST_VALUES, SAMPLE_ROWS
from app.nomenclature.store import Nomenclature
from app.reports.importing.convert import Accepted, Converter, ManyPointsTerritory, Refusal
from app.reports.importing.formats import FileFormatError
from app.reports.importing.mapping import ImportMapping
from app.reports.importing.reader import CsvRows, CsvShape, Row

_MOST_COLUMNS = 500


@dataclass(frozen=True)
class Value:
    """The cells of some columns that stand together in so many rows."""

    cells: tuple[str, ...]
    rows: int


@dataclass(frozen=True)
class PreviewRow:
    """One of the first rows: what it would become, or what is wrong with it."""

    line: int
    accepted: Accepted | None
    refusals: tuple[Refusal, ...]


def sample(path: Path, shape: CsvShape) -> Sample:
    """The header and the first rows.

    Raises:
        FileFormatError: there is no header, or no row under it.
        MappingError: it cannot be read.

    """
    with CsvRows(path, shape, insist_on_encoding=True) as rows:
        header = tuple(rows.header)
        if len(header) > _MOST_COLUMNS:
            raise FileFormatError(_("The file has too many columns (%(n)s).", n=len(header)))
        found = tuple(tuple(row.cells) for row in islice(rows, SAMPLE_ROWS) if isinstance(row, Row))
    if not found:
        raise FileFormatError(_("The file has a header but no row that can be read."))
    return Sample(header, found)


def count_values(path: Path, shape: CsvShape, columns: Sequence[str]) -> tuple[tuple[Value, ...], bool]:
    """Which values stand in these columns, the most frequent first; and whether there are more than MOST_VALUES."""
    counted: Counter[tuple[str, ...]] = Counter()
    with CsvRows(path, shape, insist_on_encoding=True) as rows:
        at = [rows.header.index(name) for name in columns]
        for row in rows:
            if isinstance(row, Row):
                counted[tuple(" ".join(row.cells[index].split())[:200] for index in at)] += 1
    found = tuple(Value(cells, number) for cells, number in counted.most_common(MOST_VALUES))
    return found, len(counted) > MOST_VALUES


def preview(
    path: Path,
    mapping: ImportMapping,
    *,
    nomenclature: Nomenclature,
    territory: ManyPointsTerritory,
    now: datetime,
    header_line: int,
    most: int,
) -> tuple[PreviewRow, ...]:
    """The first rows as they would land.

    Raises:
        MappingError: the mapping and the file do not fit.

    """
    with CsvRows(path, mapping, insist_on_encoding=True, header_line=header_line) as rows:
        converter = Converter(mapping, rows.header, nomenclature=nomenclature, territory=territory, now=now)
        first = list(islice(rows, most))
        accepted, refused = converter.convert([row for row in first if isinstance(row, Row)])
    by_line = {one.line: one for one in accepted}
    out = []
    for row in first:
        if isinstance(row, Row):
            wrong = tuple(one for one in refused if one.line == row.line)
        else:
            wrong = (Refusal(row.line, "", "", row.message, "unreadable", row.raw),)
        out.append(PreviewRow(row.line, by_line.get(row.line), wrong))
    return tuple(out)
