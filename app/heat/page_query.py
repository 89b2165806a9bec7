"""What the map page's address holds beside the filter: a second period, the layers, the table, the place on the map."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flask_babel import gettext as _

from app.errors import BadRequestError
from app.heat.measures import PARAMETERS
from app.heat.selection import FILTER_KEYS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from werkzeug.datastructures import MultiDict

# What tiles, legend, table and values know; the box is left to the map itself.
HEAT_KEYS = (*FILTER_KEYS, "bandwidth", *PARAMETERS, "top")
SECOND = {"from2": "from", "to2": "to"}
PAGE_KEYS = ("by", "rows", "layers", "at", "step", *SECOND)
# In the order of the list on the page. The first three are drawn from tiles, the others are kinds of places.
LAYERS = ("heat", "clusters", "reports", "neighbourhood", "qpv", "iris", "line", "stop", "residence", "school")
USUAL_LAYERS = ("heat", "reports", "neighbourhood", "line", "stop")
NO_LAYERS = "none"
_AT_NUMBERS = 3
_ZOOMS = 8.0, 20.0


@dataclass(frozen=True)
class PageQuery:
    """The page's own parameters. `heat` has one entry a picture: the first period, and the second when there is one."""

    heat: tuple[dict[str, str], ...]
    layers: tuple[str, ...]
    all_rows: bool

    @property
    def is_compared(self) -> bool:
        """Whether two periods are side by side."""
        return len(self.heat) > 1


def joined(args: MultiDict[str, str]) -> dict[str, str]:
    """The parameters without empty ones; one that is there more than once (ticked boxes) becomes a list."""
    found = {key: ",".join(part for part in args.getlist(key) if part.strip()) for key in args}
    return {key: value for key, value in found.items() if value}


def parse_page(args: Mapping[str, str], also: tuple[str, ...] = ()) -> PageQuery:
    """The page's parameters; `also` names what else the asking route knows.

    Raises:
        BadRequestError: names the parameter.

    """
    for name in args:
        if name not in HEAT_KEYS and name not in PAGE_KEYS and name not in also:
            raise BadRequestError(name[:40], _("there is no such parameter"))
    _check_at(args)
    first = {key: value for key, value in args.items() if key in HEAT_KEYS}
    return PageQuery(_pictures(first, args), _layers(args), args.get("rows", "") == "all")


def _pictures(first: dict[str, str], args: Mapping[str, str]) -> tuple[dict[str, str], ...]:
    given = {SECOND[name]: args[name] for name in SECOND if args.get(name)}
    if not given:
        return (first,)
    for name, plain in SECOND.items():
        if plain not in given:
            raise BadRequestError(name, _("the second period needs both its first and its last day"))
    if given["from"] > given["to"]:
        raise BadRequestError("to2", _("the end lies before the start"))
    return first, first | given


def _layers(args: Mapping[str, str]) -> tuple[str, ...]:
    value = args.get("layers", "").strip()
    if not value:
        return USUAL_LAYERS
    names = {part.strip() for part in value.split(",")} - {"", NO_LAYERS}
    for name in names:
        if name not in LAYERS:
            raise BadRequestError("layers", _("choose one of: %(known)s", known=", ".join((*LAYERS, NO_LAYERS))))
    return tuple(name for name in LAYERS if name in names)


def _check_at(args: Mapping[str, str]) -> None:
    """`at` is read by the page's script; here it is only kept from being nonsense."""
    value = args.get("at", "").strip()
    if not value:
        return
    try:
        numbers = [float(part) for part in value.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) == _AT_NUMBERS and all(math.isfinite(number) for number in numbers):
        lat, lon, zoom = numbers
        if abs(lat) <= 85 and abs(lon) <= 180 and _ZOOMS[0] <= zoom <= _ZOOMS[1]:  # noqa: PLR2004
            return
    raise BadRequestError("at", _("write latitude,longitude,zoom, as the page does"))
