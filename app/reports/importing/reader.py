"""CSV of unknown origin → rows with their line numbers. One bad row is one refusal, never the end of the reading.

Python's csv module does the parsing. What it lacks is put around it: a bound on the length of a line before it is in
memory, and a way back when a quotation mark is opened and never closed (the first line is refused, the next ones are
read again as rows of their own, instead of disappearing into one giant cell).
"""

from __future__ import annotations

import csv
import io
import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Protocol, Self

from flask_babel import gettext as _

from app.reports.importing.mapping import MappingError

# A row of a real export has a few kilobytes.
MAX_LINE_CHARACTERS = 256_000
# A cell may hold line breaks; more of them mean that a quotation mark was never closed.
MAX_ROW_LINES = 200
MAX_COLUMNS = 2_000
SAMPLE_BYTES = 1 << 16

_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Row:
    """One row: the number of its first line in the file (the header is line 1), its cells, and its text as read."""

    line: int
    cells: list[str]
    raw: str


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that cannot be read at all."""

    line: int
    raw: str
    message: str


class _RowError(Exception):
    """Raised from inside the source of lines, through the csv module, to its caller."""


class CsvShape(Protocol):
    """What the reader needs to know of a file; a mapping says it."""

    @property
    def delimiter(self) -> str: ...
    @property
    def quote(self) -> str: ...
    @property
    def encoding(self) -> str: ...
    def columns(self) -> tuple[str, ...]: ...


class CsvRows:
    """The rows of one file. Use as a context manager; `header` is read on entry; iterate for the rows.

    Raises:
        MappingError: the file cannot be opened, is empty, or its encoding is evidently another one.

    """

    def __init__(
        self, path: Path, mapping: CsvShape, *, insist_on_encoding: bool = False, header_line: int = 1
    ) -> None:
        """header_line: the number of the first line; 0 where the rows are features, counted from 1."""
        self._path, self._mapping = path, mapping
        self._insist = insist_on_encoding
        self._again: deque[tuple[int, str]] = deque()
        self._taken: list[tuple[int, str]] = []
        self._line = header_line - 1

    def __enter__(self) -> Self:
        if self._path.exists() and not self._path.is_file():
            raise MappingError(f"{self._path}: is not a file; a pipe cannot be read twice")
        try:
            self._binary: BinaryIO = self._path.open("rb")
        except OSError as error:
            raise MappingError(f"{self._path}: cannot be read ({error.strerror})") from None
        try:
            self._open_text()
            self.header = self._read_header()
        except BaseException:
            self._binary.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._binary.close()

    @property
    def bytes_read(self) -> int:
        """How far into the file the reading is (ahead of the rows by at most one buffer)."""
        return self._binary.tell()

    def _open_text(self) -> None:
        encoding = self._mapping.encoding
        sample = self._binary.read(SAMPLE_BYTES)
        self._binary.seek(0)
        if not sample.strip():
            raise MappingError(f"{self._path}: the file is empty")
        if not self._insist:
            self._check_encoding(sample, encoding)
        # Undecodable bytes become lone surrogates, so that they cost one row and not the file.
        wide = encoding.startswith(("utf-16", "utf-32"))
        encoding = "utf-8-sig" if encoding == "utf-8" else encoding
        self._text = io.TextIOWrapper(
            self._binary, encoding=encoding, errors="replace" if wide else "surrogateescape", newline=""
        )

    def _check_encoding(self, sample: bytes, encoding: str) -> None:
        wide = encoding.startswith(("utf-16", "utf-32"))
        if not wide and sample.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise MappingError(f'{self._path}: the file is UTF-16; write encoding = "utf-16" in the mapping')
        if wide or encoding.startswith("utf-8") or sample.isascii():
            return
        try:
            # The sample may end inside a character.
            sample[: -4 if len(sample) == SAMPLE_BYTES else None].decode("utf-8")
        except UnicodeDecodeError as error:
            if error.reason != "unexpected end of data":
                return
        raise MappingError(
            f"{self._path}: the file is UTF-8, the mapping says {encoding}; correct it, or insist with --encoding"
        )

    def _read_header(self) -> list[str]:
        first = next(self._rows(), None)
        if first is None or isinstance(first, BadRow):
            raise MappingError(f"{self._path}: the header cannot be read" + (f": {first.message}" if first else ""))
        header = [" ".join(cell.split()) for cell in first.cells]
        if len(header) > MAX_COLUMNS:
            raise MappingError(f"{self._path}: {len(header)} columns; is the delimiter right?")
        self._check_columns(header)
        return header

    def _check_columns(self, header: Sequence[str]) -> None:
        shown = ", ".join(name if len(name) <= 40 else name[:39] + "…" for name in header[:60])  # noqa: PLR2004
        for name in self._mapping.columns():
            if name not in header:
                hint = ""
                if len(header) == 1:
                    hint = f" (one column only: is the delimiter {self._mapping.delimiter!r} right?)"
                raise MappingError(f"{self._path}: there is no column “{name}”; there are: {shown}{hint}")
            if header.count(name) > 1:
                raise MappingError(f"{self._path}: the column “{name}” is there {header.count(name)} times")

    def __iter__(self) -> Iterator[Row | BadRow]:
        width = len(self.header)
        for row in self._rows():
            if isinstance(row, Row) and len(row.cells) != width:
                message = _("The row has %(n)s cells, the header %(wanted)s.", n=len(row.cells), wanted=width)
                yield BadRow(row.line, row.raw, message)
            else:
                yield row

    def _rows(self) -> Iterator[Row | BadRow]:
        parser = self._parser()
        while True:
            self._taken = []
            try:
                cells = next(parser)
            except StopIteration:
                return
            except (csv.Error, _RowError) as error:
                yield self._refuse(error)
                parser = self._parser()  # the old one is in the middle of a quoted cell
                continue
            line, raw = self._taken[0][0], "".join(text for _line, text in self._taken)
            if not cells or not raw.strip():
                continue
            problem = _unreadable(raw)
            yield BadRow(line, raw, problem) if problem else Row(line, cells, raw)

    def _parser(self) -> Iterator[list[str]]:
        mapping = self._mapping
        return csv.reader(self._lines(), delimiter=mapping.delimiter, quotechar=mapping.quote, strict=True)

    def _refuse(self, error: Exception) -> BadRow:
        """Refuse the first line of the row that broke; the others are read again."""
        line, raw = self._taken[0]
        self._again.extendleft(reversed(self._taken[1:]))
        if isinstance(error, _RowError) and len(self._taken) == 1:
            return BadRow(line, raw, str(error))
        if "field larger" in str(error):
            return BadRow(line, raw, _("A cell is too long."))
        return BadRow(line, raw, _("The quotation marks of this row do not fit together."))

    def _lines(self) -> Iterator[str]:
        while True:
            item = self._again.popleft() if self._again else self._next_line()
            if item is None:
                return
            self._taken.append(item)
            if len(item[1]) > MAX_LINE_CHARACTERS:
                raise _RowError(_("The line is too long (over %(n)s characters).", n=MAX_LINE_CHARACTERS))
            if len(self._taken) > MAX_ROW_LINES:
                raise _RowError("quotation mark never closed")
            yield item[1]

    def _next_line(self) -> tuple[int, str] | None:
        try:
            text = piece = self._text.readline(MAX_LINE_CHARACTERS + 1)
            while len(piece) > MAX_LINE_CHARACTERS and not piece.endswith(("\n", "\r")):
                piece = self._text.readline(MAX_LINE_CHARACTERS + 1)
        except UnicodeError as error:  # a codec that cannot go on after a mistake
            raise MappingError(f"{self._path}: not {self._mapping.encoding} near line {self._line + 1}") from error
        if not text:
            return None
        self._line += 1
        return self._line, text


def _unreadable(raw: str) -> str | None:
    """Why a row's text cannot be taken, or None."""
    message: str | None = None
    found = None if raw.isascii() else _SURROGATE.search(raw)
    if found:
        byte = f"{ord(found[0]) & 0xFF:02x}"
        message = _("The row is not text of the mapping's encoding (byte 0x%(byte)s).", byte=byte)
    elif "\ufffd" in raw:
        message = _("The row holds a character that was lost in an earlier conversion (U+FFFD).")
    elif "\0" in raw:
        message = _("The row holds a null byte.")
    return message
