"""The statements of the exports, run by COPY so that the rows leave PostgreSQL as ready-made text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import text

from app.db.session import UnitOfWork
from app.db.sql import statement
from app.interventions.filters import InterventionFilter
from app.interventions.filters import conditions as intervention_conditions
from app.reports.filters import ReportFilter, conditions

# From this size on two parts are quicker than one (8 MB of table, about 30,000 reports).
SPLIT_PAGES = 1_024
_PAGES = text("SELECT pg_relation_size('report') / current_setting('block_size')::integer")


def _where(parts: list[str]) -> str:
    # The conditions come from app/reports/filters.py: fixed texts with binds, never a value.
    return f"\nWHERE {' AND '.join(parts)}" if parts else ""


def count_reports(uow: UnitOfWork, chosen: ReportFilter) -> int:
    """How many reports of the filter the actor may see."""
    return _count(uow, *conditions(chosen), name="reports_geojson")


def count_interventions(uow: UnitOfWork, chosen: InterventionFilter) -> int:
    """How many interventions of the filter the actor may see."""
    return _count(uow, *intervention_conditions(chosen), name="interventions_geojson")


def count_events(uow: UnitOfWork, chosen: ReportFilter) -> int:
    """How many steps the histories of the filter's reports have, as far as the actor may see them."""
    return _count(uow, *conditions(chosen), name="events_csv")


def plan_reports_geojson(uow: UnitOfWork, chosen: ReportFilter) -> list[bytes]:
    """The queries that together give every report of the filter that the actor may see, once.

    A big table is read by its first and its second half; a box on the map is found through its index as it is.
    """
    parts, binds = conditions(chosen)
    pages = int(uow.connection.execute(_PAGES).scalar_one())
    if pages < SPLIT_PAGES or chosen.bbox is not None:
        return [_query(uow, parts, binds)]
    binds["middle"] = f"({pages // 2},0)"
    halves = ("report.ctid < CAST(:middle AS tid)", "report.ctid >= CAST(:middle AS tid)")
    return [_query(uow, [*parts, half], binds) for half in halves]


def reports_geojson_query(uow: UnitOfWork, chosen: ReportFilter) -> bytes:
    """The query whose one text column is a line of the export: a comma and the feature."""
    return _query(uow, *conditions(chosen))


def plan_interventions_geojson(uow: UnitOfWork, chosen: InterventionFilter) -> list[bytes]:
    """The query that gives every intervention of the filter that the actor may see."""
    return [_query(uow, *intervention_conditions(chosen), name="interventions_geojson")]


def plan_events_csv(uow: UnitOfWork, chosen: ReportFilter) -> list[bytes]:
    """The query that gives every step of the filter's reports that the actor may see, in no order."""
    return [_query(uow, *conditions(chosen), name="events_csv")]


def _count(uow: UnitOfWork, parts: list[str], binds: Mapping[str, Any], *, name: str) -> int:
    # The planner leaves out what the lines are made of.
    lines = statement("exports", name) + _where(parts)
    return int(uow.connection.execute(text(f"SELECT count(*) FROM ({lines}) AS line"), binds).scalar_one())  # noqa: S608


def _query(uow: UnitOfWork, parts: list[str], binds: Mapping[str, Any], *, name: str = "reports_geojson") -> bytes:
    query_text = text(statement("exports", name) + _where(parts)).bindparams(**binds)
    compiled = query_text.compile(dialect=uow.connection.dialect)
    # COPY takes no parameters: the driver writes the values as literals, quoted by its own rules.
    with uow.raw.cursor() as cursor:
        return cursor.mogrify(str(compiled), compiled.params)
