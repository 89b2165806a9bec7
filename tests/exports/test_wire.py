"""The export through the production server, on a real socket, and read by GDAL."""

from __future__ import annotations

import http.client
import json
import socket
import struct
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg2
import pyogrio
import pytest
from sqlalchemy import Engine

from app.db.cluster import Cluster
from app.db.session import unit_of_work
from app.people.actor import SYSTEM
from tests.exports.samples import PROPERTIES, add_many, add_organisation, add_report
from tests.serving import serving

URL = "/export/reports.geojson"
ROWS = 100_000
Bearer = Callable[..., dict[str, str]]


class Server:
    """One gunicorn worker as `quietude serve` runs it."""

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self.process = process
        self.port = port
        self._open = ExitStack()

    def get(self, headers: dict[str, str], path: str = URL) -> http.client.HTTPResponse:
        return self.exchange(headers, path)[1]

    def exchange(self, headers: dict[str, str], path: str = URL) -> tuple[socket.socket, http.client.HTTPResponse]:
        """The answer and its socket. One export at a time runs here: 503 means that the last one is just ending."""
        while True:
            client = self._connect()
            connection = http.client.HTTPConnection("127.0.0.1", self.port)
            connection.sock = client
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            self._open.callback(answer.close)
            if answer.status != http.HTTPStatus.SERVICE_UNAVAILABLE:
                return client, answer
            time.sleep(0.02)

    def _connect(self) -> socket.socket:
        """A client with a small window: else the system's buffers take a whole export before it is read."""
        client = socket.socket()
        self._open.callback(client.close)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        client.settimeout(60)
        client.connect(("127.0.0.1", self.port))
        return client

    def close(self) -> None:
        self._open.close()

    def worker(self) -> int:
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text(encoding="ascii")
        return int(children.split()[0])

    def peak_kib(self) -> int:
        status = Path(f"/proc/{self.worker()}/status").read_text(encoding="ascii")
        return int(status.split("VmHWM:")[1].split()[0])

    def forget_peak(self) -> None:
        Path(f"/proc/{self.worker()}/clear_refs").write_text("5", encoding="ascii")


@pytest.fixture
def server(bearer: Bearer, app_url: str, tmp_path: Path) -> Iterator[Server]:
    with serving(app_url, tmp_path) as running:
        made = Server(running.process, running.port)
        yield made
        made.close()


def running_copies(cluster: Cluster, then: str = "true") -> int:
    """COPY statements under way; `then` may do something to each."""
    connection = psycopg2.connect(cluster.url("superuser").replace("postgresql+psycopg2", "postgresql"))
    with connection.cursor() as cursor:
        query = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'COPY (%%' AND state = 'active' AND "
        cursor.execute(query + then)
        found = cursor.fetchone()
    connection.close()
    assert found is not None
    return int(found[0])


def fill(engine: Engine, rows: int) -> None:
    with unit_of_work(engine, SYSTEM) as uow:
        add_many(uow, rows)


def test_a_query_killed_in_the_middle_gives_a_cut_body(
    server: Server, bearer: Bearer, engine: Engine, cluster: Cluster
) -> None:
    fill(engine, 60_000)
    answer = server.get(bearer("planner"))
    assert answer.status == 200
    assert answer.headers["Transfer-Encoding"] == "chunked"
    start = answer.read(100)
    assert running_copies(cluster, "pg_terminate_backend(pid)") >= 1
    with pytest.raises(http.client.IncompleteRead) as caught:
        answer.read()
    with pytest.raises(json.JSONDecodeError):
        json.loads(start + caught.value.partial)
    # The next one is whole.
    assert json.load(server.get(bearer("planner")))["numberReturned"] == 60_000


def test_a_client_that_goes_away_ends_the_query(
    server: Server, bearer: Bearer, engine: Engine, cluster: Cluster
) -> None:
    fill(engine, 60_000)
    for _ in range(12):  # more often than there are threads or connections
        client, answer = server.exchange(bearer("planner"))
        answer.read(1000)
        assert running_copies(cluster) >= 1
        # Closed with the answer unread, which resets the connection; half closed, it would only count as slow.
        answer.close()
        client.close()
        while running_copies(cluster):
            time.sleep(0.01)
    assert json.load(server.get(bearer("planner")))["numberReturned"] == 60_000


def test_an_old_client_sees_the_end_too(server: Server, bearer: Bearer, engine: Engine) -> None:
    """HTTP/1.0 knows no chunks: the body ends with the connection, and the JSON says whether it is whole."""
    fill(engine, 1_000)
    lines = [f"GET {URL} HTTP/1.0", "Host: localhost", *(f"{k}: {v}" for k, v in bearer("planner").items()), "", ""]
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall("\r\n".join(lines).encode())
        got = b"".join(iter(lambda: client.recv(65_536), b""))
    assert json.loads(got.partition(b"\r\n\r\n")[2])["numberReturned"] == 1_000


@pytest.mark.slow
def test_memory_stays_flat(server: Server, bearer: Bearer, engine: Engine) -> None:
    """The worker's peak grows by less than 64 MiB over idle while 100,000 rows (60 MB) go through."""
    fill(engine, ROWS)
    headers = bearer("planner")
    # What the first request loads (templates, pool, JSON) is not the export's.
    server.get(headers, f"{URL}?category=fire").read()
    server.forget_peak()
    idle_kib = server.peak_kib()
    answer = server.get(headers)
    size = sum(len(chunk) for chunk in iter(lambda: answer.read(1 << 20), b""))
    assert size > 50_000_000
    assert server.peak_kib() - idle_kib < 64 * 1024


def test_gdal_reads_the_streamed_file(server: Server, bearer: Bearer, engine: Engine, tmp_path: Path) -> None:
    odd = 'say "hello"\n\\ 🗑️ \u2028 é'
    with unit_of_work(engine, SYSTEM) as uow:
        organisation = add_organisation(uow, "city", "Ville d’Amiens")
        add_report(uow, lon=2.3022123, lat=49.8947, description=odd, severity=4, organisation_id=organisation)
        add_report(uow, lon=2.3, lat=49.9, due_at=None)
    path = tmp_path / "reports.geojson"
    path.write_bytes(server.get(bearer("planner")).read())
    info = pyogrio.read_info(path)
    assert info["layer_name"] == "reports"
    assert info["crs"] == "EPSG:4326"
    assert info["geometry_type"] == "Point"
    assert info["features"] == 2
    assert list(info["fields"]) == PROPERTIES
    types = dict(zip(info["fields"], info["ogr_types"], strict=True))
    assert types["severity"] == "OFTInteger"
    assert {types[name] for name in ("observed_at", "received_at", "due_at")} == {"OFTDateTime"}
    assert types["description"] == "OFTString"
    _, _, geometries, columns = pyogrio.raw.read(path)
    values = {name: list(column) for name, column in zip(info["fields"], columns, strict=True)}
    row = values["severity"].index(4)
    assert values["description"][row] == odd
    assert values["organisation"][row] == "Ville d’Amiens"
    assert geometries[row].hex() == wkb_point(2.3022123, 49.8947)


@pytest.mark.parametrize("prefix", ["GeoJSON:", "/vsicurl_streaming/"])
def test_gdal_reads_the_address_with_a_token(server: Server, bearer: Bearer, engine: Engine, prefix: str) -> None:
    """What QGIS does with "Add vector layer, protocol GeoJSON": one URL and one header, compressed on the way.

    /vsicurl/ (which GDAL means by a bare URL) asks for byte ranges and cannot read any stream of unknown length.
    """
    fill(engine, 1_000)
    token = bearer("planner")["Authorization"]
    pyogrio.set_gdal_config_options({"GDAL_HTTP_HEADERS": f"Authorization: {token}"})
    try:
        info = pyogrio.read_info(f"{prefix}http://127.0.0.1:{server.port}{URL}?theme=cleanliness")
    finally:
        pyogrio.set_gdal_config_options({"GDAL_HTTP_HEADERS": None})
    assert info["features"] == 1_000
    assert info["crs"] == "EPSG:4326"


def wkb_point(lon: float, lat: float) -> str:
    """Well-known binary of a point."""
    return struct.pack("<BIdd", 1, 1, lon, lat).hex()
