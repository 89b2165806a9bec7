"""A bounded hand-over of chunks from the thread that reads the database to the one that answers the client."""

from __future__ import annotations

import threading
from collections import deque
from typing import Generic, TypeVar

Chunk = TypeVar("Chunk")

# Enough that neither side waits for the other at full speed; with the chunk size it bounds an export's memory.
CHUNKS_HELD = 4


class ReaderGoneError(Exception):
    """Nobody wants the chunks any more: the reader closed, or has taken none for too long."""


class Channel(Generic[Chunk]):
    """One writer, one reader. The writer waits while it is full, the reader while it is empty."""

    def __init__(self, *, stalled_s: float) -> None:
        self._stalled_s = stalled_s
        self._chunks: deque[Chunk] = deque()
        self._changed = threading.Condition()
        self._ended = False
        self._error: BaseException | None = None
        self._closed = False

    def put(self, chunk: Chunk) -> None:
        """Hand a chunk over.

        Raises:
            ReaderGoneError: the reader closed, or has taken nothing for `stalled_s`.

        """
        with self._changed:
            has_room = self._changed.wait_for(lambda: self._closed or len(self._chunks) < CHUNKS_HELD, self._stalled_s)
            if self._closed or not has_room:
                raise ReaderGoneError
            self._chunks.append(chunk)
            self._changed.notify_all()

    def end(self, error: BaseException | None = None) -> None:
        """Nothing more will come; with an error, the reader gets it after the chunks."""
        with self._changed:
            self._ended = True
            self._error = error
            self._changed.notify_all()

    def get(self) -> Chunk | None:
        """The next chunk; None at the end.

        Raises:
            BaseException: what the writer ended with.

        """
        with self._changed:
            self._changed.wait_for(lambda: self._chunks or self._ended)
            return self._take()

    def wait(self, timeout_s: float) -> bool:
        """Whether `get` would answer at once, after waiting at most so long."""
        with self._changed:
            return bool(self._changed.wait_for(lambda: self._chunks or self._ended, timeout_s))

    def close(self) -> None:
        """The reader leaves; the writer learns it at its next chunk."""
        with self._changed:
            self._closed = True
            self._chunks.clear()
            self._changed.notify_all()

    def _take(self) -> Chunk | None:
        if self._chunks:
            chunk = self._chunks.popleft()
            self._changed.notify_all()
            return chunk
        if self._error is not None:
            raise self._error
        return None
