"""Heat over HTTP: tiles, values, legend, table; who sees what; caches; faults."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image
from sqlalchemy import Engine, text

from app.db.session import make_engine, unit_of_work
from app.heat.actions import Heat
from app.heat.palette import COLOURS
from app.heat.routes import heat
from app.heat.surface import M2_PER_KM2
from app.people.actor import SYSTEM
from app.web.context import services
from tests.heat.conftest import AMIENS, TODAY, add_report

LON, LAT = AMIENS
HERE = {"lon": str(LON), "lat": str(LAT)}
# The tile of zoom 15 with AMIENS in it.
TILE = "/tiles/heat/15/16592/11128.png"
Add = Callable[..., str]


def picture(response: Any) -> np.ndarray:
    assert response.status_code == 200, response.text
    assert response.mimetype == "image/png"
    return np.asarray(Image.open(io.BytesIO(response.data)).convert("RGBA"))


def place(engine: Engine, name: str, west: float, east: float) -> int:
    with unit_of_work(engine, SYSTEM) as uow:
        return int(
            uow.connection.execute(
                text(
                    "INSERT INTO place (kind, code, name, geom_4326, source) VALUES ('neighbourhood', :name, :name,"
                    " ST_MakeEnvelope(:west, 49.88, :east, 49.91, 4326), 'test') RETURNING id"
                ),
                {"name": name, "west": west, "east": east},
            ).scalar_one()
        )


def test_an_empty_register_is_a_clear_picture(ask: Callable[..., Any]) -> None:
    for who in ("", "planner", "coordinator"):
        assert not picture(ask(TILE, who))[..., 3].any()
        legend = ask("/api/heat/legend", who).json
        assert (legend["classes"], legend["reports"]) == ([], 0)
        assert ask("/api/heat/point", who, **HERE).json["value"] == 0
        assert ask("/api/heat/table", who).json["rows"] == []


def test_one_report_is_where_it_is_and_as_high_as_the_kernel_says(ask: Callable[..., Any], add: Add) -> None:
    add(observed_at="2026-10-01T12:00:00+02:00")
    found = ask("/api/heat/point", "planner", **HERE, **{"from": "2026-10-01", "to": "2026-10-30"}).json
    assert found["value"] == pytest.approx(M2_PER_KM2 / (2 * np.pi * 150**2), rel=0.01)
    assert (found["unit"], found["measure"]) == ("reports/km²/30 days", "count")
    assert (found["bandwidth_m"], found["reports_within_bandwidth"]) == (150, 1)
    image = picture(ask(TILE, "planner"))
    assert {tuple(colour) for colour in image[image[..., 3] > 0]} <= set(COLOURS)
    assert image[..., 3].any()
    assert ask("/api/heat/point", "planner", lon="2.40", lat="49.80").json["value"] == 0


def test_the_filter_filters(ask: Callable[..., Any], add: Add) -> None:
    add(category="overflowing_bin", observed_at="2026-02-10T12:00:00+01:00")
    add(category="pothole", observed_at="2026-03-10T12:00:00+01:00", severity=4)
    add(category="pothole", observed_at="2026-03-31T23:59:59+02:00", severity=1)
    for query, expected in (
        ({}, 3),
        ({"theme": "street"}, 2),
        ({"theme": "street,cleanliness"}, 3),
        ({"category": "pothole"}, 2),
        ({"category": "pothole", "theme": "cleanliness"}, 0),
        ({"from": "2026-03-10"}, 2),
        ({"from": "2026-03-11"}, 1),
        ({"to": "2026-03-31"}, 3),
        ({"to": "2026-03-30"}, 2),
        ({"severity": "3"}, 1),
        ({"state": "new"}, 3),
        ({"state": "resolved"}, 0),
    ):
        assert ask("/api/heat/legend", "planner", **query).json["reports"] == expected, query
        near = ask("/api/heat/point", "planner", **HERE, **query).json["reports_within_bandwidth"]
        assert near == expected, query


def test_the_organisation_is_filtered_in_every_measure_and_a_transfer_moves_it(
    ask: Callable[..., Any], engine: Engine, add: Add
) -> None:
    ask("/api/heat/legend", "planner")  # its organisation has the role's name
    ask("/api/heat/legend", "coordinator")
    moved = add(organisation="planner", observed_at="2026-11-10T12:00:00+01:00")
    add(organisation="planner", category="suspected_dealing", observed_at="2026-11-10T12:00:00+01:00")
    add(organisation="coordinator", observed_at="2026-11-10T12:00:00+01:00")
    add(observed_at="2026-11-10T12:00:00+01:00")

    def reports(who: str, measure: str = "count", **query: str) -> int:
        found = ask("/api/heat/legend", who, measure=measure, **query)
        return int(found.json["reports"])

    for measure in ("count", "weighted", "significance", "change"):
        assert reports("planner", measure) == 3
        assert reports("planner", measure, organisation="planner") == 1, measure
        assert reports("coordinator", measure, organisation="planner") == 2, measure
    transfer = (
        "UPDATE report SET organisation_id = (SELECT id FROM organisation WHERE slug = 'coordinator') WHERE id = :id"
    )
    with unit_of_work(engine, SYSTEM) as uow:
        uow.connection.execute(text(transfer), {"id": moved})
    assert reports("planner", organisation="planner") == 0
    assert reports("planner", organisation="coordinator") == 2
    near = ask("/api/heat/point", "planner", **HERE, organisation="coordinator").json
    assert (near["reports_within_bandwidth"], near["value"] > 0) == (2, True)


def test_everything_filtered_out_is_a_clear_picture(ask: Callable[..., Any], add: Add) -> None:
    add()
    query = {"from": "2020-01-01", "to": "2020-12-31"}
    assert not picture(ask(TILE, "planner", **query))[..., 3].any()
    legend = ask("/api/heat/legend", "planner", **query).json
    assert (legend["reports"], legend["from"], legend["to"]) == (0, "2020-01-01", "2020-12-31")


def test_each_scope_sees_its_own(ask: Callable[..., Any], engine: Engine, add: Add) -> None:
    for category in ("overflowing_bin", "noise", "suspected_dealing"):
        add(category=category)
    seen = {who: ask("/api/heat/legend", who).json["reports"] for who in
            ("", "agent", "partner", "planner", "admin", "coordinator")}  # fmt: skip
    assert seen == {"": 0, "agent": 2, "partner": 2, "planner": 2, "admin": 2, "coordinator": 3}


def test_the_public_sees_groups_of_k_spread_over_a_square(ask: Callable[..., Any], engine: Engine, add: Add) -> None:
    with unit_of_work(engine, SYSTEM) as uow:
        for _ in range(4):
            add_report(uow.connection)
    empty = ask(TILE).data
    assert not picture(ask(TILE))[..., 3].any()
    add()
    assert picture(ask(TILE))[..., 3].any()
    legend = ask("/api/heat/legend").json
    assert (legend["reports"], legend["protected"]) == (5, True)
    assert len(legend["notices"]) == 1
    assert (legend["from"], legend["to"]) == ("2026-01-01", "2026-11-24")
    assert ask(TILE, category="overflowing_bin").data == empty
    assert ask(TILE, **{"from": "2026-01-02"}).data == empty
    assert ask(TILE, severity="2").data == empty
    assert len(ask("/api/heat/legend", category="overflowing_bin", **{"from": "2026-01-02"}).json["notices"]) == 3
    # The square is up to 400 m wide: at 50 m the public's peak is far below that of five reports on one point.
    public = ask("/api/heat/point", **HERE, bandwidth="50").json["value"]
    exact = ask("/api/heat/point", "planner", **HERE, bandwidth="50", **{"from": "2026-01-01"}).json["value"]
    assert 0 < public < exact / 4


def test_the_public_is_not_told_that_hidden_reports_came_in(ask: Callable[..., Any], add: Add) -> None:
    before = {who: ask(TILE, who).headers["ETag"] for who in ("", "planner", "coordinator")}
    add(category="suspected_dealing")
    after = {who: ask(TILE, who).headers["ETag"] for who in before}
    assert after[""] == before[""]
    assert after["planner"] == before["planner"]
    assert after["coordinator"] != before["coordinator"]


def test_tiles_are_revalidated_and_kept_apart(ask: Callable[..., Any], add: Add) -> None:
    add()
    first = ask(TILE, "planner")
    tag = first.headers["ETag"]
    assert "private" in first.headers["Cache-Control"]
    assert {"Cookie", "Authorization"} <= set(first.headers["Vary"].replace(" ", "").split(","))
    again = ask(TILE, "planner", {"If-None-Match": tag})
    assert (again.status_code, again.data) == (304, b"")
    assert ask(TILE, "coordinator", {"If-None-Match": tag}).status_code == 200
    assert ask(TILE, "", {"If-None-Match": tag}).status_code == 200
    assert ask(TILE, "planner", {"If-None-Match": tag}, bandwidth="300").status_code == 200
    assert ask(TILE, "planner", {"If-None-Match": tag}, theme="street").status_code == 200
    assert "private" not in ask(TILE).headers["Cache-Control"]
    add()
    assert ask(TILE, "planner", {"If-None-Match": tag}).status_code == 200


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ({"bandwidth": "49"}, "bandwidth"),
        ({"bandwidth": "1001"}, "bandwidth"),
        ({"bandwidth": "1e2"}, "bandwidth"),
        ({"bandwidth": "150.5"}, "bandwidth"),
        ({"bandwidth": "-150"}, "bandwidth"),
        ({"bandwidth": "nan"}, "bandwidth"),
        ({"bandwidth": "٢٠٠"}, "bandwidth"),
        ({"measure": "nonsense"}, "measure"),
        ({"theme": "nonsense"}, "theme"),
        ({"category": "nonsense"}, "category"),
        ({"from": "yesterday"}, "from"),
        ({"from": "2026-02-01", "to": "2026-01-01"}, "to"),
        ({"bbox": "2,49,3,50"}, "bbox"),
    ],
)
def test_a_wrong_parameter_is_named(ask: Callable[..., Any], query: dict[str, str], named: str) -> None:
    for path, more in ((TILE, {}), ("/api/heat/point", HERE), ("/api/heat/legend", {}), ("/api/heat/table", {})):
        response = ask(path, "planner", **query, **more)
        assert response.status_code == 400
        assert response.json["errors"][0]["field"] == named


@pytest.mark.parametrize("value", ["", "x", "nan", "inf", "-inf", "1e400", "200", "-100", "2,5"])
def test_a_wrong_place_is_named(ask: Callable[..., Any], value: str) -> None:
    for name in ("lon", "lat"):
        response = ask("/api/heat/point", "planner", **{**HERE, name: value})
        assert (response.status_code, response.json["errors"][0]["field"]) == (400, name)


def test_zooms_and_tiles_that_are_not(ask: Callable[..., Any]) -> None:
    for z in (0, 7, 21, 99999999999):
        response = ask(f"/tiles/heat/{z}/0/0.png")
        assert (response.status_code, response.json["errors"][0]["field"]) == (400, "z")
    assert ask("/tiles/heat/8/256/0.png").status_code == 404
    assert ask("/tiles/heat/8/0/256.png").status_code == 404
    assert ask("/tiles/heat/8/-1/0.png").status_code == 404
    assert ask("/tiles/heat/8/0/0.png").status_code == 200
    assert ask(f"/tiles/heat/20/{(1 << 20) - 1}/0.png").status_code == 200


def test_the_table_says_the_same(ask: Callable[..., Any], engine: Engine, add: Add) -> None:
    west, east = place(engine, "Ouest", 2.28, 2.30), place(engine, "Est", 2.30, 2.34)
    for lon in (2.29, 2.29, 2.31):
        add(lon=lon)
    add(lon=2.36)
    rows = ask("/api/heat/table", "planner", **{"from": "2026-02-01", "to": "2026-03-02"}).json["rows"]
    assert [(row["place_id"], row["name"], row["reports"]) for row in rows] == [(west, "Ouest", 2), (east, "Est", 1)]
    # 0.02° of longitude by 0.03° of latitude at 49.9° north; 30 days.
    area_km2 = 0.02 * 111.32 * np.cos(np.radians(49.895)) * 0.03 * 111.2
    assert rows[0]["area_km2"] == pytest.approx(area_km2, rel=0.01)
    assert rows[0]["per_km2_30d"] == pytest.approx(2 / area_km2, rel=0.01)


def test_the_public_table_has_no_small_number(ask: Callable[..., Any], engine: Engine, add: Add) -> None:
    # The border runs through the square of the reports: each side has a part of the group.
    place(engine, "Ouest", 2.28, LON), place(engine, "Est", LON, 2.34)
    with unit_of_work(engine, SYSTEM) as uow:
        for _ in range(12):
            add_report(uow.connection)
    counts = [row["reports"] for row in ask("/api/heat/table").json["rows"]]
    assert counts
    assert all(count >= 5 for count in counts)
    near = ask("/api/heat/point", **HERE, bandwidth="50").json["reports_within_bandwidth"]
    assert near == 0 or near >= 5


def test_a_rejected_report_leaves_the_map(ask: Callable[..., Any], engine: Engine, add: Add) -> None:
    identifier = add()
    assert ask("/api/heat/legend", "planner").json["reports"] == 1
    with unit_of_work(engine, SYSTEM) as uow:
        uow.connection.execute(text("UPDATE report SET state = 'rejected' WHERE id = :id"), {"id": identifier})
    assert ask("/api/heat/legend", "planner").json["reports"] == 0


def test_without_a_database_the_last_picture_stays_and_says_so(
    ask: Callable[..., Any], app: Flask, engine: Engine
) -> None:
    with unit_of_work(engine, SYSTEM) as uow:
        for _ in range(9):
            add_report(uow.connection)
    fresh = ask(TILE)
    assert "X-Quietude-Stale" not in fresh.headers
    with app.app_context():
        keeper = heat().keeper
    working = keeper._engine
    keeper._engine = make_engine("postgresql+psycopg2://quietude_app@/quietude?host=/nowhere")
    stale = ask(TILE, "", {"If-None-Match": fresh.headers["ETag"]})
    assert stale.status_code == 200
    assert stale.data == fresh.data
    assert stale.headers["X-Quietude-Stale"].startswith("20")
    assert "no-store" in stale.headers["Cache-Control"]
    assert ask("/api/heat/legend").json["stale_since"]
    keeper._engine = working
    assert "X-Quietude-Stale" not in ask(TILE).headers


def test_without_a_database_from_the_start_it_is_a_problem(app: Flask) -> None:
    app.extensions["quietude_heat"] = Heat(
        make_engine("postgresql+psycopg2://quietude_app@/quietude?host=/nowhere"), 5, today=lambda: TODAY
    )
    client: FlaskClient = app.test_client()
    for path in (TILE, "/api/heat/legend", "/api/heat/table", f"/api/heat/point?lon={LON}&lat={LAT}"):
        response = client.get(path)
        assert response.status_code == 503
        assert response.mimetype == "application/problem+json"


def test_the_database_is_asked_once_for_many_tiles(
    ask: Callable[..., Any], app: Flask, monkeypatch: pytest.MonkeyPatch, add: Add
) -> None:
    add()
    monkeypatch.setattr("app.heat.keeper.REFRESH_S", 3600.0)
    monkeypatch.setattr("app.heat.keeper.REFERENCE_S", 3600.0)
    ask(TILE)
    from sqlalchemy import event

    with app.app_context():
        engine = services().engine
    statements: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    for _ in range(5):
        assert ask(TILE).status_code == 200
    assert statements == []
