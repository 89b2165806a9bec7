"""The dataset's files. All say the same numbers; an absent row is a number below k, or none. Pure."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask_babel import LazyString
from flask_babel import lazy_gettext as _l

from app.opendata.dataset import Dataset, Row

LICENCE = "https://www.etalab.gouv.fr/licence-ouverte-open-licence"
LICENCE_NAME = "Licence Ouverte / Open Licence 2.0 (Etalab)"
_EU_FILE_TYPE = "http://publications.europa.eu/resource/authority/file-type/"
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class Column:
    """A column of the dataset."""

    name: str
    type: str
    meaning: LazyString


COLUMNS = (
    Column("month", "date (YYYY-MM)", _l("The month in which it was observed (Europe/Paris)")),
    Column("neighbourhood_code", "text", _l("Code of the neighbourhood; empty: outside of all of them")),
    Column("neighbourhood", "text", _l("Name of the neighbourhood; empty: outside of all of them")),
    Column("theme", "text", _l("Code of the theme of the reports")),
    Column("theme_fr", "text", _l("Name of the theme in French")),
    Column("reports", "integer", _l("Number of reports, rounded to the nearest multiple of the least number shown")),
)


def _values(row: Row) -> dict[str, Any]:
    place = row.neighbourhood
    return {
        "month": f"{row.month:%Y-%m}",
        "neighbourhood_code": place.code if place else "",
        "neighbourhood": place.name if place else "",
        "theme": row.theme.code,
        "theme_fr": row.theme.label_fr,
        "reports": row.reports,
    }


def _csv(dataset: Dataset) -> bytes:
    """RFC 4180, UTF-8. A text that a spreadsheet would take for a formula gets an apostrophe."""
    out = io.StringIO()
    writer = csv.DictWriter(out, [column.name for column in COLUMNS], lineterminator="\r\n")
    writer.writeheader()
    for row in dataset.rows:
        values = _values(row)
        writer.writerow({
            name: f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
            for name, value in values.items()
        })  # fmt: skip
    return out.getvalue().encode()


def _about(dataset: Dataset) -> dict[str, Any]:
    return {
        "until": dataset.until.isoformat(),
        "least_number_shown": dataset.small,
        "rounded_to_multiples_of": dataset.small,
        "synthetic": dataset.is_synthetic,
        "licence": LICENCE,
    }


def _json(dataset: Dataset) -> bytes:
    """What the numbers are, and the rows as objects."""
    return _dumped(_about(dataset) | {"rows": [_values(row) for row in dataset.rows]})


def _geojson(dataset: Dataset) -> bytes:
    """A feature a neighbourhood (RFC 7946): its published numbers added up, by theme, and its rows."""
    by_place: dict[int, list[Row]] = {place.id: [] for place in dataset.neighbourhoods}
    for row in dataset.rows:
        if row.neighbourhood is not None:
            by_place[row.neighbourhood.id].append(row)
    features = []
    for place in dataset.neighbourhoods:
        rows = by_place[place.id]
        themes = {
            theme.code: sum(row.reports for row in rows if row.theme.code == theme.code) for theme in dataset.themes
        }
        properties = {
            "neighbourhood_code": place.code,
            "neighbourhood": place.name,
            "approximate": place.approximate,
            "reports": sum(row.reports for row in rows),
            **{f"reports_{code}": number for code, number in themes.items()},
            "rows": [{key: _values(row)[key] for key in ("month", "theme", "reports")} for row in rows],
        }
        features.append({"type": "Feature", "geometry": json.loads(place.geojson), "properties": properties})
    return _dumped({"type": "FeatureCollection", "name": "signalements", **_about(dataset), "features": features})


def _dumped(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


@dataclass(frozen=True)
class Format:
    """One file. eu: the European Union's name of the file type."""

    ending: str
    media_type: str
    title: str
    eu: str
    write: Callable[[Dataset], bytes]

    @property
    def file_type(self) -> str:
        """URI of the file type."""
        return f"{_EU_FILE_TYPE}{self.eu}"


FORMATS = {
    one.ending: one
    for one in (
        Format("csv", "text/csv", "CSV", "CSV", _csv),
        Format("geojson", "application/geo+json", "GeoJSON", "GEOJSON", _geojson),
        Format("json", "application/json", "JSON", "JSON", _json),
    )
}
