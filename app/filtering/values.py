"""Literals of both encodings: numbers, texts, times and geometries, each checked once. Pure."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import shapely
from flask_babel import gettext as _
from shapely.errors import ShapelyError
from shapely.geometry.base import BaseGeometry

from app.filtering.tree import Box, FilterError, Instant, Interval, Node, Property

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
# RFC 3339 as the standard has it; an offset is more than it asks for.
_TIMESTAMP = re.compile(r"(\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2})(?:\.(\d+))?([Zz]|[+-]\d{2}:\d{2})", re.ASCII)
_MICROSECOND_DIGITS = 6
_BOX, _BOX_3D = 4, 6
_OPEN = ".."


def number(value: float) -> float:
    """A number within those of double precision.

    Raises:
        FilterError: beyond them, or no number.

    """
    if not abs(value) <= sys.float_info.max:
        raise FilterError(_("a number is too large, or none"))
    return value


def characters(value: str) -> str:
    """A text that the database can hold.

    Raises:
        FilterError: it holds a null character or half a character.

    """
    try:
        value.encode()
    except UnicodeEncodeError:
        raise FilterError(_("a text holds half a character")) from None
    if "\0" in value:
        raise FilterError(_("a text holds a null character"))
    return value


def day(value: Any) -> date:
    """A full date, YYYY-MM-DD.

    Raises:
        FilterError: no such day.

    """
    error = FilterError(_("“%(value)s” is no date; write YYYY-MM-DD", value=str(value)[:40]))
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        raise error
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise error from None


def timestamp(value: Any) -> datetime:
    """An instant as RFC 3339 has it, in UTC; digits beyond the microsecond are left out.

    Raises:
        FilterError: no such instant; a second 60 is none here.

    """
    error = FilterError(_("“%(value)s” is no time; write YYYY-MM-DD or YYYY-MM-DDThh:mm:ssZ", value=str(value)[:40]))
    match = _TIMESTAMP.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise error
    seconds, fraction, offset = match.groups()
    try:
        microseconds = (fraction or "0")[:_MICROSECOND_DIGITS].ljust(_MICROSECOND_DIGITS, "0")
        whole = datetime.fromisoformat(f"{seconds.upper()}.{microseconds}{'+00:00' if offset in 'Zz' else offset}")
        return whole.astimezone(UTC)
    except (ValueError, OverflowError):
        raise error from None


def instant(value: str) -> date | datetime:
    """A date or a timestamp by its form. Raises FilterError."""
    return day(value) if _DATE.fullmatch(value) else timestamp(value)


def interval(ends: Sequence[Any]) -> Interval:
    """From two ends: texts (`..`: open) or properties.

    Raises:
        FilterError: not two, of another kind, or the end lies before the start.

    """
    if len(ends) != 2:  # noqa: PLR2004
        raise FilterError(_("an interval has two ends; “..” leaves one open"))
    start, end = (_end(value) for value in ends)
    if isinstance(start, date) and isinstance(end, date) and _comparable(start) > _comparable(end):
        raise FilterError(_("the interval ends before it begins"))
    return Interval(start, end)


def _end(value: Any) -> Instant | None:
    if isinstance(value, Property | date):
        return value
    if not isinstance(value, str):
        raise FilterError(_("the ends of an interval are dates, times, “..” or properties"))
    return None if value == _OPEN else instant(value)


def _comparable(value: date) -> str:
    # A day begins before every time in it.
    return value.isoformat()[:26]


def geometry_of_wkt(text: str) -> BaseGeometry:
    """From Well-Known Text. Raises FilterError."""
    try:
        with np.errstate(over="ignore"):  # what is too large is refused later, as every place that is not on earth
            return _usable(shapely.from_wkt(text))
    except ShapelyError as error:
        raise _no_geometry(error) from None


def geometry_of_geojson(value: dict[str, Any], text: str) -> BaseGeometry:
    """From a GeoJSON geometry and its text. Raises FilterError."""
    if value.get("type") == "Feature":
        raise FilterError(_("give a geometry, not a feature"))
    try:
        return _usable(shapely.from_geojson(text))
    except ShapelyError as error:
        raise _no_geometry(error) from None


def _no_geometry(error: Exception) -> FilterError:
    return FilterError(_("the geometry cannot be read: %(why)s", why=str(error)[:200]))


def _usable(geometry: Any) -> BaseGeometry:
    if not isinstance(geometry, BaseGeometry) or geometry.is_empty:
        raise FilterError(_("the geometry is empty"))
    return shapely.force_2d(geometry)


def envelope(numbers: Sequence[Any]) -> Box:
    """A box from four numbers, or from six: with heights, which are left out.

    Raises:
        FilterError: not four or six numbers.

    """
    if len(numbers) not in {_BOX, _BOX_3D} or not all(_is_number(value) for value in numbers):
        raise FilterError(_("a box has four numbers: west, south, east, north"))
    half = len(numbers) // 2
    return Box(*(float(number(value)) for value in (*numbers[:2], *numbers[half : half + 2])))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def array(items: list[Node]) -> tuple[Node, ...]:
    """A list.

    Raises:
        FilterError: it holds another list.

    """
    if any(isinstance(item, tuple) for item in items):
        raise FilterError(_("a list holds no list"))
    return tuple(items)


def negative(value: Node) -> float | None:
    """The negative of a number; None when it is none."""
    return -value if isinstance(value, int | float) and _is_number(value) else None
