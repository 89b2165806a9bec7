"""`POST /api/reports` (token, checks, places, real inserts, fsync on) as a share of the same server's hello-world."""

from __future__ import annotations

import json
import statistics
import uuid
from collections.abc import Iterator
from itertools import repeat

import numpy as np

from app.places.territory import territory
from benchmarks.data import SEED, SENTENCES, random_points
from benchmarks.loading import load
from benchmarks.measure import Line
from benchmarks.register import Register
from benchmarks.serving import serving_ours

ROUNDS = 3
DURATION_S = 6.0
# More than any machine answers in the time.
BODIES = 60_000
CATEGORIES = ("overflowing_bin", "fly_tipping", "bulky_waste")


def run(register: Register, sizes: list[int]) -> Iterator[Line]:  # noqa: ARG001
    """One line: how much of the bare server is left with everything a report needs."""
    url = register.cluster.url("app")
    hello, empty, ours = [], [], []
    posts = _posts(register)
    greeting = repeat(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    health = repeat(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
    with (
        serving_ours("hello", url, register.var_dir) as bare,
        serving_ours("quietude", url, register.var_dir) as whole,
    ):
        load(bare.port, greeting, 1.0)
        load(whole.port, posts, 2.0)
        for _ in range(ROUNDS):
            hello.append(load(bare.port, greeting, DURATION_S).per_second)
            empty.append(load(whole.port, health, DURATION_S).per_second)
            answers = load(whole.port, posts, DURATION_S)
            assert set(answers.statuses) == {201}, answers.statuses
            ours.append(answers.per_second)
            print(f"    hello {hello[-1]:.0f}/s, healthz {empty[-1]:.0f}/s, submit {ours[-1]:.0f}/s", flush=True)
    rate = statistics.median(ours)
    for what, rates, target in (
        ("a bare Flask hello-world", hello, "≥ 20"),
        ("the same application's /healthz", empty, ""),
    ):
        other = statistics.median(rates)
        yield Line(
            f"submit, % of the requests/s of {what}", f"{rate:.0f}/s", f"{other:.0f}/s", 100 * rate / other,
            target, "16 connections kept alive; the ratio column is the share in %",
        )  # fmt: skip


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
