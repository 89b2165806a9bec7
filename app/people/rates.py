"""How many requests a minute, counted for all processes of a machine at once, in a file that they share in memory.

A sliding window of two counters: what came in this minute, and of the minute before as much as still lies in the last
60 seconds. One count takes a few microseconds; a database round trip would take a hundred (docs/decisions/0026).
"""

from __future__ import annotations

import fcntl
import math
import mmap
import os
import struct
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

WINDOW_S = 60
KEY_BYTES = 16
# A slot: whose it is, which minute, how many in the one before, how many in this one.
_SLOT = struct.Struct("=16sQII")
# Room for as many callers within two minutes; who finds no room takes the place of whoever came least lately.
SLOTS, _NEIGHBOURS = 4096, 8
NAME = "rates.v1"


@dataclass(frozen=True)
class Standing:
    """Where a caller stands after a request. reset_s: until this minute ends; retry_after_s: 0 when it was allowed."""

    limit: int
    remaining: int
    reset_s: int
    retry_after_s: int

    @property
    def is_allowed(self) -> bool:
        """Whether the request may go on."""
        return self.retry_after_s == 0


class SharedRates:
    """The counters. Every process that opens the same folder counts together; another machine counts for itself."""

    def __init__(self, folder: Path) -> None:
        self._threads = threading.Lock()
        self._file = -1
        size = SLOTS * _SLOT.size
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._file = os.open(folder / NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            if os.fstat(self._file).st_size != size:
                os.ftruncate(self._file, size)
            self._memory = mmap.mmap(self._file, size)
        except OSError:
            # Nowhere to write: this process counts for itself.
            self._memory = mmap.mmap(-1, size)

    def take(self, key: bytes, limit: int, now_s: float) -> Standing:
        """Count one request of `key` (16 bytes), unless `limit` a minute are used up; a refused one does not count."""
        minute, elapsed_s = divmod(now_s, WINDOW_S)
        with self._threads:
            self._lock(fcntl.LOCK_EX)
            try:
                at, previous, current = self._find(key, int(minute))
                standing = _standing(limit, previous, current, elapsed_s)
                if standing.is_allowed:
                    _SLOT.pack_into(self._memory, at, key, int(minute), previous, current + 1)
                return standing
            finally:
                self._lock(fcntl.LOCK_UN)

    def _lock(self, kind: int) -> None:
        if self._file >= 0:
            # Locks of this kind end with their process, however it ends.
            with suppress(OSError):
                fcntl.lockf(self._file, kind)

    def _find(self, key: bytes, minute: int) -> tuple[int, int, int]:
        """Where the key's slot is, and its two counts as of `minute`."""
        home = int.from_bytes(key[:4], "little")
        oldest, age = 0, -1
        for step in range(_NEIGHBOURS):
            at = (home + step) % SLOTS * _SLOT.size
            owner, then, previous, current = _SLOT.unpack_from(self._memory, at)
            if owner == key:
                # A clock that was set back begins anew.
                return at, *{0: (previous, current), 1: (current, 0)}.get(minute - then, (0, 0))
            # A minute in the future is no caller's: the clock was set back.
            unused = minute - then if then <= minute else minute
            if unused > age:
                oldest, age = at, unused
        return oldest, 0, 0


def _standing(limit: int, previous: int, current: int, elapsed_s: float) -> Standing:
    used = previous * (1 - elapsed_s / WINDOW_S) + current
    reset_s = max(1, math.ceil(WINDOW_S - elapsed_s))
    # Not a whole request left: a part of one is none.
    if used + 1 <= limit:
        return Standing(limit, math.floor(limit - used - 1), reset_s, 0)
    if current + 1 <= limit:
        # Until enough of the minute before has slid out.
        wait_s = (1 - (limit - current - 1) / previous) * WINDOW_S - elapsed_s
    else:
        wait_s = WINDOW_S - elapsed_s + (1 - (limit - 1) / current) * WINDOW_S
    return Standing(limit, 0, reset_s, max(1, math.ceil(wait_s)))
