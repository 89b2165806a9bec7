"""A phone's network between browser and server: latency, a narrow line shared by all connections, and none at all.

The browser's own throttling leaves out what its service worker fetches; this counts and slows down every byte.
"""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from dataclasses import dataclass


@dataclass(frozen=True)
class Wire:
    """round_trip_s: there and back; down, up: bits per second."""

    name: str
    round_trip_s: float
    down: float
    up: float


WIRED = Wire("no throttling", 0.0, 1e9, 1e9)
# Lighthouse's "slow 4G".
SLOW_4G = Wire("slow 4G (150 ms, 1.6 Mbit/s)", 0.150, 1.6e6, 0.75e6)


class PhoneNetwork:
    """A loopback port that leads to another one as a phone's network would. `received`: bytes that came down."""

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self.line = WIRED
        self.is_up = True
        self.received = 0
        self._free_at = {"down": 0.0, "up": 0.0}
        self._live: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        start = asyncio.start_server(self._connect, "127.0.0.1", 0)
        self._server = asyncio.run_coroutine_threadsafe(start, self._loop).result()
        self.port: int = self._server.sockets[0].getsockname()[1]

    def cut(self) -> None:
        """Break everything off; nothing goes through until `restore`."""
        self.is_up = False
        self._loop.call_soon_threadsafe(self._abort)

    def restore(self) -> None:
        """New connections go through again."""
        self.is_up = True

    def close(self) -> None:
        """For good."""
        self._loop.call_soon_threadsafe(self._server.close)
        self.cut()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _abort(self) -> None:
        for writer in self._live:
            writer.transport.abort()

    async def _connect(self, phone: asyncio.StreamReader, to_phone: asyncio.StreamWriter) -> None:
        if not self.is_up:
            return to_phone.transport.abort()
        server, to_server = await asyncio.open_connection("127.0.0.1", self._target_port)
        self._live |= {to_phone, to_server}
        await asyncio.sleep(self.line.round_trip_s)  # the handshake
        await asyncio.gather(self._pump(phone, to_server, "up"), self._pump(server, to_phone, "down"))
        self._live -= {to_phone, to_server}
        return None

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, way: str) -> None:
        """One direction until it ends: each piece arrives when the line has carried it, half a round trip later."""
        at = 0.0
        with suppress(OSError):
            while data := await source.read(4096):
                if way == "down":
                    self.received += len(data)
                rate = self.line.down if way == "down" else self.line.up
                free_at = max(self._loop.time(), self._free_at[way]) + 8 * len(data) / rate
                self._free_at[way] = free_at
                # Never before the piece that came first, also when the line has become faster meanwhile.
                at = max(at + 1e-6, free_at + self.line.round_trip_s / 2)
                self._loop.call_at(at, _write, sink, data)
        await asyncio.sleep(max(0.0, at - self._loop.time()) + 0.001)
        sink.close()


def _write(sink: asyncio.StreamWriter, data: bytes) -> None:
    if not sink.is_closing():
        sink.write(data)
