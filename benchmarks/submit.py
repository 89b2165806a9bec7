"""`POST /api/reports` (token, checks, places, real inserts, fsync on) as a share of the same server's hello-world."""

from __future__ import annotations

import json
import statistics
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import repeat

import numpy as np

from app.places.territory import territory
from benchmarks.data import SEED, SENTENCES, random_points
from benchmarks.loading import load
from benchmarks.measure import Line
from benchmarks.register import Register
from benchmarks.serving import Running, serving_ours

ROUNDS = 3
DURATION_S = 6.0
# More than any machine answers in the time.
BODIES = 60_000
CATEGORIES = ("overflowing_bin", "fly_tipping", "bulky_waste")


@dataclass
class _Rates:
    """Requests per second of each round, and milliseconds of processor a request: the web server's, the database's."""

    per_second: list[float] = field(default_factory=list)
    web_ms: list[float] = field(default_factory=list)
    database_ms: list[float] = field(default_factory=list)

    def add(self, server: Running, database: Running, requests: Iterator[bytes], status: int) -> None:
        """One more round."""
        before = server.processor_s(), database.processor_s()
        answers = load(server.port, requests, DURATION_S)
        assert set(answers.statuses) == {status}, answers.statuses
        count = answers.statuses.total()
        self.per_second.append(answers.per_second)
        self.web_ms.append(1000 * (server.processor_s() - before[0]) / count)
        self.database_ms.append(1000 * (database.processor_s() - before[1]) / count)

    @property
    def rate(self) -> float:
        """The median round's requests per second."""
        return statistics.median(self.per_second)

    @property
    def processor_ms(self) -> float:
        """Milliseconds of processor a request, in web server and database: the median round's."""
        return statistics.median(web + database for web, database in zip(self.web_ms, self.database_ms, strict=True))

    def cost(self) -> str:
        """Processor a request, in words."""
        web, database = statistics.median(self.web_ms), statistics.median(self.database_ms)
        return f"{web:.2f} ms of processor in the web server" + (
            f", {database:.2f} in the database" * (database > 0.05)
        )


def run(register: Register, sizes: list[int]) -> Iterator[Line]:  # noqa: ARG001
    """How much of the bare server is left with everything a report needs; and with one INSERT that checks nothing."""
    url = register.cluster.url("app")
    _make_bare_table(register)
    posts = _posts(register)
    rates = {name: _Rates() for name in ("hello", "healthz", "insert", "submit")}
    with (
        serving_ours("hello", url, register.var_dir) as bare,
        serving_ours("quietude", url, register.var_dir) as whole,
    ):
        database = Running(0, register.cluster.server_pid() or 0)
        turns = {
            "hello": (bare, repeat(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"), 200),
            "healthz": (whole, repeat(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"), 200),
            "insert": (bare, repeat(_bare_post()), 201),
            "submit": (whole, posts, 201),
        }
        for server, requests, _status in turns.values():
            load(server.port, requests, 1.0)
        for _ in range(ROUNDS):
            for name, (server, requests, status) in turns.items():
                rates[name].add(server, database, requests, status)
            print("    " + ", ".join(f"{name} {rate.per_second[-1]:.0f}/s" for name, rate in rates.items()), flush=True)
    yield from _lines(rates)


def _lines(rates: dict[str, _Rates]) -> Iterator[Line]:
    for name, other, what, target in (
        ("submit", "hello", "submit, % of the requests/s of a bare Flask hello-world", "≥ 20"),
        ("submit", "healthz", "submit, % of the requests/s of the same application's /healthz", ""),
        ("insert", "hello", "the floor: one bare INSERT with its commit, % of the same hello-world", ""),
        ("submit", "insert", "submit, % of the requests/s of that floor", ""),
    ):
        ours, peer = rates[name], rates[other]
        yield Line(
            what, f"{ours.rate:.0f}/s", f"{peer.rate:.0f}/s", 100 * ours.rate / peer.rate, target,
            f"a request takes {ours.cost()}; peer: {peer.cost()}; the ratio column is the share in %",
        )  # fmt: skip
    ours_ms, peer_ms = rates["submit"].processor_ms, rates["hello"].processor_ms
    yield Line(
        "the same by processor time: hello-world, % of submit", f"{ours_ms:.2f} ms", f"{peer_ms:.2f} ms",
        100 * peer_ms / ours_ms, "",
        "of web server and database, without the client: others on the machine disturb it less",
    )  # fmt: skip


def _make_bare_table(register: Register) -> None:
    connection = register.cluster.connect("quietude")
    try:
        connection.cursor().execute(
            "CREATE TABLE IF NOT EXISTS bare_insert (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body text);"
            " GRANT INSERT ON bare_insert TO quietude_app"
        )
    finally:
        connection.close()


def _bare_post() -> bytes:
    body = json.dumps({"description": SENTENCES[1]}).encode()
    head = f"POST /insert HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def _posts(register: Register) -> Iterator[bytes]:
    """New reports inside the territory, made before the clock starts."""
    rng = np.random.default_rng(SEED)
    lon, lat = random_points(rng, BODIES)
    with register.engine.connect() as connection:
        shape = territory(connection)
    head = "".join(f"{name}: {value}\r\n" for name, value in register.token("agent").items())
    made = []
    for i in range(BODIES):
        if not shape.covers(float(lon[i]), float(lat[i])):
            continue
        body = {
            "id": str(uuid.UUID(bytes=rng.bytes(16), version=4)),
            "category": CATEGORIES[i % len(CATEGORIES)],
            "lon": float(lon[i]),
            "lat": float(lat[i]),
            "severity": 1 + i % 4,
            "description": SENTENCES[i % len(SENTENCES)] or None,
        }
        text = json.dumps(body).encode()
        start = f"POST /api/reports HTTP/1.1\r\nHost: localhost\r\n{head}Content-Type: application/json\r\n"
        made.append(f"{start}Content-Length: {len(text)}\r\n\r\n".encode() + text)
    return iter(made)
