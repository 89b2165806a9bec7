"""All SQL of interventions. Frozen rows come out."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from app.db.sql import statement
from app.interventions.filters import InterventionFilter, conditions
from app.reports.store import EventRow, ReportRow


@dataclass(frozen=True)
class InterventionRow:
    """One intervention without its author. geometry: GeoJSON text in EPSG:4326; lon, lat: a point on it, degrees."""

    id: UUID
    kind: str
    kind_fr: str
    kind_en: str
    geometry: str
    lon: float
    lat: float
    state: str
    visibility: str
    planned_start: datetime | None
    planned_end: datetime | None
    done_start: datetime | None
    done_end: datetime | None
    starts_at: datetime
    ends_at: datetime
    organisation_id: int
    organisation: str
    organisation_kind: str
    teams: Sequence[str]
    team_size: int | None
    cost_eur: Decimal | None
    hours: Decimal | None
    description: str | None
    neighbourhood: str | None
    qpv_id: int | None
    qpv: str | None
    source: str
    is_synthetic: bool
    version: int
    # As far as the actor sees them.
    reports: int
    reporter_organisation_ids: Sequence[int]

    def kind_label(self, locale: str) -> str:
        """The kind in the reader's language."""
        return self.kind_en if locale == "en" else self.kind_fr


@dataclass(frozen=True)
class Named:
    """A code of the nomenclature with its labels."""

    code: str
    label_fr: str
    label_en: str
    active: bool

    def label(self, locale: str) -> str:
        """The label in the reader's language."""
        return self.label_en if locale == "en" else self.label_fr


@dataclass(frozen=True)
class Cursor:
    """Where a page ended: the last row's key in (starts_at DESC, id)."""

    starts_at: datetime
    id: UUID


_SELECT = statement("interventions", "select")
_ADD = text(statement("interventions", "add"))
_CHANGE = text(statement("interventions", "change"))
_ONE = text(f"{_SELECT} WHERE intervention.id = :id")
_KINDS = text("SELECT code, label_fr, label_en, active FROM intervention_kind ORDER BY position, code")
_TEAMS = text("SELECT code, label_fr, label_en, active FROM intervention_team ORDER BY position, code")
_SAME_BODY = text(
    "SELECT body_sha256 = :body_sha256 AND author_account_id = :account_id FROM intervention WHERE id = :id"
)
_EVENTS = text(
    "SELECT at, intervention_event.kind, from_state, to_state, organisation.name AS organisation, role, details"
    " FROM intervention_event LEFT JOIN organisation ON organisation.id = organisation_id"
    " WHERE intervention_id = :id ORDER BY intervention_event.at, intervention_event.id"
)
_EVENT = text("""
    INSERT INTO intervention_event (intervention_id, at, kind, from_state, to_state, organisation_id, account_id, role,
                                    details)
    VALUES (:intervention_id, :at, :kind, :from_state, :to_state, :organisation_id, :account_id, :role,
            CAST(:details AS jsonb))
""")
_MOVE = text("""
    UPDATE intervention SET state = :state, done_start = :done_start, done_end = :done_end
    WHERE id = :id AND version = :version
""")
_LINKED = text(
    statement("reports", "select")  # noqa: S608  (a file of ours)
    + " WHERE report.id IN (SELECT report_id FROM intervention_report WHERE intervention_id = :id)"
    " ORDER BY report.observed_at DESC, report.id"
)
_OF_REPORT = text(
    f"{_SELECT} WHERE intervention.id IN"  # noqa: S608  (a file of ours)
    " (SELECT intervention_id FROM intervention_report WHERE report_id = :report_id)"
    " ORDER BY intervention.starts_at DESC, intervention.id"
)
_LINK = text("""
    INSERT INTO intervention_report (intervention_id, report_id, linked_at) VALUES (:id, :report_id, :now)
    ON CONFLICT DO NOTHING
""")
_UNLINK = text("DELETE FROM intervention_report WHERE intervention_id = :id AND report_id = :report_id")
_HIDE = text("UPDATE intervention SET visibility = 'restricted' WHERE id = :id AND visibility <> 'restricted'")
_LOCATE_AGAIN = text("""
    UPDATE intervention SET neighbourhood_id = located.neighbourhood_id, qpv_id = located.qpv_id
    FROM intervention AS old CROSS JOIN LATERAL places_of(ST_PointOnSurface(old.geom_4326)) AS located
    WHERE old.id = intervention.id AND (intervention.neighbourhood_id, intervention.qpv_id)
        IS DISTINCT FROM (located.neighbourhood_id, located.qpv_id)
""")
_NEIGHBOURHOODS = text(
    "SELECT id, name FROM place WHERE kind = 'neighbourhood' AND closed_at IS NULL ORDER BY name, id LIMIT 500"
)


def locate_again(connection: Connection) -> int:
    """Look every intervention's places up again, after the reference geography changed. Returns how many moved."""
    return connection.execute(_LOCATE_AGAIN).rowcount


def kinds(connection: Connection) -> tuple[Named, ...]:
    """The kinds of interventions, in the order of the screens."""
    return tuple(Named(**row) for row in connection.execute(_KINDS).mappings())


def teams(connection: Connection) -> tuple[Named, ...]:
    """The kinds of teams, in the order of the screens."""
    return tuple(Named(**row) for row in connection.execute(_TEAMS).mappings())


def neighbourhoods(connection: Connection) -> tuple[tuple[int, str], ...]:
    """The open neighbourhoods, by name."""
    return tuple((int(row.id), str(row.name)) for row in connection.execute(_NEIGHBOURHOODS))


def add(connection: Connection, values: Mapping[str, Any]) -> bool:
    """Store a new intervention; False when its id is taken."""
    return connection.execute(_ADD, dict(values)).rowcount == 1


def change(connection: Connection, values: Mapping[str, Any]) -> bool:
    """Change the details if the version is still `version`; whether it was."""
    return connection.execute(_CHANGE, dict(values)).rowcount == 1


def move(connection: Connection, values: Mapping[str, Any]) -> bool:
    """Change state and done times if the version is still `version`; whether it was."""
    return connection.execute(_MOVE, dict(values)).rowcount == 1


def hide(connection: Connection, intervention_id: UUID) -> bool:
    """Make it restricted; whether it was not."""
    return connection.execute(_HIDE, {"id": intervention_id}).rowcount == 1


def is_same_body(connection: Connection, intervention_id: UUID, body_sha256: bytes, account_id: int | None) -> bool:
    """Whether the stored intervention of this id came from this account with this very body."""
    binds = {"id": intervention_id, "body_sha256": body_sha256, "account_id": account_id}
    return bool(connection.execute(_SAME_BODY, binds).scalar_one_or_none())


def get(connection: Connection, intervention_id: UUID) -> InterventionRow | None:
    """One intervention that the actor may see."""
    row = connection.execute(_ONE, {"id": intervention_id}).mappings().one_or_none()
    return None if row is None else InterventionRow(**row)


def events(connection: Connection, intervention_id: UUID) -> tuple[EventRow, ...]:
    """An intervention's history, oldest first."""
    return tuple(EventRow(**row) for row in connection.execute(_EVENTS, {"id": intervention_id}).mappings())


def add_event(connection: Connection, values: Mapping[str, Any]) -> None:
    """One more line of history."""
    connection.execute(_EVENT, dict(values) | {"details": json.dumps(values["details"], ensure_ascii=False)})


def linked_reports(connection: Connection, intervention_id: UUID) -> tuple[ReportRow, ...]:
    """The reports that it answers and that the actor may see, the newest first."""
    return tuple(ReportRow(**row) for row in connection.execute(_LINKED, {"id": intervention_id}).mappings())


def of_report(connection: Connection, report_id: UUID) -> tuple[InterventionRow, ...]:
    """The interventions on one report that the actor may see, the newest first."""
    return tuple(InterventionRow(**row) for row in connection.execute(_OF_REPORT, {"report_id": report_id}).mappings())


def link(connection: Connection, intervention_id: UUID, report_id: UUID, now: datetime) -> bool:
    """Link a report; False when it is linked already."""
    return connection.execute(_LINK, {"id": intervention_id, "report_id": report_id, "now": now}).rowcount == 1


def unlink(connection: Connection, intervention_id: UUID, report_id: UUID) -> bool:
    """Remove a link; False when there is none."""
    return connection.execute(_UNLINK, {"id": intervention_id, "report_id": report_id}).rowcount == 1


def listed(
    connection: Connection, chosen: InterventionFilter, *, limit: int, after: Cursor | None = None
) -> tuple[InterventionRow, ...]:
    """The latest interventions first, one page from after the cursor."""
    parts, binds = conditions(chosen)
    if after is not None:
        parts.append("intervention.starts_at <= :after_at")
        parts.append("(intervention.starts_at < :after_at OR intervention.id > :after_id)")
        binds.update(after_at=after.starts_at, after_id=after.id)
    # The conditions come from app/interventions/filters.py: fixed texts with binds, never a value.
    where = f" WHERE {' AND '.join(parts)}" if parts else ""
    query = text(f"{_SELECT}{where} ORDER BY intervention.starts_at DESC, intervention.id LIMIT :limit")
    return tuple(InterventionRow(**row) for row in connection.execute(query, binds | {"limit": limit}).mappings())


def by_ids(connection: Connection, ids: Collection[UUID]) -> tuple[InterventionRow, ...]:
    """Those of these ids that the actor may see, the latest first."""
    query = text(f"{_SELECT} WHERE intervention.id = ANY(:ids) ORDER BY intervention.starts_at DESC, intervention.id")
    return tuple(InterventionRow(**row) for row in connection.execute(query, {"ids": list(ids)}).mappings())
