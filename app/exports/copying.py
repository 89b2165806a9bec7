"""A COPY of one statement as an iterator of chunks: constant memory, back-pressure, and no well-formed lie.

psycopg2 pushes COPY's rows into a file; WSGI pulls chunks. A thread of its own stands between the two and owns the
transaction, so that the transaction ends in every case: at the end, at an error, when the client goes away.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import psycopg2
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from app.db.session import UnitOfWork, unit_of_work
from app.exports.channel import Channel, ReaderGoneError
from app.people.actor import Actor

CHUNK_BYTES = 128 * 1024
# A client that takes not even one chunk in this time is gone or means harm: it must not hold a snapshot open.
STALLED_S = 120.0
LOOK_EVERY_S = 1.0

# Writes one COPY into the sink and returns how many rows it had.
Work = Callable[[UnitOfWork, "Sink"], int]


# Binary COPY (PostgreSQL manual, COPY, "Binary Format"): a header; each row as its number of fields and each field's
# length before its bytes; a trailer. The protocol sends one row a message, the first one together with the header.
_SIGNATURE = b"PGCOPY\n\xff\r\n\0"
_HEADER_BYTES = len(_SIGNATURE) + 4 + 4
_ONE_FIELD = b"\0\1"
_BEFORE_FIELD = 2 + 4
_TRAILER = b"\xff\xff"


class Sink:
    """What a binary COPY of one text column writes its rows into: joins the lines to chunks and hands those over."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._parts: list[bytes] = []
        self._size = 0
        # The first row goes out at once: whether there is an answer is known as early as the database knows.
        self._limit = 1
        self._started = False

    def write(self, message: bytes) -> int:
        """Take one row as COPY sends it."""
        row = message
        if not self._started:
            assert row.startswith(_SIGNATURE), "not a binary COPY"
            row, self._started = row[_HEADER_BYTES:], True
        if row == _TRAILER:
            return len(message)
        assert row.startswith(_ONE_FIELD), "not one column, or not one row a message"
        self._parts.append(row[_BEFORE_FIELD:])
        self._size += len(row)
        if self._size >= self._limit:
            self.flush()
        return len(message)

    def flush(self) -> None:
        """Hand over what is there."""
        if self._size:
            self._parts.append(b"")  # for the last line's feed
            self._channel.put(b"\n".join(self._parts))
        self._parts, self._size, self._limit = [], 0, CHUNK_BYTES


class CopyStream:
    """Chunks of a running COPY, as one actor. Iterate it to the end, or close it; both end the transaction.

    After the last chunk `rows` is how many rows there were. An error of the database is raised in the reader, after
    the chunks that came before it.
    """

    def __init__(self, engine: Engine, actor: Actor, work: Work, *, stalled_s: float = STALLED_S) -> None:
        self.rows = 0
        self._engine = engine
        self._actor = actor
        self._work = work
        self._channel = Channel(stalled_s=stalled_s)
        self._running: UnitOfWork | None = None
        self._cancelling = threading.Lock()
        self._thread = threading.Thread(target=self._produce, name="export", daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[bytes]:
        while (chunk := self._channel.get()) is not None:
            yield chunk

    def wait_for_start(self, is_gone: Callable[[], bool] = lambda: False) -> None:
        """Return once the first row, the end or an error is there; stop the query when the client leaves before."""
        while not self._channel.wait(LOOK_EVERY_S):
            if is_gone():
                self.close()
                raise ReaderGoneError

    def close(self) -> None:
        """Stop the query if it still runs, and give the connection back. Safe to repeat."""
        self._channel.close()
        self._cancel()
        self._thread.join()

    def _cancel(self) -> None:
        # Under the lock: a cancel that came late would hit the next user of the pooled connection.
        with self._cancelling:
            if self._running is not None:
                self._running.raw.cancel()

    def _produce(self) -> None:
        error: BaseException | None = None
        try:
            with unit_of_work(self._engine, self._actor) as uow:
                self._running = uow
                try:
                    self._copy(uow)
                finally:
                    with self._cancelling:
                        self._running = None
        except psycopg2.OperationalError as raised:
            error = OperationalError("COPY", None, raised)
        except BaseException as raised:  # noqa: BLE001  (whatever it is, the reader must not wait for ever)
            error = raised
        self._channel.end(error)

    def _copy(self, uow: UnitOfWork) -> None:
        sink = Sink(self._channel)
        try:
            self.rows = self._work(uow, sink)
            sink.flush()
        except ReaderGoneError:
            # Else the rollback would first read the rest of the rows.
            self._cancel()
            raise
