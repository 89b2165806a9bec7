"""Two numbers out of a text cell: a Python or JSON dict, a pair, WKT. Bounded, and never evaluated."""

from __future__ import annotations

import ast
import json
import re
import warnings
from collections.abc import Callable, Mapping

from flask_babel import gettext as _

from app.reports.importing.mapping import CoordinatesRule, TextFormat

# A GeoJSON point feature with a few properties is shorter; a polygon is longer and has no business here.
MAX_CHARACTERS = 2_000
MAX_DEPTH = 16

_NUMBER = r"[+-]?\d{1,12}(?:\.\d{0,25})?(?:[eE][+-]?\d{1,3})?"
# 48.85,2.35 · 48.85 2.35 · (48.85; 2.35) · and with decimal commas 48,85 ; 2,35
_PAIR = re.compile(rf"[(\[]?\s*({_NUMBER})\s*[,;\s]\s*({_NUMBER})\s*[)\]]?")
_COMMA_PAIR = re.compile(r"[(\[]?\s*([+-]?\d{1,12},\d{1,25})(?:\s*;\s*|\s+)([+-]?\d{1,12},\d{1,25})\s*[)\]]?")
_WKT = re.compile(
    rf"(?:SRID\s*=\s*\d{{1,6}}\s*;\s*)?POINT\s*(?:Z|M|ZM)?\s*\(\s*({_NUMBER})\s+({_NUMBER})(?:\s+{_NUMBER}){{0,2}}\s*\)",
    re.IGNORECASE,
)
# The usual flat dict, read without the parser: ten times quicker than ast.
_FLAT = re.compile(rf"\{{\s*(['\"])(\w+)\1\s*:\s*({_NUMBER})\s*,\s*(['\"])(\w+)\4\s*:\s*({_NUMBER})\s*\}}")

Pair = tuple[object, object]


class UnreadableError(ValueError):
    """The cell does not hold two coordinates; the text says why, for the reader."""


def parse_text(text: str, rule: CoordinatesRule) -> Pair:
    """(lon, lat), or (x, y) in the rule's CRS, as numbers or texts of numbers.

    Raises:
        UnreadableError: with the message of the row.

    """
    assert rule.format is not None
    if not text.strip():
        raise UnreadableError(_("This field is required."))
    if len(text) > MAX_CHARACTERS:
        raise UnreadableError(_("The coordinates are too long a text (%(n)s characters).", n=len(text)))
    return _READERS[rule.format](text.strip(), rule)


def _from_dict(load: Callable[[str], object], quotes: str) -> Callable[[str, CoordinatesRule], Pair]:
    def read(text: str, rule: CoordinatesRule) -> Pair:
        flat = _FLAT.fullmatch(text)
        if flat and flat[2] != flat[5] and flat[1] in quotes and flat[4] in quotes:
            values: object = {flat[2]: float(flat[3]), flat[5]: float(flat[6])}
        else:
            values = load(text)
        return _at(values, rule.lon_key), _at(values, rule.lat_key)

    return read


def _load_json(text: str) -> object:
    _check_depth(text)
    try:
        # A number of thousands of digits takes Python seconds: floats only, and infinities are none.
        return json.loads(text, parse_int=float, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise UnreadableError(_("The coordinates are not readable as JSON: %(text)s", text=_short(text))) from None


def _load_python(text: str) -> object:
    _check_depth(text)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # odd literals warn before they are refused
            return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        message = _("The coordinates are not readable as a Python-style dict: %(text)s", text=_short(text))
        raise UnreadableError(message) from None


def _no_constant(name: str) -> object:
    raise ValueError(name)


def _check_depth(text: str) -> None:
    if sum(text.count(bracket) for bracket in "([{") > MAX_DEPTH:
        raise UnreadableError(_("The coordinates are nested too deep: %(text)s", text=_short(text)))


def _at(values: object, path: str) -> object:
    """The value at a dotted path; numbers are positions in a list."""
    for key in path.split("."):
        if isinstance(values, Mapping) and key in values:
            values = values[key]
        elif isinstance(values, (list, tuple)) and key.isdigit() and int(key) < len(values):
            values = values[int(key)]
        else:
            raise UnreadableError(_("The coordinates have no “%(key)s”.", key=path))
    return values


def _read_pair(text: str) -> tuple[str, str]:
    match = _COMMA_PAIR.fullmatch(text) or _PAIR.fullmatch(text)
    if match is None:
        raise UnreadableError(_("The coordinates are not two numbers: %(text)s", text=_short(text)))
    return match[1], match[2]


def _lon_lat(text: str, rule: CoordinatesRule) -> Pair:  # noqa: ARG001  (one signature for all readers)
    return _read_pair(text)


def _lat_lon(text: str, rule: CoordinatesRule) -> Pair:  # noqa: ARG001
    lat, lon = _read_pair(text)
    return lon, lat


def _wkt(text: str, rule: CoordinatesRule) -> Pair:  # noqa: ARG001
    match = _WKT.fullmatch(text)
    if match is None:
        raise UnreadableError(_("The coordinates are not a WKT point: %(text)s", text=_short(text)))
    return match[1], match[2]


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "…"  # noqa: PLR2004


_READERS: dict[TextFormat, Callable[[str, CoordinatesRule], Pair]] = {
    "python-dict": _from_dict(_load_python, "'\""),
    "json": _from_dict(_load_json, '"'),
    "lon,lat": _lon_lat,
    "lat,lon": _lat_lon,
    "wkt": _wkt,
}
