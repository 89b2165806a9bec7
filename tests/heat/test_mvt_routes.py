"""Vector tiles over HTTP, read back by GDAL: who sees what, nothing lost at the edges, caches, faults."""

from __future__ import annotations

import gzip
import math
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pytest
from flask import Flask
from sqlalchemy import Engine, text

from app.db.session import make_engine, unit_of_work
from app.heat import mvt_store
from app.heat.mvt import EXTENT, Tile
from app.people.actions import create_token
from app.people.actor import SYSTEM, Actor, Role
from app.people.commands import NewToken
from tests.heat.application import heat_application
from tests.heat.conftest import AMIENS

TODAY = date(2026, 11, 24)
LON, LAT = AMIENS
ROLES: tuple[Role, ...] = ("agent", "partner", "planner", "coordinator", "admin")
Ask = Callable[..., Any]
Sees = Callable[..., dict[str, int]]


@pytest.fixture
def app(clean: None, app_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Flask]:
    """The application with vector tiles alone, on a fixed day, with a cube as fresh as the request."""
    with heat_application(app_url, tmp_path, monkeypatch, TODAY, "heat.mvt_routes") as made:
        yield made


_ACCOUNT = text("""
    WITH maker AS (INSERT INTO organisation (slug, name, kind) VALUES (:role, :role, 'city') RETURNING id)
    INSERT INTO account (email, fs_uniquifier, organisation_id, role_id)
    SELECT :role, :role, maker.id, role.id FROM maker, role WHERE role.name = :role
    RETURNING id, organisation_id
""")


@pytest.fixture
def actors(engine: Engine, app: Flask) -> dict[str, Actor]:
    """An actor of each role, each of an organisation of its own."""
    made: dict[str, Actor] = {}
    with unit_of_work(engine, SYSTEM) as uow:
        for role in ROLES:
            row = uow.connection.execute(_ACCOUNT, {"role": role}).one()
            made[role] = Actor(role, row.id, row.organisation_id)
    return made


@pytest.fixture
def ask(app: Flask, engine: Engine, actors: dict[str, Actor]) -> Ask:
    """Asks with a token of an account of some role, or as the public."""
    headers: dict[str, dict[str, str]] = {"": {}}

    def asker(path: str, who: str = "", more: dict[str, str] | None = None, **query: str) -> Any:
        if who not in headers:
            with unit_of_work(engine, SYSTEM) as uow:
                issued = create_token(uow.connection, actors[who], NewToken(name="test", scope="read"))
            headers[who] = {"Authorization": f"Bearer {issued.secret}"}
        return app.test_client().get(path, query_string=query, headers={**headers[who], **(more or {})})

    return asker


_FILL = text("""
    INSERT INTO report (id, category_code, geom_4326, cell_25m, severity, visibility, observed_at, state,
                        organisation_id, reporter_organisation_id)
    SELECT gen_random_uuid(), category.code, ST_SetSRID(ST_MakePoint(lon, lat), 4326), cell, severity,
           category.visibility, '2026-02-10T12:00:00+01:00'::timestamptz + day * interval '1 day', state, owner, maker
    FROM unnest(CAST(:lon AS float8[]), CAST(:lat AS float8[]), CAST(:cell AS bigint[]), CAST(:severity AS int[]),
                CAST(:category AS int[]), CAST(:day AS int[]), CAST(:state AS text[]), CAST(:owner AS int[]),
                CAST(:maker AS int[])) AS given (lon, lat, cell, severity, category, day, state, owner, maker)
    JOIN (SELECT code, visibility, row_number() OVER (ORDER BY code) - 1 AS place FROM category) AS category
        ON category.place = given.category
""")
_STATES = ("new", "acknowledged", "assigned", "in_progress", "resolved", "verified", "rejected", "duplicate")


@pytest.fixture
def filled(engine: Engine, actors: dict[str, Actor]) -> int:
    """600 reports over the centre, of all categories, states and organisations."""
    from app.places.lattice import cells_of

    count = 600
    rng = np.random.default_rng(7)
    lon, lat = LON + rng.normal(0, 0.005, count), LAT + rng.normal(0, 0.003, count)
    owners = [actor.organisation_id for actor in actors.values()]
    with unit_of_work(engine, SYSTEM) as uow:
        categories = uow.connection.scalar(text("SELECT count(*) FROM category")) or 0
        values = {
            "lon": lon.tolist(),
            "lat": lat.tolist(),
            "cell": cells_of(lon, lat).tolist(),
            "severity": rng.integers(1, 5, count).tolist(),
            "category": rng.integers(0, categories, count).tolist(),
            "day": rng.integers(0, 200, count).tolist(),
            "state": [_STATES[i] for i in rng.integers(0, len(_STATES), count)],
            "owner": [owners[i] for i in rng.integers(0, len(owners), count)],
            "maker": [owners[i] for i in rng.integers(0, len(owners), count)],
        }
        uow.connection.execute(_FILL, values)
    return count


def read_by_gdal(body: bytes, tile: Tile, folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Layers of a tile with attributes, and positions in tile coordinates; read by GDAL's driver MVT."""
    if not body:
        return {}
    path = folder / str(tile.z) / str(tile.x) / f"{tile.y}.mvt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body)
    layers = {}
    for name, _kind in pyogrio.list_layers(path):
        meta, _fids, geometry, columns = pyogrio.raw.read(path, layer=name, CLIP="NO")
        rows = []
        for i in range(len(geometry)):
            # GDAL gives EPSG:3857; WKB of a (multi)point ends with x and y.
            x, y = np.frombuffer(geometry[i][-16:], "<f8")
            west, north = -20037508.342789244 + tile.x * tile.side_m, 20037508.342789244 - tile.y * tile.side_m
            place = (x - west) / tile.side_m * EXTENT, (north - y) / tile.side_m * EXTENT
            row = {key: column[i] for key, column in zip(meta["fields"], columns, strict=True)}
            rows.append(row | {"at": place})
        layers[str(name)] = rows
    return layers


def tiles_over(z: int) -> list[Tile]:
    """The tiles of a zoom over everything that `filled` may have put down."""
    side = 1 << z

    def column(lon: float) -> int:
        return int((lon + 180) / 360 * side)

    def row(lat: float) -> int:
        return int((1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2 * side)

    columns = range(column(LON - 0.02), column(LON + 0.021) + 1)
    return [Tile(z, x, y) for x in columns for y in range(row(LAT + 0.014), row(LAT - 0.014) + 1)]


def owned(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those that belong to the tile itself, not to its margin."""
    return [r for r in rows if all(-1e-6 <= axis < EXTENT - 1e-6 for axis in r["at"])]


def all_of(ask: Ask, folder: Path, z: int, layer: str, who: str, **query: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for tile in tiles_over(z):
        answer = ask(f"/tiles/reports/{tile.z}/{tile.x}/{tile.y}.mvt", who, **query)
        assert answer.status_code == 200, answer.text
        assert answer.mimetype == "application/vnd.mapbox-vector-tile"
        found += owned(read_by_gdal(answer.data, tile, folder).get(layer, []))
    return found


@pytest.fixture
def sees(engine: Engine, actors: dict[str, Actor]) -> Sees:
    """What row-level security itself says: id → severity of the reports that count."""

    def visible(who: str, more: str = "true") -> dict[str, int]:
        query = f"SELECT id, severity FROM report WHERE state NOT IN ('rejected', 'duplicate') AND {more}"
        with unit_of_work(engine, actors[who]) as uow:
            return {str(row.id): row.severity for row in uow.connection.execute(text(query))}

    return visible


@pytest.mark.parametrize("who", ROLES)
def test_all_tiles_together_are_the_rows_that_the_viewer_may_read(
    who: str, ask: Ask, sees: Sees, filled: int, tmp_path: Path
) -> None:
    readable = sees(who)
    assert 0 < len(readable) < filled
    for z in (9, 12, 14):
        clusters = all_of(ask, tmp_path, z, "clusters", who)
        assert sum(row["count"] for row in clusters) == len(readable), z
        assert max(row["severity"] for row in clusters) == max(readable.values())
    points = all_of(ask, tmp_path, 15, "reports", who)
    assert sorted(row["id"] for row in points) == sorted(readable)


_MAY = "observed_at >= '2026-04-30 22:00Z' AND observed_at < '2026-05-31 22:00Z'"
CASES: list[tuple[dict[str, str], str]] = [
    ({"theme": "street"}, "category_code IN (SELECT code FROM category WHERE theme_code = 'street')"),
    ({"severity": "3"}, "severity >= 3"),
    ({"state": "resolved"}, "state = 'resolved'"),
    ({"from": "2026-05-01", "to": "2026-05-31"}, _MAY),
    ({"organisation": "agent"}, "organisation_id = (SELECT id FROM organisation WHERE slug = 'agent')"),
    ({"organisation": "partner"}, "organisation_id = (SELECT id FROM organisation WHERE slug = 'partner')"),
]


def test_the_filter_is_the_maps(ask: Ask, sees: Sees, filled: int, tmp_path: Path) -> None:
    for who in ("planner", "agent"):
        for query, condition in CASES:
            readable = sees(who, condition)
            assert readable
            clusters = all_of(ask, tmp_path, 13, "clusters", who, **query)
            assert sum(row["count"] for row in clusters) == len(readable), (who, query)
            points = all_of(ask, tmp_path, 15, "reports", who, **query)
            assert {row["id"] for row in points} == set(readable)


def test_a_report_has_its_labels_and_neither_text_nor_author(ask: Ask, filled: int, tmp_path: Path) -> None:
    row = all_of(ask, tmp_path, 15, "reports", "coordinator")[0]
    assert set(row) - {"at", "mvt_id"} == {
        "id", "category", "theme", "severity", "state", "label_fr", "label_en", "theme_fr", "theme_en", "observed_on",
    }  # fmt: skip
    cluster = all_of(ask, tmp_path, 12, "clusters", "coordinator")[0]
    assert set(cluster) - {"at", "mvt_id"} == {"count", "severity", "theme", "theme_fr", "theme_en", "cell_m"}
    assert cluster["cell_m"] == 1600


def test_the_public_gets_protected_groups_at_every_zoom_and_never_a_point(
    ask: Ask, engine: Engine, actors: dict[str, Actor], tmp_path: Path
) -> None:
    add_many(engine, 23, LON, LAT)
    add_many(engine, 4, LON + 0.02, LAT)  # fewer than k: not there
    for z in (9, 12, 14, 15, 18):
        clusters = all_of(ask, tmp_path, z, "clusters", "") if z < 15 else near_clusters(ask, tmp_path, z)
        assert [row["count"] for row in clusters] == [25], z
        assert all("severity" not in row for row in clusters)
        assert max(row["cell_m"] for row in clusters) >= 400
    assert all_of(ask, tmp_path, 12, "clusters", "", severity="3") == []


def near_clusters(ask: Ask, folder: Path, z: int) -> list[dict[str, Any]]:
    """What the public gets of one 400 m square: there is no layer of points in any of its tiles."""
    side = 1 << z
    middle = (LON + 180) / 360 * side
    up = (1 - math.asinh(math.tan(math.radians(LAT))) / math.pi) / 2 * side
    around = math.ceil(side / (1 << 15))
    found = []
    for x in range(int(middle) - around, int(middle) + around + 1):
        for y in range(int(up) - around, int(up) + around + 1):
            layers = read_by_gdal(ask(f"/tiles/reports/{z}/{x}/{y}.mvt").data, Tile(z, x, y), folder)
            assert set(layers) <= {"clusters"}
            found += owned(layers.get("clusters", []))
    return found


_MANY = text("""
    INSERT INTO report (id, category_code, geom_4326, cell_25m, severity, visibility, observed_at)
    SELECT gen_random_uuid(), 'overflowing_bin', ST_SetSRID(ST_MakePoint(:lon, :lat), 4326), :cell, 2, 'public',
           '2026-02-10T12:00:00+01:00' FROM generate_series(1, :count)
""")


def add_many(engine: Engine, count: int, lon: float, lat: float) -> None:
    from app.places.lattice import cells_of

    cell = int(cells_of(np.array([lon]), np.array([lat]))[0])
    with unit_of_work(engine, SYSTEM) as uow:
        uow.connection.execute(_MANY, {"count": count, "lon": lon, "lat": lat, "cell": cell})


def test_a_crowd_too_large_for_dots_comes_as_clusters(
    ask: Ask, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mvt_store, "POINTS_MOST", 20)
    add_many(engine, 20, LON, LAT)
    assert len(all_of(ask, tmp_path, 15, "reports", "planner")) == 20
    add_many(engine, 1, LON, LAT)
    assert all_of(ask, tmp_path, 15, "reports", "planner") == []
    clusters = all_of(ask, tmp_path, 15, "clusters", "planner")
    assert [(row["count"], row["cell_m"]) for row in clusters] == [(21, 200)]


def test_what_stands_on_an_edge_is_in_both_tiles_and_belongs_to_one(ask: Ask, engine: Engine, tmp_path: Path) -> None:
    z = 15
    tile = Tile(z, int((LON + 180) / 360 * (1 << z)), 11128)
    west, _south, _east, _north = tile.lon_lat()
    add_many(engine, 1, west + 1e-7, LAT)
    both = [tile, Tile(z, tile.x - 1, tile.y)]
    for layer, zoom in (("reports", z), ("clusters", 14)):
        pair = both if zoom == z else [Tile(14, tile.x // 2, tile.y // 2), Tile(14, (tile.x - 1) // 2, tile.y // 2)]
        found = [
            read_by_gdal(ask(f"/tiles/reports/{t.z}/{t.x}/{t.y}.mvt", "planner").data, t, tmp_path)[layer]
            for t in dict.fromkeys(pair)
        ]
        assert sum(len(owned(rows)) for rows in found) == 1
        assert all(len(rows) == 1 for rows in found)


def test_tile_json_says_what_a_gis_needs(ask: Ask) -> None:
    document = ask("/tiles/reports.json", "planner", theme="street", **{"from": "2026-01-01"}).json
    assert document["tilejson"] == "3.0.0"
    assert document["tiles"] == [
        "http://localhost/tiles/reports/{z}/{x}/{y}.mvt?theme=street&from=2026-01-01",
    ]
    layers = {layer["id"]: layer for layer in document["vector_layers"]}
    assert set(layers) == {"clusters", "reports"}
    assert (layers["reports"]["minzoom"], document["minzoom"], document["maxzoom"]) == (15, 8, 16)
    assert layers["clusters"]["fields"]["count"] == "Number"
    west, south, east, north = document["bounds"]
    assert west < LON < east
    assert south < LAT < north
    assert [layer["id"] for layer in ask("/tiles/reports.json").json["vector_layers"]] == ["clusters"]


TILE = "/tiles/reports/14/8296/5564.mvt"


def test_a_tile_is_small_marked_and_asked_again(ask: Ask, engine: Engine) -> None:
    add_many(engine, 30, LON, LAT)
    for who in ("", "planner", "partner"):
        first = ask(TILE, who, more={"Accept-Encoding": "gzip"})
        assert first.headers["Content-Encoding"] == "gzip"
        assert gzip.decompress(first.data) == ask(TILE, who).data
        tag = first.headers["ETag"]
        assert {"Cookie", "Authorization", "Accept-Encoding"} <= set(first.vary)
        assert ask(TILE, who, more={"If-None-Match": tag}).status_code == 304
        assert ("public" in first.headers["Cache-Control"]) == (who == "")
    tags = {who: ask(TILE, who).headers["ETag"] for who in ("", "planner", "coordinator", "agent")}
    assert len(set(tags.values())) == 4
    add_many(engine, 1, LON, LAT)
    # One more changes nothing for the public: 30 and 31 are both shown as 30.
    assert ask(TILE).headers["ETag"] == tags[""]
    assert ask(TILE, "planner").headers["ETag"] != tags["planner"]


def test_an_empty_tile_has_no_bytes(ask: Ask, engine: Engine) -> None:
    for who in ("", "planner", "agent"):
        for path in (TILE, "/tiles/reports/16/33184/22256.mvt", "/tiles/reports/8/0/0.mvt"):
            answer = ask(path, who)
            assert (answer.status_code, answer.data) == (200, b"")
            assert "Content-Encoding" not in answer.headers


@pytest.mark.parametrize(
    ("path", "query", "status", "named"),
    [
        ("/tiles/reports/7/1/1.mvt", {}, 400, "z"),
        ("/tiles/reports/21/1/1.mvt", {}, 400, "z"),
        ("/tiles/reports/8/256/1.mvt", {}, 404, None),
        (TILE, {"theme": "nonsense"}, 400, "theme"),
        (TILE, {"from": "yesterday"}, 400, "from"),
        (TILE, {"bbox": "1,2,3,4"}, 400, "bbox"),
        (TILE, {"due": "over"}, 400, "due"),
        ("/tiles/reports.json", {"severity": "9"}, 400, "severity"),
    ],
)
def test_a_wrong_parameter_is_named(ask: Ask, path: str, query: dict[str, str], status: int, named: str | None) -> None:
    answer = ask(path, "planner", **query)
    assert answer.status_code == status
    if named:
        assert answer.json["errors"][0]["field"] == named


def test_without_the_database_the_last_clusters_are_shown_and_marked(app: Flask, ask: Ask, engine: Engine) -> None:
    add_many(engine, 30, LON, LAT)
    before = ask(TILE).data
    assert before
    with app.app_context():
        heat = app.extensions["quietude_heat"]
        heat.keeper._engine = make_engine("postgresql+psycopg2://nobody@127.0.0.1:1/nothing")
    after = ask(TILE)
    assert (after.status_code, after.data) == (200, before)
    assert "X-Quietude-Stale" in after.headers
    assert "ETag" not in after.headers
