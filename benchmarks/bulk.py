"""Bulk import against SQLAlchemy's `session.add_all` of the same rows, with the same checks and places for each row.

Both start from the same untrusted dictionaries and end with the same rows in `report` and `report_event`, committed;
that they are the same is checked before the clock starts. The peer is what one would write with an ORM: each row
through the product's own parser, its places and who answers for it asked of the database, its objects added, one flush
and commit. A second line gives the peer one query for the places and routing of all rows, so that `add_all` itself is
compared.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

import numpy as np
from geoalchemy2 import Geometry
from sqlalchemy import BigInteger, Engine, Integer, SmallInteger, Text, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TIMESTAMP
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from app.db.session import UnitOfWork, unit_of_work
from app.nomenclature.store import Category, load_nomenclature
from app.people.actor import SYSTEM
from app.places.lattice import cells_of
from app.places.territory import territory
from app.reports.commands import Checks, ReportCommand, parse_report
from app.reports.importing.bulk import BulkOrigin, BulkRow, bulk_insert
from app.routing.deadlines import due_at
from benchmarks.data import SEED, SENTENCES, random_points
from benchmarks.measure import Line, in_turn
from benchmarks.register import Register

ROWS = 20_000
ROUNDS = 3
SOURCE = "import:benchmark"
NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
Moment = TIMESTAMP(timezone=True)
Rows = list[dict[str, Any]]
Work = Callable[[UnitOfWork, Rows], None]


class Base(DeclarativeBase):
    """Tables of the peer."""


class OrmReport(Base):
    """The columns that an import fills."""

    __tablename__ = "report"
    id: Mapped[uuid.UUID] = mapped_column(Uuid, primary_key=True)
    category_code: Mapped[str] = mapped_column(Text)
    geom_4326: Mapped[Any] = mapped_column(Geometry("POINT", 4326))
    cell_25m: Mapped[int] = mapped_column(BigInteger)
    severity: Mapped[int] = mapped_column(SmallInteger)
    visibility: Mapped[str] = mapped_column(Text)
    observed_at: Mapped[datetime] = mapped_column(Moment)
    received_at: Mapped[datetime] = mapped_column(Moment)
    due_at: Mapped[datetime] = mapped_column(Moment)
    description: Mapped[str | None] = mapped_column(Text)
    organisation_id: Mapped[int | None] = mapped_column(Integer)
    candidate_ids: Mapped[list[int] | None] = mapped_column(ARRAY(Integer))
    neighbourhood_id: Mapped[int | None] = mapped_column(BigInteger)
    iris_id: Mapped[int | None] = mapped_column(BigInteger)
    qpv_id: Mapped[int | None] = mapped_column(BigInteger)
    nearest_stop_id: Mapped[int | None] = mapped_column(BigInteger)
    source: Mapped[str] = mapped_column(Text)
    source_ref: Mapped[str] = mapped_column(Text)


class OrmEvent(Base):
    """The first line of a report's history."""

    __tablename__ = "report_event"
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    report_id: Mapped[uuid.UUID] = mapped_column(Uuid)
    at: Mapped[datetime] = mapped_column(Moment)
    kind: Mapped[str] = mapped_column(Text)
    to_state: Mapped[str] = mapped_column(Text)
    role: Mapped[str] = mapped_column(Text)
    details: Mapped[dict[str, Any]] = mapped_column(JSONB)


def run(register: Register, sizes: list[int]) -> Iterator[Line]:  # noqa: ARG001
    """Both lines."""
    engine = register.engine
    with engine.connect() as connection:
        checks = Checks(load_nomenclature(connection), territory(connection), NOW)
    works: dict[str, Work] = {
        "bulk import": lambda uow, rows: _ours(uow, rows, checks),
        "add_all": lambda uow, rows: _add_all(uow, rows, checks, _one_by_one),
        "add_all, places and routing in one query": lambda uow, rows: _add_all(uow, rows, checks, _at_once),
    }
    # Made before the clock starts.
    first, *others = _batches(checks, 3 * (ROUNDS + 1) + 1)
    _same(engine, works.values(), first[:1_000])
    batches = iter(others)
    timed = {name: partial(lambda work: _store(engine, work, next(batches)), work) for name, work in works.items()}
    medians = in_turn(timed, ROUNDS)
    ours_s = medians["bulk import"]
    shown = f"{ours_s:.2f} s ({ROWS / ours_s:,.0f} rows/s)"
    for name, target in (("add_all", "≥ 5"), ("add_all, places and routing in one query", "")):
        peer_s = medians[name]
        yield Line(f"{ROWS:,} rows: {name} ÷ bulk import", shown, f"{peer_s:.2f} s", peer_s / ours_s, target)


_STORED = text(
    "SELECT (report.id, category_code, geom_4326, cell_25m, severity, state, visibility, observed_at, received_at,"
    " due_at, description, organisation_id, candidate_ids, neighbourhood_id, iris_id, qpv_id, nearest_stop_id, source,"
    " source_ref)::text,"
    " (SELECT (at, kind, to_state, role, details)::text FROM report_event WHERE report_id = report.id)"
    " FROM report WHERE source = :source ORDER BY report.id"
)


def _same(engine: Engine, works: Iterable[Work], rows: Rows) -> None:
    """All store the same, or the comparison means nothing. Nothing stays."""
    stored = []
    for work in works:
        with engine.connect() as connection, connection.begin() as transaction:
            connection.execute(text("SELECT set_config('app.role', 'system', true)"))
            work(UnitOfWork(connection), rows)
            stored.append(connection.execute(_STORED, {"source": SOURCE}).all())
            transaction.rollback()
    assert len(stored[0]) == len(rows), len(stored[0])
    assert all(one == stored[0] for one in stored[1:]), "the rows differ"


def _store(engine: Engine, work: Work, rows: Rows) -> None:
    with unit_of_work(engine, SYSTEM) as uow:
        work(uow, rows)


def _batches(checks: Checks, count: int) -> Iterator[Rows]:
    """Fresh rows for each run, inside the territory."""
    for number in range(count):
        rng = np.random.default_rng((SEED, 2, number))
        lon, lat = random_points(rng, 3 * ROWS)
        inside = np.array([checks.territory.covers(a, b) for a, b in zip(lon.tolist(), lat.tolist(), strict=True)])
        lon, lat = lon[inside][:ROWS].tolist(), lat[inside][:ROWS].tolist()
        yield [
            {
                "id": str(uuid.UUID(bytes=rng.bytes(16), version=4)),
                "category": ("overflowing_bin", "fly_tipping", "bulky_waste")[i % 3],
                "lon": lon[i],
                "lat": lat[i],
                "severity": 1 + i % 4,
                "observed_at": f"2026-04-{1 + i % 28:02}T{i % 24:02}:15:00Z",
                "description": SENTENCES[i % len(SENTENCES)] or None,
            }
            for i in range(ROWS)
        ]


def _ours(uow: UnitOfWork, rows: Rows, checks: Checks) -> None:
    commands = (parse_report(row, checks) for row in rows)
    given = (BulkRow(command, source_ref=str(command.id)) for command in commands)
    result = bulk_insert(uow, BulkOrigin(SOURCE), given, now=NOW)
    assert result.added == len(rows), result


@dataclass(frozen=True)
class Found:
    """What the database says of one row; the fields are the columns of the queries below."""

    neighbourhood_id: int | None
    iris_id: int | None
    qpv_id: int | None
    nearest_stop_id: int | None
    organisation_id: int | None
    candidate_ids: list[int] | None
    details: dict[str, Any]


def _one_by_one(session: Session, commands: list[ReportCommand]) -> list[Found]:
    query = text(
        "SELECT located.*, routed.* FROM ST_SetSRID(ST_MakePoint(:lon, :lat), 4326) AS point"
        " CROSS JOIN places_of(point) AS located"
        " CROSS JOIN route(:category, point, CAST(:place_id AS bigint), :observed_at) AS routed"
    )
    keys = {"lon", "lat", "category", "place_id", "observed_at"}
    return [Found(*session.execute(query, command.model_dump(include=keys)).one()) for command in commands]


def _at_once(session: Session, commands: list[ReportCommand]) -> list[Found]:
    query = text(
        "SELECT located.*, routed.*"
        " FROM unnest(CAST(:lon AS float[]), CAST(:lat AS float[]), CAST(:category AS text[]),"
        " CAST(:place_id AS bigint[]), CAST(:observed_at AS timestamptz[]))"
        " WITH ORDINALITY AS given (lon, lat, category, place_id, observed_at, n)"
        " CROSS JOIN LATERAL ST_SetSRID(ST_MakePoint(lon, lat), 4326) AS point"
        " CROSS JOIN LATERAL places_of(point) AS located"
        " CROSS JOIN LATERAL route(category, point, place_id, observed_at) AS routed ORDER BY n"
    )
    names = ("lon", "lat", "category", "place_id", "observed_at")
    binds = {name: [getattr(command, name) for command in commands] for name in names}
    return [Found(*row) for row in session.execute(query, binds)]


def _add_all(
    uow: UnitOfWork, rows: Rows, checks: Checks, look_up: Callable[[Session, list[ReportCommand]], list[Found]]
) -> None:
    commands = [parse_report(row, checks) for row in rows]
    with Session(uow.connection) as session:
        categories = checks.nomenclature.category_by_code
        cells = cells_of(np.array([c.lon for c in commands]), np.array([c.lat for c in commands])).tolist()
        found = look_up(session, commands)
        session.add_all(
            _orm_report(command, categories[command.category], cells[i], found[i]) for i, command in enumerate(commands)
        )
        session.flush()
        session.add_all(_orm_event(command, found[i]) for i, command in enumerate(commands))
        session.flush()


def _orm_report(command: ReportCommand, category: Category, cell_25m: int, found: Found) -> OrmReport:
    severity = command.severity or category.default_severity
    return OrmReport(
        id=command.id, category_code=command.category, geom_4326=f"SRID=4326;POINT({command.lon} {command.lat})",
        cell_25m=cell_25m, severity=severity, visibility=category.visibility, observed_at=command.observed_at,
        received_at=NOW, due_at=due_at(NOW, category.deadline_hours, severity), description=command.description,
        organisation_id=found.organisation_id, candidate_ids=found.candidate_ids,
        neighbourhood_id=found.neighbourhood_id, iris_id=found.iris_id, qpv_id=found.qpv_id,
        nearest_stop_id=found.nearest_stop_id, source=SOURCE, source_ref=str(command.id),
    )  # fmt: skip


def _orm_event(command: ReportCommand, found: Found) -> OrmEvent:
    details = {"source": SOURCE, "source_ref": str(command.id), "responsible_id": found.organisation_id}
    return OrmEvent(
        report_id=command.id, at=NOW, kind="created", to_state="new", role="system",
        details=details | {"routing": found.details},
    )  # fmt: skip
