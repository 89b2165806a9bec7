"""The vector tiles' only SQL: a tile's reports, and an organisation's own reports in cells. Both as the actor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from sqlalchemy import text

from app.db.sql import statement
from app.heat.cube import Array
from app.heat.mvt import EXTENT, MARGIN, Tile
from app.reports.filters import ReportFilter, conditions
from app.reports.rules import OPEN_STATES, WITHDRAWN_STATES

if TYPE_CHECKING:
    from app.db.session import UnitOfWork
    from app.people.actor import Actor

# A tile with more is answered with clusters: nobody can tell so many dots apart, and a browser must hold them.
POINTS_MOST = 20_000

# Which rows of its own an organisation reads beyond what its role reads of everybody's (migrations: report_read).
BEYOND_ROLE = {
    "partner": "report.visibility = 'restricted'",
    "agent": "(report.visibility = 'restricted' OR report.state <> ALL (:open))",
}


@dataclass(frozen=True)
class OwnCells:
    """Reports in cells of 25 m; one entry for each cell, category and severity."""

    cell_25m: Array
    category: Array  # category numbers
    severity: Array
    reports: Array


def reports_tile(uow: UnitOfWork, chosen: ReportFilter, tile: Tile) -> bytes | None:
    """The layer `reports` of a tile, without bytes when it is empty; None when there are more than POINTS_MOST."""
    here = chosen.model_copy(update={"bbox": tile.lon_lat(MARGIN / EXTENT)})
    parts, binds = conditions(here)
    query = statement("heat", "mvt_reports").replace("{conditions}", " AND ".join(parts))
    binds |= {"z": tile.z, "x": tile.x, "y": tile.y, "extent": EXTENT, "margin": MARGIN}
    binds |= {"most": POINTS_MOST, "withdrawn": sorted(WITHDRAWN_STATES)}
    row = uow.connection.execute(text(query), binds).one()
    if row.reports > POINTS_MOST:
        return None
    return bytes(row.tile) if row.reports else b""


def own_cells(uow: UnitOfWork, actor: Actor, chosen: ReportFilter) -> OwnCells | None:
    """The organisation's own reports that its role alone would not show; None when the role has no such rule."""
    if actor.role not in BEYOND_ROLE or actor.organisation_id is None:
        return None
    parts, binds = conditions(chosen)
    query = statement("heat", "mvt_own").replace("{beyond}", BEYOND_ROLE[actor.role])
    query = query.replace("{conditions}", " AND ".join(parts or ["true"]))
    binds |= {"own": actor.organisation_id, "withdrawn": sorted(WITHDRAWN_STATES)}
    if actor.role == "agent":
        binds["open"] = list(OPEN_STATES)
    found = [tuple(row) for row in uow.connection.execute(text(query), binds)]
    columns = np.array(found, np.int64).reshape(-1, 4).T
    return OwnCells(columns[0], columns[1], columns[2], columns[3])
