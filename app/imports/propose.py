"""A header and its first rows → a mapping to begin with: by the columns' names and by what the values look like.

What comes out are the values of a mapping file (app/reports/importing/mapping.py), possibly incomplete: a person looks
at them before anything is done with them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from app.imports.categories import plain
from app.places.lattice import transformer
from app.reports.importing.convert import ManyPointsTerritory
from app.reports.importing.coordinates import UnreadableError, parse_text
from app.reports.importing.mapping import GEOMETRY_COLUMNS, CoordinatesRule, TextFormat, TimeRule
from app.reports.importing.times import UnreadableTimeError, time_parser

# Beginnings of column names without accents, the surest first; "=" before what must be the whole name.
NAMES: dict[str, tuple[str, ...]] = {
    "id": (
        *("=id", "=numero", "=num", "=ref", "=uuid", "identifiant", "id_", "id ", "numero", "n°", "num ", "num_"),
        *(
            "reference",
            "ref ",
            "ref_",
            "ticket",
            "=no",
            "=n",
            "=fid",
            "feature id",
            "=code",
            "case id",
            "service request id",
        ),
    ),
    "observed_at": (
        *(
            "observed",
            "date d'observation",
            "date du constat",
            "date signalement",
            "date de signalement",
            "date creation",
        ),
        *("date de creation", "date de saisie", "date decl", "datedecl", "=date", "created", "horodatage", "timestamp"),
        *("requested datetime", "opened", "=quand", "=when", "date", "=jour", "heure"),
    ),
    "category_1": (
        *("categorie", "category", "=type", "=theme", "thematique", "domaine", "famille", "nature", "=objet", "motif"),
        *("type ", "probleme", "problem", "service name", "=quoi", "=what", "anomalie", "objet"),
    ),
    "category_2": (
        *("sous-categorie", "sous categorie", "souscategorie", "subcategory", "sous-type", "soustype", "sous type"),
        *("subtype", "sous-theme", "sous theme", "=objet", "detail"),
    ),
    "severity": ("gravite", "severite", "severity", "urgence", "priorite", "priority", "niveau"),
    "state": ("etat", "statut", "status", "=state", "avancement"),
    "description": (
        "description",
        "commentaire",
        "comment",
        "observation",
        "remarque",
        "libelle",
        "=texte",
        "=text",
        "=titre",
    ),
    "lon": ("=lon", "=lng", "=long", "longitude", "=x wgs84", "lon ", "lng", "coord x lon"),
    "lat": ("=lat", "latitude", "=y wgs84", "lat ", "coord y lat"),
    "x": ("=x", "x l93", "x lambert", "coord x", "coordx", "easting", "x "),
    "y": ("=y", "y l93", "y lambert", "coord y", "coordy", "northing", "y "),
    "text": (
        "geo point",
        "geopoint",
        "coordonnees",
        "coordinates",
        "position",
        "geolocalisation",
        "latlon",
        "lat lon",
        "gps",
    ),
}
# Projections that French files come in: Lambert-93, Web Mercator, Lambert II, the zones of the Hauts-de-France, UTM 31.
PROJECTIONS = (2154, 3857, 27572, 3950, 3949, 32631)
TIME_FORMATS = (
    *("iso", "%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M", "%d/%m/%Y", "%d/%m/%y %H:%M", "%d/%m/%y", "%d-%m-%Y %H:%M:%S"),
    *("%d-%m-%Y %H:%M", "%d-%m-%Y", "%d.%m.%Y %H:%M", "%d.%m.%Y", "%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M", "%Y/%m/%d"),
    *("%m/%d/%Y %H:%M:%S", "%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y %H:%M", "%m/%d/%Y", "%Y%m%d", "epoch", "epoch-ms"),
)
TEXT_FORMATS: tuple[TextFormat, ...] = ("lat,lon", "lon,lat", "json", "python-dict", "wkt")
_HAS_TIME = re.compile(r"%[HI]")
_EPOCH_DIGITS = {"epoch": 10, "epoch-ms": 13}
STATES = {
    "new": ("nouveau", "nouvelle", "ouvert", "new", "open", "a traiter", "en attente"),
    "in_progress": ("en cours", "in progress", "affecte", "assigned", "pris en charge"),
    "resolved": ("clos", "cloture", "resolu", "traite", "termine", "closed", "resolved", "fait", "done"),
    "rejected": ("rejete", "refuse", "sans suite", "annule", "rejected", "hors competence"),
}
SEVERITIES = {
    1: ("faible", "basse", "low", "gene", "mineur"),
    2: ("moyen", "normal", "medium", "degradation"),
    3: ("grave", "haute", "eleve", "urgent", "high", "majeur", "serious"),
    4: ("danger", "critique", "immediat", "tres urgent", "critical", "vital"),
}


@dataclass(frozen=True)
class Sample:
    """The header of a file and its first rows."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    @property
    def usable(self) -> tuple[str, ...]:
        """The columns that have a name of their own."""
        return tuple(name for name in self.header if name and self.header.count(name) == 1)

    def values(self, column: str) -> list[str]:
        """What stands in a column, without what is blank."""
        at = self.header.index(column)
        return [cell for row in self.rows if (cell := row[at].strip())]


def propose(sample: Sample, name: str, territory: ManyPointsTerritory) -> dict[str, Any]:
    """The beginning of a mapping; parts that nothing speaks for are missing."""
    found: dict[str, Any] = {"name": name}
    taken: set[str] = set(GEOMETRY_COLUMNS)
    coordinates = _coordinates(sample, territory)
    if coordinates is not None:
        found["coordinates"] = coordinates
        taken.update(value for value in coordinates.values() if value in sample.header)
    moment = _moment(sample, taken)
    if moment is not None:
        found["observed_at"] = moment
        taken.add(moment["column"])
    identity = _column(sample, "id", taken, lambda values: len(set(values)) == len(values) == len(sample.rows))
    found["id"] = {"column": identity} if identity else {"digest": True}
    taken.add(identity or "")
    columns = []
    for part in ("category_1", "category_2"):
        column = _column(sample, part, taken, bool)
        if column is not None:
            columns.append(column)
            taken.add(column)
    if columns:
        found["category"] = {"columns": columns}
    return found | _optional(sample, taken)


def _optional(sample: Sample, taken: set[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    severity = _column(sample, "severity", taken, lambda values: _few(values) and bool(severities_of(values)))
    if severity is not None:
        found["severity"] = {"column": severity}
        taken.add(severity)
    state = _column(sample, "state", taken, lambda values: _few(values) and bool(states_of(values)))
    if state is not None:
        found["state"] = {"column": state}
        taken.add(state)
    description = _column(sample, "description", taken, bool)
    if description is not None:
        found["description"] = {"columns": [description], "too_long": "cut"}
    return found


def _few(values: Sequence[str]) -> bool:
    return 0 < len(set(values)) <= 20  # noqa: PLR2004


def severities_of(values: Sequence[str]) -> dict[str, int]:
    """Words → 1 to 4; numbers that are severities already stand for themselves."""
    words = _matched(values, SEVERITIES)
    return words | {value: int(value) for value in set(values) if value in {"1", "2", "3", "4"}}


def states_of(values: Sequence[str]) -> dict[str, str]:
    """Words → states of a report."""
    return _matched(values, STATES)


def _matched(values: Sequence[str], words: Mapping[Any, Sequence[str]]) -> dict[str, Any]:
    found = {}
    for value in sorted(set(values)):
        text = plain(value)
        hits = [(len(word), key) for key, names in words.items() for word in names if text.startswith(word)]
        if hits:
            found[value] = max(hits, key=lambda hit: hit[0])[1]
    return found


def _column(
    sample: Sample, part: str, taken: set[str], fits: Callable[[list[str]], bool] = lambda _values: True
) -> str | None:
    """The column whose name is surest for a part, whose values fit, and that nothing else uses."""
    free = [name for name in sample.usable if name not in taken]
    for wanted in NAMES[part]:
        for name in free:
            text = plain(name)
            is_it = (
                text == wanted[1:]
                if wanted.startswith("=")
                else text.startswith(wanted.rstrip()) and (not wanted.endswith(" ") or text.startswith(wanted))
            )
            if is_it and fits(sample.values(name)):
                return name
    return None


# ── where ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _coordinates(sample: Sample, territory: ManyPointsTerritory) -> dict[str, Any] | None:
    if set(GEOMETRY_COLUMNS) <= set(sample.header):
        return {"geometry": True}
    lon, lat = _column(sample, "lon", set()), _column(sample, "lat", set())
    if lon and lat and _are_degrees(sample.values(lon), sample.values(lat)):
        return {"lon": lon, "lat": lat}
    x, y = lon or _column(sample, "x", set()), lat or _column(sample, "y", set())
    if x and y and x != y:
        easts, norths = sample.values(x), sample.values(y)
        if _are_degrees(easts, norths):
            return {"lon": x, "lat": y}
        crs = projection_of(easts, norths, territory)
        if crs is not None:
            return {"x": x, "y": y, "crs": crs}
    return _text(sample, territory)


def _numbers(values: Sequence[str]) -> np.ndarray[Any, np.dtype[np.float64]]:
    def number(text: str) -> float:
        try:
            return float(re.sub(r"\s", "", text).replace(",", "."))
        except ValueError:
            return float("nan")

    return np.array([number(value) for value in values], dtype=float)


def _are_degrees(lon: Sequence[str], lat: Sequence[str]) -> bool:
    easts, norths = _numbers(lon), _numbers(lat)
    if not np.isfinite(easts).any() or not np.isfinite(norths).any():
        return False
    return bool(np.nanmax(np.abs(easts)) <= 180 and np.nanmax(np.abs(norths)) <= 90)  # noqa: PLR2004


def projection_of(x: Sequence[str], y: Sequence[str], territory: ManyPointsTerritory) -> int | None:
    """The EPSG code in which most points lie in the territory; None when they do in none."""
    count = min(len(x), len(y))
    easts, norths = _numbers(x[:count]), _numbers(y[:count])
    best, most = None, 0
    for crs in PROJECTIONS:
        lon, lat = transformer(crs, 4326).transform(easts, norths)
        known = np.isfinite(lon) & np.isfinite(lat)
        inside = int(np.sum(territory.covers_all(lon[known], lat[known]))) if known.any() else 0
        if inside > most:
            best, most = crs, inside
    return best


def _text(sample: Sample, territory: ManyPointsTerritory) -> dict[str, Any] | None:
    """One column with both numbers, by its name or, failing that, by its values."""
    named = _column(sample, "text", set())
    for column in dict.fromkeys(([named] if named else []) + list(sample.usable)):
        values = sample.values(column)[:100]
        # Most cells of most columns hold no two numbers: not worth a try.
        if not values or sum(len(re.findall(r"\d+[.,]\d{2,}", value)) >= 2 for value in values) < len(values) / 2:  # noqa: PLR2004
            continue
        for keys in ({}, {"lon_key": "coordinates.0", "lat_key": "coordinates.1"}):
            found = _text_format(values, keys, territory)
            if found is not None:
                return {"text": column, "format": found, **(keys if found in {"python-dict", "json"} else {})}
    return None


def _text_format(values: Sequence[str], keys: Mapping[str, str], territory: ManyPointsTerritory) -> TextFormat | None:
    best, most = None, 0.0
    for name in TEXT_FORMATS:
        rule = CoordinatesRule.model_validate({"text": "text", "format": name, **keys})
        points = []
        for value in values:
            try:
                points.append(parse_text(value, rule))
            except UnreadableError:
                continue
        lon, lat = (_numbers([str(point[axis]) for point in points]) for axis in (0, 1))
        known = np.isfinite(lon) & np.isfinite(lat) & (np.abs(lon) <= 180) & (np.abs(lat) <= 90)  # noqa: PLR2004
        inside = int(np.sum(territory.covers_all(lon[known], lat[known]))) if known.any() else 0
        # In the territory is what tells lon,lat from lat,lon; a file of elsewhere is read in the order of its kind.
        score = inside + int(known.sum()) / (len(values) + 1)
        if score > most:
            best, most = name, score
    return best


# ── when ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _moment(sample: Sample, taken: set[str]) -> dict[str, Any] | None:
    column = _column(sample, "observed_at", taken, lambda values: time_format_of(values) is not None)
    if column is None:
        free = (name for name in sample.usable if name not in taken)
        column = next(
            (name for name in free if time_format_of(sample.values(name)) not in {None, "epoch", "epoch-ms"}), None
        )
    if column is None:
        return None
    return time_rule(column, time_format_of(sample.values(column)) or "iso")


def time_rule(column: str, form: str) -> dict[str, Any]:
    """The rule of a mapping; days without an hour are put at noon, on their day and out of the night."""
    return {"column": column, "formats": [form], "time_when_missing": "12:00"}


def time_format_of(values: Sequence[str]) -> str | None:
    """The format that reads every value; the day comes before the month when both ways read them all."""
    wanted = list(dict.fromkeys(values))[:200]
    if not wanted:
        return None
    return next((form for form in TIME_FORMATS if _reads(form, wanted)), None)


def _reads(form: str, values: Sequence[str]) -> bool:
    digits = _EPOCH_DIGITS.get(form)
    if digits is not None and not all(re.fullmatch(rf"\d{{{digits}}}(\.\d+)?", value) for value in values):
        return False
    if form == "iso" and not all(re.match(r"\d{4}-\d\d-\d\d", value) for value in values):
        return False
    # In a zone without summer time: every hour exists.
    parse = time_parser(TimeRule(column="when", formats=(form,), timezone="UTC"))
    try:
        for value in values:
            parse(value)
    except UnreadableTimeError:
        return False
    return True
