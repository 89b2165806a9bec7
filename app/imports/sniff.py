"""How a CSV of unknown origin is written: its encoding and its delimiter, by looking at all of it."""

from __future__ import annotations

import codecs
import csv
from dataclasses import dataclass
from pathlib import Path

from flask_babel import gettext as _

from app.reports.importing.formats import FileFormatError
from app.reports.importing.reader import MAX_LINE_CHARACTERS

PIECE_BYTES = 1 << 20
DELIMITERS = (";", ",", "\t", "|")
SAMPLE_LINES = 100
_MARKS = (
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe\0\0", "utf-32"),
    (b"\0\0\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
# Bytes that Windows-1252 leaves free: a file that has one is Latin-1, or something else altogether.
_NOT_CP1252 = frozenset(b"\x81\x8d\x8f\x90\x9d")


@dataclass(frozen=True)
class Shape:
    """A CSV as the reader needs to know it, without a mapping."""

    encoding: str
    delimiter: str = ","
    quote: str = '"'

    def columns(self) -> tuple[str, ...]:
        """None in particular."""
        return ()


def sniff(path: Path) -> Shape:
    """The encoding and delimiter of a CSV.

    Raises:
        FileFormatError: it is no text, or has no lines.

    """
    encoding = sniff_encoding(path)
    return Shape(encoding, _delimiter(_first_lines(path, encoding)))


def sniff_encoding(path: Path) -> str:
    """By its mark, else UTF-8 when all of it is, else what Windows writes in France."""
    with path.open("rb") as file:
        head = file.read(4096)
        for mark, name in _MARKS:
            if head.startswith(mark):
                return name
        wide = _wide_without_mark(head)
        if wide:
            return wide
        file.seek(0)
        decoder = codecs.getincrementaldecoder("utf-8")()
        is_utf8, is_cp1252 = True, True
        while piece := file.read(PIECE_BYTES):
            if is_utf8:
                try:
                    decoder.decode(piece)
                except UnicodeDecodeError:
                    is_utf8 = False
            is_cp1252 = is_cp1252 and not _NOT_CP1252.intersection(piece)
        try:
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            is_utf8 = False
    if is_utf8:
        return "utf-8"
    return "cp1252" if is_cp1252 else "iso8859-1"


def _wide_without_mark(head: bytes) -> str | None:
    """UTF-16 by the null bytes of its Latin letters.

    Raises:
        FileFormatError: many null bytes in no such order: this is no text.

    """
    even, odd = head[::2].count(0), head[1::2].count(0)
    half = max(1, len(head) // 2)
    if odd > half * 0.6 and even < half * 0.1:
        return "utf-16-le"
    if even > half * 0.6 and odd < half * 0.1:
        return "utf-16-be"
    if head.count(0) > len(head) // 20:
        raise FileFormatError(_("This is no text file: it is full of null bytes. Send CSV, GeoJSON or GeoPackage."))
    return None


def _first_lines(path: Path, encoding: str) -> list[str]:
    name = "utf-8-sig" if encoding == "utf-8" else encoding
    lines: list[str] = []
    with path.open(encoding=name, errors="replace", newline="") as file:
        while len(lines) < SAMPLE_LINES and (line := file.readline(MAX_LINE_CHARACTERS + 1)):
            if len(line) > MAX_LINE_CHARACTERS:
                if not lines:
                    raise FileFormatError(_("The first line is too long to be a header. Is this CSV?"))
                break
            lines.append(line)
    if not any(line.strip() for line in lines):
        raise FileFormatError(_("The file is empty."))
    return lines


def _delimiter(lines: list[str]) -> str:
    """The one that cuts the header into several cells and most rows into as many."""

    def fit(delimiter: str) -> tuple[float, int]:
        try:
            widths = [len(row) for row in csv.reader(lines, delimiter=delimiter) if row]
        except csv.Error:
            widths = [len(line.split(delimiter)) for line in lines]
        width = widths[0] if widths else 1
        if width == 1:
            return 0.0, 0
        return sum(one == width for one in widths) / len(widths), width

    best = max(DELIMITERS, key=fit)
    return best if fit(best)[1] else ","
