"""Places that come back: the how-manieth report of a theme it is at its place, and where that happens most (0016).

For pages and dashboards: both see what the actor may see, no more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import numpy as np
from sqlalchemy import Connection, text

from app.db.sql import statement
from app.nomenclature.store import Nomenclature
from app.places.lattice import cell_column_row, to_lambert93
from app.reports import duplicates_store
from app.reports.duplicates_near import cells_within
from app.reports.duplicates_rules import RECURRENCE_DAYS
from app.reports.duplicates_store import NearRow, Spot
from app.reports.rules import OPEN_STATES, WITHDRAWN_STATES
from app.reports.store import ReportRow

MOST_EARLIER = 5
# Of the squares where most was reported: so many times the places wanted are looked at exactly.
_LOOKED_AT = 4


@dataclass(frozen=True)
class Recurrence:
    """The nth report of its theme at its place in the RECURRENCE_DAYS up to it (itself counts), the first one then."""

    nth: int
    first_at: datetime


@dataclass(frozen=True)
class RecurringPlace:
    """Around a point (EPSG:4326 degrees, within distance_m): what was reported of one theme in a period."""

    theme: str
    category: str
    lon: float
    lat: float
    distance_m: float
    reports: int
    still_open: int
    first_at: datetime
    last_at: datetime
    place: str | None
    nearest_stop: str | None
    neighbourhood: str | None


_RECURRENCES = text(statement("reports", "recurrences"))
_CELLS = text(statement("reports", "recurring_cells"))
_PLACE = text(statement("reports", "recurring_place"))
_WITHDRAWN = sorted(WITHDRAWN_STATES)


def recurrences(
    connection: Connection, rows: Sequence[ReportRow], nomenclature: Nomenclature
) -> dict[UUID, Recurrence]:
    """For a page of reports, in one statement. Withdrawn reports (duplicates, rejected) are not in the answer."""
    asked = [row for row in rows if row.state not in WITHDRAWN_STATES]
    if not asked:
        return {}
    distances_m = [nomenclature.category_by_code[row.category].duplicate_distance_m for row in asked]
    squares = [
        (ordinal, cell)
        for ordinal, (row, distance_m) in enumerate(zip(asked, distances_m, strict=True), start=1)
        for cell in cells_within(row.lon, row.lat, distance_m)
    ]
    binds = {
        "ids": [row.id for row in asked],
        "themes": [row.theme for row in asked],
        "moments": [row.observed_at for row in asked],
        "distances_m": distances_m,
        "lons": [row.lon for row in asked],
        "lats": [row.lat for row in asked],
        "ordinals": [ordinal for ordinal, _cell in squares],
        "cells": [cell for _ordinal, cell in squares],
        "days": RECURRENCE_DAYS,
        "withdrawn": _WITHDRAWN,
    }
    return {row.id: Recurrence(int(row.nth), row.first_at) for row in connection.execute(_RECURRENCES, binds)}


def earlier_here(connection: Connection, row: ReportRow, spot: Spot) -> tuple[NearRow, ...]:
    """The reports that a recurrence counts besides the report itself, the latest first; five at most."""
    more = (
        "AND report.state <> ALL (:withdrawn) AND report.id <> :id AND report.observed_at <= :at"
        " AND report.observed_at > :at - make_interval(days => :days)"
    )
    binds = {"withdrawn": _WITHDRAWN, "id": row.id, "at": row.observed_at, "days": RECURRENCE_DAYS}
    order = "report.observed_at DESC, report.id"
    return duplicates_store.near(connection, spot, more, binds, order=order, limit=MOST_EARLIER)


def recurring_places(
    connection: Connection,
    nomenclature: Nomenclature,
    *,
    start: datetime,
    end: datetime,
    organisation_id: int | None = None,
    at_least: int = 3,
    most: int = 10,
) -> tuple[RecurringPlace, ...]:
    """Where a theme was reported at least so often from `start` up to (not including) `end`, the most often first.

    Of one organisation's reports, or all that the actor may see. A place is a circle of its theme's distance around the
    middle of the reports in its busiest square of 25 m; the circles of one theme do not overlap.
    Duplicates and rejected reports do not count.
    """
    period = {"start": start, "end": end, "organisation_id": organisation_id, "withdrawn": _WITHDRAWN}
    squares = connection.execute(_CELLS, period).mappings().all()
    if not squares:
        return ()
    found: list[RecurringPlace] = []
    for spot in _busiest(squares, nomenclature, most=_LOOKED_AT * most):
        cells = cells_within(spot.lon, spot.lat, spot.distance_m)
        binds = period | vars(spot) | {"cells": cells, "open_states": list(OPEN_STATES)}
        row = connection.execute(_PLACE, binds).mappings().one()
        if row["reports"] >= at_least:
            found.append(RecurringPlace(**vars(spot) | dict(row)))
    found.sort(key=lambda place: (-place.reports, place.theme, place.lon, place.lat))
    return tuple(found[:most])


def _busiest(squares: Sequence[Mapping[Any, Any]], nomenclature: Nomenclature, *, most: int) -> list[Spot]:
    """The squares with most reports in and around them, as spots whose circles do not overlap within a theme."""
    columns, rows = cell_column_row([square["cell_25m"] for square in squares])  # type: ignore[arg-type]
    where = [(square["theme"], int(c), int(r)) for square, c, r in zip(squares, columns, rows, strict=True)]
    count = {key: int(square["reports"]) for key, square in zip(where, squares, strict=True)}
    around = [
        sum(count.get((theme, c + across, r + up), 0) for across in (-1, 0, 1) for up in (-1, 0, 1))
        for theme, c, r in where
    ]
    east, north = to_lambert93([s["lon"] for s in squares], [s["lat"] for s in squares])  # type: ignore[arg-type]
    chosen: list[tuple[Spot, int]] = []
    for i in sorted(range(len(where)), key=lambda i: (-around[i], -count[where[i]], where[i])):
        square, theme = squares[i], squares[i]["theme"]
        distance_m = float(nomenclature.theme_by_code[theme].duplicate_distance_m)
        if all(
            spot.theme != theme or np.hypot(east[i] - east[j], north[i] - north[j]) > 2 * distance_m
            for spot, j in chosen
        ):
            chosen.append((Spot(theme, None, float(square["lon"]), float(square["lat"]), distance_m), i))
        if len(chosen) == most:
            break
    return [spot for spot, _i in chosen]
