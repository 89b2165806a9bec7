"""QPV, the priority neighbourhoods of urban policy: editions 2015 (QP…) and 2024 (QN…)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from geodata.formats.columns import Columns
from geodata.formats.geometry import polygonal
from geodata.formats.text import insee_code, place_name, split_codes
from geodata.formats.vector import Feature, read_places
from geodata.records import Item, PlaceRecord, ReadOptions, Skip

COLUMNS = Columns(
    required={
        "code": ("code_qp", "code_qpv", "codeqp"),
        "name": ("lib_qp", "nom_qp", "nom_qpv", "lib_qpv", "libqp"),
    },
    optional={
        "insee": ("insee_com", "code_insee", "list_com_2024", "list_com_2023", "com_code"),
        "communes": ("lib_com", "commune_qp", "nom_com"),
    },
)


def read_qpv(path: Path, options: ReadOptions) -> Iterator[Item]:
    """QPV; one that lies in several communes is wanted when any of them is."""

    def build(feature: Feature) -> PlaceRecord | Skip:
        code = feature.code
        if not code:
            raise ValueError("no code")
        insee = [insee_code(part) for part in split_codes(feature.fields.get("insee", ""))]
        if options.only and not insee:
            raise ValueError(
                f"{code}: the file does not say which commune it lies in, so it cannot be chosen by --only"
            )
        if not options.wants(insee):
            return Skip(feature.row, f"{code}: another commune")
        attributes = {
            "insee": insee,
            "communes": split_codes(feature.fields.get("communes", "")),
            "edition": {"QP": "2015", "QN": "2024"}.get(code[:2], ""),
        }
        name = place_name(feature.fields["name"], code)
        return PlaceRecord("qpv", code, name, polygonal(feature.geometry), attributes, feature.row)

    return read_places(path, COLUMNS, options, lambda fields: fields["code"].upper(), build)
