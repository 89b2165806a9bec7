"""All SQL of duplicates: what is near, merging, groups. Frozen rows come out."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from app.db.sql import statement
from app.reports.duplicates_near import cells_within
from app.reports.rules import OPEN_STATES
from app.reports.store import ReportRow
from app.reports.workflow import Confirmations


@dataclass(frozen=True)
class Spot:
    """A theme, a point (EPSG:4326 degrees) and the metres (EPSG:2154) up to which it is one place.

    category: the one that comes first among those of the theme; None: none does.
    """

    theme: str
    category: str | None
    lon: float
    lat: float
    distance_m: float


@dataclass(frozen=True)
class NearRow:
    """A report near a spot."""

    id: UUID
    category: str
    state: str
    visibility: str
    observed_at: datetime
    organisation: str | None
    distance_m: float


@dataclass(frozen=True)
class GroupRow:
    """What a report stands for: how many were merged into it, and what people on the spot said of any of them."""

    merged: int
    confirmations: Confirmations


@dataclass(frozen=True)
class Kept:
    """The report that a merged one counts with in the end."""

    id: UUID
    state: str


@dataclass(frozen=True)
class BeforeMerge:
    """What a report was when it became a duplicate, and since when it is one."""

    state: str | None
    at: datetime


_NEAR = statement("reports", "near")
_GROUPS = text("SELECT * FROM report_groups(CAST(:ids AS uuid[]))")
_KEPT = text("SELECT kept_id AS id, kept_state AS state FROM kept_report(:id)")
_LOCK = text("SELECT lock_for_merge(CAST(:ids AS uuid[]))")
_MERGE = text(statement("reports", "merge"))
_BEFORE = text(
    "SELECT from_state AS state, at FROM report_event WHERE report_id = :id AND to_state = 'duplicate'"
    " ORDER BY at DESC, id DESC LIMIT 1"
)
# One step after the other by the index on duplicate_of; under the actor's own row-level security.
_MEMBERS = text(f"""
    WITH RECURSIVE members AS (
        SELECT id FROM report WHERE duplicate_of = :id
        UNION SELECT report.id FROM members JOIN report ON report.duplicate_of = members.id
    )
    {statement("reports", "select")} WHERE report.id IN (SELECT id FROM members)
    ORDER BY report.observed_at DESC, report.id LIMIT :limit
""")  # noqa: S608  (a file of ours)


def open_near(
    connection: Connection, spot: Spot, *, limit: int, leave_out: Collection[UUID] = (), restricted: bool | None = None
) -> tuple[NearRow, ...]:
    """Open reports of the spot's theme within its distance that the actor may see; its category, then the nearest.

    restricted: only such, only others, or (None) either.
    """
    more = "AND report.state = ANY (:open_states) AND report.id <> ALL (CAST(:leave_out AS uuid[]))"
    if restricted is not None:
        more += " AND (report.visibility = 'restricted') = :restricted"
    binds = {"open_states": list(OPEN_STATES), "leave_out": list(leave_out), "restricted": restricted}
    order = "report.category_code IS DISTINCT FROM :category, distance_m, report.observed_at DESC, report.id"
    return near(connection, spot, more, binds, order=order, limit=limit)


def near(
    connection: Connection, spot: Spot, more: str, binds: Mapping[str, Any], *, order: str, limit: int
) -> tuple[NearRow, ...]:
    """Reports at a spot that fit `more` (fixed text with binds, never a value)."""
    cells = cells_within(spot.lon, spot.lat, spot.distance_m)
    if not cells:  # nowhere near, and the projection may not know the point at all
        return ()
    query = text(f"{_NEAR} {more} ORDER BY {order} LIMIT :limit")
    rows = connection.execute(query, vars(spot) | dict(binds) | {"cells": cells, "limit": limit}).mappings()
    return tuple(NearRow(**row) for row in rows)


def groups(connection: Connection, ids: Collection[UUID]) -> dict[UUID, GroupRow]:
    """For each of these reports that the actor has read: what it stands for. The same whoever asks."""
    rows = connection.execute(_GROUPS, {"ids": list(ids)})
    return {
        row.kept_id: GroupRow(
            int(row.merged),
            Confirmations(int(row.still_there), row.last_still_there, int(row.gone), row.last_gone),
        )
        for row in rows
    }


def members(connection: Connection, report_id: UUID, *, limit: int) -> tuple[ReportRow, ...]:
    """The reports merged into this one, directly or through another, that the actor may see; the newest first."""
    rows = connection.execute(_MEMBERS, {"id": report_id, "limit": limit}).mappings()
    return tuple(ReportRow(**row) for row in rows)


def kept(connection: Connection, report_id: UUID) -> Kept | None:
    """What a merged report counts with; None when it was not merged, or only marked by an import."""
    row = connection.execute(_KEPT, {"id": report_id}).mappings().one_or_none()
    return None if row is None else Kept(**row)


def lock_for_merge(connection: Connection, ids: Collection[UUID]) -> None:
    """Until the transaction ends, nobody else merges and nobody changes these reports. Read them after this."""
    connection.execute(_LOCK, {"ids": list(ids)})


def set_merged(connection: Connection, values: Mapping[str, Any]) -> bool:
    """Merge (duplicate_of) or unmerge (None) if the report's version is still `version`; whether it was."""
    return connection.execute(_MERGE, dict(values)).rowcount == 1


def before_merge(connection: Connection, report_id: UUID) -> BeforeMerge | None:
    """The state that unmerging gives back, from the history."""
    row = connection.execute(_BEFORE, {"id": report_id}).mappings().one_or_none()
    return None if row is None else BeforeMerge(**row)
