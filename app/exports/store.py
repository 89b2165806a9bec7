"""The statements of the exports, run by COPY so that the rows leave PostgreSQL as ready-made text."""

from __future__ import annotations

from sqlalchemy import text

from app.db.session import UnitOfWork
from app.db.sql import statement
from app.exports.copying import Sink
from app.reports.filters import ReportFilter, conditions

# A slow line may take hours for a long export; what must not last is a client that takes nothing (copying.STALLED_S).
# The time zone makes to_json write UTC. A nested loop over the small tables is never right for a whole export, but a
# bad estimate could choose it.
_PREPARE = text(
    "SELECT set_config('statement_timeout', '12h', true), set_config('timezone', 'UTC', true),"
    " set_config('enable_nestloop', 'off', true)"
)

# The binary format hands a text over as it is; text and CSV look at every byte, an eighth of the whole time.
_COPY = b"COPY (%s) TO STDOUT (FORMAT binary)"


_COUNT = "SELECT count(*) FROM report JOIN category ON category.code = report.category_code"


def _where(parts: list[str]) -> str:
    # The conditions come from app/reports/filters.py: fixed texts with binds, never a value.
    return f"\nWHERE {' AND '.join(parts)}" if parts else ""


def count_reports(uow: UnitOfWork, chosen: ReportFilter) -> int:
    """How many reports of the filter the actor may see."""
    parts, binds = conditions(chosen)
    return int(uow.connection.execute(text(_COUNT + _where(parts)), binds).scalar_one())


def reports_geojson_query(uow: UnitOfWork, chosen: ReportFilter) -> bytes:
    """The query whose one text column is a line of the export: a comma and the feature."""
    parts, binds = conditions(chosen)
    query_text = text(statement("exports", "reports_geojson") + _where(parts)).bindparams(**binds)
    compiled = query_text.compile(dialect=uow.connection.dialect)
    # COPY takes no parameters: the driver writes the values as literals, quoted by its own rules.
    with uow.raw.cursor() as cursor:
        return cursor.mogrify(str(compiled), compiled.params)


def copy_reports_geojson(uow: UnitOfWork, chosen: ReportFilter, sink: Sink) -> int:
    """Write every report of the filter that the actor may see. Returns how many."""
    uow.connection.execute(_PREPARE)
    with uow.raw.cursor() as cursor:
        cursor.copy_expert(_COPY % reports_geojson_query(uow, chosen), sink)
        return cursor.rowcount
