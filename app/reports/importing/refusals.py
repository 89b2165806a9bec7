"""Refused rows → a CSV of their own, that a spreadsheet may open without harm."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from app.reports.importing.convert import Refusal
from app.reports.importing.mapping import MappingError

COLUMNS = ("line", "id", "field", "message", "raw")
RAW_CHARACTERS = 1_000
# A cell that begins with one of these is a formula to a spreadsheet.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class RefusalFile:
    """Writes refusals as they come; the file has its name only once it is complete. Without a path it is silent."""

    def __init__(self, path: Path | None, header: tuple[str, ...] = COLUMNS) -> None:
        self._path, self._header = path, header
        self._part = None if path is None else path.with_name(f"{path.name}.part")

    def __enter__(self) -> Self:
        self._file: TextIO | None = None
        if self._part is not None:
            try:
                self._file = self._part.open("w", encoding="utf-8-sig", newline="")
            except OSError as error:
                raise MappingError(f"{self._path}: cannot be written ({error.strerror})") from None
            self._writer = csv.writer(self._file)
            self._writer.writerow(self._header)
        return self

    def write(self, refusals: Iterable[Refusal]) -> None:
        """Add one line a refusal."""
        if self._file is None:
            return
        self._writer.writerows(map(cells_of, refusals))

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is None or self._part is None or self._path is None:
            return
        self._file.close()
        if kind is None:
            self._part.replace(self._path)
        else:
            self._part.unlink(missing_ok=True)


def cells_of(refusal: Refusal) -> tuple[object, ...]:
    """One line of the file, in the order of COLUMNS."""
    return (refusal.line, _safe(refusal.ref), refusal.field, _safe(refusal.message), _safe(_short(refusal.raw)))


def _short(raw: str) -> str:
    raw = raw.rstrip("\r\n")
    return raw if len(raw) <= RAW_CHARACTERS else raw[: RAW_CHARACTERS - 1] + "…"


def _safe(text: str) -> str:
    """Text that can be written and opened: no null byte, no half character, no formula."""
    text = text.replace("\0", "␀").encode("utf-8", "backslashreplace").decode("utf-8")
    return f"'{text}" if text.startswith(_FORMULA) else text
