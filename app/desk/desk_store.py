"""The SQL of the desk's lists and of kept filters. Frozen rows come out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from app.db.sql import statement
from app.desk.desk_commands import BY_DEADLINE, After, Tab
from app.reports.filters import CLOCK_RUNS, ReportFilter, conditions
from app.reports.store import ReportRow
from app.routing.deadlines import soon_until

# A tab says "1000" and means "a thousand or more": counting further costs more than the number is worth.
COUNTED_UP_TO = 1000

_SELECT = statement("reports", "select")
# Written out, not bound, so that the partial indexes of the migrations are known to hold these rows.
_MINE = f"report.organisation_id = :organisation_id AND {CLOCK_RUNS}"
_REPLY = (
    "(report.asked_organisation_id = :organisation_id AND report.paused_at IS NOT NULL"
    " OR report.organisation_id IS NULL AND report.state = 'new' AND :organisation_id = ANY (report.candidate_ids))"
)
_WAITING = (
    "(report.organisation_id = :organisation_id AND report.paused_at IS NOT NULL"
    " OR report.passed_by_organisation_id = :organisation_id AND report.state = 'new'"
    " AND report.organisation_id IS DISTINCT FROM :organisation_id)"
)
_VERIFY = (
    "report.state = 'resolved' AND report.reporter_organisation_id = :organisation_id"
    " AND report.organisation_id IS DISTINCT FROM :organisation_id"
)
# The coordination verifies whatever others resolved; on another's desk, what that one resolved.
_VERIFY_ALL = "report.state = 'resolved' AND report.organisation_id IS DISTINCT FROM :organisation_id"
_VERIFY_THEIRS = "report.state = 'resolved' AND report.organisation_id = :organisation_id"


@dataclass(frozen=True)
class Whose:
    """Whose desk it is. verifies: own (what it reported), all, or theirs (what it resolved)."""

    organisation_id: int
    verifies: str = "own"


@dataclass(frozen=True)
class Counts:
    """How many reports each tab has, up to COUNTED_UP_TO. late is a part of todo."""

    todo: int
    late: int
    soon: int
    reply: int
    waiting: int
    verify: int


@dataclass(frozen=True)
class SavedFilter:
    """A kept filter. is_own: the actor's; else a colleague shares it."""

    id: int
    name: str
    query: str
    shared: bool
    is_own: bool


def _where(tab: Tab, whose: Whose) -> str:
    verify = {"own": _VERIFY, "all": _VERIFY_ALL, "theirs": _VERIFY_THEIRS}[whose.verifies]
    return {
        "todo": _MINE,
        "soon": f"{_MINE} AND report.due_at BETWEEN :now AND :soon",
        "reply": _REPLY,
        "waiting": _WAITING,
        "verify": verify,
    }[tab]


def _binds(whose: Whose, now: datetime) -> dict[str, Any]:
    return {"organisation_id": whose.organisation_id, "now": now, "soon": soon_until(now)}


def page_query(
    tab: Tab, whose: Whose, chosen: ReportFilter, after: After | None, now: datetime
) -> tuple[str, dict[str, Any]]:
    """The statement of one page and its binds (but for `limit`), also for whoever explains its plan."""
    filtered, binds = conditions(chosen.model_copy(update={"organisation": None}), now)
    parts = [_where(tab, whose), *filtered]
    column, past, order = (
        ("due_at", ">", "report.due_at, report.id")
        if tab in BY_DEADLINE
        else ("received_at", "<", "report.received_at DESC, report.id")
    )
    if after is not None:
        parts.append(
            f"report.{column} {past}= :after_at AND (report.{column} {past} :after_at OR report.id > :after_id)"
        )
        binds |= {"after_at": after.at, "after_id": after.id}
    # Fixed texts with binds, never a value.
    return f"{_SELECT} WHERE {' AND '.join(parts)} ORDER BY {order} LIMIT :limit", binds | _binds(whose, now)


def page(
    connection: Connection,
    tab: Tab,
    whose: Whose,
    chosen: ReportFilter,
    *,
    after: After | None,
    now: datetime,
    limit: int,
) -> tuple[ReportRow, ...]:
    """One page of a tab: by deadline, the most overdue first, or by when they came in, the newest first."""
    query, binds = page_query(tab, whose, chosen, after, now)
    rows = connection.execute(text(query), binds | {"limit": limit}).mappings()
    return tuple(ReportRow(**row) for row in rows)


def counts_query(whose: Whose) -> str:
    """The statement of the numbers on the tabs, each found by its index and counted up to COUNTED_UP_TO."""

    def counted(name: str, where: str, order: str) -> str:
        rows = f"FROM report WHERE {where} ORDER BY {order} LIMIT {COUNTED_UP_TO}"
        return f"(SELECT count(*) FROM (SELECT {rows}) AS {name}) AS {name}"  # noqa: S608  (fixed texts)

    newest = "report.received_at DESC, report.id"
    parts = [
        counted("todo", _MINE, "report.due_at"),
        counted("late", f"{_MINE} AND report.due_at < :now", "report.due_at"),
        counted("soon", _where("soon", whose), "report.due_at"),
        counted("reply", _REPLY, newest),
        counted("waiting", _WAITING, newest),
        counted("verify", _where("verify", whose), newest),
    ]
    return f"SELECT {', '.join(parts)}"


def counts(connection: Connection, whose: Whose, *, now: datetime) -> Counts:
    """The numbers on the tabs."""
    row = connection.execute(text(counts_query(whose)), _binds(whose, now)).mappings().one()
    return Counts(**row)


# ── kept filters ──────────────────────────────────────────────────────────────────────────────────────────────────────

_SAVED = text("""
    SELECT id, name, query, shared, account_id = :account_id AS is_own FROM saved_filter
    ORDER BY account_id <> :account_id, name, id LIMIT 100
""")
_KEEP = text("""
    INSERT INTO saved_filter (account_id, organisation_id, name, query, shared)
    VALUES (:account_id, :organisation_id, :name, :query, :shared)
    ON CONFLICT (account_id, name) DO UPDATE SET query = :query, shared = :shared
""")
_RENAME = text("""
    UPDATE saved_filter SET name = :name, shared = :shared WHERE id = :id AND account_id = :account_id
    AND NOT EXISTS (SELECT FROM saved_filter AS other
                    WHERE other.account_id = :account_id AND other.name = :name AND other.id <> :id)
""")
_OWN = text("SELECT EXISTS (SELECT FROM saved_filter WHERE id = :id AND account_id = :account_id)")
_FORGET = text("DELETE FROM saved_filter WHERE id = :id AND account_id = :account_id")


def saved_filters(connection: Connection, account_id: int | None) -> Sequence[SavedFilter]:
    """One's own by name, then those that colleagues share."""
    return tuple(SavedFilter(**row) for row in connection.execute(_SAVED, {"account_id": account_id}).mappings())


def keep_filter(connection: Connection, values: Mapping[str, Any]) -> None:
    """Keep a filter; one's own of the same name is replaced."""
    connection.execute(_KEEP, dict(values))


def rename_filter(connection: Connection, values: Mapping[str, Any]) -> bool:
    """Change name and sharing; False when another of one's own has that name."""
    return connection.execute(_RENAME, dict(values)).rowcount == 1


def owns_filter(connection: Connection, filter_id: int, account_id: int | None) -> bool:
    """Whether this filter is the account's own."""
    return bool(connection.execute(_OWN, {"id": filter_id, "account_id": account_id}).scalar_one())


def forget_filter(connection: Connection, filter_id: int, account_id: int | None) -> bool:
    """Delete it; whether it was there and one's own."""
    return connection.execute(_FORGET, {"id": filter_id, "account_id": account_id}).rowcount == 1
