"""A bad network between browser and server: it breaks off, comes back, and loses answers to what did arrive."""

from __future__ import annotations

import socket
import struct
import threading
from contextlib import suppress
from random import Random

# A close that tells the other side nothing but "gone".
_RESET = struct.pack("ii", 1, 0)
_WRITES = (b"POST /api/", b"PUT /api/")


class Network:
    """A loopback port that leads to another one, as long as it is up."""

    def __init__(self, target_port: int, random: Random) -> None:
        self._target_port, self._random = target_port, random
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        self.is_up = True
        # How many of a hundred writes arrive, and their answer does not.
        self.lost_answers_percent = 0
        self.lost_answers = 0
        self._live: set[socket.socket] = set()
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Break everything off, in the middle of whatever it was."""
        self.is_up = False
        with self._lock:
            live = list(self._live)
        for one in live:
            _reset(one)

    def restore(self) -> None:
        """New connections go through again."""
        self.is_up = True

    def close(self) -> None:
        """For good."""
        self.cut()
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._connect, args=(client,), daemon=True).start()

    def _connect(self, client: socket.socket) -> None:
        if not self.is_up:
            return _reset(client)
        try:
            server = socket.create_connection(("127.0.0.1", self._target_port), timeout=5)
        except OSError:
            return _reset(client)
        server.settimeout(None)
        with self._lock:
            self._live |= {client, server}
        deaf = threading.Event()
        threading.Thread(target=self._pump, args=(client, server, None, deaf), daemon=True).start()
        self._pump(server, client, deaf, None)
        return None

    def _pump(
        self, here: socket.socket, there: socket.socket, lose: threading.Event | None, mark: threading.Event | None
    ) -> None:
        """One direction until it ends. lose: what comes is dropped and the connection with it; mark: sets that."""
        try:
            while data := here.recv(65536):
                if lose is not None and lose.is_set():
                    self.lost_answers += 1
                    break
                if mark is not None and data.startswith(_WRITES) and self._unlucky():
                    mark.set()
                there.sendall(data)
        except OSError:
            pass
        with self._lock:
            self._live -= {here, there}
        _reset(here)
        _reset(there)

    def _unlucky(self) -> bool:
        return self._random.randrange(100) < self.lost_answers_percent


def _reset(one: socket.socket) -> None:
    with suppress(OSError):
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    # Wakes the thread that reads from it; closing alone does not.
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()
