"""All SQL of reports. Frozen rows come out."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from itertools import chain
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import Connection, TextClause, text

from app.db.sql import statement
from app.nomenclature.store import Category
from app.people.actor import Actor
from app.reports.filters import ReportFilter, conditions
from app.reports.rules import OPEN_STATES

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as PsycopgCursor  # noqa: N812


@dataclass(frozen=True)
class ReportRow:
    """One report without its author. lon and lat in EPSG:4326 degrees, times aware UTC."""

    id: UUID
    category: str
    theme: str
    kind: str
    severity: int
    state: str
    visibility: str
    observed_at: datetime
    received_at: datetime
    due_at: datetime | None
    organisation: str | None
    neighbourhood: str | None
    description: str | None
    lon: float
    lat: float
    reporter_organisation: str | None
    place: str | None
    nearest_stop: str | None
    iris: str | None
    qpv: str | None
    source: str
    is_synthetic: bool
    version: int
    # What the workflow needs (app/reports/workflow.py); paused_at: a question waits for asked_organisation.
    organisation_id: int | None
    reporter_organisation_id: int | None
    candidate_ids: Sequence[int]
    asked_organisation_id: int | None
    asked_organisation: str | None
    paused_at: datetime | None
    escalated_at: datetime | None
    # Of a merged report: the one that it counts with.
    duplicate_of: UUID | None


@dataclass(frozen=True)
class NewReport:
    """A report that was accepted and is not stored yet; the database finds its places and who answers for it."""

    id: UUID
    category: str
    lon: float
    lat: float
    cell_25m: int
    severity: int
    visibility: str
    observed_at: datetime
    received_at: datetime
    due_at: datetime
    description: str | None
    place_id: int | None
    source: str
    body_sha256: bytes


@dataclass(frozen=True)
class Submission:
    """A report, who sends it, and the hash of the token that they came with, if they came with one."""

    new: NewReport
    actor: Actor
    token_sha256: bytes | None = None


@dataclass(frozen=True)
class Added:
    """What came of it: "added", "same", "taken", "place" or "actor"; and for "added" what the database found."""

    outcome: str
    organisation_id: int | None
    candidate_ids: Sequence[int] | None
    organisation: str | None
    reporter_organisation: str | None
    neighbourhood: str | None
    iris: str | None
    qpv: str | None
    nearest_stop: str | None
    place: str | None


@dataclass(frozen=True)
class EventRow:
    """One line of the history of a report or an intervention: the organisation and the role, never the person."""

    at: datetime
    kind: str
    from_state: str | None
    to_state: str | None
    organisation: str | None
    role: str
    details: Mapping[str, Any]


@dataclass(frozen=True)
class Figures:
    """Of the last thirty days, as far as the actor may see: received in the last seven, still open, open and late."""

    week: int
    still_open: int
    late: int


@dataclass(frozen=True)
class Cursor:
    """Where a page of reports ended: the last row's key in (received_at DESC, id)."""

    received_at: datetime
    id: UUID


_SELECT = statement("reports", "select")
_ONE = text(f"{_SELECT} WHERE report.id = :id")
_EVENTS = text(
    "SELECT at, report_event.kind, from_state, to_state, organisation.name AS organisation, role, details"
    " FROM report_event LEFT JOIN organisation ON organisation.id = organisation_id"
    " WHERE report_id = :id ORDER BY report_event.at, report_event.id"
)


def add_report(connection: Connection, new: NewReport, actor: Actor) -> Added:
    """Store a report and the first line of its history, as `actor` (migrations/sql/0005/submit.sql)."""
    _call, _id, *row = connection.exec_driver_sql(_submit(1), _arguments(0, actor, None, [new])).one()
    return Added(*row)


def add_reports(cursor: PsycopgCursor, submissions: Sequence[Submission]) -> list[Added]:
    """Several reports of several actors in one statement, each stored with all its own checks, in their order.

    Raises:
        psycopg2.Error: one of them was refused by the database, and nothing of any was stored.

    """
    # By sender. An id that comes again goes into a call of its own, which then finds what was stored before.
    calls: dict[tuple[Actor, bytes | None, int], tuple[int, list[NewReport]]] = {}
    # Where each was: its call, and its id in it.
    keys: list[tuple[int, str]] = []
    times: Counter[UUID] = Counter()
    for one in submissions:
        sender = (one.actor, one.token_sha256, times[one.new.id])
        times[one.new.id] += 1
        call, news = calls.setdefault(sender, (len(calls), []))
        news.append(one.new)
        keys.append((call, str(one.new.id)))
    cursor.execute(
        _submit(len(calls)),
        tuple(chain.from_iterable(_arguments(n, *sender[:2], news) for sender, (n, news) in calls.items())),
    )
    found = {(call, report_id): Added(*row) for call, report_id, *row in cursor.fetchall()}
    return [found[key] for key in keys]


@cache
def _submit(calls: int) -> str:
    # The first row of VALUES gives the others their types. Place holders only: never a value.
    first, other = "(%s, %s, %s::integer, %s::integer, %s::bytea, %s::json)", "(%s, %s, %s, %s, %s, %s)"
    values = ", ".join([first] + [other] * (calls - 1))
    return (
        "SELECT call.n, added.id::text, added.outcome, added.organisation_id, added.candidate_ids, added.organisation,"  # noqa: S608
        " added.reporter_organisation, added.neighbourhood, added.iris, added.qpv, added.nearest_stop, added.place"
        f" FROM (VALUES {values}) AS call (n, role, account_id, organisation_id, token_sha256, given)"
        " CROSS JOIN LATERAL submit_reports(call.role, call.account_id, call.organisation_id, call.token_sha256,"
        " call.given) AS added"
    )


def _arguments(call: int, actor: Actor, token_sha256: bytes | None, news: Sequence[NewReport]) -> tuple[object, ...]:
    given = json.dumps([_as_given(new) for new in news], ensure_ascii=False)
    return call, actor.role, actor.user_id, actor.organisation_id, token_sha256, given


def _as_given(new: NewReport) -> dict[str, object]:
    """The report with the names and forms that submit_reports() reads."""
    return {
        "id": str(new.id),
        "category_code": new.category,
        "lon": new.lon,
        "lat": new.lat,
        "cell_25m": new.cell_25m,
        "severity": new.severity,
        "visibility": new.visibility,
        "observed_at": new.observed_at.isoformat(),
        "received_at": new.received_at.isoformat(),
        "due_at": new.due_at.isoformat(),
        "description": new.description,
        "place_id": new.place_id,
        "source": new.source,
        "body_sha256": f"\\x{new.body_sha256.hex()}",
    }


def as_stored(new: NewReport, added: Added, category: Category, actor: Actor) -> ReportRow:
    """The row that `get_report` would read, without reading it."""
    return ReportRow(
        id=new.id,
        category=new.category,
        theme=category.theme,
        kind=category.kind,
        severity=new.severity,
        state="new",
        visibility=new.visibility,
        observed_at=new.observed_at,
        received_at=new.received_at,
        due_at=new.due_at,
        organisation=added.organisation,
        neighbourhood=added.neighbourhood,
        description=new.description,
        lon=new.lon,
        lat=new.lat,
        reporter_organisation=added.reporter_organisation,
        place=added.place,
        nearest_stop=added.nearest_stop,
        iris=added.iris,
        qpv=added.qpv,
        source=new.source,
        is_synthetic=False,
        version=1,
        organisation_id=added.organisation_id,
        reporter_organisation_id=actor.organisation_id,
        candidate_ids=added.candidate_ids or (),
        asked_organisation_id=None,
        asked_organisation=None,
        paused_at=None,
        escalated_at=None,
        duplicate_of=None,
    )


def get_report(connection: Connection, report_id: UUID) -> ReportRow | None:
    """One report that the actor may see."""
    row = connection.execute(_ONE, {"id": report_id}).mappings().one_or_none()
    return None if row is None else ReportRow(**row)


def get_events(connection: Connection, report_id: UUID) -> tuple[EventRow, ...]:
    """A report's history, oldest first."""
    return tuple(EventRow(**row) for row in connection.execute(_EVENTS, {"id": report_id}).mappings())


def list_reports(
    connection: Connection, chosen: ReportFilter, *, after: Cursor | None, limit: int
) -> tuple[ReportRow, ...]:
    """The newest reports first, one page from after the cursor."""
    parts, binds = conditions(chosen)
    if after is not None:
        parts.append("report.received_at <= :after_at AND (report.received_at < :after_at OR report.id > :after_id)")
        binds.update(after_at=after.received_at, after_id=after.id)
    rows = connection.execute(_page(parts), binds | {"limit": limit}).mappings()
    return tuple(ReportRow(**row) for row in rows)


def _page(parts: list[str]) -> TextClause:
    # The conditions come from app/reports/filters.py: fixed texts with binds, never a value.
    where = f"WHERE {' AND '.join(parts)}" if parts else ""
    return text(f"{_SELECT} {where} ORDER BY report.received_at DESC, report.id LIMIT :limit")


_FIGURES = text("""
    SELECT count(*) FILTER (WHERE received_at >= CAST(:now AS timestamptz) - interval '7 days') AS week,
        count(*) FILTER (WHERE state = ANY(:open_states)) AS still_open,
        count(*) FILTER (WHERE state = ANY(:open_states) AND due_at < :now) AS late
    FROM report WHERE received_at >= CAST(:now AS timestamptz) - interval '30 days'
""")


def count_recent(connection: Connection, *, now: datetime) -> Figures:
    """The figures of the start page: thirty days, so that the index on received_at bounds the work."""
    row = connection.execute(_FIGURES, {"now": now, "open_states": list(OPEN_STATES)}).mappings().one()
    return Figures(**row)


_LOCATE_AGAIN = text("""
    UPDATE report SET neighbourhood_id = located.neighbourhood_id, iris_id = located.iris_id,
        qpv_id = located.qpv_id, nearest_stop_id = located.nearest_stop_id
    FROM report AS old CROSS JOIN LATERAL places_of(old.geom_4326) AS located
    WHERE old.id = report.id AND (report.neighbourhood_id, report.iris_id, report.qpv_id, report.nearest_stop_id)
        IS DISTINCT FROM
        (located.neighbourhood_id, located.iris_id, located.qpv_id, located.nearest_stop_id)
""")


def locate_again(connection: Connection) -> int:
    """Look every report's places up again, after the reference geography changed. Returns how many moved."""
    return connection.execute(_LOCATE_AGAIN).rowcount
