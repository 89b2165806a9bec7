"""pygeoapi and tipg on the same PostGIS, in their own environment, each the way its documentation runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from benchmarks.register import Register
from benchmarks.serving import Running, free_port, serving

HERE = Path(__file__).parent
VENV = HERE / ".venv-peers"
REQUIREMENTS = HERE / "requirements-peers.txt"
PEERS = {
    "pygeoapi",
    "tipg",
    "uvicorn",
    "gunicorn",
    "datashader",
    "KDEpy",
    "scikit-learn",
    "scipy",
    "geopandas",
    "pyogrio",
}
# What both are allowed to return at once: the largest page tipg has by default.
PAGE = 10_000
WORKERS = 2

# The peers get a plain table with everything looked up already, without row-level security: easier than what we read.
_TABLE = """
DROP SCHEMA IF EXISTS peer CASCADE;
CREATE SCHEMA peer;
CREATE TABLE peer.reports AS
SELECT report.id::text AS id, category_code AS category, theme_code AS theme, category.kind, severity, state,
    report.visibility, observed_at, received_at, due_at, organisation.name AS organisation,
    neighbourhood.name AS neighbourhood, description, linked.name AS place, stop.name AS nearest_stop,
    iris.name AS iris, qpv.name AS qpv, report.is_synthetic, report.source,
    report.duplicate_of::text AS duplicate_of, report.geom_4326 AS geom
FROM report JOIN category ON category.code = category_code
LEFT JOIN organisation ON organisation.id = report.organisation_id
LEFT JOIN place AS neighbourhood ON neighbourhood.id = neighbourhood_id
LEFT JOIN place AS linked ON linked.id = place_id
LEFT JOIN place AS stop ON stop.id = nearest_stop_id
LEFT JOIN place AS iris ON iris.id = iris_id
LEFT JOIN place AS qpv ON qpv.id = qpv_id
WHERE report.visibility <> 'restricted';
ALTER TABLE peer.reports ADD PRIMARY KEY (id);
CREATE INDEX ON peer.reports USING gist (geom);
GRANT USAGE ON SCHEMA peer TO quietude_app;
GRANT SELECT ON peer.reports TO quietude_app;
ANALYZE peer.reports;
"""

_PYGEOAPI = """
server:
  bind: {{host: 127.0.0.1, port: {port}}}
  url: http://127.0.0.1:{port}
  mimetype: application/json; charset=UTF-8
  encoding: utf-8
  languages: [en-US]
  pretty_print: false
  limits: {{default_items: 10, max_items: {page}, on_exceed: throttle}}
  map: {{url: "http://127.0.0.1/{{z}}/{{x}}/{{y}}.png", attribution: none}}
logging: {{level: ERROR}}
metadata:
  identification:
    title: benchmark
    description: benchmark
    keywords: [benchmark]
    keywords_type: theme
    terms_of_service: none
    url: http://127.0.0.1
  license: {{name: none, url: http://127.0.0.1}}
  provider: {{name: benchmark, url: http://127.0.0.1}}
  contact: {{name: benchmark, email: benchmark@example.org}}
resources:
  reports:
    type: collection
    title: reports
    description: synthetic reports
    keywords: [benchmark]
    links: []
    extents:
      spatial: {{bbox: [2.2, 49.8, 2.4, 50.0], crs: "http://www.opengis.net/def/crs/OGC/1.3/CRS84"}}
    providers:
      - type: feature
        name: PostgreSQL
        data: {{host: "{host}", port: 5432, dbname: quietude, user: quietude_app, password: none, search_path: [peer]}}
        id_field: id
        table: reports
        geom_field: geom
"""


def prepare(register: Register) -> None:
    """The environment of the peers, and their table."""
    install()
    engine = create_engine(register.cluster.url("superuser"), poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text(_TABLE))


def install() -> None:
    """Make the peers' environment, anew when their list has changed."""
    wanted, installed = REQUIREMENTS.read_text(encoding="utf-8"), VENV / REQUIREMENTS.name
    if installed.exists() and installed.read_text(encoding="utf-8") == wanted:
        return
    print("  installing the peers into benchmarks/.venv-peers …", flush=True)
    subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)
    subprocess.run([str(VENV / "bin" / "pip"), "install", "-q", "-r", str(REQUIREMENTS)], check=True)
    installed.write_text(wanted, encoding="utf-8")


def versions() -> dict[str, str]:
    """Which versions were measured."""
    listed = subprocess.run([str(VENV / "bin" / "pip"), "freeze"], check=True, capture_output=True, text=True).stdout
    pairs = (line.partition("==") for line in listed.splitlines())
    gdal = subprocess.run(["ogr2ogr", "--version"], check=True, capture_output=True, text=True).stdout
    found = {name: version for name, _, version in pairs if name in PEERS}
    return found | {"ogr2ogr (GDAL)": gdal.split()[1].rstrip(",")}


@contextmanager
def pygeoapi(register: Register) -> Iterator[tuple[Running, str]]:
    """Under gunicorn with as many workers and threads as ours; and the path of its items."""
    port, folder = free_port(), register.var_dir
    config, document = folder / "pygeoapi.yml", folder / "openapi.yml"
    config.write_text(_PYGEOAPI.format(port=port, page=PAGE, host=register.cluster.socket_dir()), encoding="utf-8")
    environ = {"PATH": os.environ["PATH"], "PYGEOAPI_CONFIG": str(config), "PYGEOAPI_OPENAPI": str(document)}
    program = [str(VENV / "bin" / "pygeoapi"), "openapi", "generate", str(config), "--output-file", str(document)]
    made = subprocess.run(program, check=False, env=environ, capture_output=True, text=True)
    if made.returncode:
        raise SystemExit(f"pygeoapi: {made.stdout[-2000:]}{made.stderr[-2000:]}")
    gunicorn = [str(VENV / "bin" / "gunicorn"), "-k", "gthread", "-w", str(WORKERS), "--threads", "8", "-t", "300"]
    command = [*gunicorn, "-b", f"127.0.0.1:{port}", "--no-control-socket", "pygeoapi.flask_app:APP"]
    path = "/collections/reports/items?f=json"
    with serving(command, port, path, environ, folder / "pygeoapi.log") as running:
        yield running, path


@contextmanager
def tipg(register: Register) -> Iterator[tuple[Running, str]]:
    """Under uvicorn with as many workers as ours; and the path of its items."""
    port = free_port()
    host = quote(str(register.cluster.socket_dir()), safe="")
    environ = {
        "PATH": os.environ["PATH"],
        "DATABASE_URL": f"postgresql://quietude_app@{host}/quietude",
        "TIPG_DB_SCHEMAS": '["peer"]',
        # A tile that leaves reports out says something else than ours does.
        "TIPG_MAX_FEATURES_PER_TILE": "10000000",
    }
    command = [str(VENV / "bin" / "uvicorn"), "tipg.main:app", "--port", str(port), "--workers", str(WORKERS)]
    command += ["--log-level", "warning", "--no-access-log"]
    path = "/collections/peer.reports/items?f=geojson"
    with serving(command, port, path, environ, register.var_dir / "tipg.log") as running:
        yield running, path
