"""The SQL of the dashboard. Frozen rows come out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from sqlalchemy import Connection, text

from app.db.sql import statement
from app.reports.filters import ReportFilter, conditions

By = Literal["all", "theme", "category", "neighbourhood", "organisation"]
Unit = Literal["week", "month"]


@dataclass(frozen=True)
class Span:
    """Median and 90th percentile in seconds, of `count` reports."""

    count: int
    median_s: float
    p90_s: float


@dataclass(frozen=True)
class Times:
    """One group of reports. key: its code or id (None: reports without); a span is None when nothing was measured."""

    key: str | None
    reports: int
    still_open: int
    late: int
    acknowledge: Span | None
    resolve: Span | None
    # The share of the time to resolve in which a question held it up.
    paused_share: float


# What was withdrawn does not count; a report is received after it is seen (clocks differ by minutes), which bounds the
# work by the index on received_at.
_COUNTED = (
    "report.state NOT IN ('rejected', 'duplicate')",
    "report.received_at >= (CAST(:from_date AS date)::timestamp AT TIME ZONE 'Europe/Paris') - interval '1 day'",
)
_TIMES = statement("desk", "dashboard_times")
_SERIES = """
    SELECT date_trunc('{unit}', report.observed_at AT TIME ZONE 'Europe/Paris')::date AS day, count(*) AS many
    FROM report JOIN category ON category.code = report.category_code WHERE {where} GROUP BY 1 ORDER BY 1
"""
_INTERVENTIONS = """
    SELECT date_trunc('{unit}', starts_at AT TIME ZONE 'Europe/Paris')::date AS day, count(*) AS many
    FROM intervention
    WHERE state <> 'cancelled'
        AND starts_at >= (CAST(:from_date AS date)::timestamp AT TIME ZONE 'Europe/Paris')
        AND starts_at < ((CAST(:to_date AS date) + 1)::timestamp AT TIME ZONE 'Europe/Paris')
        AND (CAST(:organisation AS text) IS NULL
            OR organisation_id = (SELECT id FROM organisation WHERE slug = :organisation))
        AND (CAST(:neighbourhood AS bigint) IS NULL OR neighbourhood_id = :neighbourhood)
    GROUP BY 1 ORDER BY 1
"""


def _where(chosen: ReportFilter, neighbourhood: int | None, now: datetime) -> tuple[str, dict[str, Any]]:
    parts, binds = conditions(chosen, now)
    parts += _COUNTED
    if neighbourhood is not None:
        parts.append("report.neighbourhood_id = :neighbourhood")
        binds["neighbourhood"] = neighbourhood
    return " AND ".join(parts), binds


def times_query(chosen: ReportFilter, neighbourhood: int | None, now: datetime) -> tuple[str, dict[str, Any]]:
    """The statement of `times` and its binds; the filter must have a first day."""
    where, binds = _where(chosen, neighbourhood, now)
    return _TIMES.format(where=where), binds | {"now": now}


def times(
    connection: Connection, chosen: ReportFilter, neighbourhood: int | None, *, now: datetime
) -> Mapping[By, tuple[Times, ...]]:
    """Every grouping at once, in one pass over the reports of the period that the actor may see."""
    query, binds = times_query(chosen, neighbourhood, now)
    found: dict[By, list[Times]] = {"all": [], "theme": [], "category": [], "neighbourhood": [], "organisation": []}
    for row in connection.execute(text(query), binds):
        found[row.by].append(
            Times(
                key=row.key,
                reports=row.reports,
                still_open=row.still_open,
                late=row.late,
                acknowledge=_span(row.acknowledged, row.acknowledge_s),
                resolve=_span(row.resolved, row.resolve_s),
                paused_share=row.paused_share,
            )
        )
    return {by: tuple(rows) for by, rows in found.items()}


def _span(count: int, percentiles: list[float] | None) -> Span | None:
    return None if not count or percentiles is None else Span(count, percentiles[0], percentiles[1])


def reports_by(
    connection: Connection, unit: Unit, chosen: ReportFilter, neighbourhood: int | None, *, now: datetime
) -> Mapping[date, int]:
    """How many reports were seen in each week (by its Monday) or month (by its first) of Europe/Paris."""
    where, binds = _where(chosen, neighbourhood, now)
    return {row.day: row.many for row in connection.execute(text(_SERIES.format(unit=unit, where=where)), binds)}


def interventions_by(
    connection: Connection, unit: Unit, chosen: ReportFilter, neighbourhood: int | None
) -> Mapping[date, int]:
    """How many interventions began in each week or month; theme, category, state and severity say nothing of them."""
    binds = {
        "from_date": chosen.from_date,
        "to_date": chosen.to_date,
        "organisation": chosen.organisation,
        "neighbourhood": neighbourhood,
    }
    return {row.day: row.many for row in connection.execute(text(_INTERVENTIONS.format(unit=unit)), binds)}
