"""Mapping files: what is wrong with one is said in one line; the shipped ones are right."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from app.db.session import unit_of_work
from app.nomenclature.store import Nomenclature, load_nomenclature
from app.people.actor import SYSTEM
from app.reports.importing.convert import category_lookup
from app.reports.importing.mapping import MappingError, load_mapping, parse_mapping
from tests.reports.import_samples import MAPPING

SHIPPED = Path(__file__).parents[2] / "docs" / "import-mappings"


@pytest.fixture
def nomenclature(engine: Engine) -> Nomenclature:
    with unit_of_work(engine, SYSTEM) as uow:
        return load_nomenclature(uow.connection)


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.toml")), ids=lambda path: path.stem)
def test_the_shipped_mappings_are_right(path: Path, nomenclature: Nomenclature) -> None:
    assert load_mapping(path, nomenclature=nomenclature).source.startswith("import:")


def test_the_example_shows_every_key() -> None:
    """A key that the example leaves out, even as a comment, is a key that nobody finds."""
    text = (SHIPPED / "example.toml").read_text(encoding="utf-8")
    data = tomllib.loads(text)
    for part in ("id", "coordinates", "observed_at", "category", "severity", "description", "state"):
        rule = type(getattr(parse_mapping(data), part))
        for key in rule.model_fields:
            if key not in {"constant", "default"}:
                assert f"{key} =" in text or f".{key}" in text, f"{part}.{key}"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"delimeter": ";"}, "delimeter: there is no such key; there are name, title, delimiter, quote"),
        ({"coordinates": {"lon": "a", "latitude": "b"}}, "coordinates.latitude: there is no such key; there are lon,"),
        ({"coordinates": {"lon": "a"}}, "coordinates: give lon and lat, or x and y and crs, or text and format"),
        ({"coordinates": {"x": "a", "y": "b"}}, "x and y need crs"),
        ({"coordinates": {"lon": "a", "lat": "b", "crs": 2154}}, "name the columns x and y"),
        ({"coordinates": {"x": "a", "y": "b", "crs": "EPSG:999999"}}, "'999999' is not a known EPSG code"),
        ({"coordinates": {"x": "a", "y": "b", "crs": 5773}}, "'5773' is not a known EPSG code"),
        ({"coordinates": {"x": "a", "y": "b", "crs": "nonsense"}}, "is not a known EPSG code"),
        ({"coordinates": {"text": "a", "format": "xml"}}, "coordinates.format: Input should be 'python-dict'"),
        ({"name": "Paris!"}, "name: String should match pattern"),
        ({"encoding": "utf-9"}, "encoding: 'utf-9' is not a text encoding"),
        ({"encoding": "rot13"}, "encoding: 'rot13' is not a text encoding"),
        ({"delimiter": ";;"}, "delimiter: String should have at most 1 character"),
        ({"delimiter": '"'}, "delimiter and quote must be two different characters"),
        ({"observed_at": {"column": "a", "timezone": "Europe/Amiens"}}, "'Europe/Amiens' is not a time zone"),
        ({"observed_at": {"column": "a", "timezone": "../../etc/passwd"}}, "is not a time zone"),
        ({"observed_at": {"column": "a", "formats": ["DD/MM/YYYY"]}}, "'DD/MM/YYYY' is not a format"),
        ({"observed_at": {"column": "a", "formats": []}}, "give at least one format"),
        ({"id": {"column": "a", "columns": ["b"]}}, "id: give either column or columns"),
        ({"category": {"columns": ["a"], "values": {"x": {"y": "graffiti"}}}}, "values.x.y is deeper than"),
        ({"category": {"columns": ["a"], "values": {"x": 3}}}, "values.x must be a category code or a table"),
        ({"category": {}}, "give either columns with values, or constant"),
        ({"severity": {"column": "a", "values": {"x": 5}}}, "severity.values.x: Input should be less than"),
        ({"state": {"column": "a", "values": {"x": "closed"}}}, "'closed' is not a state (new, acknowledged"),
        ({"observed_at": None}, "observed_at: Input should be"),
    ],
)
def test_what_is_wrong_is_one_line(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(MappingError) as caught:
        parse_mapping(MAPPING | changes, "m.toml")
    assert message in str(caught.value)
    assert str(caught.value).startswith("m.toml: ")
    assert "\n" not in str(caught.value)


def test_a_missing_part_is_named() -> None:
    with pytest.raises(MappingError, match=r"^m.toml: coordinates is missing$"):
        parse_mapping({key: value for key, value in MAPPING.items() if key != "coordinates"}, "m.toml")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"name = ", "not valid TOML"),
        (b"\xff\xfe", "is UTF-8 text"),
        (b"a" + b"[" * 5000, "not valid TOML"),
        (b"x = " + b"[" * 5000, "not valid TOML"),
    ],
)
def test_a_file_that_is_no_toml(tmp_path: Path, nomenclature: Nomenclature, content: bytes, message: str) -> None:
    path = tmp_path / "m.toml"
    path.write_bytes(content)
    with pytest.raises(MappingError, match=message):
        load_mapping(path, nomenclature=nomenclature)


def test_category_codes_must_exist(tmp_path: Path, nomenclature: Nomenclature) -> None:
    path = tmp_path / "m.toml"
    text = (SHIPPED / "example.toml").read_text(encoding="utf-8")
    path.write_text(text.replace('"graffiti"', '"grafitti"'), encoding="utf-8")
    with pytest.raises(MappingError, match=r"category.values.Propreté.Tag\*: 'grafitti' is not an active category"):
        load_mapping(path, nomenclature=nomenclature)


@pytest.mark.parametrize(
    ("cells", "code"),
    [
        (("Propreté", "Mégots"), "fly_tipping"),
        (("PROPRETÉ ", "  déjections   CANINES"), "fouling"),
        (("Proprete\u0301", "Déjections canines"), "fouling"),
        (("Voirie", "whatever"), "pothole"),
        (("Voirie", ""), "pothole"),
        (("Éclairage", "Lampe"), "street_light_out"),
        (("Éclairage", "autre"), None),
        (("Eau", "x"), None),
        (("Fuite d’eau", "x"), "leak"),
    ],
)
def test_category_tables(cells: tuple[str, str], code: str | None) -> None:
    values = {
        "Propreté": {"*": "fly_tipping", "Déjections canines": "fouling"},
        "Voirie": "pothole",
        "*airage": {"lampe*": "street_light_out"},
        "fuite d'eau": "leak",
    }
    rule = parse_mapping(MAPPING | {"category": {"columns": ["a", "b"], "values": values}}).category
    assert category_lookup(rule)(cells) == code
