"""Use case: the open reports around somebody who stands there, the nearest first."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from flask_babel import gettext as _

from app.db.session import UnitOfWork
from app.errors import BadRequestError
from app.people.actor import Actor
from app.people.guards import require_role
from app.places.lattice import FRANCE_LON_LAT, to_lambert93
from app.reports import actions
from app.reports.filters import ReportFilter
from app.reports.rules import OPEN_STATES
from app.reports.store import ReportRow

RADIUS_M = 500.0
MOST = 30
# More than that in one place, and the nearest are among the newest.
WINDOW = 500
KEYS = ("lon", "lat")
_METRES_A_DEGREE = 111_320.0
_DIRECTIONS = 8


@dataclass(frozen=True)
class Near:
    """A report, how far it is (metres of EPSG:2154), and in which of eight directions (0 north, 2 east…)."""

    row: ReportRow
    distance_m: float
    direction: int


def parse_here(args: Mapping[str, str]) -> tuple[float, float] | None:
    """`lon` and `lat` of a query (EPSG:4326 degrees); None when neither is given.

    Raises:
        BadRequestError: one is missing, no number, or far from metropolitan France.

    """
    for name in args:
        if name not in KEYS:
            raise BadRequestError(name[:40], _("there is no such parameter"))
    given = [args.get(name, "").strip().replace(",", ".") for name in KEYS]
    if not any(given):
        return None
    west, south, east, north = FRANCE_LON_LAT
    found = []
    for name, value, least, most in zip(KEYS, given, (west, south), (east, north), strict=True):
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not least <= number <= most:
            message = _("give a number of degrees between %(least)d and %(most)d", least=int(least), most=int(most))
            raise BadRequestError(name, message)
        found.append(number)
    return found[0], found[1]


def around(uow: UnitOfWork, actor: Actor, lon: float, lat: float) -> tuple[Near, ...]:
    """Up to thirty open reports within 500 m that the actor may see.

    Raises:
        NotSignedInError, ForbiddenError: only those who stand there: agents, partners, the coordination.

    """
    require_role(actor, "agent", "partner", "coordinator")
    high, wide = RADIUS_M / _METRES_A_DEGREE, RADIUS_M / (_METRES_A_DEGREE * math.cos(math.radians(lat)))
    box = (lon - wide, lat - high, lon + wide, lat + high)
    rows = actions.list_page(uow, ReportFilter(bbox=box, states=OPEN_STATES), None, limit=WINDOW).rows
    if not rows:
        return ()
    east, north = to_lambert93(np.array([lon, *(row.lon for row in rows)]), np.array([lat, *(row.lat for row in rows)]))
    across, along = east[1:] - east[0], north[1:] - north[0]
    found = [
        Near(row, distance_m := float(np.hypot(dx, dy)), direction(float(dx), float(dy), distance_m))
        for row, dx, dy in zip(rows, across, along, strict=True)
    ]
    inside = [one for one in found if one.distance_m <= RADIUS_M]
    return tuple(sorted(inside, key=lambda one: (one.distance_m, one.row.id))[:MOST])


def direction(east_m: float, north_m: float, distance_m: float) -> int:
    """Which of eight directions, clockwise from north; north for what lies at one's feet."""
    if distance_m == 0:
        return 0
    turn = math.atan2(east_m, north_m) / (2 * math.pi)
    return round(turn * _DIRECTIONS) % _DIRECTIONS
