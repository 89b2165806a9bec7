"""The SQL of imports: the log, the contents, the kept mappings. Frozen rows come out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from app.imports.rules import State


@dataclass(frozen=True)
class Batch:
    """One line of the log. file_name, mapping and facts are None for whoever may not read what stands in the file."""

    id: UUID
    organisation_id: int
    organisation: str
    account_id: int
    uploaded_at: datetime
    changed_at: datetime
    format: str
    size_bytes: int
    sha256: bytes
    state: State
    source: str | None
    checked: Mapping[str, Any] | None
    read: int
    imported: int
    already_there: int
    refused: int
    by_reason: Mapping[str, int]
    bytes_done: int
    bytes_total: int
    refusals_bytes: int
    stop_asked: bool
    failure: str | None
    ended_at: datetime | None
    undone_at: datetime | None
    removed: int | None
    kept: int | None
    files_removed_at: datetime | None
    file_name: str | None = None
    mapping: Mapping[str, Any] | None = None
    facts: Mapping[str, Any] | None = None

    @property
    def percent(self) -> int:
        """How far in the file, 0 to 100."""
        return min(100, 100 * self.bytes_done // self.bytes_total) if self.bytes_total else 0


@dataclass(frozen=True)
class KeptMapping:
    """A mapping under a name."""

    id: int
    name: str
    mapping: Mapping[str, Any] = field(repr=False)
    changed_at: datetime


@dataclass(frozen=True)
class KeptReport:
    """A report that an undo left, and why."""

    report_id: UUID
    reason: str
    category: str | None
    state: str | None


_COLUMNS = """
    batch.id, batch.organisation_id, organisation.name AS organisation, batch.account_id, uploaded_at, batch.changed_at,
    format, bytes AS size_bytes, sha256, state, source, checked, read, imported, already_there, refused,
    by_reason, bytes_done, bytes_total, refusals_bytes, stop_asked, failure, ended_at, undone_at, removed, kept,
    files_removed_at
"""
_FROM = "FROM import_batch AS batch JOIN organisation ON organisation.id = batch.organisation_id"
_ONE = text(f"""
    SELECT {_COLUMNS}, content.file_name, content.mapping, content.facts
    {_FROM} LEFT JOIN import_content AS content ON content.batch_id = batch.id WHERE batch.id = :id
""")
_LOCKED = text(f"SELECT {_COLUMNS} {_FROM} WHERE batch.id = :id FOR UPDATE OF batch")
_MANY = text(f"""
    SELECT {_COLUMNS}, content.file_name
    {_FROM} LEFT JOIN import_content AS content ON content.batch_id = batch.id
    WHERE (CAST(:organisation_id AS integer) IS NULL OR batch.organisation_id = :organisation_id)
        AND (CAST(:at AS timestamptz) IS NULL OR (uploaded_at, batch.id) < (:at, CAST(:last_id AS uuid)))
    ORDER BY uploaded_at DESC, batch.id DESC LIMIT :limit
""")
_BEFORE = text(f"""
    SELECT {_COLUMNS} {_FROM}
    WHERE batch.organisation_id = :organisation_id AND sha256 = :sha256 AND batch.id <> :id
        AND imported + already_there > 0
    ORDER BY uploaded_at DESC LIMIT 5
""")
_ADD = text("""
    INSERT INTO import_batch (
        id, organisation_id, account_id, uploaded_at, changed_at, format, bytes, sha256, bytes_total)
    VALUES (:id, :organisation_id, :account_id, :now, :now, :format, :size_bytes, :sha256, :bytes_total)
""")
_ADD_CONTENT = text("""
    INSERT INTO import_content (batch_id, file_name, mapping, facts)
    VALUES (:id, :file_name, CAST(:mapping AS jsonb), CAST(:facts AS jsonb))
""")
_SET_MAPPING = text("""
    UPDATE import_content SET mapping = CAST(:mapping AS jsonb), facts = CAST(:facts AS jsonb) WHERE batch_id = :id
""")
_CHANGEABLE = frozenset(
    (
        *("state", "source", "checked", "read", "imported", "already_there", "refused", "by_reason", "bytes_done"),
        *("refusals_bytes", "stop_asked", "failure", "ended_at", "undone_at", "undone_by", "removed", "kept"),
        "files_removed_at",
    )
)
_JSON = frozenset({"checked", "by_reason"})
_FORGET = text("DELETE FROM import_batch WHERE id = :id")
_EARLIER = text("""
    INSERT INTO bulk_seen (id) SELECT report_id FROM import_report WHERE batch_id = :id AND report_id = ANY (:ids)
""")
_ROWS = text("""
    INSERT INTO import_report (batch_id, report_id, added)
    SELECT :id, seen.id, coalesce(report.changed_txid = pg_current_xact_id()::text::bigint, false)
    FROM bulk_seen AS seen LEFT JOIN report ON report.id = seen.id
    ON CONFLICT DO NOTHING
""")
_LOCK_SOURCE = text("SELECT pg_advisory_xact_lock(hashtextextended(:source, 0))")


def read_batch(connection: Connection, batch_id: UUID) -> Batch | None:
    """One line of the log, with its contents as far as the actor reads them."""
    row = connection.execute(_ONE, {"id": batch_id}).mappings().one_or_none()
    return None if row is None else Batch(**row)


def lock_batch(connection: Connection, batch_id: UUID) -> Batch | None:
    """One line of the log, which nobody else changes until the end of the transaction."""
    row = connection.execute(_LOCKED, {"id": batch_id}).mappings().one_or_none()
    return None if row is None else Batch(**row)


def list_batches(
    connection: Connection,
    organisation_id: int | None,
    after: tuple[datetime, UUID] | None = None,
    *,
    limit: int = 50,
) -> tuple[Batch, ...]:
    """The log, the newest first; of one organisation or of all that the actor sees."""
    at, last_id = after or (None, None)
    binds = {"organisation_id": organisation_id, "at": at, "last_id": last_id, "limit": limit}
    return tuple(Batch(**row) for row in connection.execute(_MANY, binds).mappings())


def imported_before(connection: Connection, batch: Batch) -> tuple[Batch, ...]:
    """Earlier imports of the very same bytes by the same organisation."""
    binds = {"organisation_id": batch.organisation_id, "sha256": batch.sha256, "id": batch.id}
    return tuple(Batch(**row) for row in connection.execute(_BEFORE, binds).mappings())


def add_batch(connection: Connection, values: Mapping[str, Any]) -> None:
    """A new draft with its contents."""
    connection.execute(_ADD, values)
    connection.execute(_ADD_CONTENT, _as_json(values, ("mapping", "facts")))


def set_mapping(connection: Connection, batch_id: UUID, mapping: Mapping[str, Any], facts: Mapping[str, Any]) -> None:
    """What the rows become, and what is known of the file."""
    connection.execute(
        _SET_MAPPING, _as_json({"id": batch_id, "mapping": mapping, "facts": facts}, ("mapping", "facts"))
    )


def change_batch(connection: Connection, batch_id: UUID, now: datetime, **values: Any) -> None:
    """Change columns of the log's line."""
    assert values.keys() <= _CHANGEABLE
    parts = [f"{name} = CAST(:{name} AS jsonb)" if name in _JSON else f"{name} = :{name}" for name in values]
    query = f"UPDATE import_batch SET {', '.join(['changed_at = :now', *parts])} WHERE id = :id"  # noqa: S608  (_CHANGEABLE)
    connection.execute(text(query), _as_json(values, tuple(_JSON & values.keys())) | {"id": batch_id, "now": now})


def _as_json(values: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    return dict(values) | {name: json.dumps(values[name], ensure_ascii=False) for name in names}


def forget_batch(connection: Connection, batch_id: UUID) -> bool:
    """Remove a line that brought nothing in; whether it was one."""
    return connection.execute(_FORGET, {"id": batch_id}).rowcount == 1


def remember_earlier(connection: Connection, batch_id: UUID, ids: Sequence[UUID]) -> None:
    """Tell the bulk load which of these rows stood in an earlier part of the file."""
    connection.execute(_EARLIER, {"id": batch_id, "ids": list(ids)})


def add_rows(connection: Connection, batch_id: UUID) -> None:
    """Note the rows that the bulk load of this transaction has seen, and which of them it added."""
    connection.execute(_ROWS, {"id": batch_id})


def lock_source(connection: Connection, source: str) -> None:
    """Wait until no other import of the same source is adding rows."""
    connection.execute(_LOCK_SOURCE, {"source": source})


# ── undo ────────────────────────────────────────────────────────────────────────────────────────────────────────────

# Whoever is moving one of them, or adding a photo, is waited for; and waits.
_LOCK_REPORTS = text("""
    SELECT count(*) FROM (
        SELECT FROM report WHERE id IN (SELECT report_id FROM import_report WHERE batch_id = :id AND added)
        FOR UPDATE) AS locked
""")
_KEEP = text("""
    UPDATE import_report SET kept_because = touched.reason
    FROM (SELECT DISTINCT ON (report_id) report_id, reason FROM import_touched(:id)) AS touched
    WHERE batch_id = :id AND import_report.report_id = touched.report_id
""")
_REMOVE = text("SELECT remove_imported(:id)")
_KEPT = text("""
    SELECT item.report_id, item.kept_because AS reason, report.category_code AS category, report.state
    FROM import_report AS item LEFT JOIN report ON report.id = item.report_id
    WHERE batch_id = :id AND kept_because IS NOT NULL ORDER BY item.report_id LIMIT :limit
""")


def remove_untouched(connection: Connection, batch_id: UUID) -> tuple[int, int]:
    """Remove the reports of an import to which nothing happened; how many went and how many stay. As the system."""
    connection.execute(text("SET LOCAL statement_timeout = 0"))
    connection.execute(_LOCK_REPORTS, {"id": batch_id})
    kept = connection.execute(_KEEP, {"id": batch_id}).rowcount
    return int(connection.execute(_REMOVE, {"id": batch_id}).scalar_one()), kept


def kept_reports(connection: Connection, batch_id: UUID, *, limit: int = 200) -> tuple[KeptReport, ...]:
    """What an undo left."""
    return tuple(KeptReport(**row) for row in connection.execute(_KEPT, {"id": batch_id, "limit": limit}).mappings())


# ── mappings ────────────────────────────────────────────────────────────────────────────────────────────────────────

_MAPPINGS = text("""
    SELECT id, name, mapping, changed_at FROM import_mapping WHERE organisation_id = :organisation_id ORDER BY name
""")
_MAPPING = text(
    "SELECT id, name, mapping, changed_at FROM import_mapping WHERE organisation_id = :organisation_id AND id = :id"
)
_KEEP_MAPPING = text("""
    INSERT INTO import_mapping (organisation_id, name, mapping, changed_at, account_id)
    VALUES (:organisation_id, :name, CAST(:mapping AS jsonb), :now, :account_id)
    ON CONFLICT (organisation_id, name)
        DO UPDATE SET mapping = excluded.mapping, changed_at = excluded.changed_at, account_id = excluded.account_id
""")
_FORGET_MAPPING = text("DELETE FROM import_mapping WHERE organisation_id = :organisation_id AND id = :id")
_SLUG = text("SELECT slug FROM organisation WHERE id = :id")


def list_mappings(connection: Connection, organisation_id: int) -> tuple[KeptMapping, ...]:
    """An organisation's mappings by name."""
    rows = connection.execute(_MAPPINGS, {"organisation_id": organisation_id})
    return tuple(KeptMapping(**row) for row in rows.mappings())


def read_mapping(connection: Connection, organisation_id: int, mapping_id: int) -> KeptMapping | None:
    """One of an organisation's mappings."""
    found = connection.execute(_MAPPING, {"organisation_id": organisation_id, "id": mapping_id})
    row = found.mappings().one_or_none()
    return None if row is None else KeptMapping(**row)


def keep_mapping(connection: Connection, values: Mapping[str, Any]) -> None:
    """Under its name, over the one that was there."""
    connection.execute(_KEEP_MAPPING, _as_json(values, ("mapping",)))


def forget_mapping(connection: Connection, organisation_id: int, mapping_id: int) -> bool:
    """Whether there was one."""
    return connection.execute(_FORGET_MAPPING, {"organisation_id": organisation_id, "id": mapping_id}).rowcount == 1


def organisation_slug(connection: Connection, organisation_id: int) -> str:
    """The organisation's short name."""
    return str(connection.scalar(_SLUG, {"id": organisation_id}))


# ── files that nobody needs any more ────────────────────────────────────────────────────────────────────────────────

_OLD = text("""
    SELECT id, state IN ('draft', 'checked', 'failed') AND imported = 0 AS is_draft FROM import_batch
    WHERE files_removed_at IS NULL AND state NOT IN ('checking', 'running', 'undoing') AND changed_at < CASE
        WHEN state IN ('draft', 'checked', 'failed') AND imported = 0 THEN CAST(:draft_before AS timestamptz)
        ELSE :done_before END
    FOR UPDATE SKIP LOCKED
""")
_KNOWN = text("SELECT id FROM import_batch WHERE id = ANY (:ids)")


def old_batches(connection: Connection, draft_before: datetime, done_before: datetime) -> tuple[tuple[UUID, bool], ...]:
    """Whose files are no longer kept, and whether the line goes with them."""
    rows = connection.execute(_OLD, {"draft_before": draft_before, "done_before": done_before})
    return tuple((row.id, row.is_draft) for row in rows)


def known_of(connection: Connection, ids: Sequence[UUID]) -> frozenset[UUID]:
    """Which of these are in the log."""
    return frozenset(connection.scalars(_KNOWN, {"ids": list(ids)}))
