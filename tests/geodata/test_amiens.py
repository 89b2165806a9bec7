"""What the product ships about Amiens."""

from __future__ import annotations

from typing import Any

import pytest
import shapely
from pyproj import Transformer
from shapely.geometry.base import BaseGeometry

from geodata.amiens import approximate_places
from geodata.formats.communes import read_communes
from geodata.records import PlaceRecord, ReadOptions
from tests.real_data import REAL

OUTLINE = REAL / "boundaries/amiens-80021.geojson"
PLACES = list(approximate_places())


def _of(kind: str) -> list[PlaceRecord]:
    return [place for place in PLACES if place.kind == kind]


def _metres(geometry: BaseGeometry) -> BaseGeometry:
    to_2154: Any = Transformer.from_crs(4326, 2154, always_xy=True).transform
    return shapely.transform(geometry, to_2154, interleaved=False)


@pytest.mark.skipif(not OUTLINE.exists(), reason="the reference files are not on this machine")
def test_the_drawn_outline_overlaps_the_real_one() -> None:
    [real] = [item for item in read_communes(OUTLINE, ReadOptions()) if isinstance(item, PlaceRecord)]
    drawn, true = _metres(_of("commune")[0].geometry), _metres(real.geometry)
    assert drawn.intersection(true).area / true.area >= 0.85
    assert drawn.intersection(true).area / drawn.union(true).area >= 0.80
    assert all(real.geometry.covers(stop.geometry) for stop in _of("stop"))


def test_the_outline_is_drawn_on_a_coarse_grid() -> None:
    for value in shapely.get_coordinates(_of("commune")[0].geometry).ravel():
        assert value * 200 == pytest.approx(round(value * 200))


def test_the_neighbourhoods_fill_the_commune_without_overlap() -> None:
    commune = _metres(_of("commune")[0].geometry)
    cells = [_metres(place.geometry) for place in _of("neighbourhood")]
    assert 20 <= len(cells) <= 30
    assert sum(cell.area for cell in cells) == pytest.approx(commune.area, rel=1e-5)
    assert shapely.union_all(cells).area == pytest.approx(commune.area, rel=1e-5)


def test_each_place_is_valid_and_named_once() -> None:
    assert all(place.geometry.is_valid and not place.geometry.is_empty for place in PLACES)
    assert len({(place.kind, place.code) for place in PLACES}) == len(PLACES)
    assert len({(place.kind, place.name) for place in PLACES}) == len(PLACES)


def test_the_cathedral_lies_in_the_middle() -> None:
    cathedral = shapely.Point(2.3022, 49.8947)
    assert _of("commune")[0].geometry.covers(cathedral)
    [there] = [place.name for place in _of("neighbourhood") if place.geometry.covers(cathedral)]
    assert there in {"Centre-ville", "Saint-Leu"}
