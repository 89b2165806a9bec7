"""A small cache of things that take long to make: bounded in bytes, and made once when many ask at once."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Thing = TypeVar("Thing")


class _Slot(Generic[Thing]):
    """One thing, made by whoever comes first while the others wait."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.thing: Thing | None = None
        self.bytes = 0


class Lru(Generic[Thing]):
    """Least recently used leaves first; the newest always stays, whatever its size."""

    def __init__(self, most_bytes: int, size_of: Callable[[Thing], int]) -> None:
        self._most_bytes = most_bytes
        self._size_of = size_of
        self._lock = threading.Lock()
        self._slots: OrderedDict[Hashable, _Slot[Thing]] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], Thing]) -> Thing:
        """The thing of that key, made now if it is not there. An error of `make` is not kept."""
        with self._lock:
            slot = self._slots.setdefault(key, _Slot())
            self._slots.move_to_end(key)
        with slot.lock:
            if slot.thing is None:
                try:
                    slot.thing = make()
                except BaseException:
                    with self._lock:
                        if self._slots.get(key) is slot:
                            del self._slots[key]
                    raise
                slot.bytes = self._size_of(slot.thing)
                self._trim(key)
            return slot.thing

    def _trim(self, newest: Hashable) -> None:
        with self._lock:
            total = sum(slot.bytes for slot in self._slots.values())
            for key in list(self._slots):
                if total <= self._most_bytes:
                    return
                slot = self._slots[key]
                if key != newest and slot.thing is not None:
                    total -= slot.bytes
                    del self._slots[key]

    def __len__(self) -> int:
        return len(self._slots)
