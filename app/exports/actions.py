"""Use cases of the exports: who may, and what streams out."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import chain
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import Engine

from app.db.session import unit_of_work
from app.exports.channel import ReaderGoneError
from app.exports.copying import STALLED_S, CopyStream, Plan
from app.exports.formats import CSV, GEOJSON, Format
from app.exports.legend import Layer, read_legend
from app.exports.store import (
    log_export,
    plan_events,
    plan_intervention_events,
    plan_interventions,
    plan_patrols,
    plan_reports,
)
from app.interventions.filters import InterventionFilter
from app.patrols.filters import PatrolFilter
from app.people.actor import Actor, Role
from app.people.guards import require_role
from app.reports.filters import ReportFilter
from app.web.logs import get_logger

EXPORTERS: tuple[Role, ...] = ("planner", "coordinator")


class _Watched:
    """The chunks of a stream. Their rows are told as they come; and while a format still makes its first byte (a
    GeoPackage takes all the time that there is), a reader who leaves stops all of it.
    """

    def __init__(self, chunks: Iterable[Any], watch: Watch) -> None:
        self.has_begun = False
        self._chunks = chunks
        self._watch = watch

    def __iter__(self) -> Iterator[Any]:
        for chunk in self._chunks:
            if not self.has_begun and self._watch.is_gone():
                raise ReaderGoneError
            if self._watch.on_rows is not None:
                self._watch.on_rows(chunk.count(b"\n") if isinstance(chunk, bytes) else len(chunk))
            yield chunk


class Export:
    """The bytes of one export. Iterate or close it; close is safe to repeat and also called after the last byte."""

    def __init__(self, stream: CopyStream[Any], body: Iterator[bytes], on_close: Callable[[], None]) -> None:
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
    require_role(actor, *EXPORTERS)


@dataclass(frozen=True)
class Watch:
    """What an export has to do with the one who reads it.

    is_gone is asked every second while no row has come; on_close is called once, when the export is closed;
    on_rows hears how many rows came; stalled_s is how long a reader may take nothing.
    """

    is_gone: Callable[[], bool] = lambda: False
    on_close: Callable[[], None] = lambda: None
    on_rows: Callable[[int], None] | None = None
    stalled_s: float = STALLED_S


_NOBODY = Watch()


def export_reports(
    engine: Engine, actor: Actor, chosen: ReportFilter, format_: Format = GEOJSON, watch: Watch = _NOBODY
) -> Export:
    """Start the stream of every report that the actor may see; it has begun to answer when this returns.

    That it was asked for is written down first.

    Raises:
        NotSignedInError, ForbiddenError
        ReaderGoneError: the reader has left.
        SQLAlchemyError, psycopg2.Error: the query failed before its first row.

    """
    wanted = Wanted("reports", format_, chosen.query())
    return _start(engine, actor, wanted, lambda uow: plan_reports(uow, chosen, format_.query), watch)


def export_interventions(
    engine: Engine, actor: Actor, chosen: InterventionFilter, format_: Format = GEOJSON, watch: Watch = _NOBODY
) -> Export:
    """The same for interventions, with the same errors."""
    wanted = Wanted("interventions", format_, chosen.query())
    return _start(engine, actor, wanted, lambda uow: plan_interventions(uow, chosen, format_.query), watch)


def export_patrols(
    engine: Engine, actor: Actor, chosen: PatrolFilter, format_: Format = GEOJSON, watch: Watch = _NOBODY
) -> Export:
    """The same for the places of rounds: every passage, and every stop that nobody has passed."""
    wanted = Wanted("patrols", format_, chosen.query())
    return _start(engine, actor, wanted, lambda uow: plan_patrols(uow, chosen, format_.query), watch)


def export_events(engine: Engine, actor: Actor, chosen: ReportFilter, watch: Watch = _NOBODY) -> Export:
    """The same for the histories of the filter's reports; the lines have no order but carry a number that has."""
    wanted = Wanted("events", CSV, chosen.query())
    return _start(engine, actor, wanted, lambda uow: plan_events(uow, chosen), watch)


def export_intervention_events(
    engine: Engine, actor: Actor, chosen: InterventionFilter, watch: Watch = _NOBODY
) -> Export:
    """The same for the histories of the filter's interventions."""
    wanted = Wanted("intervention_events", CSV, chosen.query())
    return _start(engine, actor, wanted, lambda uow: plan_intervention_events(uow, chosen), watch)


@dataclass(frozen=True)
class Wanted:
    """What is taken out (a key of OFFERED), as what, by which filter."""

    what: str
    format: Format
    query: Mapping[str, str]


def _start(engine: Engine, actor: Actor, wanted: Wanted, plan: Plan, watch: Watch) -> Export:
    require_export(actor)
    # In a transaction of its own and before the first row: an export that is broken off was an export too.
    with unit_of_work(engine, actor) as uow:
        log_export(uow, actor, wanted.what, wanted.format.ending, urlencode(wanted.query))
        legend = read_legend(uow.connection, wanted.what) if wanted.format.has_legend else None
    stream = CopyStream(engine, actor, plan, wanted.format.sink, stalled_s=watch.stalled_s)
    try:
        stream.wait_for_start(watch.is_gone)
        chunks = _Watched(stream, watch)
        body = wanted.format.frame(Layer(wanted.what, legend, lambda: stream.rows), chunks)
        first = next(body)
        chunks.has_begun = True
    except BaseException:
        stream.close()
        raise
    return Export(stream, _noted(chain((first,), body)), watch.on_close)


def file_name(what: str, ending: str, day: date) -> str:
    """What a browser calls the download."""
    return f"quietude-{what}-{day.isoformat()}.{ending}"
