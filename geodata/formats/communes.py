"""Communes, and neighbourhoods or any polygons of one's own: a code, a name, a polygon."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from geodata.formats.columns import Columns
from geodata.formats.geometry import polygonal
from geodata.formats.text import insee_code, place_name, slug, split_codes
from geodata.formats.vector import Feature, read_places
from geodata.records import Item, PlaceRecord, ReadOptions, Skip

COMMUNES = Columns(
    required={
        "code": ("code", "code_insee", "insee_com", "insee", "com_code", "codgeo", "ref:insee"),
        "name": ("nom", "nom_officiel", "nom_com", "libelle", "com_name", "name", "libgeo", "nom_commune"),
    }
)
NEIGHBOURHOODS = Columns(
    required={"name": ("nom", "nom_quartier", "quartier", "libelle", "lib_quartier", "l_qu", "name", "nom_qua")},
    optional={
        "code": ("code", "code_quartier", "c_qu", "id_quartier", "num_quartier", "id", "objectid"),
        "insee": ("insee", "code_insee", "insee_com", "c_ar_insee"),
    },
)


def read_communes(path: Path, options: ReadOptions) -> Iterator[Item]:
    """Communes of Admin Express and its derivatives, in any of the vector formats."""

    def build(feature: Feature) -> PlaceRecord | Skip:
        code = feature.code
        if not code:
            raise ValueError("no code")
        if not options.wants([code]):
            return Skip(feature.row, f"{code}: another commune")
        if not feature.fields["name"]:
            raise ValueError(f"{code}: no name")
        name = place_name(feature.fields["name"], code)
        return PlaceRecord("commune", code, name, polygonal(feature.geometry), {"insee": [code]}, feature.row)

    return read_places(path, COMMUNES, options, lambda fields: insee_code(fields["code"]), build)


def read_neighbourhoods(path: Path, options: ReadOptions) -> Iterator[Item]:
    """Neighbourhoods of a city's own file. Without a column of codes the name makes the code."""

    def build(feature: Feature) -> PlaceRecord | Skip:
        name = place_name(feature.fields["name"], "")
        if not name:
            raise ValueError("no name")
        insee = [insee_code(code) for code in split_codes(feature.fields.get("insee", ""))]
        if options.only and not insee:
            raise ValueError(f"{name}: the file does not say its commune, so it cannot be chosen by --only")
        if not options.wants(insee):
            return Skip(feature.row, f"{name}: another commune")
        attributes = {"insee": insee} if insee else {}
        return PlaceRecord("neighbourhood", feature.code, name, polygonal(feature.geometry), attributes, feature.row)

    return read_places(path, NEIGHBOURHOODS, options, _neighbourhood_code, build)


def _neighbourhood_code(fields: dict[str, str]) -> str:
    return fields.get("code") or slug([fields["name"]])
