"""GeoJSON over HTTP against `psql COPY` of the same statement, and against the pages of pygeoapi and tipg."""

from __future__ import annotations

import statistics
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

from app.db.session import unit_of_work
from app.exports.store import reports_geojson_query
from app.people.actor import Actor
from app.reports.filters import ReportFilter
from benchmarks import peers
from benchmarks.downloading import download, features_in
from benchmarks.measure import Line, in_turn, seconds
from benchmarks.register import Register
from benchmarks.serving import Running, serving_ours

PATH = "/export/reports.geojson"
ROUNDS = 3
# Beyond this many pages a sample of them is measured, evenly spread (a late page costs more than an early one).
PAGES_MEASURED = 10
Peer = Callable[[Register], AbstractContextManager[tuple[Running, str]]]


def run(register: Register, sizes: list[int]) -> Iterator[Line]:
    """All lines about the export, from the smallest register to the largest."""
    for rows in sorted(sizes):
        print(f"export: filling the register to {rows:,} reports …", flush=True)
        register.fill(rows)
        yield from _against_psql(register, rows)
        peers.prepare(register)
        for name, peer, target in (("pygeoapi", peers.pygeoapi, "≥ 10"), ("tipg", peers.tipg, "≥ 15")):
            yield _against_peer(register, peer, f"{name} items ÷ GeoJSON over HTTP, {rows:,} reports", target)


def _copy_file(register: Register) -> Path:
    """The statement of the export, with the settings that the export's transaction has."""
    with unit_of_work(register.engine, Actor("planner", user_id=0)) as uow:
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
        medians = in_turn(
            {
                "psql COPY": lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL),
                "over HTTP": lambda: download(server.port, PATH, headers),
            },
            ROUNDS,
        )
        ours_s, psql_s = medians["over HTTP"], medians["psql COPY"]
        yield Line(
            f"GeoJSON over HTTP ÷ psql COPY, {rows:,} reports", f"{ours_s:.2f} s", f"{psql_s:.2f} s", ours_s / psql_s,
            "≤ 1.3", f"{whole.number_returned:,} features seen by a planner, {whole.size / 1e6:.0f} MB",
        )  # fmt: skip
        yield memory


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
        measured = _spread(pages)
        ours_s: list[float] = []
        peer_s: list[float] = []
        for position, page in enumerate(measured):
            if position % 3 == 0:
                ours_s.append(seconds(lambda: download(own.port, PATH, headers)))
            path = f"{items}&limit={peers.PAGE}&offset={page * peers.PAGE}"
            peer_s.append(seconds(partial(download, server.port, path, {"Accept": "application/geo+json"})))
            print(f"    page {page}: {peer_s[-1]:.2f} s; ours, everything: {ours_s[-1]:.2f} s", flush=True)
    all_pages_s = sum(peer_s) * pages / len(measured)
    median_s = statistics.median(ours_s)
    note = f"{pages} pages of {peers.PAGE:,}" + (f", {len(measured)} measured" if len(measured) < pages else "")
    return Line(what, f"{median_s:.2f} s", f"{all_pages_s:.1f} s", all_pages_s / median_s, target, note)


def _spread(pages: int) -> list[int]:
    """All pages, or a sample from the first to the last."""
    wanted = min(pages, PAGES_MEASURED)
    return sorted({round(i * (pages - 1) / max(wanted - 1, 1)) for i in range(wanted)})
