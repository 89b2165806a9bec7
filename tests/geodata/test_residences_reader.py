"""RPLS: dwellings grouped into buildings, placed by their own coordinates or by the BAN."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
import shapely

from geodata.formats.addresses import Address
from geodata.formats.residences import read_residences
from geodata.records import Item, PlaceRecord, ReadOptions, Refusal, Skip, SourceError
from tests.real_data import REAL

DATA = Path(__file__).parent / "data"
RPLS = REAL / "formats/rpls-geocoded-extract.csv"
needs_real = pytest.mark.skipif(not RPLS.exists(), reason="the reference files are not on this machine")
BAN = ReadOptions(addresses=DATA / "ban.csv")


def _places(items: list[Item]) -> dict[str, PlaceRecord]:
    return {item.code: item for item in items if isinstance(item, PlaceRecord)}


def _lon_lat(place: PlaceRecord) -> tuple[float, ...]:
    return tuple(shapely.get_coordinates(place.geometry)[0].tolist())


def _refusals(items: list[Item]) -> dict[int, str]:
    return {item.row: item.reason for item in items if isinstance(item, Refusal)}


def test_dwellings_of_one_building_are_one_residence() -> None:
    place = _places(list(read_residences(DATA / "rpls.csv", BAN)))["80021-rue-republique-12-a"]
    assert place.name == "LES TILLEULS"
    assert (place.row, place.rows) == (2, 2)
    assert place.attributes == {
        "insee": ["80021"], "address": "12 RUE DE LA REPUBLIQUE", "dwellings": 2, "landlord": "OPAC", "built": 1970,
    }  # fmt: skip
    assert _lon_lat(place) == (2.2981, 49.8921)


def test_bis_is_another_address() -> None:
    place = _places(list(read_residences(DATA / "rpls.csv", BAN)))["80021-rue-republique-12-bis"]
    assert _lon_lat(place) == (2.2983, 49.8922)
    assert place.name == "12 BIS RUE DE LA REPUBLIQUE"


def test_abbreviations_are_read_in_full() -> None:
    assert "80021-avenue-general-leclerc-3" in _places(list(read_residences(DATA / "rpls.csv", BAN)))


def test_rows_that_cannot_be_placed_are_refused() -> None:
    assert _refusals(list(read_residences(DATA / "rpls.csv", BAN))) == {
        6: "99 RUE INCONNUE: not in the address file",
        8: "no commune (DEPCOM)",
        9: "80021: no street and no name",
    }


def test_without_an_address_file_every_row_says_what_is_missing() -> None:
    items = list(read_residences(DATA / "rpls.csv", ReadOptions()))
    assert not _places(items)
    assert "give the BAN file of the department with --addresses" in _refusals(items)[2]


def test_only_skips_other_communes() -> None:
    items = list(read_residences(DATA / "rpls.csv", ReadOptions(only=frozenset({"80674"}), addresses=DATA / "ban.csv")))
    assert set(_places(items)) == {"80674-rue-basse-1"}
    assert sum(isinstance(item, Skip) for item in items) == 6


def test_the_address_file_may_be_gzipped_but_not_damaged(tmp_path: Path) -> None:
    packed = tmp_path / "adresses-80.csv.gz"
    packed.write_bytes(gzip.compress((DATA / "ban.csv").read_bytes()))
    assert len(_places(list(read_residences(DATA / "rpls.csv", ReadOptions(addresses=packed))))) == 4
    packed.write_bytes(packed.read_bytes()[:-20])
    with pytest.raises(SourceError, match="the file is damaged"):
        list(read_residences(DATA / "rpls.csv", ReadOptions(addresses=packed)))


def test_lambert93_columns_of_a_geocoded_extract() -> None:
    items = list(read_residences(DATA / "rpls-geocoded.csv", ReadOptions()))
    place = _places(items)["80021-rue-haute-1"]
    assert _lon_lat(place) == pytest.approx((2.3, 49.895), abs=0.005)
    assert (place.rows, place.attributes["dwellings"]) == (2, 6)
    assert list(_refusals(items)) == [4]


def test_one_wrong_coordinate_does_not_move_the_building(tmp_path: Path) -> None:
    file = tmp_path / "rpls.csv"
    rows = ["DEPCOM;NUMVOIE;NOMVOIE;lon;lat", *["80021;1;RUE HAUTE;2.30;49.90"] * 3, "80021;1;RUE HAUTE;5.0;45.0"]
    file.write_text("\n".join(rows))
    [place] = _places(list(read_residences(file, ReadOptions()))).values()
    assert _lon_lat(place) == (2.30, 49.90)


def test_latin_1_and_a_quoted_line_break(tmp_path: Path) -> None:
    file = tmp_path / "rpls.csv"
    text = (
        'DEPCOM;NUMVOIE;NOMVOIE;IMMEU;lon;lat\n80021;1;"RUE DE\nL\'ÉTÉ";"Résidence ""Été""";2,30;49,90\n80021;2;X;;;\n'
    )
    file.write_bytes(text.encode("cp1252"))
    items = list(read_residences(file, ReadOptions()))
    [place] = _places(items).values()
    assert place.name == 'Résidence "Été"'
    assert list(_refusals(items)) == [4]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "the file is empty"),
        ("<!DOCTYPE html>\n<html>", "this is a web page"),
        ('{"type": "FeatureCollection"}', "no column depcom"),
        ("DEPCOM;NOMVOIE\n80021;X\n", "no column numvoie"),
    ],
)
def test_what_is_no_rpls_is_one_line(tmp_path: Path, content: str, message: str) -> None:
    file = tmp_path / "rpls.csv"
    file.write_text(content)
    with pytest.raises(SourceError, match=message):
        list(read_residences(file, ReadOptions()))


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (("12", "", "R", "VOLTAIRE"), ("12", "", "", "Rue Voltaire")),
        (("12", "B", "AV", "DU GAL LECLERC"), ("12bis", "", "AVENUE", "du Général Leclerc")),
        (("012", "", "RUE", "RUE DE L'EGLISE"), ("12.0", "", "", "rue de l’Église")),
        (("1", "", "PL", "ST PIERRE"), ("1", "", "PLACE", "Saint-Pierre")),
    ],
)
def test_two_spellings_of_one_address_are_equal(
    left: tuple[str, str, str, str], right: tuple[str, str, str, str]
) -> None:
    one, other = Address.of("80021", *left), Address.of("80021", *right)
    assert (one.number, one.repeat, one.street) == (other.number, other.repeat, other.street)


@needs_real
def test_the_real_extract_has_no_coordinates() -> None:
    items = list(read_residences(RPLS, ReadOptions()))
    assert len(_refusals(items)) == 1170
    assert not _places(items)
