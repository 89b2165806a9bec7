"""Addresses made comparable, and the BAN (Base Adresse Nationale, one CSV a department) to look them up in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from geodata.formats.columns import Columns
from geodata.formats.geometry import GeometryRefusedError, number
from geodata.formats.tabular import read_rows
from geodata.formats.text import insee_code, plain

BAN = Columns(
    required={
        "insee": ("code_insee",),
        "street": ("nom_voie",),
        "number": ("numero",),
        "lon": ("lon", "long", "longitude"),
        "lat": ("lat", "latitude"),
    },
    optional={"repeat": ("rep",), "hamlet": ("nom_ld", "lieudit_complement_nom")},
)
# RPLS abbreviates without a rule: R and RUE in one file.
TYPES = {
    "R": "RUE", "AV": "AVENUE", "AVE": "AVENUE", "BD": "BOULEVARD", "BLD": "BOULEVARD", "BVD": "BOULEVARD",
    "PL": "PLACE", "ALL": "ALLEE", "IMP": "IMPASSE", "CHE": "CHEMIN", "CHEM": "CHEMIN", "RTE": "ROUTE",
    "SQ": "SQUARE", "QU": "QUAI", "QUA": "QUAI", "PAS": "PASSAGE", "PASS": "PASSAGE", "CRS": "COURS",
    "RES": "RESIDENCE", "LOT": "LOTISSEMENT", "HAM": "HAMEAU", "FG": "FAUBOURG", "FBG": "FAUBOURG",
    "VLA": "VILLA", "RPT": "ROND POINT", "ESP": "ESPLANADE", "MTE": "MONTEE", "SEN": "SENTE", "CITE": "CITE",
    "DOM": "DOMAINE", "TSSE": "TERRASSE", "CTRE": "CENTRE", "PRV": "PARVIS", "GAL": "GALERIE",
}  # fmt: skip
_NAMES = {"ST": "SAINT", "STE": "SAINTE", "GAL": "GENERAL", "MAL": "MARECHAL", "CDT": "COMMANDANT", "DR": "DOCTEUR"}
# Written or left out as one likes.
_SMALL = frozenset({"DE", "DU", "DES", "LA", "LE", "LES", "L", "D", "A", "AU", "AUX", "ET"})
_KNOWN_TYPES = frozenset(TYPES.values()) | {"CLOS", "VOIE", "MAIL", "COUR", "COURS", "PARC", "PORT", "PONT", "RUELLE"}
_REPEATS = {"B": "BIS", "T": "TER", "Q": "QUATER"}


@dataclass(frozen=True)
class Address:
    """An address whose spelling no longer matters: two of one place are equal.

    `street` has its type in full, no accents, no small words; `label` is how to show it.
    """

    insee: str
    number: str
    repeat: str
    street: str
    label: str

    @classmethod
    def of(cls, insee: str, number: str, repeat: str, street_type: str, street: str) -> Address:
        """From the cells of a row; the type may be a cell of its own or the street's first word."""
        house = plain(number).split(".", maxsplit=1)[0].removesuffix(" 0").lstrip("0")
        # "12 BIS" and "12B" in the number's own cell.
        digits = "".join(char for char in house if char.isdigit())
        rest = plain(house[len(digits) :]) if house.startswith(digits) else ""
        again = plain(repeat) or rest
        words = [*plain(street_type).split(), *plain(street).split()]
        label = " ".join(filter(None, [digits, repeat, TYPES.get(plain(street_type), street_type), street]))
        return cls(insee, digits, _REPEATS.get(again, again), _street(words), label)

    @property
    def without_type(self) -> str:
        """The street without its type, for files that disagree about it."""
        first, _, rest = self.street.partition(" ")
        return rest if first in _KNOWN_TYPES and rest else self.street


def _street(words: list[str]) -> str:
    if not words:
        return ""
    first = TYPES.get(words[0], words[0])
    rest = [_NAMES.get(word, word) for word in words[1:] if word not in _SMALL]
    if rest and rest[0] == first:  # the type stood in both cells
        rest = rest[1:]
    return " ".join([first, *rest])


LonLat = tuple[float, float]


class AddressBook:
    """The addresses of some communes with their position (lon, lat in EPSG:4326)."""

    def __init__(self) -> None:
        self._exact: dict[tuple[str, str, str, str], LonLat] = {}
        self._loose: dict[tuple[str, str, str], set[LonLat]] = defaultdict(set)

    @classmethod
    def read(cls, path: Path, communes: Collection[str]) -> AddressBook:
        """The BAN file of a department (plain or gzipped), only these communes.

        Raises:
            SourceError: it is not such a file.

        """
        book = cls()
        for row in read_rows(path, BAN):
            insee = insee_code(row.get("insee"))
            if row.problem is None and insee in communes:
                try:
                    lon_lat = number(row.get("lon"), "longitude"), number(row.get("lat"), "latitude")
                except GeometryRefusedError:
                    continue
                book.add(Address.of(insee, row.get("number"), row.get("repeat"), "", row.get("street")), lon_lat)
        return book

    def add(self, address: Address, lon_lat: LonLat) -> None:
        """One more address; the first position said for it stays."""
        self._exact.setdefault((address.insee, address.street, address.number, address.repeat), lon_lat)
        if not address.repeat:
            self._loose[address.insee, address.without_type, address.number].add(lon_lat)

    def find(self, address: Address) -> LonLat | None:
        """Where it is: exactly, else the same number without bis, else whatever the type if only one street fits."""
        for repeat in (address.repeat, ""):
            found = self._exact.get((address.insee, address.street, address.number, repeat))
            if found is not None:
                return found
        loose = self._loose.get((address.insee, address.without_type, address.number), set())
        return next(iter(loose)) if len(loose) == 1 else None
