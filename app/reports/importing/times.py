"""A time cell → an aware UTC datetime, by the mapping's formats and zone."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from flask_babel import gettext as _

from app.reports.importing.mapping import TimeRule

MAX_CHARACTERS = 64
# Dates repeat from row to row: most are read once.
KEPT = 65_536
_HAS_TIME = re.compile(r"%[HIcX]")


class UnreadableTimeError(ValueError):
    """The cell is no time by this mapping; the text says why, for the reader."""


def time_parser(rule: TimeRule) -> Callable[[str], datetime]:
    """A function text → aware UTC datetime.

    It raises UnreadableTimeError when no format fits, when two formats read different times out of the text, or when
    the local time did not exist (the clocks went forward over it).
    """
    zone = ZoneInfo(rule.timezone)
    readers = [_reader(name, rule) for name in rule.formats]

    @lru_cache(maxsize=KEPT)
    def parse(text: str) -> datetime:
        readings = [found for read in readers if (found := read(text)) is not None]
        if not readings:
            wanted = ", ".join(rule.formats)
            raise UnreadableTimeError(_("“%(text)s” is no time of the form %(forms)s.", text=text[:40], forms=wanted))
        moments = {_to_utc(found, zone, rule) for found in readings}
        if len(moments) > 1:
            shown = ", ".join(sorted(moment.isoformat() for moment in moments))
            raise UnreadableTimeError(_("“%(text)s” can be read in two ways: %(times)s.", text=text[:40], times=shown))
        return moments.pop()

    def bounded(text: str) -> datetime:
        text = text.strip()
        return parse(text if len(text) <= MAX_CHARACTERS else text[:MAX_CHARACTERS] + "…")

    return bounded


def _reader(name: str, rule: TimeRule) -> Callable[[str], datetime | None]:
    if name == "iso":
        return lambda text: _iso(text, rule)
    if name in {"epoch", "epoch-ms"}:
        return lambda text: _epoch(text, 1000 if name == "epoch-ms" else 1)
    has_time = _HAS_TIME.search(name) is not None

    def read(text: str) -> datetime | None:
        try:
            found = datetime.strptime(text, name)  # noqa: DTZ007  (the zone is added below)
        except (ValueError, OverflowError, re.error):
            return None
        return found if has_time else datetime.combine(found, rule.time_when_missing, found.tzinfo)

    return read


def _iso(text: str, rule: TimeRule) -> datetime | None:
    try:
        if len(text) <= len("2026-05-04"):
            return datetime.combine(date.fromisoformat(text), rule.time_when_missing)
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _epoch(text: str, per_second: int) -> datetime | None:
    try:
        seconds = float(text) / per_second
        return datetime.fromtimestamp(seconds, UTC) if math.isfinite(seconds) else None
    except (ValueError, OverflowError, OSError):
        return None


def _to_utc(found: datetime, zone: ZoneInfo, rule: TimeRule) -> datetime:
    try:
        if found.tzinfo is not None:
            return found.astimezone(UTC)
        return _local_to_utc(found, zone, rule)
    except OverflowError:
        raise UnreadableTimeError(_("The year %(year)s is out of range.", year=found.year)) from None


def _local_to_utc(found: datetime, zone: ZoneInfo, rule: TimeRule) -> datetime:
    earlier, later = (found.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if earlier == later:
        return earlier
    if earlier.astimezone(zone).replace(tzinfo=None) != found:
        shown = found.isoformat(" ", "minutes")
        raise UnreadableTimeError(_("%(time)s did not exist: the clocks went forward over it.", time=shown))
    if rule.ambiguous == "refuse":
        shown = found.isoformat(" ", "minutes")
        raise UnreadableTimeError(_("%(time)s happened twice: the clocks went back over it.", time=shown))
    return later if rule.ambiguous == "later" else earlier
