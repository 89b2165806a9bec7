"""GeoJSON over HTTP against `psql COPY` of the same statement, and against the pages of pygeoapi and tipg."""

from __future__ import annotations

import http.client
import statistics
import subprocess
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, suppress
from functools import partial
from pathlib import Path

import psycopg2
from sqlalchemy import text

from app.db.session import unit_of_work
from app.exports.store import reports_geojson_query
from app.people.actor import Actor
from app.reports.filters import ReportFilter
from benchmarks import files, peers
from benchmarks.downloading import download, features_in
from benchmarks.measure import Line, seconds
from benchmarks.register import Register
from benchmarks.serving import Running, serving_ours

PATH = "/export/reports.geojson"
PLANNER = Actor("planner", user_id=0)
FIRST_ROUNDS = 9
# Beyond this many pages a sample of them is measured, evenly spread (a late page costs more than an early one).
PAGES_MEASURED = 10
# No peer is measured much longer than this, but always by its first and its last page.
PEER_S = 150.0
Peer = Callable[[Register], AbstractContextManager[tuple[Running, str]]]


PEERS: dict[str, tuple[Peer, str]] = {"pygeoapi": (peers.pygeoapi, "≥ 12"), "tipg": (peers.tipg, "≥ 20")}
PARTS = ("stream", *files.PARTS, *PEERS)


def run(register: Register, sizes: list[int], parts: Collection[str] = PARTS) -> Iterator[Line]:
    """The lines about these parts of the export, from the smallest register to the largest."""
    memory: list[tuple[int, Line]] = []
    for rows in sorted(sizes):
        _say(f"filling the register to {rows:,} reports")
        register.fill(rows)
        for line in _lines(register, rows, parts):
            if line.what.startswith("resident"):
                memory.append((rows, line))
            yield line
    if len(memory) > 1:
        yield _flat(memory)


def _lines(register: Register, rows: int, parts: Collection[str]) -> Iterator[Line]:
    if "stream" in parts:
        _say("stream")
        yield from _against_psql(register, rows)
    _say("the peers and their table")
    peers.prepare(register)
    if wanted := [part for part in files.PARTS if part in parts]:
        _say("files")
        yield from files.run(register, rows, wanted)
    for name, (peer, target) in PEERS.items():
        if name in parts:
            _say(name)
            yield _against_peer(register, peer, f"{name} items ÷ GeoJSON over HTTP, {rows:,} reports", target)


def _say(what: str) -> None:
    print(f"export, {time.strftime('%H:%M:%S')}: {what} …", flush=True)


def _flat(memory: list[tuple[int, Line]]) -> Line:
    """Whether more rows need more memory."""
    (few, small), (many, large) = memory[0], memory[-1]
    more_mb = large.ratio - small.ratio
    return Line(
        f"resident memory above idle, MB, {many:,} reports less {few:,}", f"{large.ratio:.1f} MB",
        f"{small.ratio:.1f} MB", more_mb, "≤ 5", "the ratio column is the difference",
    )  # fmt: skip


def _first_feature(register: Register, server: Running, headers: dict[str, str], rows: int) -> Line:
    """From the request to the first feature, against the same query's own first row on an open connection."""
    ours_ms: list[float] = []
    query_ms: list[float] = []
    for turn in range(FIRST_ROUNDS + 1):
        both = seconds(partial(_until_first_byte, server.port, headers)), _until_first_row(register)
        if turn:
            ours_ms.append(both[0] * 1e3)
            query_ms.append(both[1] * 1e3)
    own, query = statistics.median(ours_ms), statistics.median(query_ms)
    return Line(
        f"first feature over HTTP less the query's own first row, ms, {rows:,} reports", f"{own:.0f} ms",
        f"{query:.0f} ms", own - query, "≤ 50", "in between: who asks, the log's line; ratio column: the difference",
    )  # fmt: skip


def _until_first_byte(port: int, headers: dict[str, str]) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
    connection.request("GET", PATH, headers=headers)
    answer = connection.getresponse()
    assert b'"type":"Feature",' in answer.read1(4096)
    answer.close()
    connection.close()


def _until_first_row(register: Register) -> float:
    """Seconds, from the start of the COPY to the row's arrival in the driver."""
    with unit_of_work(register.engine, PLANNER) as uow:
        query = reports_geojson_query(uow, ReportFilter())
        arrived: list[float] = []

        class First:
            def write(self, message: bytes) -> int:
                if not arrived:
                    arrived.append(time.perf_counter())
                    uow.raw.cancel()
                return len(message)

        uow.connection.execute(text("SAVEPOINT before"))
        started = time.perf_counter()
        with uow.raw.cursor() as cursor, suppress(psycopg2.errors.QueryCanceled):
            cursor.copy_expert(b"COPY (%s) TO STDOUT (FORMAT binary)" % query, First())
        uow.connection.execute(text("ROLLBACK TO SAVEPOINT before"))
        return arrived[0] - started


def _copy_file(register: Register) -> Path:
    """The statement of the export, with the settings that the export's transaction has."""
    with unit_of_work(register.engine, PLANNER) as uow:
        query = reports_geojson_query(uow, ReportFilter())
    path = register.var_dir / "copy.sql"
    settings = "SET ROLE quietude_app; SET app.role = 'planner'; SET timezone = 'UTC';\n"
    # Control characters for quote and delimiter: every line comes out as it is, and the bytes can be compared.
    copy = rb"COPY (%s) TO STDOUT (FORMAT csv, QUOTE E'\x01', DELIMITER E'\x02')"
    path.write_bytes(settings.encode() + copy % query + b";\n")
    return path


def _against_psql(register: Register, rows: int) -> Iterator[Line]:
    command = [*register.psql(), "-f", str(_copy_file(register))]
    headers = register.token("planner")
    with serving_ours("quietude", register.cluster.url("app"), register.var_dir) as server:
        memory = _memory(server, headers, rows)
        whole = download(server.port, PATH, headers)
        piped = _size_of_output(command)
        # The frame and the comma that goes are all the difference.
        frame = len(b'{"type":"FeatureCollection","name":"reports","features":[\n],"numberReturned":}\n')
        assert whole.size == piped - 1 + frame + len(str(whole.number_returned)), "not the same bytes"
        print(f"  {whole.number_returned:,} features, {whole.size / 1e6:.0f} MB", flush=True)
        medians = files.rounds(
            rows,
            {
                "psql COPY": lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL),
                "over HTTP": lambda: download(server.port, PATH, headers),
            },
        )
        ours_s, psql_s = medians["over HTTP"], medians["psql COPY"]
        yield Line(
            f"GeoJSON over HTTP ÷ psql COPY, {rows:,} reports", f"{ours_s:.2f} s", f"{psql_s:.2f} s", ours_s / psql_s,
            "≤ 1.2", f"{whole.number_returned:,} features seen by a planner, {whole.size / 1e6:.0f} MB",
        )  # fmt: skip
        yield memory
        yield _first_feature(register, server, headers, rows)


def _size_of_output(command: list[str]) -> int:
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        read = process.stdout.read
        return sum(len(chunk) for chunk in iter(lambda: read(1 << 20), b""))


def _memory(server: Running, headers: dict[str, str], rows: int) -> Line:
    """Of a server that has answered small exports only, so that what the first one loads is not counted."""
    for _ in range(20):  # both workers
        download(server.port, f"{PATH}?category=fire&severity=4", headers)
    server.forget_peak()
    idle_mb = server.resident_mb("VmRSS")
    download(server.port, PATH, headers)
    peak_mb = server.resident_mb("VmHWM")
    more_mb, pid = max((peak_mb[pid] - idle_mb[pid], pid) for pid in idle_mb)
    return Line(
        f"resident memory above idle, MB, {rows:,} reports", f"{peak_mb[pid]:.1f} MB", f"{idle_mb[pid]:.1f} MB idle",
        more_mb, "≤ 64", "the worker that streamed; the ratio column is the difference",
    )  # fmt: skip


def _against_peer(register: Register, peer: Peer, what: str, target: str) -> Line:
    """The peer's pages, with ours in between, so that a noisy minute hits both."""
    headers = register.token("planner")
    ours = serving_ours("quietude", register.cluster.url("app"), register.var_dir)
    with peer(register) as (server, items), ours as own:
        count = download(own.port, PATH, headers).number_returned
        assert features_in(server.port, f"{items}&limit={peers.PAGE}&offset=0") == min(peers.PAGE, count)
        pages = -(-count // peers.PAGE)
        ours_s: list[float] = []
        peer_s: list[float] = []
        started = time.monotonic()
        for pair in _pairs(pages):
            if peer_s and time.monotonic() - started > PEER_S:
                break
            ours_s.append(seconds(lambda: download(own.port, PATH, headers)))
            for page in pair:
                path = f"{items}&limit={peers.PAGE}&offset={page * peers.PAGE}"
                peer_s.append(seconds(partial(download, server.port, path, {"Accept": "application/geo+json"})))
                print(f"    page {page}: {peer_s[-1]:.2f} s; ours, everything: {ours_s[-1]:.2f} s", flush=True)
    all_pages_s = sum(peer_s) * pages / len(peer_s)
    median_s = statistics.median(ours_s)
    note = f"{pages} pages of {peers.PAGE:,}" + (f", {len(peer_s)} measured" if len(peer_s) < pages else "")
    return Line(what, f"{median_s:.2f} s", f"{all_pages_s:.1f} s", all_pages_s / median_s, target, note)


def _pairs(pages: int) -> list[tuple[int, ...]]:
    """All pages, or a sample from the first to the last: an early one with a late one, so that whoever stops after any
    pair has measured pages of the middle's cost.
    """
    wanted = min(pages, PAGES_MEASURED)
    spread = sorted({round(i * (pages - 1) / max(wanted - 1, 1)) for i in range(wanted)})
    half = len(spread) // 2
    return [
        *zip(spread[:half], reversed(spread), strict=False),
        *((page,) for page in spread[half : len(spread) - half]),
    ]
