"""Coordinates as people type them, GeoJSON as machines send it."""

from __future__ import annotations

import json
from typing import Any

import pytest
import shapely

from app.interventions.geometry import GeometryError, as_lines, canonical, from_points, inner_point
from tests.interventions.samples import AREA, LINE, POINT


@pytest.mark.parametrize(
    "line",
    ["2.2957 49.8942", "2,2957 49,8942", "2.2957, 49.8942", "2.2957,49.8942", " 2.2957;49.8942 ", "2.2957\t49.8942"],
)
def test_however_a_point_is_typed(line: str) -> None:
    assert from_points("point", line) == {"type": "Point", "coordinates": [2.2957, 49.8942]}


@pytest.mark.parametrize("line", ["2.2957", "a b", "1 2 3", "2,2957,49,8942"])
def test_what_is_no_point(line: str) -> None:
    with pytest.raises(GeometryError, match="coordinates"):
        from_points("line", line)


@pytest.mark.parametrize("geometry", [POINT, LINE, AREA])
def test_there_and_back(geometry: dict[str, Any]) -> None:
    text = canonical(geometry)
    assert json.loads(text) == geometry
    assert json.loads(canonical(from_points(*as_lines(text)))) == geometry
    assert shapely.from_geojson(text).distance(shapely.Point(inner_point(text))) < 1e-9


def test_an_open_ring_is_closed() -> None:
    ring = AREA["coordinates"][0]
    assert json.loads(canonical({"type": "Polygon", "coordinates": [ring[:-1]]})) == AREA


@pytest.mark.parametrize(
    ("geometry", "code"),
    [
        ("[", "json"),
        ([1, 2], "json"),
        ({"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]]}, "invalid"),
        ({"type": "LineString", "coordinates": [[0, 0]] * 501}, "too_many"),
        ({"type": "LineString", "coordinates": [[0, 0], [0, 0]]}, "too_few"),
        ({"type": "Point", "coordinates": [200, 0]}, "range"),
        ({"type": "Point", "coordinates": [10**400, 0]}, "range"),
        ({"type": "Point", "coordinates": [True, 0]}, "coordinates"),
        ({"type": "Point"}, "coordinates"),
        ({"type": "Polygon", "coordinates": []}, "coordinates"),
        ({"type": "Polygon", "coordinates": [[]]}, "coordinates"),
        ({"type": "LineString", "coordinates": {"a": 1}}, "coordinates"),
        ({"type": ["Point"]}, "type"),
    ],
)
def test_refused_with_a_reason(geometry: object, code: str) -> None:
    with pytest.raises(GeometryError, match=code):
        canonical(geometry)
