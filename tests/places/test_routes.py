"""`/api/places` and the layers of reference geography."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
import shapely
from sqlalchemy import Engine, text

from app.people.actor import Actor
from app.places import routes
from app.places.actions import seed_approximate

AGENT = Actor("agent", user_id=1, organisation_id=1)


@pytest.fixture
def seeded(client: Any, engine: Engine) -> Any:
    seed_approximate(engine)
    return client


@pytest.fixture
def signed_in(seeded: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(routes, "current_actor", lambda: AGENT)
    return seeded


def _stop(engine: Engine, code: str, lon: float, lat: float, area: str | None = None) -> None:
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO place (kind, code, name, geom_4326, source, attributes) VALUES ('stop', :code, :code,"
                " ST_SetSRID(ST_MakePoint(:lon, :lat), 4326), 'test', CAST(:attributes AS jsonb))"
            ),
            {"code": code, "lon": lon, "lat": lat, "attributes": json.dumps({"area": area} if area else {})},
        )


# ── near ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_near_needs_an_account(seeded: Any) -> None:
    assert seeded.get("/api/places?near=2.3,49.9").status_code == 401


def test_near_is_sorted_by_metres(signed_in: Any, engine: Engine) -> None:
    # 0.001° is 111 m to the north but only 72 m to the east.
    _stop(engine, "north", 2.3000, 49.8710)
    _stop(engine, "east", 2.3012, 49.8700)
    answer = signed_in.get("/api/places?near=2.3,49.87&kind=stop&radius=200").get_json()
    assert [place["name"] for place in answer["places"]] == ["east", "north"]
    assert [place["distance_m"] for place in answer["places"]] == pytest.approx([86.2, 111.2], abs=0.5)
    closer = signed_in.get("/api/places?near=2.3,49.87&kind=stop&radius=100").get_json()
    assert [place["name"] for place in closer["places"]] == ["east"]


def test_both_sides_of_a_street_are_offered_once(signed_in: Any, engine: Engine) -> None:
    _stop(engine, "far side", 2.3005, 49.87, "AREA")
    _stop(engine, "near side", 2.3001, 49.87, "AREA")
    answer = signed_in.get("/api/places?near=2.3,49.87&kind=stop").get_json()
    assert [place["name"] for place in answer["places"]] == ["near side"]


def test_an_area_around_the_point_is_zero_metres_away(signed_in: Any) -> None:
    [place] = signed_in.get("/api/places?near=2.3022,49.8947&kind=commune").get_json()["places"]
    assert (place["name"], place["distance_m"], place["approximate"]) == ("Amiens", 0, True)


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("", "near"),
        ("near=2.3", "near"),
        ("near=2.3,abc", "near"),
        ("near=nan,49.8", "near"),
        ("near=2.3,inf", "near"),
        ("near=249.8,2.3", "near"),
        ("near=2.3,49.8&radius=0", "radius"),
        ("near=2.3,49.8&radius=1e9", "radius"),
        ("near=2.3,49.8&radius=x", "radius"),
        ("near=2.3,49.8&kind=moon", "kind"),
        ("near=2.3,49.8&kind=stop,%27;--", "kind"),
    ],
)
def test_bad_parameters_are_named(signed_in: Any, query: str, parameter: str) -> None:
    answer = signed_in.get(f"/api/places?{query}")
    assert answer.status_code == 400
    assert parameter in answer.get_data(as_text=True)


@pytest.mark.parametrize("near", ["-180,-90", "180,90", "0,0", "-74,40.7"])
def test_the_ends_of_the_world_have_no_places(signed_in: Any, near: str) -> None:
    answer = signed_in.get(f"/api/places?near={near}&radius=2000")
    assert (answer.status_code, answer.get_json()) == (200, {"places": []})


# ── layers ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_layer_is_public_geojson(seeded: Any) -> None:
    answer = seeded.get("/api/places/neighbourhood.geojson")
    assert (answer.status_code, answer.mimetype) == (200, "application/geo+json")
    features = json.loads(answer.data)["features"]
    assert len(features) == 27
    assert {"id", "code", "name", "approximate"} <= set(features[0]["properties"])
    assert all(feature["properties"]["approximate"] for feature in features)
    # RFC 7946: outer rings go anticlockwise.
    rings = [shapely.LinearRing(feature["geometry"]["coordinates"][0]) for feature in features]
    assert all(ring.is_ccw for ring in rings)
    text_of_numbers = json.dumps([feature["geometry"]["coordinates"] for feature in features])
    assert max(len(part.split(".")[1].strip("], [")) for part in text_of_numbers.split(",")) <= 6


@pytest.mark.parametrize("query", ["", "?simplify=1"])
def test_a_line_keeps_its_direction(seeded: Any, engine: Engine, query: str) -> None:
    path = [[2.20, 49.85], [2.30, 49.88], [2.35, 49.95]]
    back = path[::-1]
    with engine.begin() as connection:
        for code, course in (("1-out", path), ("2-back", back)):
            shape = json.dumps({"type": "LineString", "coordinates": course})
            connection.execute(
                text(
                    "INSERT INTO place (kind, code, name, geom_4326, source) VALUES ('line', :code, :code,"
                    " ST_Multi(ST_GeomFromGeoJSON(:shape)), 'test')"
                ),
                {"code": code, "shape": shape},
            )
    features = json.loads(seeded.get(f"/api/places/line.geojson{query}").data)["features"]
    shapes = [shapely.from_geojson(json.dumps(feature["geometry"])) for feature in features]
    assert [shapely.get_coordinates(shape).tolist() for shape in shapes] == [path, back]


def test_a_layer_is_not_sent_twice(seeded: Any, engine: Engine) -> None:
    first = seeded.get("/api/places/stop.geojson")
    tag = first.headers["ETag"]
    assert "max-age" in first.headers["Cache-Control"]
    again = seeded.get("/api/places/stop.geojson", headers={"If-None-Match": tag})
    assert (again.status_code, again.data) == (304, b"")
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO geodata_import (kind, source, sha256, rows_read, rows_added, rows_updated, rows_unchanged,"
                " rows_closed, rows_refused) VALUES ('stop', 'x', 'x', 0, 0, 0, 0, 0, 0)"
            )
        )
        connection.execute(text("UPDATE place SET closed_at = now() WHERE code = 'amiens:zoo'"))
    changed = seeded.get("/api/places/stop.geojson", headers={"If-None-Match": tag})
    assert changed.status_code == 200
    assert "amiens:zoo" not in changed.get_data(as_text=True)


def test_a_layer_comes_gzipped_to_who_takes_it(seeded: Any) -> None:
    plain = seeded.get("/api/places/stop.geojson").data
    packed = seeded.get("/api/places/stop.geojson", headers={"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.data) == plain


def test_a_box_and_a_tolerance_make_it_smaller(seeded: Any) -> None:
    whole = seeded.get("/api/places/neighbourhood.geojson").data
    inside = json.loads(seeded.get("/api/places/neighbourhood.geojson?bbox=2.301,49.894,2.303,49.896").data)
    assert 1 <= len(inside["features"]) <= 4
    assert len(seeded.get("/api/places/commune.geojson?simplify=1000").data) < len(
        seeded.get("/api/places/commune.geojson").data
    )
    assert len(whole) > 1000


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/places/moon.geojson", 404),
        ("/api/places/stop.geojson?bbox=1,2,3", 400),
        ("/api/places/stop.geojson?bbox=3,2,1,4", 400),
        ("/api/places/stop.geojson?bbox=nan,2,1,4", 400),
        ("/api/places/stop.geojson?simplify=-1", 400),
    ],
)
def test_bad_layers_are_refused(seeded: Any, path: str, status: int) -> None:
    assert seeded.get(path).status_code == status


def test_too_many_places_ask_for_a_box(seeded: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "LAYER_MOST", 14)
    answer = seeded.get("/api/places/stop.geojson")
    assert answer.status_code == 400
    assert "bbox" in answer.get_data(as_text=True)
    assert seeded.get("/api/places/stop.geojson?bbox=2.29,49.88,2.31,49.90").status_code == 200


def test_an_empty_layer_is_an_empty_collection(seeded: Any) -> None:
    assert json.loads(seeded.get("/api/places/qpv.geojson").data) == {"type": "FeatureCollection", "features": []}
