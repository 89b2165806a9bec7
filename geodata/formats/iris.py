"""IRIS, the statistical blocks of INSEE: official shapefile and GeoPackage, and the export of Opendatasoft."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from geodata.formats.columns import Columns
from geodata.formats.geometry import polygonal
from geodata.formats.text import place_name, plain
from geodata.formats.vector import Feature, read_places
from geodata.records import Item, PlaceRecord, ReadOptions, Skip

COLUMNS = Columns(
    required={
        "code": ("code_iris", "iris_code", "dcomiris"),
        "name": ("nom_iris", "iris_name", "iris_name_l", "iris_name_lower"),
    },
    optional={
        "insee": ("code_insee", "insee_com", "com_code", "depcom"),
        "type": ("type_iris", "typ_iris", "iris_type"),
    },
)
# 5 of the commune (Corsica's begin 2A, 2B), 4 of the block.
_LENGTH = 9
_CODE = re.compile(r"(\d{5}|2[AB]\d{3})\d{4}")
_TYPES = {"H": "H", "A": "A", "D": "D", "Z": "Z"}
_WORDS = {"HABITAT": "H", "ACTIVITE": "A", "DIVERS": "D", "COMMUNE": "Z"}


def read_iris(path: Path, options: ReadOptions) -> Iterator[Item]:
    """IRIS with their code of nine characters and their type: H, A, D, Z, or '' where the file does not say."""

    def build(feature: Feature) -> PlaceRecord | Skip:
        code = feature.code
        if not _CODE.fullmatch(code):
            raise ValueError(f"not an IRIS code of nine characters: {code[:40]!r}")
        insee = code[:5]
        if not options.wants([insee]):
            return Skip(feature.row, f"{code}: another commune")
        attributes = {"insee": [insee], "type": iris_type(feature.fields.get("type", ""))}
        name = place_name(feature.fields["name"], code)
        return PlaceRecord("iris", code, name, polygonal(feature.geometry), attributes, feature.row)

    return read_places(path, COLUMNS, options, _code, build)


def _code(fields: dict[str, str]) -> str:
    code = fields["code"]
    return code.zfill(_LENGTH) if code.isdigit() and len(code) == _LENGTH - 1 else code


def iris_type(value: str) -> str:
    """The letter of the type, which Opendatasoft writes as words ("iris d'habitat", "commune non découpée en iris")."""
    letter = _TYPES.get(value.upper())
    return letter or next((letter for word, letter in _WORDS.items() if word in plain(value)), "")
