"""GTFS: stops and routes by header name, with files missing, out of order or damaged."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import pytest
import shapely

from geodata.formats.gtfs import read_lines, read_stops
from geodata.records import Item, PlaceRecord, ReadOptions, Refusal, Skip, SourceError, Total
from tests.real_data import REAL

DATA = Path(__file__).parent / "data"
AMETIS = REAL / "transit/ametis-gtfs-scol-2025-10-no-stop_times.zip"
needs_real = pytest.mark.skipif(not AMETIS.exists(), reason="the reference files are not on this machine")
ALL = ReadOptions()


def _places(items: list[Item]) -> dict[str, PlaceRecord]:
    return {item.code: item for item in items if isinstance(item, PlaceRecord)}


def _lon_lat(place: PlaceRecord) -> tuple[float, ...]:
    return tuple(shapely.get_coordinates(place.geometry)[0].tolist())


def _refusals(items: list[Item]) -> dict[str | None, str]:
    return {item.code: item.reason for item in items if isinstance(item, Refusal)}


def test_ids_stay_text_and_names_are_no_keys() -> None:
    places = _places(list(read_stops(DATA / "gtfs", ALL)))
    assert {"007", "7"} <= set(places)
    assert places["007"].name == places["7"].name == "Cathédrale"


def test_columns_are_found_by_name_behind_a_byte_order_mark() -> None:
    place = _places(list(read_stops(DATA / "gtfs", ALL)))["007"]
    assert _lon_lat(place) == (2.3021, 49.8947)
    assert place.attributes == {"area": "AREA1", "area_name": "Cathédrale", "wheelchair": "yes"}


def test_areas_and_entrances_are_skipped() -> None:
    items = list(read_stops(DATA / "gtfs", ALL))
    assert [item.reason for item in items if isinstance(item, Skip)] == [
        "stops.txt: AREA1 is an area of several stops",
        "stops.txt: ENTRY1 is an entrance",
    ]


def test_bad_stops_are_refused_with_their_reason() -> None:
    assert _refusals(list(read_stops(DATA / "gtfs", ALL))) == {
        "ZERO": "stops.txt: ZERO: coordinates 0, 0: the position is unknown",
        "NAN": "stops.txt: NAN: longitude is not a number: 'NaN'",
        "SWAP": "stops.txt: SWAP: longitude and latitude are swapped",
        None: "stops.txt: no stop_id",
        "ODD": "stops.txt: ODD: unknown location_type '9'",
        "LONG": "stops.txt: 9 cells under 7 columns",
    }


def test_a_refused_row_is_told_by_its_line_in_the_file() -> None:
    items = list(read_stops(DATA / "gtfs", ALL))
    lines = (DATA / "gtfs/stops.txt").read_text(encoding="utf-8-sig").splitlines()
    for item in items:
        if isinstance(item, Refusal) and item.code:
            assert f",{item.code}," in lines[item.row - 1]


def test_a_stop_without_a_name_gets_its_id() -> None:
    assert _places(list(read_stops(DATA / "gtfs", ALL)))["NONAME"].name == "NONAME"


def test_a_route_is_all_its_shapes_once_each_in_the_order_of_their_numbers() -> None:
    place = _places(list(read_lines(DATA / "gtfs", ALL)))["R1"]
    expected = shapely.LineString([(2.30, 49.91), (2.30, 49.90), (2.30, 49.89)]).union(
        shapely.LineString([(2.30, 49.90), (2.31, 49.90)])
    )
    assert place.geometry.equals(expected)
    assert place.geometry.length == pytest.approx(0.03)
    assert place.name == "N1 Gare <> Étouvie"


def test_colours_are_six_digits_or_nothing() -> None:
    items = list(read_lines(DATA / "gtfs", ALL))
    assert _places(items)["R1"].attributes["colour"] == "#E3C305"
    assert _places(items)["R1"].attributes["text_colour"] == "#FFFFFF"


def test_routes_that_go_nowhere_are_refused() -> None:
    refusals = _refusals(list(read_lines(DATA / "gtfs", ALL)))
    assert set(refusals) == {"R2", "R3"}
    assert "neither shapes nor stop times" in refusals["R2"]


def test_without_shapes_the_longest_trip_gives_the_line() -> None:
    place = _places(list(read_lines(DATA / "gtfs-times", ALL)))["R1"]
    assert list(place.geometry.coords) == [(2.30, 49.90), (2.30, 49.91), (2.31, 49.92)]


@pytest.mark.parametrize("missing", ["trips.txt", "shapes.txt"])
def test_optional_files_may_be_missing_or_empty(tmp_path: Path, missing: str) -> None:
    feed = shutil.copytree(DATA / "gtfs", tmp_path / "feed")
    (feed / missing).unlink()
    assert _places(list(read_stops(feed, ALL)))
    assert set(_refusals(list(read_lines(feed, ALL)))) == {"R1", "R2", "R3"}
    (feed / missing).write_text("")
    assert set(_refusals(list(read_lines(feed, ALL)))) == {"R1", "R2", "R3"}


def test_a_zip_with_the_files_one_folder_down(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "feed.zip", "w") as archive:
        for file in (DATA / "gtfs").iterdir():
            archive.write(file, f"gtfs2/{file.name}")
    assert set(_places(list(read_stops(tmp_path / "feed.zip", ALL)))) == {"007", "7", "NONAME"}


def test_what_is_no_feed_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"no stops\.txt inside"):
        list(read_stops(tmp_path, ALL))
    (tmp_path / "page.zip").write_text("<html>")
    with pytest.raises(SourceError, match="neither a folder nor a zip"):
        list(read_stops(tmp_path / "page.zip", ALL))
    (tmp_path / "stops.txt").write_text("id,nom\n1,x\n")
    with pytest.raises(SourceError, match=r"stops\.txt: no column stop_id; the file has id, nom"):
        list(read_stops(tmp_path, ALL))


@needs_real
def test_the_real_ametis_feed() -> None:
    items = list(read_stops(AMETIS, ALL))
    assert items[0] == Total(1215)
    assert len(_places(items)) == 799
    assert sum(isinstance(item, Skip) for item in items) == 416
    assert not _refusals(items)
    lines = list(read_lines(AMETIS, ALL))
    assert len(_places(lines)) == 43
    assert not _refusals(lines)


@needs_real
def test_a_truncated_real_feed_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "cut.zip").write_bytes(AMETIS.read_bytes()[:400_000])
    with pytest.raises(SourceError, match="cannot be unpacked"):
        list(read_stops(tmp_path / "cut.zip", ALL))
