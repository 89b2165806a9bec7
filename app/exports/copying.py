"""COPY as an iterator of chunks: constant memory, back-pressure, and no well-formed lie.

psycopg2 pushes COPY's rows into a file; WSGI pulls chunks. A thread of its own stands between the two and owns the
transaction, so that the transaction ends in every case: at the end, at an error, when the client goes away.
A big export is read in two parts at once, by two sessions of PostgreSQL that share one snapshot.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Generic

import psycopg2
from sqlalchemy import Engine, QueuePool, text
from sqlalchemy.exc import OperationalError

from app.db.session import UnitOfWork, unit_of_work
from app.exports.channel import Channel, Chunk, ReaderGoneError
from app.people.actor import Actor

CHUNK_BYTES = 128 * 1024
# A client that takes not even one chunk in this time is gone or means harm: it must not hold a snapshot open.
STALLED_S = 120.0
LOOK_EVERY_S = 1.0

# What each part does first. A slow line may take hours; what must not last is a client that takes nothing (STALLED_S).
# The time zone makes to_json write UTC.
_PREPARE = text("SELECT set_config('statement_timeout', '12h', true), set_config('timezone', 'UTC', true)")
# The binary format hands a text over as it is; text and CSV look at every byte, an eighth of the whole time.
_COPY = b"COPY (%s) TO STDOUT (FORMAT binary)"
_ONE_SNAPSHOT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"

# The queries that make the export together, with the columns that their sink takes.
Plan = Callable[[UnitOfWork], Sequence[bytes]]


# Binary COPY (PostgreSQL manual, COPY, "Binary Format"): a header; each row as its number of fields and each field's
# length before its bytes; a trailer. The protocol sends one row a message, the first one together with the header.
_SIGNATURE = b"PGCOPY\n\xff\r\n\0"
_HEADER_BYTES = len(_SIGNATURE) + 4 + 4
_BEFORE_FIELD = 2 + 4
_TRAILER = b"\xff\xff"


class Sink(Generic[Chunk]):
    """What a binary COPY writes its rows into: gathers them to chunks and hands those over.

    fields: how many columns the query has; chunk_bytes: when a chunk is full.
    """

    fields = 1
    chunk_bytes = CHUNK_BYTES

    def __init__(self, channel: Channel[Chunk]) -> None:
        self._channel = channel
        self._before_row = self.fields.to_bytes(2)
        self._rows: list[bytes] = []
        self._size = 0
        # The first row goes out at once: whether there is an answer is known as early as the database knows.
        self._limit = 1
        self._started = False

    def write(self, message: bytes) -> None:
        """Take one row as COPY sends it. Called for every row: whatever can wait for a whole chunk does."""
        self._rows.append(message)
        self._size += len(message)
        if self._size >= self._limit:
            self.flush()

    def flush(self) -> None:
        """Hand over what is there."""
        rows = self._rows
        if rows and not self._started:
            assert rows[0].startswith(_SIGNATURE), "not a binary COPY"
            rows[0], self._started = rows[0][_HEADER_BYTES:], True
        if rows and rows[-1] == _TRAILER:
            rows.pop()
        if rows:
            self._channel.put(self._packed(rows))
        self._rows, self._size, self._limit = [], 0, self.chunk_bytes

    def _packed(self, rows: list[bytes]) -> Chunk:
        raise NotImplementedError

    def _checked(self, taken: Sequence[bytes], rows: Sequence[bytes]) -> None:
        assert len(taken) == len(rows), "not as many columns, or not one row a message"


class Lines(Sink[bytes]):
    """Of one text column: each row is a line."""

    def _packed(self, rows: list[bytes]) -> bytes:
        before = self._before_row
        lines = [row[_BEFORE_FIELD:] for row in rows if row.startswith(before)]
        self._checked(lines, rows)
        lines.append(b"")  # for the last line's feed
        return b"\n".join(lines)


class GeometryAndText(Sink[Sequence[bytes]]):
    """Of a geometry and a text: rows as they came, each field with its length before it."""

    fields = 2
    # Whoever takes these works on many rows at once.
    chunk_bytes = 8 * CHUNK_BYTES

    def _packed(self, rows: list[bytes]) -> Sequence[bytes]:
        before = self._before_row
        self._checked([row for row in rows if row.startswith(before)], rows)
        return rows


def _is_operational(error: BaseException) -> bool:
    """Whether the server is at fault, not the query. One that dies inside a COPY gives the driver no better class."""
    return isinstance(error, psycopg2.OperationalError) or type(error) is psycopg2.DatabaseError


class CopyStream(Generic[Chunk]):
    """Chunks of running COPYs, as one actor. Iterate it to the end, or close it; both end every transaction.

    After the last chunk `rows` is how many rows there were. An error of the database is raised in the reader, after
    the chunks that came before it. The order of the lines is nobody's.
    """

    def __init__(
        self,
        engine: Engine,
        actor: Actor,
        plan: Plan,
        sink: Callable[[Channel[Chunk]], Sink[Chunk]],
        *,
        stalled_s: float = STALLED_S,
    ) -> None:
        self.rows = 0
        self._engine = engine
        self._actor = actor
        self._plan = plan
        self._sink = sink
        self._channel: Channel[Chunk] = Channel(stalled_s=stalled_s)
        self._running: set[UnitOfWork] = set()
        self._state = threading.Lock()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._lead, name="export", daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[Chunk]:
        while (chunk := self._channel.get()) is not None:
            yield chunk

    def wait_for_start(self, is_gone: Callable[[], bool] = lambda: False) -> None:
        """Return once the first row, the end or an error is there; stop the query when the client leaves before."""
        while not self._channel.wait(LOOK_EVERY_S):
            if is_gone():
                self.close()
                raise ReaderGoneError

    def close(self) -> None:
        """Stop the queries if they still run, and give the connections back. Safe to repeat."""
        self._channel.close()
        self._cancel()
        self._thread.join()

    def _cancel(self) -> None:
        # Under the lock: a cancel that came late would hit the next user of the pooled connection.
        with self._state:
            for uow in self._running:
                uow.raw.cancel()

    def _lead(self) -> None:
        """The first part, and what holds the snapshot until the other parts are done."""
        with self._noting_errors(), unit_of_work(self._engine, self._actor, characteristics=_ONE_SNAPSHOT) as uow:
            mine, *others = self._plan(uow)
            if others and not self._may_take_more():
                for query in others:
                    self._copy(uow, query)
                others = []
            helpers = self._start(uow, others)
            # Noted before the others end: without this transaction they may fail for want of its snapshot.
            with self._noting_errors():
                self._copy(uow, mine)
            for helper in helpers:
                helper.join()
            if self._error is not None:
                raise self._error  # so that the transaction is rolled back, not committed
        self._channel.end(self._error)

    def _may_take_more(self) -> bool:
        """Whether a second connection leaves at least half of the pool to others."""
        pool = self._engine.pool
        return not isinstance(pool, QueuePool) or pool.checkedout() <= max(1, pool.size() // 2)

    def _start(self, uow: UnitOfWork, queries: Sequence[bytes]) -> list[threading.Thread]:
        if not queries:
            return []
        snapshot = uow.connection.scalar(text("SELECT pg_export_snapshot()"))
        characteristics = f"{_ONE_SNAPSHOT}; SET TRANSACTION SNAPSHOT '{snapshot}'"
        helpers = [
            threading.Thread(target=self._help, args=(characteristics, query), name="export", daemon=True)
            for query in queries
        ]
        for helper in helpers:
            helper.start()
        return helpers

    def _help(self, characteristics: str, query: bytes) -> None:
        """Another part, in a session of its own that sees what the first one sees."""
        with self._noting_errors(), unit_of_work(self._engine, self._actor, characteristics=characteristics) as uow:
            self._copy(uow, query)

    @contextmanager
    def _noting_errors(self) -> Iterator[None]:
        """Keep the first error for the reader, whatever it is: the reader must not wait for ever. The rest stops."""
        try:
            yield
        except BaseException as raised:  # noqa: BLE001
            error = OperationalError("COPY", None, raised) if _is_operational(raised) else raised
            with self._state:
                self._error = self._error or error
            self._cancel()

    def _copy(self, uow: UnitOfWork, query: bytes) -> None:
        uow.connection.execute(_PREPARE)
        sink = self._sink(self._channel)
        with self._state:
            if self._error is not None:
                raise ReaderGoneError
            self._running.add(uow)
        try:
            with uow.raw.cursor() as cursor:
                cursor.copy_expert(_COPY % query, sink)
                rows = cursor.rowcount
            sink.flush()
        except ReaderGoneError:
            # Else the rollback would first read the rest of the rows.
            self._cancel()
            raise
        except psycopg2.DatabaseError as raised:
            if uow.raw.closed or type(raised) is psycopg2.DatabaseError:
                uow.connection.invalidate()  # the pool cannot know what the driver's own cursor met
            raise
        finally:
            with self._state:
                self._running.discard(uow)
        with self._state:
            self.rows += rows
