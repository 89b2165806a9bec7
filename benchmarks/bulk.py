"""Bulk import against SQLAlchemy's `session.add_all` of the same rows, with the same checks and places for each row.

Both start from the same untrusted dictionaries and end with the same rows in `report` and `report_event`, committed.
The peer is what one would write with an ORM: each row through the product's own parser, its places looked up, its
objects added, one flush and commit. A second line gives the peer the set-based look-up of places as well, so that
only `add_all` itself is compared.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from geoalchemy2 import Geometry
from sqlalchemy import BigInteger, Engine, Integer, SmallInteger, Text, Uuid, func, select, text
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from app.db.session import unit_of_work
from app.nomenclature.store import load_nomenclature
from app.people.actor import SYSTEM
from app.places.lattice import cells_of
from app.places.territory import territory
from app.reports.commands import Checks, ReportCommand, parse_report
from app.reports.importing.bulk import BulkOrigin, BulkRow, bulk_insert
from benchmarks.data import SEED, SENTENCES, random_points
from benchmarks.measure import Line, in_turn
from benchmarks.register import Register

ROWS = 20_000
ROUNDS = 3
NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
Moment = TIMESTAMP(timezone=True)
Rows = list[dict[str, Any]]


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
    # Made before the clock starts.
    batches = iter(list(_batches(checks, 3 * (ROUNDS + 1))))
    works: dict[str, Callable[[], object]] = {
        "bulk import": lambda: _ours(engine, next(batches), checks),
        "add_all": lambda: _add_all(engine, next(batches), checks, _places_one_by_one),
        "add_all, places set-based": lambda: _add_all(engine, next(batches), checks, _places_at_once),
    }
    medians = in_turn(works, ROUNDS)
    ours_s = medians["bulk import"]
    shown = f"{ours_s:.2f} s ({ROWS / ours_s:,.0f} rows/s)"
    for name, target in (("add_all", "≥ 5"), ("add_all, places set-based", "")):
        peer_s = medians[name]
        yield Line(f"{ROWS:,} rows: {name} ÷ bulk import", shown, f"{peer_s:.2f} s", peer_s / ours_s, target)


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


def _ours(engine: Engine, rows: Rows, checks: Checks) -> None:
    commands = (parse_report(row, checks) for row in rows)
    with unit_of_work(engine, SYSTEM) as uow:
        given = (BulkRow(command, source_ref=str(command.id)) for command in commands)
        result = bulk_insert(uow, BulkOrigin("import:benchmark"), given, now=NOW)
    assert result.added == len(rows), result


Places = list[tuple[int | None, int | None, int | None, int | None]]


def _places_one_by_one(session: Session, commands: list[ReportCommand]) -> Places:
    query = text("SELECT * FROM places_of(ST_SetSRID(ST_MakePoint(:lon, :lat), 4326))")
    return [tuple(session.execute(query, {"lon": c.lon, "lat": c.lat}).one()) for c in commands]


def _places_at_once(session: Session, commands: list[ReportCommand]) -> Places:
    query = text(
        "SELECT located.* FROM unnest(CAST(:lon AS float[]), CAST(:lat AS float[]))"
        " WITH ORDINALITY AS point(lon, lat, n)"
        " CROSS JOIN LATERAL places_of(ST_SetSRID(ST_MakePoint(lon, lat), 4326)) AS located ORDER BY n"
    )
    binds = {"lon": [c.lon for c in commands], "lat": [c.lat for c in commands]}
    return [tuple(row) for row in session.execute(query, binds)]


def _add_all(
    engine: Engine, rows: Rows, checks: Checks, find_places: Callable[[Session, list[ReportCommand]], Places]
) -> None:
    commands = [parse_report(row, checks) for row in rows]
    with unit_of_work(engine, SYSTEM) as uow, Session(uow.connection) as session:
        codes = {command.category for command in commands}
        categories = {code: checks.nomenclature.category_by_code[code] for code in codes}
        owners = {
            code: session.scalar(select(func.default_organisation(category.responsible, None)))
            for code, category in categories.items()
        }
        cells = cells_of(np.array([c.lon for c in commands]), np.array([c.lat for c in commands])).tolist()
        places = find_places(session, commands)
        session.add_all(
            _orm_report(command, categories[command.category], owners[command.category], cells[i], places[i])
            for i, command in enumerate(commands)
        )
        session.flush()
        session.add_all(
            OrmEvent(report_id=c.id, at=NOW, kind="created", to_state="new", role="system",
                     details={"source": "import:benchmark", "source_ref": str(c.id)})
            for c in commands
        )  # fmt: skip
        session.flush()


def _orm_report(command: ReportCommand, category: Any, owner: int | None, cell_25m: int, places: Any) -> OrmReport:
    neighbourhood_id, iris_id, qpv_id, nearest_stop_id = places
    return OrmReport(
        id=command.id, category_code=command.category, geom_4326=f"SRID=4326;POINT({command.lon} {command.lat})",
        cell_25m=cell_25m, severity=command.severity, visibility=category.visibility, observed_at=command.observed_at,
        received_at=NOW, due_at=NOW + timedelta(hours=category.deadline_hours), description=command.description,
        organisation_id=owner, neighbourhood_id=neighbourhood_id, iris_id=iris_id, qpv_id=qpv_id,
        nearest_stop_id=nearest_stop_id, source="import:benchmark", source_ref=str(command.id),
    )  # fmt: skip
