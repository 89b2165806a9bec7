"""The SQL of what a phone takes along."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
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
_ROUNDS = text("""
    SELECT coalesce(json_agg(json_build_object(
        'id', id, 'kind', kind, 'title', title, 'state', state, 'starts_at', starts_at,
        'stops', (SELECT coalesce(json_agg(json_build_object(
            'stop', position, 'name', name, 'note', note, 'place_id', place_id,
            'lon', round(ST_X(geom_4326)::numeric, 6), 'lat', round(ST_Y(geom_4326)::numeric, 6)
        ) ORDER BY position), '[]') FROM patrol_stop WHERE patrol_id = known.id),
        'passages', (SELECT coalesce(json_agg(json_build_object(
            'id', passage.id, 'stop', position, 'name', coalesce(passage.name, stop.name),
            'outcome', outcome, 'passed_at', passed_at
        ) ORDER BY passed_at, passage.id), '[]')
        FROM patrol_passage AS passage LEFT JOIN patrol_stop AS stop ON stop.id = stop_id
        WHERE passage.patrol_id = known.id)
    ) ORDER BY starts_at DESC, id), '[]')::text
    FROM (
        SELECT id, kind, title, state, to_char(starts_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS starts_at
        FROM patrol
        WHERE organisation_id = :organisation_id AND (state = 'open' OR state = 'planned' AND starts_at < :until)
        ORDER BY patrol.starts_at DESC, id LIMIT :most
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


def rounds(connection: Connection, organisation_id: int | None, *, until: datetime, most: int) -> list[dict[str, Any]]:
    """An organisation's rounds under way, or planned before `until`, with stops and passages; the latest first."""
    binds = {"organisation_id": organisation_id, "until": until, "most": most}
    found: list[dict[str, Any]] = json.loads(connection.execute(_ROUNDS, binds).scalar_one())
    return found
