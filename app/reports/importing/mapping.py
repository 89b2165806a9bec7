"""The mapping file: how the columns of somebody else's CSV become a report. Unknown keys are errors, never ignored."""

from __future__ import annotations

import codecs
import tomllib
from collections.abc import Iterator, Sequence
from datetime import time
from pathlib import Path
from typing import Annotated, Any, Literal, get_args
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pyproj import CRS
from pyproj.exceptions import CRSError

from app.errors import QuietudeError
from app.nomenclature.store import Nomenclature
from app.reports.rules import STATES

REFUSE = "refuse"
# What app/reports/importing/formats.py calls the point of a GeoJSON or GeoPackage feature, in degrees of EPSG:4326.
GEOMETRY_COLUMNS = ("geometry:lon", "geometry:lat")
TextFormat = Literal["python-dict", "json", "lat,lon", "lon,lat", "wkt"]
Values = dict[str, "str | Values"]
CodeMap = Annotated[dict[str, Any], Field(default_factory=dict)]


class MappingError(QuietudeError):
    """The mapping is wrong or does not fit the file; one line for the terminal."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class IdRule(_Part):
    """What identifies a row in its own system; several columns are joined with '/'.

    `digest` is for files without any: the row is known by all of its cells, and a corrected row is another one.
    """

    column: str | None = None
    columns: tuple[str, ...] = ()
    digest: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        return self.columns or ((self.column,) if self.column else ())

    @model_validator(mode="after")
    def _one_of_both(self) -> IdRule:
        if (self.column is not None) + bool(self.columns) + self.digest != 1:
            raise ValueError("give either column or columns, or digest = true")
        return self


class CoordinatesRule(_Part):
    """Two degree columns (lon, lat), two projected ones (x, y, crs), one text (text, format), or the geometry."""

    lon: str | None = None
    lat: str | None = None
    x: str | None = None
    y: str | None = None
    text: str | None = None
    format: TextFormat | None = None
    # Where the numbers lie inside a dict: a dotted path, for example geometry.coordinates.0
    lon_key: str = "lon"
    lat_key: str = "lat"
    crs: int = 4326
    # GeoJSON and GeoPackage: the points themselves, in whatever system the file says.
    geometry: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        if self.geometry:
            return GEOMETRY_COLUMNS
        return tuple(name for name in (self.lon, self.lat, self.x, self.y, self.text) if name)

    @field_validator("crs", mode="before")
    @classmethod
    def _known(cls, value: object) -> int:
        name = str(value).strip().upper().removeprefix("EPSG:")
        try:
            found = CRS.from_epsg(int(name))
        except (CRSError, ValueError, OverflowError):
            found = None
        # Heights and geocentric systems have codes too.
        if found is None or not (found.is_projected or found.is_geographic):
            raise ValueError(f"{name[:40]!r} is not a known EPSG code; write for example EPSG:2154")
        return int(name)

    @model_validator(mode="after")
    def _one_way(self) -> CoordinatesRule:
        ways = {("lon", "lat"), ("x", "y"), ("text", "format")}
        given = [name for way in sorted(ways) for name in way if getattr(self, name) is not None]
        if self.geometry and not given and "crs" not in self.model_fields_set:
            return self
        if self.geometry or tuple(given) not in ways:
            raise ValueError("give lon and lat, or x and y and crs, or text and format, or geometry = true alone")
        if "x" in given and "crs" not in self.model_fields_set:
            raise ValueError("x and y need crs, for example EPSG:2154")
        if "lon" in given and "crs" in self.model_fields_set:
            raise ValueError("lon and lat are degrees of EPSG:4326; for another crs name the columns x and y")
        return self


class TimeRule(_Part):
    """Formats of strptime, or iso, epoch, epoch-ms; a time without offset is meant in `timezone`."""

    column: str
    formats: tuple[str, ...] = ("iso",)
    timezone: str = "Europe/Paris"
    # The hour of a row that has a date only.
    time_when_missing: time = time(0, 0)
    # When the clocks go back an hour happens twice.
    ambiguous: Literal["earlier", "later", "refuse"] = "earlier"

    @field_validator("timezone")
    @classmethod
    def _zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError):
            raise ValueError(f"{value[:40]!r} is not a time zone; write for example Europe/Paris") from None
        return value

    @field_validator("formats")
    @classmethod
    def _readable(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            if name not in {"iso", "epoch", "epoch-ms"} and "%" not in name:
                raise ValueError(f"{name[:40]!r} is not a format; write iso, epoch, epoch-ms or for example %d/%m/%Y")
        if not value:
            raise ValueError("give at least one format")
        return value


class CategoryRule(_Part):
    """Values of the columns → category code, one level of tables a column; '*' in a key stands for any text."""

    columns: tuple[str, ...] = ()
    values: CodeMap
    default: str = REFUSE
    constant: str | None = None

    @model_validator(mode="after")
    def _fits(self) -> CategoryRule:
        if (self.constant is None) == (not self.columns):
            raise ValueError("give either columns with values, or constant")
        for path, code in leaves(self.values):
            if not isinstance(code, str):
                raise ValueError(f"values.{'.'.join(path)} must be a category code or a table")  # noqa: TRY004
            if len(path) > len(self.columns):
                raise ValueError(f"values.{'.'.join(path)} is deeper than there are columns")
        return self


class _Lookup(_Part):
    """One column and a table of its values, or a constant."""

    column: str | None = None
    constant: Any = None

    @model_validator(mode="after")
    def _one_of_both(self) -> _Lookup:
        if (self.column is None) == (self.constant is None):
            raise ValueError("give either column or constant")
        return self


class SeverityRule(_Lookup):
    """Without `values` the column holds 1 to 4 itself; without a hit: `default`, else the category's own severity."""

    constant: Annotated[int | None, Field(ge=1, le=4)] = None
    values: dict[str, Annotated[int, Field(ge=1, le=4)]] = Field(default_factory=dict)
    default: Annotated[int | None, Field(ge=1, le=4)] = None


class DescriptionRule(_Part):
    """A text made of one or more columns (blank ones left out), or a constant."""

    columns: tuple[str, ...] = ()
    constant: str | None = None
    separator: str = " · "
    # Longer texts than a report may hold: refuse the row, or cut the text.
    too_long: Literal["refuse", "cut"] = "refuse"

    @model_validator(mode="after")
    def _one_of_both(self) -> DescriptionRule:
        if (self.constant is None) == (not self.columns):
            raise ValueError("give either columns or constant")
        return self


class StateRule(_Lookup):
    """Where the row's case stands; a value that is not in the table takes `default`, or refuses the row."""

    constant: str | None = None
    values: dict[str, str] = Field(default_factory=dict)
    default: str = "new"

    @model_validator(mode="after")
    def _known(self) -> StateRule:
        for state in [*self.values.values(), *([self.constant] if self.constant else [])]:
            if state not in STATES:
                raise ValueError(f"{state[:40]!r} is not a state ({', '.join(STATES)})")
        if self.default not in {*STATES, REFUSE}:
            raise ValueError(f"default must be a state or {REFUSE}")
        return self


class ImportMapping(_Part):
    """One mapping file."""

    # The page writes ORGANISATION.NAME, so that two organisations may use one word; the command line may use both.
    name: Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+(-[a-z0-9]+)*)?$", max_length=100)]
    title: str | None = None
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","
    quote: Annotated[str, Field(min_length=1, max_length=1)] = '"'
    encoding: str = "utf-8"
    # The organisation (slug) that made the reports, if it has an account here.
    organisation: str | None = None
    # Of a GeoPackage with several.
    layer: str | None = None
    id: IdRule
    coordinates: CoordinatesRule
    observed_at: TimeRule
    category: CategoryRule
    severity: SeverityRule | None = None
    description: DescriptionRule | None = None
    state: StateRule | None = None

    @property
    def source(self) -> str:
        """What `report.source` says."""
        return f"import:{self.name}"

    @field_validator("encoding")
    @classmethod
    def _codec(cls, value: str) -> str:
        return known_encoding(value)

    @model_validator(mode="after")
    def _characters_differ(self) -> ImportMapping:
        if self.delimiter == self.quote or {self.delimiter, self.quote} & {"\n", "\r", " ", "\0"}:
            raise ValueError("delimiter and quote must be two different characters, neither a space nor a line end")
        return self

    def columns(self) -> tuple[str, ...]:
        """Every column that the file must have."""
        names = [*self.id.names, *self.coordinates.names, self.observed_at.column, *self.category.columns]
        names += [rule.column for rule in (self.severity, self.state) if rule is not None and rule.column]
        names += self.description.columns if self.description else ()
        return tuple(dict.fromkeys(names))


def known_encoding(value: str) -> str:
    """The normal name of a text encoding.

    Raises:
        ValueError: Python knows none of that name.

    """
    try:
        info = codecs.lookup(value)
    except (LookupError, ValueError):
        info = None
    # rot13 and zlib are codecs too, but not of text.
    if info is None or not getattr(info, "_is_text_encoding", True):
        raise ValueError(f"{value[:40]!r} is not a text encoding; write for example utf-8, latin-1 or cp1252")
    return info.name


def leaves(values: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], object]]:
    """Every end of the nested category table with the keys that lead to it."""
    for key, value in values.items():
        if isinstance(value, dict):
            yield from leaves(value, (*path, key))
        else:
            yield (*path, key), value


def load_mapping(path: Path, *, nomenclature: Nomenclature) -> ImportMapping:
    """Read a mapping file and check it against the nomenclature.

    Raises:
        MappingError: one line that names the key and what is wrong with it.

    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise MappingError(f"{path}: cannot be read ({error.strerror})") from None
    return read_mapping(raw, str(path), nomenclature=nomenclature)


def read_mapping(raw: bytes, where: str, *, nomenclature: Nomenclature) -> ImportMapping:
    """The content of a mapping file, checked against the nomenclature.

    Raises:
        MappingError: one line that names the key and what is wrong with it.

    """
    try:
        data = tomllib.loads(raw.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise MappingError(f"{where}: a mapping file is UTF-8 text") from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise MappingError(f"{where}: not valid TOML: {error}") from None
    mapping = parse_mapping(data, where)
    check_codes(mapping.category, nomenclature, where)
    return mapping


def parse_mapping(data: dict[str, Any], where: str = "mapping") -> ImportMapping:
    """Check the content of a mapping file (without the nomenclature).

    Raises:
        MappingError: one line.

    """
    try:
        return ImportMapping.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
    loc = tuple(str(part) for part in first["loc"])
    key = ".".join(loc)
    if first["type"] == "extra_forbidden":
        raise MappingError(f"{where}: {key}: there is no such key; there are {', '.join(_keys_beside(loc))}")
    if first["type"] == "missing":
        raise MappingError(f"{where}: {key} is missing")
    message = first["msg"].removeprefix("Value error, ")
    raise MappingError(f"{where}: {key}: {message}" if key else f"{where}: {message}")


def _keys_beside(loc: Sequence[str]) -> list[str]:
    """The keys that would be right at that place."""
    model: type[BaseModel] = ImportMapping
    for part in loc[:-1]:
        annotation = model.model_fields[part].annotation
        found = [kind for kind in (annotation, *get_args(annotation)) if isinstance(kind, type)]
        parts = [kind for kind in found if issubclass(kind, BaseModel)]
        if not parts:
            break
        model = parts[0]
    return list(model.model_fields)


def check_codes(rule: CategoryRule, nomenclature: Nomenclature, where: str) -> None:
    """Whether the table leads to active categories only.

    Raises:
        MappingError: one line that names the key.

    """
    known = {category.code for category in nomenclature.categories if category.active} | {REFUSE}
    wanted = [(("values", *path), code) for path, code in leaves(rule.values)]
    wanted += [((key,), code) for key, code in (("default", rule.default), ("constant", rule.constant)) if code]
    for path, code in wanted:
        if code not in known:
            raise MappingError(f"{where}: category.{'.'.join(path)}: {code!r} is not an active category code")
