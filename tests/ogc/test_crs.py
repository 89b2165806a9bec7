"""OGC API – Features – Part 2 (18-058r1), one test a requirement, named after it."""

from __future__ import annotations

import math

import pytest
from pyproj import Transformer

from tests.ogc.conftest import Get
from tests.ogc.samples import REPORTS, report_id
from tests.ogc.test_core import CRS84, Json, body, ids

EPSG = "http://www.opengis.net/def/crs/EPSG/0/"
SYSTEMS = [CRS84, f"{EPSG}4326", f"{EPSG}3857", f"{EPSG}2154"]
ITEMS = "/collections/reports/items"


def point(feature: Json) -> tuple[float, float]:
    first, second = feature["geometry"]["coordinates"]
    return first, second


@pytest.fixture(scope="module")
def features(get: Get) -> list[Json]:
    """All, in CRS84."""
    found: list[Json] = body(get(f"{ITEMS}?limit=1000"))["features"]
    return found


def test_crs_crs_uri_and_fc_md_crs_list_and_storage(get: Get) -> None:
    document = body(get("/collections"))
    assert document["crs"] == SYSTEMS
    for one in document["collections"]:
        assert one["crs"] == SYSTEMS
        assert one["storageCrs"] in SYSTEMS
        assert "storageCrsCoordinateEpoch" not in one  # WGS 84 as an ensemble has none


def test_crs_fc_crs_definition_and_bbox_crs_definition(get: Get) -> None:
    parameters = body(get("/api"))["components"]["parameters"]
    for name in ("crs", "bbox-crs"):
        assert parameters[name]["in"] == "query"
        assert parameters[name]["required"] is False
        assert parameters[name]["schema"]["format"] == "uri"
        assert parameters[name]["schema"]["enum"] == SYSTEMS


@pytest.mark.parametrize(
    "path", [f"{ITEMS}?limit=1", f"{ITEMS}/{report_id(1)}?f=json", "/collections/lines/items?limit=1"]
)
@pytest.mark.parametrize("uri", SYSTEMS)
def test_crs_geojson_content_crs_header(get: Get, path: str, uri: str) -> None:
    answer = get(f"{path}&crs={uri}")
    assert answer.status_code == 200
    assert answer.headers["Content-Crs"] == f"<{uri}>"


@pytest.mark.parametrize("path", [ITEMS, f"{ITEMS}/{report_id(1)}"])
def test_crs_fc_crs_default_value(get: Get, path: str) -> None:
    assert get(path).headers["Content-Crs"] == f"<{CRS84}>"
    assert get(path, accept="text/html").headers["Content-Crs"] == f"<{CRS84}>"


@pytest.mark.parametrize("name", ["crs", "bbox-crs", "filter-crs"])
@pytest.mark.parametrize("uri", [f"{EPSG}27572", "EPSG:2154", "nothing", f"<{CRS84}>"])
def test_crs_fc_crs_valid_value_and_bbox_crs_valid_value(get: Get, name: str, uri: str) -> None:
    assert get(f"{ITEMS}?{name}={uri}&bbox=1,1,2,2").status_code == 400
    if name == "crs":
        assert get(f"{ITEMS}/{report_id(1)}?crs={uri}").status_code == 400


@pytest.mark.parametrize(("uri", "decimals"), [(f"{EPSG}2154", 3), (f"{EPSG}3857", 3)])
def test_crs_fc_crs_action_in_metres(get: Get, features: list[Json], uri: str, decimals: int) -> None:
    moved = body(get(f"{ITEMS}?limit=1000&crs={uri}"))["features"]
    to_metres = Transformer.from_crs(4326, int(uri.rpartition("/")[2]), always_xy=True)
    for before, after in zip(features, moved, strict=True):
        assert before["properties"] == after["properties"]
        assert math.dist(to_metres.transform(*point(before)), point(after)) < 0.002
        assert all(round(number, decimals) == number for number in point(after))


def test_crs_axis_order_of_epsg_4326_is_latitude_first(get: Get, features: list[Json]) -> None:
    turned = body(get(f"{ITEMS}?limit=1000&crs={EPSG}4326"))["features"]
    assert [point(feature)[::-1] for feature in turned] == [point(feature) for feature in features]
    line = body(get(f"/collections/lines/items?crs={EPSG}4326"))["features"][0]
    assert line["geometry"]["coordinates"] == [[49.85, 2.2], [49.95, 2.35]]


def test_crs_bbox_crs_axis_order(get: Get) -> None:
    lon_lat, lat_lon = "2.3,49.8,2.31,50", "49.8,2.3,50,2.31"
    expected = ids(get(f"{ITEMS}?limit=1000&bbox={lon_lat}"))
    assert 0 < len(expected) < REPORTS
    assert ids(get(f"{ITEMS}?limit=1000&bbox={lat_lon}&bbox-crs={EPSG}4326")) == expected
    with_heights = "49.8,2.3,-5,50,2.31,900"
    assert ids(get(f"{ITEMS}?limit=1000&bbox={with_heights}&bbox-crs={EPSG}4326")) == expected
    assert ids(get(f"{ITEMS}?limit=1000&bbox={lat_lon}")) == []


def test_the_bbox_over_the_antimeridian_in_latitude_first(get: Get) -> None:
    assert len(ids(get(f"{ITEMS}?limit=1000&bbox=-80,170,80,3&bbox-crs={EPSG}4326"))) == REPORTS


@pytest.mark.parametrize("uri", [f"{EPSG}2154", f"{EPSG}3857"])
def test_crs_fc_bbox_crs_action_is_exact_in_the_other_system(get: Get, uri: str) -> None:
    """A box there is a bent quadrangle in degrees: what counts is where a feature lies in the box's own system."""
    moved = body(get(f"{ITEMS}?limit=1000&crs={uri}"))["features"]
    east = sorted(point(feature)[0] for feature in moved)
    north = sorted(point(feature)[1] for feature in moved)
    box = (east[5] + 0.01, north[3] + 0.01, east[18] + 0.01, north[20] + 0.01)
    expected = [
        feature["id"]
        for feature in moved
        if box[0] <= point(feature)[0] <= box[2] and box[1] <= point(feature)[1] <= box[3]
    ]
    assert 0 < len(expected) < REPORTS
    assert ids(get(f"{ITEMS}?limit=1000&bbox-crs={uri}&bbox={','.join(map(str, box))}")) == expected


@pytest.mark.parametrize("box", ["-1e9,-1e9,1e9,1e9", "0,6000000,1300000,7200000", "-20037508,-1e300,20037508,1e300"])
@pytest.mark.parametrize("uri", [f"{EPSG}2154", f"{EPSG}3857"])
def test_boxes_as_large_as_the_world_and_beyond(get: Get, box: str, uri: str) -> None:
    answer = get(f"{ITEMS}?limit=1000&bbox-crs={uri}&bbox={box}")
    assert len(ids(answer)) in {0, REPORTS}
    assert len(ids(get(f"{ITEMS}?limit=1000&bbox-crs={uri}&bbox=-1e9,-1e9,1e9,1e9"))) == REPORTS
    assert ids(get(f"{ITEMS}?bbox-crs={uri}&bbox=9e8,9e8,1e9,1e9")) == []


def test_a_box_turned_around_is_refused_in_metres(get: Get) -> None:
    assert get(f"{ITEMS}?bbox-crs={EPSG}2154&bbox=700000,6900000,600000,7000000").status_code == 400


def test_bbox_far_away_from_the_corners_of_lambert_93(get: Get) -> None:
    """Over a country a parallel is an arc in Lambert-93: corners alone would cut its belly off."""
    to_metres = Transformer.from_crs(4326, 2154, always_xy=True)
    lon, lat = 2.3, 49.8
    west = to_metres.transform(-4.0, lat)
    east = to_metres.transform(8.0, lat)
    middle = to_metres.transform(lon, lat)
    assert middle[1] < west[1]  # the belly hangs below the corners
    box = f"{west[0]},{middle[1]},{east[0]},{middle[1] + 30_000}"
    assert len(ids(get(f"{ITEMS}?limit=1000&bbox-crs={EPSG}2154&bbox={box}"))) == REPORTS
