"""The SQL of GeoReport's requests, and of the setting. Frozen rows come out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from app.db.sql import statement
from app.open311.commands import RequestQuery
from app.open311.rules import RESIDENT_SOURCE
from app.reports.filters import add_codes
from app.reports.store import ReportRow

_SELECT = statement("reports", "select")
_ORDER = "ORDER BY report.received_at DESC, report.id"
_UPDATED = text("SELECT report_id, max(at) AS at FROM report_event WHERE report_id = ANY(:ids) GROUP BY report_id")
_JURISDICTIONS = text("SELECT code FROM place WHERE is_territory AND closed_at IS NULL ORDER BY id")
_SETTING = text("""
    SELECT residents, account_id, organisation_id, organisation.slug AS organisation, most_a_day
    FROM open311_setting JOIN account ON account.id = account_id
    JOIN organisation ON organisation.id = organisation_id
""")
_SAVE_SETTING = text("""
    INSERT INTO open311_setting (residents, account_id, most_a_day) VALUES (:residents, :account_id, :most_a_day)
    ON CONFLICT (id) DO UPDATE SET residents = :residents, account_id = :account_id, most_a_day = :most_a_day,
        changed_at = now()
""")
_RESIDENTS_SINCE = text("SELECT count(*) FROM report WHERE received_at >= :since AND source = :source")
_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 311))")
_SERVICE_ACCOUNT = text("""
    INSERT INTO account (email, display_name, active, fs_uniquifier, organisation_id, role_id, is_synthetic)
    SELECT :email, :display_name, false, :uniquifier, :organisation_id, role.id, false FROM role WHERE role.name = :role
    ON CONFLICT (email) DO UPDATE SET display_name = :display_name
    RETURNING id
""")


@dataclass(frozen=True)
class Setting:
    """Whether residents may report without an account, in whose name, and how many reports a day."""

    residents: bool = False
    account_id: int | None = None
    organisation_id: int | None = None
    organisation: str | None = None
    most_a_day: int = 200


def find_requests(connection: Connection, query: RequestQuery) -> tuple[ReportRow, ...]:
    """The reports that a query asks for and the actor may see, the newest first."""
    parts, binds = _conditions(query)
    offset = (query.page - 1) * query.page_size if query.ids is None else 0
    limit = query.page_size if query.ids is None else len(query.ids)
    where = f"WHERE {' AND '.join(parts)}" if parts else ""
    # The conditions are fixed texts with binds, never a value.
    found = text(f"{_SELECT} {where} {_ORDER} LIMIT :limit OFFSET :offset")
    rows = connection.execute(found, binds | {"limit": limit, "offset": offset}).mappings()
    return tuple(ReportRow(**row) for row in rows)


def _conditions(query: RequestQuery) -> tuple[list[str], dict[str, Any]]:
    if query.ids is not None:
        return ["report.id = ANY(:ids)"], {"ids": list(query.ids)}
    parts: list[str] = []
    binds: dict[str, Any] = {}
    if query.requested is not None:
        parts.append("report.received_at BETWEEN :requested_from AND :requested_to")
        binds.update(requested_from=query.requested.start, requested_to=query.requested.end)
    if query.updated is not None:
        # The first finds them by the history's own times; the second says that nothing happened later.
        parts.append("report.id IN (SELECT report_id FROM report_event WHERE at BETWEEN :updated_from AND :updated_to)")
        parts.append("NOT EXISTS (SELECT FROM report_event WHERE report_id = report.id AND at > :updated_to)")
        binds.update(updated_from=query.updated.start, updated_to=query.updated.end)
    add_codes("report.category_code", "codes", query.codes, parts, binds)
    add_codes("report.state", "states", query.states, parts, binds)
    return parts, binds


def last_changes(connection: Connection, ids: Sequence[UUID]) -> dict[UUID, datetime]:
    """When something last happened to each of these reports."""
    return {row.report_id: row.at for row in connection.execute(_UPDATED, {"ids": list(ids)})}


def jurisdictions(connection: Connection) -> tuple[str, ...]:
    """The INSEE codes of the territory's communes: this service's jurisdiction_id, any of them."""
    return tuple(connection.scalars(_JURISDICTIONS))


def lock(connection: Connection, key: str) -> None:
    """Until this transaction ends, nobody else holds this key."""
    connection.execute(_LOCK, {"key": key})


def get_setting(connection: Connection) -> Setting:
    """What is set; off when nothing was."""
    row = connection.execute(_SETTING).mappings().one_or_none()
    return Setting(**row) if row else Setting()


def save_setting(connection: Connection, *, residents: bool, account_id: int | None, most_a_day: int) -> None:
    """Store it."""
    binds = {"residents": residents, "account_id": account_id, "most_a_day": most_a_day}
    connection.execute(_SAVE_SETTING, binds)


def residents_since(connection: Connection, since: datetime) -> int:
    """How many reports residents have sent since then, as far as the actor sees them."""
    return int(connection.execute(_RESIDENTS_SINCE, {"since": since, "source": RESIDENT_SOURCE}).scalar_one())


def service_account(
    connection: Connection, *, email: str, display_name: str, role: str, organisation_id: int, uniquifier: str
) -> int:
    """The account of that address, made when it is missing: no password, inactive, nobody can sign in with it."""
    binds = {
        "email": email,
        "display_name": display_name,
        "role": role,
        "organisation_id": organisation_id,
        "uniquifier": uniquifier,
    }
    made: int = connection.execute(_SERVICE_ACCOUNT, binds).scalar_one()
    return made
