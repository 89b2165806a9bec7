"""Every measure over HTTP: values against the formula, who gets it, tables, faults, pictures."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from flask import Flask
from PIL import Image
from sqlalchemy import Engine, text

from app.db.session import make_engine, unit_of_work
from app.heat.drawing import earlier_period
from app.heat.measures import FOR_GROUPS, MEASURES, measures_for
from app.heat.palette import HOT, MARK, UNKNOWN
from app.heat.selection import Period
from app.heat.viewer import COORDINATOR, PARTNER, PUBLIC
from app.people.actor import SYSTEM
from tests.heat.conftest import TODAY, add_report
from tests.heat.test_routes import HERE, LAT, LON, TILE, picture

Add = Callable[..., str]
Ask = Callable[..., Any]
ALL = (
    {"measure": "count"},
    {"measure": "weighted"},
    {"measure": "per_exposure", "exposure": "stops"},
    {"measure": "significance"},
    {"measure": "change"},
)
_PLACE = text("""
    INSERT INTO place (kind, code, name, geom_4326, source, is_territory, attributes)
    VALUES (:kind, :code, :name, ST_GeomFromText(:wkt, 4326), 'test', :kind = 'commune', CAST(:attributes AS jsonb))
    RETURNING id
""")


def box(half: float, lon: float = LON, lat: float = LAT) -> str:
    west, east, south, north = lon - half, lon + half, lat - half, lat + half
    return f"POLYGON(({west} {south}, {east} {south}, {east} {north}, {west} {north}, {west} {south}))"


def put(engine: Engine, kind: str, name: str, wkt: str, attributes: str = "{}") -> int:
    with unit_of_work(engine, SYSTEM) as uow:
        given = {"kind": kind, "code": name, "name": name, "wkt": wkt, "attributes": attributes}
        return int(uow.connection.execute(_PLACE, given).scalar_one())


def many(engine: Engine, count: int, **given: object) -> None:
    with unit_of_work(engine, SYSTEM) as uow:
        for _ in range(count):
            add_report(uow.connection, **given)


def at_noon(day: date) -> str:
    return f"{day.isoformat()}T12:00:00+01:00"


def peak_of_one(bandwidth_m: float) -> float:
    """One report at its own place, per km²."""
    return float(1e6 / (2 * np.pi * bandwidth_m**2))


# ── who gets what ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_needs_single_reports_is_for_those_who_read_them(ask: Ask, engine: Engine, add: Add) -> None:
    add()
    put(engine, "stop", "Gare", f"POINT({LON} {LAT})")
    for query in ALL:
        for path, more in ((TILE, {}), ("/api/heat/point", HERE), ("/api/heat/legend", {}), ("/api/heat/table", {})):
            assert ask(path, "planner", **query, **more).status_code == 200, query
            public = ask(path, "", **query, **more)
            if query["measure"] in FOR_GROUPS:
                assert public.status_code == 200
            else:
                assert (public.status_code, public.json["errors"][0]["field"]) == (400, "measure")


def test_measures_for_each_viewer() -> None:
    assert measures_for(PUBLIC) == ("count", "per_exposure")
    assert measures_for(PARTNER) == measures_for(COORDINATOR) == MEASURES


@pytest.mark.parametrize("measure", ["weighted", "significance", "change"])
def test_what_a_partner_may_not_read_is_not_in_it_at_all(ask: Ask, engine: Engine, add: Add, measure: str) -> None:
    """Neither picture nor value nor table change when restricted reports come in, however many."""
    many(engine, 4, category="overflowing_bin", observed_at=at_noon(TODAY))
    query = {"measure": measure, "from": "2026-10-01"}

    def seen(who: str) -> list[Any]:
        paths: tuple[tuple[str, dict[str, str]], ...]
        paths = ("/api/heat/point", HERE), ("/api/heat/legend", {}), ("/api/heat/table", {})
        return [ask(TILE, who, **query).data, *(ask(path, who, **query, **more).json for path, more in paths)]

    before, above = seen("planner"), seen("coordinator")
    many(engine, 12, category="suspected_dealing", observed_at=at_noon(TODAY), severity=4)
    assert seen("planner") == before
    assert seen("coordinator") != above
    assert any("un par un" in told for told in before[2]["notices"])


# ── values ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_weighted_is_severity_halved_with_time(ask: Ask, add: Add) -> None:
    add(severity=4, observed_at=at_noon(TODAY))
    add(severity=2, observed_at=at_noon(TODAY - timedelta(days=60)))
    found = ask("/api/heat/point", "planner", **HERE, measure="weighted", half_life="30").json
    assert found["value"] == pytest.approx((4 + 2 / 4) * peak_of_one(150), rel=0.01)
    assert found["reports_within_bandwidth"] == 2
    slower = ask("/api/heat/point", "planner", **HERE, measure="weighted", half_life="60").json["value"]
    assert slower == pytest.approx((4 + 2 / 2) * peak_of_one(150), rel=0.01)
    # Ages are counted from the end of the period.
    past = {"to": (TODAY - timedelta(days=60)).isoformat()}
    then = ask("/api/heat/point", "planner", **HERE, measure="weighted", half_life="30", **past).json["value"]
    assert then == pytest.approx(2 * peak_of_one(150), rel=0.01)
    legend = ask("/api/heat/legend", "planner", measure="weighted", half_life="30").json
    assert legend["unit_text"] == "points de gravité par km²"
    assert "30 jours" in legend["explanations"][0]


def test_per_exposure_divides_by_what_is_near_and_says_when_that_is_too_little(
    ask: Ask, engine: Engine, add: Add
) -> None:
    put(engine, "residence", "Tour", f"POINT({LON} {LAT})", '{"dwellings": 200}')
    for _ in range(6):
        add(observed_at="2026-10-10T12:00:00+02:00")
    query = {"measure": "per_exposure", "exposure": "dwellings", "from": "2026-10-01", "to": "2026-10-30"}
    found = ask("/api/heat/point", "planner", **HERE, **query).json
    # Both kernels have the same shape at the same place: 6 reports over 200 dwellings.
    assert found["value"] == pytest.approx(1000 * 6 / 200, rel=0.01)
    assert found["unit"] == "reports/1,000 dwellings/30 days"
    # A border through the place takes the same from both, so it changes nothing.
    put(
        engine,
        "commune",
        "Amiens",
        f"POLYGON(({LON - 1e-5} 49.8, 2.4 49.8, 2.4 50, {LON - 1e-5} 50, {LON - 1e-5} 49.8))",
    )
    assert ask("/api/heat/point", "planner", **HERE, **query).json["value"] == found["value"]
    # 200 dwellings 300 m away count for 200·exp(-2) = 27, fewer than 50: not known, and not zero.
    away = ask("/api/heat/point", "planner", lat=str(LAT + 300 / 111_200), lon=str(LON), **query).json
    assert (away["value"], away["meaning"]) == (None, "not_enough_exposure")
    assert "trop peu" in away["words"]
    colours = {tuple(colour) for colour in picture(ask(TILE, "planner", **query)).reshape(-1, 4)}
    assert UNKNOWN in colours
    assert ask("/api/heat/legend", "planner", **query).json["classes"][-1]["code"] == "not_enough_exposure"


def test_residents_are_spread_over_their_iris(ask: Ask, engine: Engine, add: Add) -> None:
    put(engine, "iris", "800210101", box(0.02), '{"population": 30000}')
    put(engine, "iris", "800210102", box(0.0001, LON + 0.1), '{"population": 10}')
    many(engine, 3, observed_at="2026-10-10T12:00:00+02:00")
    query = {"measure": "per_exposure", "exposure": "residents", "from": "2026-10-01", "to": "2026-10-30"}
    value = ask("/api/heat/point", "planner", **HERE, **query).json["value"]
    area_km2 = 0.04 * 111.2 * 0.04 * 111.32 * np.cos(np.radians(LAT))
    assert value == pytest.approx(1000 * 3 * peak_of_one(150) / (30_000 / area_km2), rel=0.02)


def test_an_exposure_of_which_nothing_is_known_is_named(ask: Ask, engine: Engine, add: Add) -> None:
    add()
    for exposure in ("", "residents", "dwellings", "stops", "patrols"):
        query = {"measure": "per_exposure", "exposure": exposure}
        for path in (TILE, "/api/heat/legend"):
            response = ask(path, "planner", **query)
            assert (response.status_code, response.json["errors"][0]["field"]) == (400, "exposure")
    put(engine, "stop", "Gare", f"POINT({LON} {LAT})")
    assert ask("/api/heat/legend", "planner", measure="per_exposure").json["parameters"]["exposure"] == "stops"
    assert "arrêt" in ask("/api/heat/legend", "", measure="per_exposure").json["unit_text"]


def test_hot_spots_stand_out(ask: Ask, engine: Engine) -> None:
    put(engine, "commune", "Amiens", box(0.03))
    rng = np.random.default_rng(3)
    with unit_of_work(engine, SYSTEM) as uow:
        for lon, lat in zip(LON + rng.uniform(-0.03, 0.03, 40), LAT + rng.uniform(-0.03, 0.03, 40), strict=True):
            add_report(uow.connection, lon=float(lon), lat=float(lat))
        for _ in range(30):
            add_report(uow.connection)
    hot = ask("/api/heat/point", "planner", **HERE, measure="significance").json
    assert (hot["meaning"], hot["unit"]) == ("hot", "standard score")
    assert hot["value"] > 3
    away = ask("/api/heat/point", "planner", lon=str(LON + 0.025), lat=str(LAT + 0.025), measure="significance").json
    assert away["meaning"] == "ordinary"
    image = picture(ask(TILE, "planner", measure="significance"))
    assert (image == HOT).all(-1).any()
    codes = [one["code"] for one in ask("/api/heat/legend", "planner", measure="significance").json["classes"]]
    assert codes == ["hot", "ordinary", "cold"]


def test_a_few_reports_are_no_hot_spot_whatever_their_score(ask: Ask, engine: Engine) -> None:
    put(engine, "commune", "Amiens", box(0.03))
    for more, meaning in ((1, "ordinary"), (3, "ordinary"), (1, "hot")):
        many(engine, more)
        found = ask("/api/heat/point", "planner", **HERE, measure="significance").json
        assert (found["meaning"], found["value"] > 3) == (meaning, True)
    assert "5 signalements" in ask("/api/heat/legend", "planner", measure="significance").json["explanations"][0]


def test_a_change_is_the_difference_and_marked_when_chance_does_not_explain_it(ask: Ask, engine: Engine) -> None:
    many(engine, 12, observed_at="2026-10-10T12:00:00+02:00")
    many(engine, 1, observed_at="2026-09-10T12:00:00+02:00")
    many(engine, 2, observed_at="2025-10-10T12:00:00+02:00", lon=LON + 0.02)
    query = {"measure": "change", "from": "2026-10-01", "to": "2026-10-30"}
    found = ask("/api/heat/point", "planner", **HERE, **query).json
    assert found["value"] == pytest.approx((12 - 1) * peak_of_one(150), rel=0.01)
    assert (found["meaning"], found["unit"]) == ("more", "reports/km²/30 days")
    assert found["words"].startswith("+")
    legend = ask("/api/heat/legend", "planner", **query).json
    assert legend["against"] == {"from": "2026-09-01", "to": "2026-09-30", "reports": 1}
    assert (legend["reports"], legend["from"], legend["to"]) == (12, "2026-10-01", "2026-10-30")
    assert (picture(ask(TILE, "planner", **query)) == MARK).all(-1).any()
    bounds = [one["lower"] for one in legend["classes"][:5]]
    assert bounds == [-one["upper"] for one in reversed(legend["classes"][5:10])]
    year = ask("/api/heat/legend", "planner", **query, against="year").json
    assert year["against"] == {"from": "2025-10-01", "to": "2025-10-30", "reports": 2}
    fewer = ask("/api/heat/point", "planner", lon=str(LON + 0.02), lat=str(LAT), **query, against="year").json
    assert fewer["value"] == pytest.approx(-2 * peak_of_one(150), rel=0.01)
    assert fewer["meaning"] == "by_chance"


def test_a_change_of_nothing_is_a_clear_picture(ask: Ask, engine: Engine) -> None:
    for day in ("2026-10-10", "2026-09-10"):
        many(engine, 3, observed_at=f"{day}T12:00:00+02:00")
    query = {"measure": "change", "from": "2026-10-01", "to": "2026-10-30"}
    assert ask("/api/heat/point", "planner", **HERE, **query).json["value"] == 0
    assert not picture(ask(TILE, "planner", **query))[..., 3].any()
    assert ask("/api/heat/legend", "planner", **query).json["classes"] == []


def test_a_change_without_a_start_is_of_the_last_90_days_and_says_what_it_cannot_know(ask: Ask, add: Add) -> None:
    add(observed_at=at_noon(TODAY))
    legend = ask("/api/heat/legend", "planner", measure="change").json
    assert legend["from"] == (TODAY - timedelta(days=89)).isoformat()
    assert any("premier signalement" in told for told in legend["notices"])


def test_earlier_periods() -> None:
    february = Period(date(2024, 2, 1), date(2024, 2, 29))
    assert earlier_period(february, "before") == Period(date(2024, 1, 3), date(2024, 1, 31))
    assert earlier_period(february, "year") == Period(date(2023, 2, 1), date(2023, 2, 28))


# ── the territory ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_nothing_is_drawn_outside_and_the_border_is_corrected(ask: Ask, engine: Engine, add: Add) -> None:
    add()
    plain = ask("/api/heat/point", "planner", **HERE).json["value"]
    # The border runs through the report: half of its kernel lies outside.
    west, east, south, north = LON, LON + 0.03, LAT - 0.03, LAT + 0.03
    wkt = f"POLYGON(({west} {south}, {east} {south}, {east} {north}, {west} {north}, {west} {south}))"
    put(engine, "commune", "Amiens", wkt)
    inside = ask("/api/heat/point", "planner", lon=str(LON + 0.00001), lat=str(LAT)).json["value"]
    assert inside == pytest.approx(2 * plain, rel=0.02)
    outside = ask("/api/heat/point", "planner", lon=str(LON - 0.0005), lat=str(LAT)).json
    assert (outside["value"], outside["meaning"]) == (0, "outside")
    image = picture(ask(TILE, "planner"))
    column = (LON + 180) / 360 * 2**15 % 1 * 256
    assert image[..., 3].any()
    assert not image[:, : int(column)][..., 3].any()
    assert image[:, int(column) + 1][..., 3].any()


# ── tiles, tables, choices ──────────────────────────────────────────────────────────────────────────────────────────


def test_fine_tiles_show_the_same_twice_as_large(ask: Ask, engine: Engine, add: Add) -> None:
    add()
    put(engine, "stop", "Gare", f"POINT({LON} {LAT})")
    for query in ALL:
        fine = ask(TILE.replace(".png", "@2x.png"), "planner", **query)
        image = Image.open(io.BytesIO(fine.data))
        assert image.size == (512, 512)
        usual = ask(TILE, "planner", **query)
        assert fine.headers["ETag"] != usual.headers["ETag"]
        ours, theirs = np.asarray(image.convert("RGBA"))[::2, ::2, 3] > 0, picture(usual)[..., 3] > 0
        assert (ours == theirs).mean() > 0.97, query


def test_etags_tell_measures_and_their_parameters_apart(ask: Ask, engine: Engine, add: Add) -> None:
    add()
    put(engine, "stop", "Gare", f"POINT({LON} {LAT})")
    queries = [*ALL, {"measure": "weighted", "half_life": "30"}, {"measure": "change", "against": "year"}]
    assert len({ask(TILE, "planner", **query).headers["ETag"] for query in queries}) == len(queries)
    # What another measure would need does not make another picture.
    assert len({ask(TILE, "planner", half_life=days).headers["ETag"] for days in ("30", "60")}) == 1


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ({"measure": "change", "against": "week"}, "against"),
        ({"exposure": "cars"}, "exposure"),
        ({"half_life": "6"}, "half_life"),
        ({"half_life": "731"}, "half_life"),
        ({"half_life": "1.5"}, "half_life"),
    ],
)
def test_a_wrong_parameter_of_a_measure_is_named(ask: Ask, query: dict[str, str], named: str) -> None:
    response = ask("/api/heat/legend", "planner", **query)
    assert (response.status_code, response.json["errors"][0]["field"]) == (400, named)


def test_tables_by_iris_priority_district_and_stop(ask: Ask, engine: Engine, add: Add) -> None:
    put(engine, "iris", "800210101", box(0.01))
    put(engine, "qpv", "QN08001", box(0.005, LON + 0.005))
    put(engine, "stop", "Gare A", f"POINT({LON + 0.001} {LAT})", '{"area": "gare"}')
    put(engine, "stop", "Gare B", f"POINT({LON + 0.001} {LAT + 0.0002})", '{"area": "gare"}')
    put(engine, "stop", "Zoo", f"POINT({LON + 0.05} {LAT})")
    add(), add(lon=LON + 0.009), add(lon=LON + 0.05), add(lon=LON + 0.2)

    def counted(by: str, **query: str) -> dict[str, int]:
        rows = ask("/api/heat/table", "planner", by=by, **query).json["rows"]
        return {row["name"]: row["reports"] for row in rows}

    assert counted("iris") == {"800210101": 2}
    assert counted("qpv") == {"QN08001": 2}
    # 500 m east of the report no stop is near; the two posts of one stop are one row.
    assert counted("stop") == {"Gare A": 1, "Zoo": 1}
    assert counted("neighbourhood") == {}
    response = ask("/api/heat/table", "planner", by="street")
    assert (response.status_code, response.json["errors"][0]["field"]) == (400, "by")
    row = ask("/api/heat/table", "planner", by="iris", measure="change", **{"from": "2026-02-01"}).json["rows"][0]
    assert (row["reports"], row["before"]) == (2, 0)


def test_the_public_tables_have_no_small_number(ask: Ask, engine: Engine) -> None:
    put(engine, "iris", "800210101", box(0.0004))
    put(engine, "stop", "Gare", f"POINT({LON} {LAT + 0.002})")
    many(engine, 11)
    for by in ("iris", "stop"):
        rows = ask("/api/heat/table", by=by).json["rows"]
        assert all(row["reports"] >= 5 for row in rows)


def test_the_choices_say_what_there_is(ask: Ask, engine: Engine, add: Add) -> None:
    add()
    bare = ask("/api/heat/options", "planner").json
    assert [one["code"] for one in bare["measures"]] == ["count", "weighted", "significance", "change"]
    put(engine, "stop", "Gare", f"POINT({LON} {LAT})")
    found = ask("/api/heat/options", "planner").json
    assert [one["code"] for one in found["measures"]] == list(MEASURES)
    assert ([one["code"] for one in found["exposures"]], found["tables"]) == (["stops"], ["stop"])
    public = ask("/api/heat/options").json
    assert [one["code"] for one in public["measures"]] == ["count", "per_exposure"]
    assert public["quarters"][0] == {"from": "2026-10-01", "to": "2026-12-31", "text": "trimestre 4 de 2026"}
    whole = {key: public["quarters"][1][key] for key in ("from", "to")}
    assert len(ask("/api/heat/legend", **whole).json["notices"]) == 1


# ── faults ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("query", ALL)
def test_empty_one_report_filtered_away_and_no_database(
    ask: Ask, app: Flask, engine: Engine, query: dict[str, str]
) -> None:
    put(engine, "commune", "Amiens", box(0.03))
    put(engine, "stop", "Gare", f"POINT({LON} {LAT})")

    def works() -> None:
        image = picture(ask(TILE, "planner", **query))
        assert image.shape == (256, 256, 4)
        point = ask("/api/heat/point", "planner", **HERE, **query)
        assert point.status_code == 200
        assert point.json["words"]
        assert ask("/api/heat/legend", "planner", **query).json["unit_text"]
        assert ask("/api/heat/table", "planner", **query).status_code == 200

    works()
    many(engine, 1, observed_at=at_noon(TODAY))
    works()
    past = {**query, "from": "2020-01-01", "to": "2020-12-31"}
    assert ask("/api/heat/legend", "planner", **past).json["reports"] == 0
    value = ask("/api/heat/point", "planner", **HERE, **past).json["value"]
    assert value == 0
    keeper = app.extensions["quietude_heat"].keeper
    keeper._engine = make_engine("postgresql+psycopg2://quietude_app@/quietude?host=/nowhere")
    before = ask(TILE, "planner", **query)
    assert before.headers["X-Quietude-Stale"]
    assert ask("/api/heat/legend", "planner", **query).json["stale_since"]
    works()


@pytest.mark.parametrize("query", ALL)
def test_very_many_reports_on_one_point(
    ask: Ask, app: Flask, engine: Engine, monkeypatch: pytest.MonkeyPatch, query: dict[str, str]
) -> None:
    """A million rows take a minute to insert: the cube is given them, and all that follows is as it is served."""
    put(engine, "commune", "Amiens", box(0.03))
    put(engine, "stop", "Gare", f"POINT({LON} {LAT})")
    many(engine, 1, observed_at=at_noon(TODAY))
    keeper = app.extensions["quietude_heat"].keeper
    kept = keeper.current(at_once=True)
    monkeypatch.setattr("app.heat.keeper.REFRESH_S", 3600.0)
    keeper.current(at_once=True)
    keeper._kept = replace(kept, rows=kept.rows.take(np.zeros(1_000_000, np.intp)), print64=1)
    image = picture(ask(TILE, "planner", **query))
    assert image[..., 3].any()
    assert ask("/api/heat/legend", "planner", **query).json["reports"] == 1_000_000
    found = ask("/api/heat/point", "planner", **HERE, **query).json
    assert found["reports_within_bandwidth"] == 1_000_000
    assert found["value"] is not None
    assert np.isfinite(found["value"])
