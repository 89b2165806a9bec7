"""All SQL of routing rules. Frozen rows come out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from app.db.sql import statement
from app.routing.commands import RuleCommand, TryCommand


@dataclass(frozen=True)
class RuleRow:
    """One rule. zone is GeoJSON (EPSG:4326), times are of Europe/Paris."""

    id: int
    position: int
    label: str
    active: bool
    category_code: str | None
    theme_code: str | None
    place_kind: str | None
    zone_place_id: int | None
    zone_place: str | None
    zone: str | None
    weekdays: Sequence[int]
    from_time: time | None
    to_time: time | None
    organisation_slug: str
    organisation: str
    version: int


@dataclass(frozen=True)
class Routed:
    """Where a report goes and why (migrations/sql/0002/routing.sql says what details holds)."""

    organisation_id: int | None
    organisation: str | None
    details: Mapping[str, Any]


@dataclass(frozen=True)
class RecentReport:
    """A report of the last weeks, and where it would go."""

    id: UUID
    category_code: str
    received_at: datetime
    organisation_id: int | None
    organisation: str | None
    details: Mapping[str, Any]


@dataclass(frozen=True)
class ZonePlace:
    """An area that a rule can be for."""

    id: int
    kind: str
    name: str


_RULES = statement("routing", "rules")
_ALL = text(f"{_RULES} ORDER BY routing_rule.position, routing_rule.id")
_ONE = text(f"{_RULES} WHERE routing_rule.id = :id")
_RECENT = text(statement("routing", "recent"))
_ZONES = text(
    "SELECT id, kind, name FROM place WHERE kind IN ('commune', 'neighbourhood', 'qpv', 'iris') AND closed_at IS NULL"
    " AND (kind <> 'commune' OR is_territory) ORDER BY kind, name, id"
)
_LOCK = text("SELECT id FROM routing_rule ORDER BY position, id FOR UPDATE")
_RENUMBER = text(
    "UPDATE routing_rule SET position = new.position FROM unnest(CAST(:ids AS integer[])) WITH ORDINALITY"
    " AS new (id, position) WHERE routing_rule.id = new.id AND routing_rule.position <> new.position"
)
_ADD = text("""
    INSERT INTO routing_rule (position, label, active, category_code, theme_code, place_kind, zone_place_id, zone_4326,
        weekdays, from_time, to_time, organisation_id)
    SELECT 1 + coalesce(max(position), 0), :label, :active, :category, :theme, :place_kind, :zone_place_id,
        ST_SetSRID(ST_GeomFromGeoJSON(:zone), 4326), CAST(:weekdays AS smallint[]), :from_time, :to_time,
        :organisation_id
    FROM routing_rule RETURNING id
""")
_CHANGE = text("""
    UPDATE routing_rule SET label = :label, active = :active, category_code = :category, theme_code = :theme,
        place_kind = :place_kind, zone_place_id = :zone_place_id,
        zone_4326 = ST_SetSRID(ST_GeomFromGeoJSON(:zone), 4326), weekdays = CAST(:weekdays AS smallint[]),
        from_time = :from_time, to_time = :to_time, organisation_id = :organisation_id, version = version + 1,
        changed_at = now()
    WHERE id = :id AND version = :version
""")
_SWITCH = text("UPDATE routing_rule SET active = :active, version = version + 1, changed_at = now() WHERE id = :id")
_TRY = text(
    "SELECT routed.organisation_id, organisation.name AS organisation, routed.details"
    " FROM route(:category, ST_SetSRID(ST_MakePoint(:lon, :lat), 4326), NULL, :at) AS routed"
    " LEFT JOIN organisation ON organisation.id = routed.organisation_id"
)


def list_rules(connection: Connection) -> tuple[RuleRow, ...]:
    """Every rule, switched off or not, in the order in which they are tried."""
    return tuple(RuleRow(**row) for row in connection.execute(_ALL).mappings())


def get_rule(connection: Connection, rule_id: int) -> RuleRow | None:
    """One rule."""
    row = connection.execute(_ONE, {"id": rule_id}).mappings().one_or_none()
    return None if row is None else RuleRow(**row)


def _binds(command: RuleCommand, organisation_id: int) -> dict[str, Any]:
    values = command.model_dump(exclude={"organisation", "position", "version"})
    return values | {"organisation_id": organisation_id, "weekdays": sorted(set(command.weekdays)) or None}


def add_rule(connection: Connection, command: RuleCommand, organisation_id: int) -> int:
    """Add a rule behind the others; its id."""
    return int(connection.execute(_ADD, _binds(command, organisation_id)).scalar_one())


def change_rule(connection: Connection, rule_id: int, command: RuleCommand, organisation_id: int) -> bool:
    """Change a rule if its version is still the command's; whether it was."""
    binds = _binds(command, organisation_id) | {"id": rule_id, "version": command.version}
    return connection.execute(_CHANGE, binds).rowcount == 1


def switch_rule(connection: Connection, rule_id: int, *, active: bool) -> bool:
    """Switch a rule on or off; whether there is such a rule."""
    return connection.execute(_SWITCH, {"id": rule_id, "active": active}).rowcount == 1


def lock_order(connection: Connection) -> list[int]:
    """The rules' ids in order, kept from others until the transaction ends."""
    return list(connection.scalars(_LOCK))


def set_order(connection: Connection, ids: Sequence[int]) -> None:
    """Number the rules 1, 2, 3 … in this order."""
    connection.execute(_RENUMBER, {"ids": list(ids)})


def recent_reports(connection: Connection, since: datetime, *, limit: int) -> tuple[RecentReport, ...]:
    """Where the newest reports would go by the rules as they stand in this transaction."""
    rows = connection.execute(_RECENT, {"since": since, "limit": limit}).mappings()
    return tuple(RecentReport(**row) for row in rows)


def route(connection: Connection, wanted: TryCommand) -> Routed:
    """Where a made-up report would go."""
    return Routed(**connection.execute(_TRY, wanted.model_dump()).mappings().one())


def zone_places(connection: Connection) -> tuple[ZonePlace, ...]:
    """The areas that a rule can be for."""
    return tuple(ZonePlace(**row) for row in connection.execute(_ZONES).mappings())
