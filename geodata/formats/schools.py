"""Schools: points with their UAI (the national number of an establishment), whatever the reference system."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from geodata.formats.columns import Columns
from geodata.formats.geometry import point
from geodata.formats.text import insee_code, place_name
from geodata.formats.vector import Feature, read_places
from geodata.records import Item, PlaceRecord, ReadOptions, Skip

COLUMNS = Columns(
    required={
        "code": ("uai", "numero_uai", "identifiant_de_l_etablissement", "code_uai", "identifiant"),
        "name": ("etiquette", "nom_etablissement", "appellation_officielle", "nom_site", "etab", "nom", "name"),
    },
    optional={
        "insee": ("insee", "code_commune", "code_insee", "insee_com"),
        "type": ("statut", "type_etablissement", "libelle_nature", "nature_uai_libe"),
        "address": ("adresse", "adresse_1", "adresse_uai"),
        "commune": ("commune", "nom_commune", "libelle_commune"),
        "sector": ("secteur", "statut_public_prive", "secteur_public_prive_libe"),
    },
)
_UAI = re.compile(r"[0-9][0-9AB][0-9]{5}[A-Z]")


def read_schools(path: Path, options: ReadOptions) -> Iterator[Item]:
    """Schools of the Annuaire de l'éducation or a region's own file."""

    def build(feature: Feature) -> PlaceRecord | Skip:
        code = feature.code
        if not _UAI.fullmatch(code):
            raise ValueError(f"not a UAI (seven digits and a letter): {code[:40]!r}")
        insee = [insee_code(value)] if (value := feature.fields.get("insee", "")) else []
        if options.only and not insee:
            raise ValueError(f"{code}: the file does not say its commune, so it cannot be chosen by --only")
        if not options.wants(insee):
            return Skip(feature.row, f"{code}: another commune")
        kept = ("type", "address", "commune", "sector")
        attributes: dict[str, object] = {role: text for role in kept if (text := feature.fields.get(role, ""))}
        name = place_name(feature.fields["name"], code)
        return PlaceRecord("school", code, name, point(feature.geometry), {"insee": insee, **attributes}, feature.row)

    return read_places(path, COLUMNS, options, lambda fields: fields["code"].upper(), build)
