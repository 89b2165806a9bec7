"""One batch of CSV rows → accepted reports and refusals, through the checks of a single report."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Protocol
from uuid import NAMESPACE_URL, UUID, uuid5

import numpy as np
from flask_babel import gettext as _
from numpy.typing import NDArray

from app.errors import FieldError, InvalidInputError
from app.nomenclature.store import Nomenclature
from app.places.lattice import Floats, transformer
from app.reports.commands import Checks, ReportCommand, Territory, check_position, parse_report
from app.reports.importing.bulk import BulkRow
from app.reports.importing.coordinates import Pair, UnreadableError, parse_text
from app.reports.importing.mapping import GEOMETRY_COLUMNS, REFUSE, CategoryRule, ImportMapping
from app.reports.importing.reader import Row
from app.reports.importing.states import imported_history
from app.reports.importing.times import UnreadableTimeError, time_parser
from app.reports.rules import DESCRIPTION_CHARACTERS

REF_CHARACTERS = 200
# What stands in thousands and between units in French exports: spaces of all widths.
_SPACES = re.compile(r"\s")
_WGS84 = 4326


@dataclass(frozen=True, slots=True)
class Refusal:
    """One message about one field of one row. ref is the row's id in its own system, as far as it is known."""

    line: int
    ref: str
    field: str
    message: str
    code: str
    raw: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """A row that may be stored, and where it came from."""

    line: int
    raw: str
    row: BulkRow


class ManyPointsTerritory(Territory, Protocol):
    """The territory, that can also be asked about many points at once (app.places gives it)."""

    def covers_all(self, lon: Floats, lat: Floats) -> NDArray[np.bool_]: ...


class _Anywhere:
    """Stands in for the territory while single rows are checked: positions are checked a batch at a time."""

    def covers(self, lon: float, lat: float) -> bool:  # noqa: ARG002
        return True

    def distance_m(self, lon: float, lat: float) -> float:  # noqa: ARG002
        return 0.0


@dataclass(slots=True)
class _Draft:
    line: int
    raw: str
    ref: str
    values: dict[str, Any]
    state: str
    errors: list[FieldError]


class Converter:
    """Applies one mapping to the rows of one file."""

    def __init__(
        self,
        mapping: ImportMapping,
        header: Sequence[str],
        *,
        nomenclature: Nomenclature,
        territory: ManyPointsTerritory,
        now: datetime,
    ) -> None:
        self._mapping, self._territory, self._now = mapping, territory, now
        self._single = Checks(nomenclature, _Anywhere(), now)
        self._at = {name: header.index(name) for name in mapping.columns()}
        self._time = time_parser(mapping.observed_at)
        self._category = category_lookup(mapping.category)
        severity, state = mapping.severity, mapping.state
        self._severities = {value_key(name): value for name, value in severity.values.items()} if severity else {}
        self._states = {value_key(name): value for name, value in state.values.items()} if state else {}

    def convert(self, rows: Sequence[Row]) -> tuple[list[Accepted], list[Refusal]]:
        """Check a batch; every row comes out once as accepted or with one refusal a wrong field."""
        drafts = [self._draft(row) for row in rows]
        if self._mapping.coordinates.crs != _WGS84:
            self._to_degrees(drafts)
        commands = [self._command(draft) for draft in drafts]
        self._check_positions(drafts, commands)
        accepted, refused = [], []
        for draft, command in zip(drafts, commands, strict=True):
            if command is None or draft.errors:
                refused += [
                    Refusal(draft.line, draft.ref, error.field, error.message, error.code, draft.raw)
                    for error in draft.errors
                ]
            else:
                accepted.append(Accepted(draft.line, draft.raw, self._bulk_row(draft, command)))
        return accepted, refused

    def _cell(self, row: Row, name: str) -> str:
        return row.cells[self._at[name]].strip()

    def _draft(self, row: Row) -> _Draft:
        """Read every field; what cannot be read is an error of the draft, and the others are read all the same."""
        mapping = self._mapping
        ref = row_digest(row) if mapping.id.digest else "/".join(self._cell(row, name) for name in mapping.id.names)
        draft = _Draft(row.line, row.raw, ref[: REF_CHARACTERS + 1], {"id": report_id(mapping, ref)}, "new", [])
        if not ref.strip("/"):
            draft.errors.append(FieldError("id", _("This field is required."), "missing"))
        elif len(ref) > REF_CHARACTERS:
            draft.errors.append(FieldError("id", _("The id is longer than 200 characters."), "too_long"))
        self._read_position(row, draft)
        self._read_time(row, draft)
        self._read_category(row, draft)
        self._read_severity(row, draft)
        self._read_state(row, draft)
        draft.values["description"] = self._description(row)
        return draft

    def _read_position(self, row: Row, draft: _Draft) -> None:
        rule = self._mapping.coordinates
        try:
            pair: Pair
            if rule.geometry:
                pair = self._point(row)
            elif rule.text is not None:
                pair = parse_text(self._cell(row, rule.text), rule)
            else:
                pair = self._cell(row, rule.names[0]), self._cell(row, rule.names[1])
        except UnreadableError as error:
            draft.errors.append(FieldError("lon", str(error), "coordinates"))
            return
        draft.values["lon"], draft.values["lat"] = pair

    def _point(self, row: Row) -> Pair:
        lon, lat = (self._cell(row, name) for name in GEOMETRY_COLUMNS)
        if lat:
            return lon, lat
        if not lon:
            raise UnreadableError(_("This row has no position."))
        # formats.py leaves the kind of what is no point.
        raise UnreadableError(_("A report is a point, and this is a %(shape)s. Save its centre instead.", shape=lon))

    def _read_time(self, row: Row, draft: _Draft) -> None:
        text = self._cell(row, self._mapping.observed_at.column)
        if not text:
            draft.errors.append(FieldError("observed_at", _("This field is required."), "missing"))
            return
        try:
            draft.values["observed_at"] = self._time(text)
        except UnreadableTimeError as error:
            draft.errors.append(FieldError("observed_at", str(error), "time"))

    def _read_category(self, row: Row, draft: _Draft) -> None:
        rule = self._mapping.category
        cells = tuple(self._cell(row, name) for name in rule.columns)
        code = rule.constant or self._category(cells)
        shown = " / ".join(cell for cell in cells if cell)[:120]
        if code is None:
            draft.errors.append(FieldError("category", _("“%(v)s” has no category here.", v=shown), "no_category"))
        elif code == REFUSE:
            draft.errors.append(FieldError("category", _("The mapping leaves “%(v)s” out.", v=shown), "left_out"))
        else:
            draft.values["category"] = code

    def _read_severity(self, row: Row, draft: _Draft) -> None:
        rule = self._mapping.severity
        if rule is None:
            return
        if rule.column is None:
            draft.values["severity"] = rule.constant
            return
        text = self._cell(row, rule.column)
        if rule.values:
            draft.values["severity"] = self._severities.get(value_key(text), rule.default)
        else:
            draft.values["severity"] = text or rule.default

    def _read_state(self, row: Row, draft: _Draft) -> None:
        rule = self._mapping.state
        if rule is None:
            return
        if rule.column is None:
            draft.state = rule.constant or "new"
            return
        text = self._cell(row, rule.column)
        draft.state = self._states.get(value_key(text), rule.default)
        if draft.state == REFUSE:
            draft.errors.append(FieldError("state", _("“%(v)s” has no state here.", v=text[:80]), "no_state"))

    def _description(self, row: Row) -> str | None:
        rule = self._mapping.description
        if rule is None:
            return None
        if rule.constant is not None:
            return rule.constant
        text = rule.separator.join(cell for name in rule.columns if (cell := self._cell(row, name)))
        if rule.too_long == "cut" and len(text) > DESCRIPTION_CHARACTERS:
            return text[: DESCRIPTION_CHARACTERS - 1] + "…"
        return text

    def _to_degrees(self, drafts: Sequence[_Draft]) -> None:
        """The projected pairs of the batch → degrees, in one call; a pair that is no number stays for its message."""
        with_pair = [draft for draft in drafts if "lon" in draft.values]
        pairs = [(_float(draft.values["lon"]), _float(draft.values["lat"])) for draft in with_pair]
        xy = np.array(pairs, dtype=float).reshape(-1, 2)
        lon, lat = transformer(self._mapping.coordinates.crs, 4326).transform(xy[:, 0], xy[:, 1])
        for draft, one_lon, one_lat, (x, y) in zip(with_pair, lon, lat, xy, strict=True):
            if np.isfinite([x, y, one_lon, one_lat]).all():
                draft.values["lon"], draft.values["lat"] = float(one_lon), float(one_lat)
            else:
                crs = f"EPSG:{self._mapping.coordinates.crs}"
                shown = f"{draft.values.pop('lon')}, {draft.values.pop('lat')}"[:80]
                message = _("%(pair)s is no position in %(crs)s.", pair=shown, crs=crs)
                draft.errors.append(FieldError("lon", message, "coordinates"))

    def _command(self, draft: _Draft) -> ReportCommand | None:
        try:
            return parse_report(draft.values, self._single)
        except InvalidInputError as error:
            # A field that could not be read already has its message; "is required" would be a second, wrong one.
            said = {known.field for known in draft.errors} | ({"lat"} if "lat" not in draft.values else set())
            draft.errors += [new for new in error.errors if new.field not in said]
            return None

    def _check_positions(self, drafts: Sequence[_Draft], commands: Sequence[ReportCommand | None]) -> None:
        """Inside the territory? All points at once; only those outside get the slow look that writes the message."""
        places = [
            (draft, command.lon, command.lat)
            for draft, command in zip(drafts, commands, strict=True)
            if command is not None
        ]
        lon = np.array([place[1] for place in places], dtype=float)
        lat = np.array([place[2] for place in places], dtype=float)
        for index in np.flatnonzero(~self._territory.covers_all(lon, lat)).tolist():
            draft, one_lon, one_lat = places[index]
            # One line a row is enough for two fields with the same sentence.
            draft.errors += check_position(one_lon, one_lat, self._territory)[:1]

    def _bulk_row(self, draft: _Draft, command: ReportCommand) -> BulkRow:
        history = imported_history(draft.state, self._now, self._mapping.source)
        return BulkRow(command, source_ref=draft.ref, state=draft.state, history=history)


def row_digest(row: Row) -> str:
    """What a row without an id is known by: the first 128 bits of SHA-256 over its cells."""
    cells = "\x1f".join(cell.strip() for cell in row.cells)
    return hashlib.sha256(cells.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def report_id(mapping: ImportMapping, ref: str) -> UUID:
    """The same row of the same system always becomes the same report."""
    return uuid5(NAMESPACE_URL, f"quietude:{mapping.source}:{ref}")


def category_lookup(rule: CategoryRule) -> Callable[[tuple[str, ...]], str | None]:
    """A function (cells of the rule's columns) → category code, "refuse" when the table says so, None without a match.

    A key matches a cell whatever its case, spacing and accents' encoding. A key with '*' is a pattern; exact keys come
    before patterns, patterns in the order of the file. A branch that leads nowhere gives way to the next.
    """
    tree = _compile(rule.values)

    @lru_cache(maxsize=65_536)
    def look_up(cells: tuple[str, ...]) -> str | None:
        found = _walk(tree, tuple(value_key(cell) for cell in cells))
        return found or (None if rule.default == REFUSE else rule.default)

    return look_up


_Tree = tuple[dict[str, Any], list[tuple[re.Pattern[str], Any]]]


def _compile(values: Mapping[str, Any]) -> _Tree:
    exact: dict[str, Any] = {}
    patterns: list[tuple[re.Pattern[str], Any]] = []
    for name, value in values.items():
        node = _compile(value) if isinstance(value, Mapping) else value
        if "*" in name:
            parts = [re.escape(part) for part in value_key(name).split("*")]
            patterns.append((re.compile(".*".join(parts), re.DOTALL), node))
        else:
            exact[value_key(name)] = node
    return exact, patterns


def _walk(node: _Tree | str, cells: tuple[str, ...]) -> str | None:
    if isinstance(node, str):
        return node
    if not cells:
        return None
    exact, patterns = node
    candidates = [exact[cells[0]]] if cells[0] in exact else []
    candidates += [found for pattern, found in patterns if pattern.fullmatch(cells[0])]
    for candidate in candidates:
        code = _walk(candidate, cells[1:])
        if code is not None:
            return code
    return None


def value_key(text: str) -> str:
    """A text as keys are compared: composed accents, one space, no case, one kind of apostrophe."""
    return " ".join(unicodedata.normalize("NFC", text).replace("’", "'").split()).casefold()


def _float(value: object) -> float:
    """A number, or NaN for whatever is none."""
    if isinstance(value, bool):
        return float("nan")
    if isinstance(value, str):
        value = _SPACES.sub("", value).replace(",", ".")
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return float("nan")
