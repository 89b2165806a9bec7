"""The map window finds its reports by index under row-level security, at 300,000 rows."""

from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np
import pytest
from sqlalchemy import Engine, text

from app.db.session import unit_of_work
from app.exports.queryables import report_queryables
from app.filtering import parse_clause
from app.nomenclature.store import Nomenclature
from app.people.actor import SYSTEM, Actor, Role
from app.places.lattice import cells_of
from app.reports.filters import ReportFilter, conditions

ROWS = 300_000
WEST, SOUTH, EAST, NORTH = 2.22, 49.84, 2.36, 49.95
# About 1 km × 1 km at the town hall.
WINDOW = (2.290, 49.890, 2.304, 49.899)


@pytest.fixture(scope="module")
def many_reports(engine: Engine, owner_engine: Engine) -> Iterator[None]:
    """Random reports over Amiens: a third restricted, a half closed."""
    random = np.random.default_rng(80)
    lon, lat = random.uniform(WEST, EAST, ROWS), random.uniform(SOUTH, NORTH, ROWS)
    lines = io.StringIO()
    np.savetxt(lines, np.column_stack([lon, lat, cells_of(lon, lat)]), fmt=["%.7f", "%.7f", "%d"], delimiter="\t")
    lines.seek(0)
    with unit_of_work(engine, SYSTEM) as uow:
        uow.connection.execute(text("CREATE TEMP TABLE drawn (lon float8, lat float8, cell bigint) ON COMMIT DROP"))
        with uow.raw.cursor() as cursor:
            cursor.copy_expert("COPY drawn FROM STDIN", lines)
        uow.connection.execute(
            text("""
            INSERT INTO report (id, category_code, geom_4326, cell_25m, severity, state, visibility, observed_at)
            SELECT gen_random_uuid(), (SELECT min(code) FROM category), ST_SetSRID(ST_Point(lon, lat), 4326), cell, 2,
                (ARRAY['new', 'resolved'])[1 + row_number() OVER () % 2],
                (ARRAY['public', 'partner', 'restricted'])[1 + row_number() OVER () % 3],
                timestamptz '2026-01-01' + row_number() OVER () * interval '1 minute'
            FROM drawn
            """)
        )
    with owner_engine.begin() as connection:
        connection.execute(text("ANALYZE report"))
    yield
    with owner_engine.begin() as connection:
        connection.execute(text("TRUNCATE report CASCADE"))
        connection.execute(text("ANALYZE report"))


def window_sql() -> tuple[str, dict[str, object]]:
    parts, binds = conditions(ReportFilter(bbox=WINDOW))
    return f"SELECT report.id FROM report WHERE {' AND '.join(parts)}", binds


@pytest.mark.slow
@pytest.mark.parametrize("role", ["agent", "partner", "planner", "coordinator"])
def test_the_map_window_uses_the_cell_index(many_reports: None, engine: Engine, role: Role) -> None:
    query, binds = window_sql()
    with unit_of_work(engine, Actor(role, 1, 1)) as uow:
        plan = "\n".join(uow.connection.scalars(text(f"EXPLAIN {query}"), binds))
    assert "report_cell_idx" in plan, plan
    assert "Seq Scan on report" not in plan, plan


@pytest.mark.slow
@pytest.mark.parametrize("role", ["agent", "coordinator"])
def test_so_does_a_place_of_the_filter_language(many_reports: None, engine: Engine, role: Role) -> None:
    corners = ",".join(f"{lon} {lat}" for lon, lat in ((2.29, 49.89), (2.304, 49.89), (2.297, 49.899), (2.29, 49.89)))
    names = report_queryables(Nomenclature((), ()))
    clause = parse_clause({"filter": f"severity > 1 AND S_WITHIN(geometry, POLYGON(({corners})))"}, names)
    assert clause is not None
    query = text(f"SELECT report.id FROM report WHERE {clause.sql}")
    inside = text(
        "SELECT count(*) FROM report WHERE severity > 1"
        f" AND ST_Within(geom_4326, ST_GeomFromText('POLYGON(({corners}))', 4326))"
    )
    with unit_of_work(engine, Actor(role, 1, 1)) as uow:
        plan = "\n".join(uow.connection.scalars(text(f"EXPLAIN {query}"), clause.binds))
        found = len(list(uow.connection.scalars(query, clause.binds)))
        expected = uow.connection.scalar(inside)
    assert "report_cell_idx" in plan, plan
    assert "Seq Scan on report" not in plan, plan
    assert found == expected > 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        ("agent", "visibility <> 'restricted' AND state = 'new'"),
        ("partner", "visibility <> 'restricted'"),
        ("planner", "visibility <> 'restricted'"),
        ("coordinator", "true"),
        ("public", "false"),
    ],
)
def test_the_map_window_finds_what_a_plain_box_finds(
    many_reports: None, engine: Engine, role: Role, allowed: str
) -> None:
    query, binds = window_sql()
    west, south, east, north = WINDOW
    # Not `&&`: PostGIS rounds its boxes outwards to single precision.
    box = f"ST_X(geom_4326) BETWEEN {west} AND {east} AND ST_Y(geom_4326) BETWEEN {south} AND {north}"
    with unit_of_work(engine, Actor(role, 1, 1)) as uow:
        found = set(uow.connection.scalars(text(query), binds))
    with unit_of_work(engine, SYSTEM) as uow:
        expected = set(uow.connection.scalars(text(f"SELECT id FROM report WHERE {box} AND {allowed}")))
    assert found == expected
    assert bool(found) == (role != "public")
