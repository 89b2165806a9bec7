"""The SQL of the texts to look at. Frozen rows come out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, text

from app.desk.desk_commands import After


@dataclass(frozen=True)
class TextRow:
    """The text of a report that nobody has decided about as it stands."""

    id: UUID
    version: int
    category: str
    place: str | None
    reporter_organisation: str | None
    received_at: datetime
    description: str


# A decision counts for the very text that it was made about: edited since, it is looked at again.
_OPEN_TEXTS = text("""
    SELECT report.id, report.version, report.category_code AS category, report.received_at, report.description,
        (SELECT name FROM place WHERE id = coalesce(report.place_id, report.neighbourhood_id)) AS place,
        (SELECT name FROM organisation WHERE id = report.reporter_organisation_id) AS reporter_organisation
    FROM report
    WHERE report.description IS NOT NULL
        AND (CAST(:after_at AS timestamptz) IS NULL OR report.received_at <= :after_at
            AND (report.received_at < :after_at OR report.id > CAST(:after_id AS uuid)))
        AND NOT EXISTS (SELECT FROM report_event AS event WHERE event.report_id = report.id
            AND event.kind IN ('text_kept', 'text_changed')
            AND event.details ->> 'sha256' = encode(sha256(convert_to(report.description, 'UTF8')), 'hex'))
    ORDER BY report.received_at DESC, report.id LIMIT :limit
""")
_CHANGE = text("UPDATE report SET description = :text WHERE id = :id AND version = :version")


def open_texts(connection: Connection, after: After | None, *, limit: int) -> tuple[TextRow, ...]:
    """Up to `limit` texts, the newest report first."""
    binds = {"after_at": after.at if after else None, "after_id": after.id if after else None, "limit": limit}
    return tuple(TextRow(**row) for row in connection.execute(_OPEN_TEXTS, binds).mappings())


def change_text(connection: Connection, report_id: UUID, version: int, new: str | None) -> bool:
    """Put another text in its place, or none; False when the report is not as it was seen."""
    binds = {"id": report_id, "version": version, "text": new}
    return connection.execute(_CHANGE, binds).rowcount == 1
