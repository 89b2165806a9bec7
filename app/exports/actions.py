"""Use cases of the exports: who may, and what streams out."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from datetime import date
from itertools import chain

from sqlalchemy import Engine

from app.exports import csv_lines, geojson
from app.exports.copying import STALLED_S, CopyStream
from app.exports.store import plan_events_csv, plan_interventions_geojson, plan_reports_geojson
from app.interventions.filters import InterventionFilter
from app.people.actor import Actor
from app.people.guards import require_role
from app.reports.filters import ReportFilter
from app.web.logs import get_logger


class Export:
    """The bytes of one export. Iterate or close it; close is safe to repeat and also called after the last byte."""

    def __init__(self, stream: CopyStream, body: Iterator[bytes], on_close: Callable[[], None]) -> None:
        self._stream = stream
        self._body = body
        self._on_close: Callable[[], None] | None = on_close

    def __iter__(self) -> Iterator[bytes]:
        return self._body

    def gzip(self) -> None:
        """Compress what is still to come."""
        self._body = _gzip(self._body)

    def close(self) -> None:
        """End the query and the transaction, whatever is left of them."""
        self._stream.close()
        if self._on_close is not None:
            self._on_close()
            self._on_close = None


def _noted(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The status line is long gone: the log is where an error in the middle can still be told."""
    try:
        yield from chunks
    except Exception:
        get_logger().exception("export cut short")
        raise


def _gzip(chunks: Iterator[bytes]) -> Iterator[bytes]:
    # The fastest level: GeoJSON already shrinks to about a sixth, and a core that compresses does not serve pages.
    compressor = zlib.compressobj(1, zlib.DEFLATED, wbits=31)
    for chunk in chunks:
        if packed := compressor.compress(chunk):
            yield packed
    yield compressor.flush()


def require_export(actor: Actor) -> None:
    """Who may take data out in bulk: planners and coordinators, by session or by a token of either scope.

    Raises:
        NotSignedInError, ForbiddenError

    """
    require_role(actor, "planner", "coordinator")


def export_reports(
    engine: Engine,
    actor: Actor,
    chosen: ReportFilter,
    *,
    is_gone: Callable[[], bool] = lambda: False,
    on_close: Callable[[], None] = lambda: None,
    stalled_s: float = STALLED_S,
) -> Export:
    """Start the GeoJSON of every report that the actor may see; it has begun to answer when this returns.

    is_gone is asked every second while no row has come. on_close is called once, when the export is closed.

    Raises:
        NotSignedInError, ForbiddenError
        ReaderGoneError: is_gone said so.
        SQLAlchemyError, psycopg2.Error: the query failed before its first row.

    """
    require_export(actor)
    stream = CopyStream(engine, actor, lambda uow: plan_reports_geojson(uow, chosen), stalled_s=stalled_s)
    return _started(stream, _collection("reports", stream), is_gone, on_close)


def export_interventions(
    engine: Engine,
    actor: Actor,
    chosen: InterventionFilter,
    *,
    is_gone: Callable[[], bool] = lambda: False,
    on_close: Callable[[], None] = lambda: None,
    stalled_s: float = STALLED_S,
) -> Export:
    """The same for interventions.

    Raises:
        NotSignedInError, ForbiddenError
        ReaderGoneError: is_gone said so.
        SQLAlchemyError, psycopg2.Error: the query failed before its first row.

    """
    require_export(actor)
    stream = CopyStream(engine, actor, lambda uow: plan_interventions_geojson(uow, chosen), stalled_s=stalled_s)
    return _started(stream, _collection("interventions", stream), is_gone, on_close)


def export_events(
    engine: Engine,
    actor: Actor,
    chosen: ReportFilter,
    *,
    is_gone: Callable[[], bool] = lambda: False,
    on_close: Callable[[], None] = lambda: None,
    stalled_s: float = STALLED_S,
) -> Export:
    """The same for the histories of the filter's reports, as CSV; the lines have no order but carry a number that has.

    Raises:
        NotSignedInError, ForbiddenError
        ReaderGoneError: is_gone said so.
        SQLAlchemyError, psycopg2.Error: the query failed before its first row.

    """
    require_export(actor)
    stream = CopyStream(engine, actor, lambda uow: plan_events_csv(uow, chosen), stalled_s=stalled_s)
    return _started(stream, csv_lines.frame(csv_lines.EVENTS, stream), is_gone, on_close)


def _collection(name: str, stream: CopyStream) -> Iterator[bytes]:
    return geojson.frame(name, stream, lambda: stream.rows)


def _started(
    stream: CopyStream, body: Iterator[bytes], is_gone: Callable[[], bool], on_close: Callable[[], None]
) -> Export:
    try:
        stream.wait_for_start(is_gone)
        first = next(body)
    except BaseException:
        stream.close()
        raise
    return Export(stream, _noted(chain((first,), body)), on_close)


def file_name(what: str, day: date, ending: str = "geojson") -> str:
    """What a browser calls the download."""
    return f"quietude-{what}-{day.isoformat()}.{ending}"
