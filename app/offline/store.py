"""The SQL of what a phone takes along."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from app.reports.rules import OPEN_STATES

# What people stand in front of.
PLACE_KINDS = ("stop", "residence", "school")
MOST_PLACES = 20_000


@dataclass(frozen=True)
class OfflineAccount:
    """What seals the queue of one account: a name that tells nothing, and 32 bytes."""

    tag: UUID
    key: bytes


_ADD = text("INSERT INTO offline_account (account_id, key) VALUES (:account_id, :key) ON CONFLICT DO NOTHING")
_GET = text("SELECT tag, key FROM offline_account WHERE account_id = :account_id")
_PLACES = text("""
    SELECT coalesce(json_agg(json_build_array(id, kind, name, round(lon::numeric, 6), round(lat::numeric, 6))
        ORDER BY kind, id), '[]')::text
    FROM (
        SELECT id, kind, name, ST_X(point) AS lon, ST_Y(point) AS lat
        FROM place CROSS JOIN LATERAL ST_PointOnSurface(geom_4326) AS point
        WHERE kind = ANY(:kinds) AND closed_at IS NULL
        ORDER BY id LIMIT :most
    ) AS known
""")
_REPORTS = text("""
    SELECT coalesce(json_agg(json_build_array(id, category_code, round(lon::numeric, 6), round(lat::numeric, 6),
        severity, state, observed_at, version) ORDER BY received_at DESC, id), '[]')::text
    FROM (
        SELECT id, category_code, ST_X(geom_4326) AS lon, ST_Y(geom_4326) AS lat, severity, state, version,
            to_char(observed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS observed_at, received_at
        FROM report WHERE state = ANY(:open_states)
        ORDER BY received_at DESC, id LIMIT :most
    ) AS known
""")


def get_account(connection: Connection, account_id: int) -> OfflineAccount | None:
    """The actor's own, None before the first time."""
    row = connection.execute(_GET, {"account_id": account_id}).mappings().one_or_none()
    return None if row is None else OfflineAccount(row["tag"], bytes(row["key"]))


def add_account(connection: Connection, account_id: int, key: bytes) -> None:
    """Give the actor a key, once: a second one changes nothing."""
    connection.execute(_ADD, {"account_id": account_id, "key": key})


def places(connection: Connection) -> list[list[Any]]:
    """Open places as [id, kind, name, lon, lat], EPSG:4326 degrees; of an area, a point inside."""
    found: list[list[Any]] = json.loads(
        connection.execute(_PLACES, {"kinds": list(PLACE_KINDS), "most": MOST_PLACES}).scalar_one()
    )
    return found


def open_reports(connection: Connection, *, most: int) -> list[list[Any]]:
    """Open reports that the actor may see as [id, category, lon, lat, severity, state, observed_at, version]."""
    found: list[list[Any]] = json.loads(
        connection.execute(_REPORTS, {"open_states": list(OPEN_STATES), "most": most}).scalar_one()
    )
    return found
