"""CSV by header name: delimiter and encoding found out, gzip read through, lines counted as an editor counts them."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from geodata.formats import archive
from geodata.formats.columns import Columns
from geodata.formats.text import clean
from geodata.records import SourceError

DELIMITERS = ";,\t|"
MAX_BYTES = 4 << 30
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class Row:
    """One row: the line of the file it ends on, and a text for each column found ('' for a missing cell).

    `problem` is set when the row does not fit the header; its cells are then not to be trusted.
    """

    line: int
    cells: dict[str, str]
    problem: str | None = None

    def get(self, role: str) -> str:
        """The cell, '' when the file has no such column."""
        return self.cells.get(role, "")


def read_rows(path: Path, columns: Columns) -> Iterator[Row]:
    """The rows of a CSV file, gzipped or not.

    Raises:
        SourceError: empty, a web page, not text, too large, or a required column is missing.

    """
    encoding = _encoding(path)
    try:
        with io.TextIOWrapper(_open(path), encoding=encoding, newline="") as text:
            yield from _parse(text, path, columns)
    except (csv.Error, UnicodeError) as error:
        raise SourceError(f"{path.name}: not a CSV file that can be read ({error})") from None


def _parse(text: io.TextIOWrapper, path: Path, columns: Columns) -> Iterator[Row]:
    first = text.readline()
    if first.lstrip().startswith("<"):
        raise SourceError(f"{path.name}: this is a web page (HTML or XML), not data; was the link a download page?")
    delimiter = max(DELIMITERS, key=first.count)
    header = [clean(name) for name in next(csv.reader([first], delimiter=delimiter), [])]
    positions = columns.find(header, path.name)
    reader = csv.reader(text, delimiter=delimiter)
    for cells in reader:
        if not any(cells):
            continue
        # The header was read before the reader began to count.
        line = reader.line_num + 1
        extra = cells[len(header) :]
        problem = f"{len(cells)} cells under {len(header)} columns" if any(extra) else None
        found = {role: clean(cells[at]) if at < len(cells) else "" for role, at in positions.items()}
        yield Row(line, found, problem)


def _open(path: Path) -> IO[bytes]:
    file = archive.readable(path)
    start = file.read(2)
    file.seek(0)
    if start != b"\x1f\x8b":
        return file
    file.close()
    return cast("IO[bytes]", gzip.open(path, "rb"))


def _encoding(path: Path) -> str:
    """UTF-8 if every byte of the file is, UTF-16 if it starts so, else the code page of French Windows.

    Reads the file through once: deciding on its beginning would break on the first accent of row 40,000.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    size = 0
    try:
        with closing(_open(path)) as file:
            while chunk := file.read(_CHUNK_BYTES):
                if size == 0 and chunk.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
                    return "utf-16"
                size += len(chunk)
                if size > MAX_BYTES:
                    raise SourceError(f"{path.name}: unpacks to more than {MAX_BYTES >> 30} GB")
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return "cp1252"
    except (EOFError, zlib.error, OSError) as error:
        raise SourceError(f"{path.name}: the file is damaged ({error})") from None
    return "utf-8-sig"
