"""Communes, IRIS, QPV, schools, neighbourhoods: small hand-written files, and what is wrong with real ones."""

from __future__ import annotations

import json
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pytest
import shapely
from shapely import Polygon, box

from geodata.formats import DATASETS
from geodata.formats.iris import iris_type
from geodata.records import Item, PlaceRecord, ReadOptions, Refusal, Skip, SourceError, Total
from tests.real_data import REAL

DATA = Path(__file__).parent / "data"
needs_real = pytest.mark.skipif(not REAL.exists(), reason="the reference files are not on this machine")


def _read(dataset: str, path: Path, **options: Any) -> list[Item]:
    [reader] = DATASETS[dataset].readers.values()
    return list(reader(path, ReadOptions(**options)))


def _places(items: list[Item]) -> dict[str, PlaceRecord]:
    return {item.code: item for item in items if isinstance(item, PlaceRecord)}


def _lon_lat(place: PlaceRecord) -> tuple[float, ...]:
    return tuple(shapely.get_coordinates(place.geometry)[0].tolist())


def _refusals(items: list[Item]) -> dict[int, str]:
    return {item.row: item.reason for item in items if isinstance(item, Refusal)}


def _write(path: Path, columns: dict[str, list[str]], geometries: list[Any], crs: str | None, **options: Any) -> Path:
    pyogrio.raw.write(
        path,
        np.array([shapely.to_wkb(geometry) for geometry in geometries], dtype=object),
        [np.array(values, dtype=object) for values in columns.values()],
        list(columns),
        geometry_type="Polygon",
        crs=crs,
        **options,
    )
    return path


# Around the cathedral of Amiens, in Lambert-93.
BLOCK_2154 = box(649_700, 6_977_300, 650_000, 6_977_600)


# ── communes ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_communes_good_and_bad_rows() -> None:
    items = _read("commune", DATA / "communes.geojson")
    places = _places(items)
    assert items[0] == Total(11)
    assert set(places) == {"80021", "01004", "80003", "80010"}
    assert places["01004"].name == "Ambérieu-en-Bugey"
    assert not places["01004"].geometry.has_z
    assert _refusals(items) == {
        4: "no polygon in it (LineString)",
        5: "no readable geometry",
        6: "longitude and latitude are swapped",
        7: "outside metropolitan France (55.4000, -20.9000)",
        8: "no readable geometry",
        9: "80009: no name",
        11: "no polygon in it (Polygon)",
    }


def test_every_geometry_that_is_yielded_is_valid_and_polygonal() -> None:
    for place in _places(_read("commune", DATA / "communes.geojson")).values():
        assert place.geometry.is_valid
        assert place.geometry.geom_type in {"Polygon", "MultiPolygon"}


def test_a_bow_tie_keeps_its_polygons() -> None:
    place = _places(_read("commune", DATA / "communes.geojson"))["80003"]
    assert place.geometry.area == pytest.approx(0.005)


def test_only_skips_other_communes() -> None:
    items = _read("commune", DATA / "communes.geojson", only=frozenset({"80021"}))
    assert set(_places(items)) == {"80021"}
    assert sum(isinstance(item, Skip) for item in items) == 10


@needs_real
def test_the_real_communes_of_the_somme() -> None:
    items = _read("commune", REAL / "boundaries/communes-80-somme.geojson")
    places = _places(items)
    assert len(places) == 779
    assert not _refusals(items)
    assert places["80021"].name == "Amiens"
    assert Counter(place.geometry.geom_type for place in places.values()) == {"Polygon": 778, "MultiPolygon": 1}


# ── IRIS ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_iris_geopackage_v3_in_lambert93(tmp_path: Path) -> None:
    columns = {
        "cleabs": ["x"], "code_insee": ["80021"], "nom_commune": ["Amiens"], "iris": ["0101"],
        "code_iris": ["800210101"], "nom_iris": ["Cathédrale"], "type_iris": ["H"],
    }  # fmt: skip
    file = _write(tmp_path / "iris.gpkg", columns, [BLOCK_2154], "EPSG:2154", geometry_name="geometrie")
    place = _places(_read("iris", file))["800210101"]
    assert place.attributes == {"insee": ["80021"], "type": "H"}
    assert place.name == "Cathédrale"
    assert _lon_lat(place) == pytest.approx((2.3, 49.895), abs=0.01)


@pytest.mark.parametrize(
    ("encoding", "keep_cpg"), [("UTF-8", False), ("UTF-8", True), ("CP1252", False), ("ISO-8859-1", True)]
)
def test_iris_shapefile_in_every_encoding(tmp_path: Path, encoding: str, *, keep_cpg: bool) -> None:
    columns = {"INSEE_COM": ["80021"], "CODE_IRIS": ["800210101"], "NOM_IRIS": ["Château d’Été"], "TYP_IRIS": ["A"]}
    if encoding == "ISO-8859-1":
        columns["NOM_IRIS"] = ["Château d'Été"]
    file = _write(tmp_path / "CONTOURS-IRIS.shp", columns, [BLOCK_2154], "EPSG:2154", encoding=encoding)
    if not keep_cpg:
        file.with_suffix(".cpg").unlink()
    assert _places(_read("iris", file))["800210101"].name == columns["NOM_IRIS"][0]


def test_iris_of_opendatasoft_with_two_columns_of_one_name(tmp_path: Path) -> None:
    columns = {
        "com_code": ["80021"],
        "iris_code": ["800210101"],
        "iris_name": ["Préau"],
        "iris_type": ["iris d'activité"],
    }
    file = _write(tmp_path / "ods.shp", columns | {"iris_grd_q": ["1"]}, [box(2.3, 49.8, 2.4, 49.9)], "EPSG:4326")
    dbf = file.with_suffix(".dbf")
    # What their export does: the second of two long names is cut to the same eleven letters as the first.
    dbf.write_bytes(dbf.read_bytes().replace(b"iris_grd_q\x00", b"iris_name\x00\x00"))
    file.with_suffix(".cpg").unlink()
    place = _places(_read("iris", file))["800210101"]
    assert (place.name, place.attributes["type"]) == ("Préau", "A")


def test_iris_in_a_zip_takes_the_largest_layer(tmp_path: Path) -> None:
    columns = {"CODE_IRIS": ["800210101"], "NOM_IRIS": ["Une"]}
    two = {"CODE_IRIS": ["800210101", "800210102"], "NOM_IRIS": ["Une", "Deux"]}
    _write(tmp_path / "small.shp", columns, [BLOCK_2154], "EPSG:2154")
    _write(tmp_path / "large.shp", two, [BLOCK_2154, BLOCK_2154], "EPSG:2154")
    with zipfile.ZipFile(tmp_path / "both.zip", "w") as archive:
        for file in sorted(tmp_path.glob("*.*")):
            if file.suffix != ".zip":
                archive.write(file, f"CONTOURS-IRIS/1_DONNEES/{file.name}")
    assert set(_places(_read("iris", tmp_path / "both.zip"))) == {"800210101", "800210102"}


def test_iris_without_prj_is_recognised_by_its_numbers(tmp_path: Path) -> None:
    columns = {"CODE_IRIS": ["800210101"], "NOM_IRIS": ["Une"]}
    for name, block in (("metres", BLOCK_2154), ("degrees", box(2.29, 49.89, 2.31, 49.9))):
        file = _write(tmp_path / f"{name}.shp", columns, [block], "EPSG:2154")
        file.with_suffix(".prj").unlink()
        assert _lon_lat(_places(_read("iris", file))["800210101"]) == pytest.approx((2.3, 49.895), abs=0.02)
    file = _write(tmp_path / "feet.shp", columns, [box(3e6, 3e6, 3.1e6, 3.1e6)], "EPSG:2154")
    file.with_suffix(".prj").unlink()
    with pytest.raises(SourceError, match="--crs"):
        _read("iris", file)


def test_iris_codes_are_text_and_checked(tmp_path: Path) -> None:
    feature = {"type": "Feature", "geometry": shapely.geometry.mapping(box(5.3, 45.9, 5.4, 46.0))}
    rows = [{"code_iris": 10040101, "nom_iris": "Un zéro mangé"}, {"code_iris": 12, "nom_iris": "Trop court"}]
    features = [{**feature, "properties": row} for row in rows]
    file = tmp_path / "iris.geojson"
    file.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    items = _read("iris", file)
    assert list(_places(items)) == ["010040101"]
    assert _refusals(items) == {2: "not an IRIS code of nine characters: '12'"}


@pytest.mark.parametrize(
    ("said", "letter"),
    [
        ("H", "H"),
        ("z", "Z"),
        ("iris d'habitat", "H"),
        ("iris d'activité", "A"),
        ("commune non découpée en iris", "Z"),
        ("", ""),
    ],
)
def test_iris_types(said: str, letter: str) -> None:
    assert iris_type(said) == letter


@needs_real
def test_the_real_iris_of_bondy() -> None:
    items = _read("iris", REAL / "formats/georef-france-iris-bondy-shp.zip")
    places = _places(items)
    assert len(places) == 23
    assert not _refusals(items)
    assert "Le Parc du Château" in {place.name for place in places.values()}
    # The file holds one block of the commune next door.
    assert Counter(place.attributes["insee"][0] for place in places.values()) == {"93010": 22, "93077": 1}  # type: ignore[index]
    assert Counter(place.attributes["type"] for place in places.values()) == {"H": 22, "A": 1}


# ── QPV, neighbourhoods, schools ────────────────────────────────────────────────────────────────────────────────────


def test_qpv_2024_split_their_communes() -> None:
    places = _places(_read("qpv", DATA / "qpv-2024.geojson"))
    assert places["QN08002M"].attributes == {
        "insee": ["80021", "80489"], "communes": ["Amiens", "Longueau"], "edition": "2024",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("only", "codes"),
    [("80489", {"QN08002M"}), ("80021", {"QN08001M", "QN08002M"}), ("13070", {"QN00101M"}), ("13307", set())],
)
def test_qpv_are_chosen_by_any_of_their_communes(only: str, codes: set[str]) -> None:
    assert set(_places(_read("qpv", DATA / "qpv-2024.geojson", only=frozenset({only})))) == codes


def test_qpv_2015_that_touches_itself_is_repaired(tmp_path: Path) -> None:
    eight = Polygon(
        [(649_000, 6_977_000), (649_100, 6_977_100), (649_200, 6_977_000), (649_200, 6_977_200), (649_100, 6_977_100),
         (649_000, 6_977_200)]
    )  # fmt: skip
    assert not eight.is_valid
    file = _write(
        tmp_path / "QP_METROPOLE_LB93.shp", {"CODE_QP": ["QP080001"], "NOM_QP": ["Nord"]}, [eight], "EPSG:2154"
    )
    place = _places(_read("qpv", file))["QP080001"]
    assert place.geometry.is_valid
    assert place.geometry.geom_type == "MultiPolygon"
    assert place.attributes["edition"] == "2015"


def test_qpv_without_communes_cannot_be_chosen_by_commune(tmp_path: Path) -> None:
    file = _write(tmp_path / "qp.shp", {"CODE_QP": ["QP080001"], "NOM_QP": ["Nord"]}, [BLOCK_2154], "EPSG:2154")
    items = _read("qpv", file, only=frozenset({"80021"}))
    assert not _places(items)
    assert "cannot be chosen" in _refusals(items)[1]


def test_neighbourhoods_make_a_code_of_their_name() -> None:
    items = _read("neighbourhood", DATA / "neighbourhoods.geojson")
    assert {place.code: place.name for place in _places(items).values()} == {"saint-leu": "Saint-Leu"}
    assert _refusals(items) == {2: "no name"}


def test_neighbourhoods_without_communes_cannot_be_chosen_by_commune() -> None:
    items = _read("neighbourhood", DATA / "neighbourhoods.geojson", only=frozenset({"80021"}))
    assert not _places(items)
    assert "cannot be chosen" in _refusals(items)[1]


def test_schools_in_web_mercator() -> None:
    items = _read("school", DATA / "schools-3857.geojson")
    school = _places(items)["0800001A"]
    assert _lon_lat(school) == pytest.approx((2.3022, 49.91), abs=0.02)
    assert school.attributes["insee"] == ["80021"]
    assert _refusals(items) == {2: "not a UAI (seven digits and a letter): 'PAS UN UAI'", 3: "no readable geometry"}


@needs_real
def test_the_real_schools_of_picardie() -> None:
    items = _read("school", REAL / "facilities/lycees-picardie-epsg3857.geojson")
    assert sum(isinstance(item, PlaceRecord) for item in items) == 433
    amiens = [place for place in _places(items).values() if place.attributes["insee"] == ["80021"]]
    assert len(amiens) == 24
    [outline] = _places(_read("commune", REAL / "boundaries/amiens-80021.geojson")).values()
    assert all(outline.geometry.covers(place.geometry) for place in amiens)


def _schools_at(path: Path, position: str) -> Path:
    feature = (
        '{"type": "Feature", "properties": {"UAI": "0800001A", "ETIQUETTE": "X"},'
        f' "geometry": {{"type": "Point", "coordinates": {position}}}}}'
    )
    path.write_text(f'{{"type": "FeatureCollection", "features": [{feature}]}}')
    return path


def test_a_point_that_is_not_finite_is_refused(tmp_path: Path) -> None:
    items = _read("school", _schools_at(tmp_path / "schools.geojson", "[NaN, 49.9]"))
    assert not _places(items)
    assert list(_refusals(items)) == [1]


def test_numbers_that_no_computer_holds_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot be read"):
        _read("school", _schools_at(tmp_path / "schools.geojson", "[1e999, 49.9]"))


# ── what is no data ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b"<!DOCTYPE html><html><body>Please log in</body></html>", "this is a web page"),
        (b"\xef\xbb\xbf  <html></html>", "this is a web page"),
        (b"code;nom\n80021;Amiens\n", "neither GeoJSON"),
        (b'{"type": "FeatureCollection", "features": [{"type": "Feature", "geo', "cannot be read"),
        (b'{"hello": "world"}', "cannot be read"),
        (b'{"type": "FeatureCollection", "features": [{"type": "Feature", "properties": {"a": 1}, "geometry": null}]}',
         "no column code"),
        (b"7z\xbc\xaf\x27\x1c rest", "unpack the .7z first"),
        (b"PK\x03\x04 but then nothing", "cannot be unpacked"),
        (b"SQLite format 3\x00 and then nothing", "cannot be read"),
    ],
)  # fmt: skip
def test_what_is_no_vector_file_is_one_line(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "file.geojson"
    file.write_bytes(content)
    with pytest.raises(SourceError, match=message) as caught:
        _read("commune", file)
    assert "\n" not in str(caught.value)


def test_a_geojson_in_latin_1_still_has_its_accents(tmp_path: Path) -> None:
    file = tmp_path / "latin.geojson"
    text = (DATA / "communes.geojson").read_text(encoding="utf-8").replace("Nœud", "Noeud")
    file.write_bytes(text.encode("latin-1"))
    assert _places(_read("commune", file))["01004"].name == "Ambérieu-en-Bugey"


def test_a_virtual_file_that_points_elsewhere_is_not_opened(tmp_path: Path) -> None:
    file = tmp_path / "trick.geojson"
    layer = '<OGRVRTLayer name="x"><SrcDataSource>/etc/passwd</SrcDataSource></OGRVRTLayer>'
    file.write_text(f"<OGRVRTDataSource>{layer}</OGRVRTDataSource>")
    with pytest.raises(SourceError, match="web page"):
        _read("commune", file)


def test_an_unknown_reference_system_is_named() -> None:
    with pytest.raises(SourceError, match="unknown reference system nonsense"):
        _read("commune", DATA / "communes.geojson", crs="nonsense")


def test_a_folder_or_missing_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="inside"):
        _read("commune", tmp_path)
    with pytest.raises(SourceError, match="No such file"):
        _read("commune", tmp_path / "none.geojson")
