"""The statements of the exports, run by COPY so that the rows leave PostgreSQL as ready-made text; who took what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text

from app.db.session import UnitOfWork
from app.db.sql import statement
from app.interventions.filters import InterventionFilter
from app.interventions.filters import conditions as intervention_conditions
from app.patrols.filters import PatrolFilter
from app.patrols.filters import conditions as patrol_conditions
from app.people.actor import Actor
from app.reports.filters import ReportFilter, conditions

# From this size on two parts are quicker than one (8 MB of table, about 30,000 reports).
SPLIT_PAGES = 1_024
_PAGES = text("SELECT pg_relation_size('report') / current_setting('block_size')::integer")


def _where(parts: list[str]) -> str:
    # The conditions come from app/reports/filters.py: fixed texts with binds, never a value.
    return f"\nWHERE {' AND '.join(parts)}" if parts else ""


def _statement(name: str) -> str:
    """A file of ours; the places of rounds are no table."""
    rows = f"WITH patrol_visit AS ({patrol_visits()})\n" if name.startswith("patrols_") else ""
    return rows + statement("exports", name)


def patrol_visits() -> str:
    """SQL of the rows that a file `patrols_….sql` reads as `patrol_visit`."""
    return statement("exports", "patrol_visits")


def count_reports(uow: UnitOfWork, chosen: ReportFilter) -> int:
    """How many reports of the filter the actor may see."""
    return _count(uow, *conditions(chosen), name="reports_geojson")


def count_interventions(uow: UnitOfWork, chosen: InterventionFilter) -> int:
    """How many interventions of the filter the actor may see."""
    return _count(uow, *intervention_conditions(chosen), name="interventions_geojson")


def count_events(uow: UnitOfWork, chosen: ReportFilter) -> int:
    """How many steps the histories of the filter's reports have, as far as the actor may see them."""
    return _count(uow, *conditions(chosen), name="events_csv")


def count_patrols(uow: UnitOfWork, chosen: PatrolFilter) -> int:
    """How many places of the filter's rounds the actor may see."""
    return _count(uow, *patrol_conditions(chosen), name="patrols_geojson")


def plan_reports(uow: UnitOfWork, chosen: ReportFilter, query: str = "geojson") -> list[bytes]:
    """The queries that together give every report of the filter that the actor may see, once.

    A big table is read by its first and its second half; a box on the map is found through its index as it is.
    """
    parts, binds = conditions(chosen)
    pages = int(uow.connection.execute(_PAGES).scalar_one())
    if pages < SPLIT_PAGES or chosen.bbox is not None:
        return [_query(uow, parts, binds, f"reports_{query}")]
    binds["middle"] = f"({pages // 2},0)"
    halves = ("report.ctid < CAST(:middle AS tid)", "report.ctid >= CAST(:middle AS tid)")
    return [_query(uow, [*parts, half], binds, f"reports_{query}") for half in halves]


def reports_geojson_query(uow: UnitOfWork, chosen: ReportFilter) -> bytes:
    """The query whose one text column is a line of the export: a comma and the feature."""
    return _query(uow, *conditions(chosen), "reports_geojson")


def plan_interventions(uow: UnitOfWork, chosen: InterventionFilter, query: str = "geojson") -> list[bytes]:
    """The query that gives every intervention of the filter that the actor may see."""
    return [_query(uow, *intervention_conditions(chosen), f"interventions_{query}")]


def plan_patrols(uow: UnitOfWork, chosen: PatrolFilter, query: str = "geojson") -> list[bytes]:
    """The query that gives every passage, and every stop without one, of the filter that the actor may see."""
    return [_query(uow, *patrol_conditions(chosen), f"patrols_{query}")]


def plan_events(uow: UnitOfWork, chosen: ReportFilter) -> list[bytes]:
    """The query that gives every step of the filter's reports that the actor may see, in no order."""
    return [_query(uow, *conditions(chosen), "events_csv")]


def plan_intervention_events(uow: UnitOfWork, chosen: InterventionFilter) -> list[bytes]:
    """The same of the filter's interventions."""
    return [_query(uow, *intervention_conditions(chosen), "intervention_events_csv")]


def _count(uow: UnitOfWork, parts: list[str], binds: Mapping[str, Any], *, name: str) -> int:
    # The planner leaves out what the lines are made of.
    lines = _statement(name) + _where(parts)
    return int(uow.connection.execute(text(f"SELECT count(*) FROM ({lines}) AS line"), binds).scalar_one())  # noqa: S608


_LOG = text("""
    INSERT INTO export_log (what, format, query, account_id, organisation_id, role)
    VALUES (:what, :format, :query, nullif(:account_id, 0), :organisation_id, :role)
""")
_LATEST = text("""
    SELECT at, what, format, query FROM export_log WHERE account_id = :account_id ORDER BY at DESC LIMIT 10
""")


@dataclass(frozen=True)
class Taken:
    """One export of the past. query: its filter as in an address."""

    at: datetime
    what: str
    format: str
    query: str


def log_export(uow: UnitOfWork, actor: Actor, what: str, ending: str, query: str) -> None:
    """Write down who takes what out."""
    values = {"what": what, "format": ending, "query": query, "role": actor.role}
    uow.connection.execute(_LOG, values | {"account_id": actor.user_id, "organisation_id": actor.organisation_id})


def latest_exports(uow: UnitOfWork, account_id: int) -> list[Taken]:
    """The last ten exports of an account, the newest first."""
    return [Taken(*row) for row in uow.connection.execute(_LATEST, {"account_id": account_id})]


def _query(uow: UnitOfWork, parts: list[str], binds: Mapping[str, Any], name: str) -> bytes:
    query_text = text(_statement(name) + _where(parts)).bindparams(**binds)
    compiled = query_text.compile(dialect=uow.connection.dialect)
    # COPY takes no parameters: the driver writes the values as literals, quoted by its own rules.
    with uow.raw.cursor() as cursor:
        return cursor.mogrify(str(compiled), compiled.params)
