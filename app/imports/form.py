"""The page's form ↔ a mapping. What the form cannot say (a mapping file can say more) is kept as it was."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _

from app.errors import FieldError, InvalidInputError
from app.imports.propose import PROJECTIONS, TEXT_FORMATS, TIME_FORMATS, Sample, time_format_of, time_rule
from app.nomenclature.store import Nomenclature
from app.reports.importing.convert import category_lookup, value_key
from app.reports.importing.coordinates import UnreadableError, parse_text
from app.reports.importing.mapping import REFUSE, CategoryRule, CoordinatesRule
from app.reports.rules import SEVERITIES, STATES

# "As the mapping file says": a rule that the form's fields cannot express.
KEEP = "=keep"
WAYS = ("geometry", "degrees", "metres", "text")
ENCODINGS = ("utf-8", "cp1252", "iso8859-1", "iso8859-15", "utf-16", "mac-roman")
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
NAME_CHARACTERS = 40
# The tables of values in the form: its prefix, and the part of the mapping.
TABLES = {"category": "c", "severity": "s", "state": "t"}
_GEOJSON_KEYS = {"lon_key": "coordinates.0", "lat_key": "coordinates.1"}


@dataclass(frozen=True)
class MappingForm:
    """What the fields of the form show."""

    name: str = ""
    encoding: str = "utf-8"
    delimiter: str = ","
    id: str = ""
    where: str = "degrees"
    lon: str = ""
    lat: str = ""
    x: str = ""
    y: str = ""
    crs: str = ""
    text: str = ""
    text_format: str = ""
    when: str = ""
    when_format: str = ""
    category_1: str = ""
    category_2: str = ""
    severity: str = ""
    state: str = ""
    description_1: str = ""
    description_2: str = ""


def form_of(mapping: Mapping[str, Any]) -> MappingForm:
    """How a mapping, complete or not, looks in the form."""
    where = mapping.get("coordinates") or {}
    moment = mapping.get("observed_at") or {}
    category = mapping.get("category") or {}
    category_columns = list(category.get("columns") or ())
    is_plain = not category.get("constant") and len(category_columns) <= 2  # noqa: PLR2004
    return MappingForm(
        name=str(mapping.get("name", "")).partition(".")[2] or str(mapping.get("name", "")),
        encoding=str(mapping.get("encoding", "utf-8")),
        delimiter=str(mapping.get("delimiter", ",")),
        id=_id_of(mapping.get("id") or {}),
        where=_way_of(where),
        **{name: str(where.get(name) or "") for name in ("lon", "lat", "x", "y", "text")},
        crs=str(where.get("crs") or "").upper().removeprefix("EPSG:"),
        text_format=str(where.get("format") or ""),
        when=str(moment.get("column") or ""),
        when_format=_joined(moment.get("formats") or ()),
        category_1=KEEP if not is_plain else _nth(category_columns, 0),
        category_2="" if not is_plain else _nth(category_columns, 1),
        severity=_lookup_column(mapping.get("severity")),
        state=_lookup_column(mapping.get("state")),
        **_description_of(mapping.get("description")),
    )


def _id_of(rule: Mapping[str, Any]) -> str:
    columns = rule.get("columns") or ()
    return KEEP if len(columns) > 1 else str(rule.get("column") or _nth(list(columns), 0))


def _way_of(where: Mapping[str, Any]) -> str:
    return (
        "geometry"
        if where.get("geometry")
        else "metres"
        if where.get("x")
        else "text"
        if where.get("text")
        else "degrees"
    )


def _joined(formats: Sequence[str]) -> str:
    return " | ".join(formats)


def _nth(values: Sequence[str], index: int) -> str:
    return values[index] if index < len(values) else ""


def _lookup_column(rule: Mapping[str, Any] | None) -> str:
    if rule is None:
        return ""
    return str(rule["column"]) if rule.get("column") else KEEP


def _description_of(rule: Mapping[str, Any] | None) -> dict[str, str]:
    columns = list((rule or {}).get("columns") or ())
    if (rule or {}).get("constant") or len(columns) > 2:  # noqa: PLR2004
        return {"description_1": KEEP, "description_2": ""}
    return {"description_1": _nth(columns, 0), "description_2": _nth(columns, 1)}


# ── back ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def parse_form(
    sent: Mapping[str, str], base: Mapping[str, Any], sample: Sample, slug: str, nomenclature: Nomenclature
) -> dict[str, Any]:
    """The mapping that the form asks for, on top of the one it showed.

    Raises:
        InvalidInputError: one message a field.

    """
    errors: list[FieldError] = []
    values = {name: " ".join(sent.get(name, "").split()) for name in MappingForm.__dataclass_fields__}
    values["delimiter"] = "\t" if sent.get("delimiter") == "\t" else values["delimiter"]
    made = dict(base)
    made["name"] = f"{slug}.{_name(values['name'], errors)}"
    made["organisation"] = slug
    if values["encoding"] in {*ENCODINGS, str(base.get("encoding"))}:
        made["encoding"] = values["encoding"]
    if values["delimiter"] in {";", ",", "\t", "|"}:
        made["delimiter"] = values["delimiter"]
    reader = _Fields(values, sample, errors)
    if values["id"] != KEEP:
        made["id"] = {"column": reader.column("id")} if values["id"] else {"digest": True}
    _put(made, "coordinates", _coordinates(values, base.get("coordinates") or {}, sample, reader))
    _put(made, "observed_at", _moment(values, base.get("observed_at") or {}, sample, reader))
    if values["category_1"] != KEEP:
        _put(made, "category", _category(values, base.get("category") or {}, reader))
    for name in ("severity", "state"):
        if values[name] != KEEP:
            _put(made, name, _lookup(name, base.get(name) or {}, reader))
    if values["description_1"] != KEEP:
        columns = [column for name in ("description_1", "description_2") if (column := reader.optional(name))]
        _put(made, "description", {"columns": list(dict.fromkeys(columns)), "too_long": "cut"} if columns else None)
    _tables(sent, made, nomenclature)
    if errors:
        raise InvalidInputError(errors)
    return made


def _put(made: dict[str, Any], name: str, value: Mapping[str, Any] | None) -> None:
    if value is None:
        made.pop(name, None)
    else:
        made[name] = dict(value)


def _name(name: str, errors: list[FieldError]) -> str:
    if len(name) > NAME_CHARACTERS or not _NAME.fullmatch(name):
        message = _("Give a name of small letters, digits and hyphens, 40 at most: for example tickets-2026.")
        errors.append(FieldError("name", message, "name"))
    return name


class _Fields:
    """Reads column names, each with its message."""

    def __init__(self, values: Mapping[str, str], sample: Sample, errors: list[FieldError]) -> None:
        self._values, self._sample, self._errors = values, sample, errors

    def optional(self, name: str) -> str:
        """A column of the file, or nothing."""
        value = self._values[name]
        if value and value not in self._sample.usable:
            self._errors.append(FieldError(name, _("The file has no column “%(name)s”.", name=value[:60]), "unknown"))
            return ""
        return value

    def column(self, name: str) -> str:
        """A column of the file."""
        if not self._values[name]:
            self._errors.append(FieldError(name, _("Choose a column."), "missing"))
        return self.optional(name)


def _coordinates(
    values: Mapping[str, str], base: Mapping[str, Any], sample: Sample, reader: _Fields
) -> Mapping[str, Any] | None:
    way = values["where"]
    if way == "geometry":
        return {"geometry": True}
    if way == "metres":
        crs = int(values["crs"]) if values["crs"] in {*map(str, PROJECTIONS), str(base.get("crs"))} else PROJECTIONS[0]
        return {"x": reader.column("x"), "y": reader.column("y"), "crs": crs}
    if way == "text":
        column, form = reader.column("text"), values["text_format"]
        form = form if form in TEXT_FORMATS else TEXT_FORMATS[0]
        if (column, form) == (base.get("text"), base.get("format")):
            return base
        return {"text": column, "format": form} | _keys(sample, column, form)
    return {"lon": reader.column("lon"), "lat": reader.column("lat")}


def _keys(sample: Sample, column: str, form: str) -> dict[str, str]:
    """Where the numbers lie in a dict: under lon and lat, or as GeoJSON has them."""
    if form not in {"python-dict", "json"} or not column:
        return {}
    rule = CoordinatesRule.model_validate({"text": column, "format": form} | _GEOJSON_KEYS)
    try:
        parse_text((sample.values(column) or [""])[0], rule)
    except UnreadableError:
        return {}
    return dict(_GEOJSON_KEYS)


def _moment(
    values: Mapping[str, str], base: Mapping[str, Any], sample: Sample, reader: _Fields
) -> Mapping[str, Any] | None:
    column, form = reader.column("when"), values["when_format"]
    if not column:
        return None
    if (column, form) == (base.get("column"), _joined(base.get("formats") or ())):
        return base
    if form not in TIME_FORMATS:
        form = time_format_of(sample.values(column)) or "iso"
    return time_rule(column, form)


def _category(values: Mapping[str, str], base: Mapping[str, Any], reader: _Fields) -> Mapping[str, Any]:
    columns = [reader.column("category_1")]
    if values["category_2"] and values["category_2"] != values["category_1"]:
        columns.append(reader.optional("category_2"))
    return base if columns == list(base.get("columns") or ()) else {"columns": columns}


def _lookup(name: str, base: Mapping[str, Any], reader: _Fields) -> Mapping[str, Any] | None:
    column = reader.optional(name)
    if not column:
        return None
    return base if column == base.get("column") else {"column": column}


# ── the tables of values ────────────────────────────────────────────────────────────────────────────────────────────


def _rows(sent: Mapping[str, str], prefix: str) -> list[tuple[tuple[str, ...], str]]:
    """(cells, choice) of one table. The cells come back as the page wrote them, as JSON."""
    found = []
    number = 0
    while (raw := sent.get(f"{prefix}k-{number}")) is not None:
        try:
            cells = json.loads(raw)
        except ValueError:
            cells = None
        if isinstance(cells, list) and all(isinstance(cell, str) for cell in cells):
            found.append((tuple(cells), sent.get(f"{prefix}-{number}", "")))
        number += 1
    return found


def _tables(sent: Mapping[str, str], made: dict[str, Any], nomenclature: Nomenclature) -> None:
    """Take over what was chosen in the tables, where they still belong to the columns that are chosen now."""
    active = {category.code for category in nomenclature.categories if category.active}
    category = made.get("category") or {}
    if sent.get("c-columns") == _columns(category):
        chosen = [(cells, code if code in active else REFUSE) for cells, code in _rows(sent, "c")]
        made["category"] = with_choices(category, chosen)
    for name, known in (("severity", {str(one) for one in SEVERITIES}), ("state", set(STATES))):
        rule = made.get(name) or {}
        if rule and sent.get(f"{TABLES[name]}-columns") == _columns({"columns": [rule.get("column")]}):
            rows = _rows(sent, TABLES[name])
            table = {cells[0]: choice for cells, choice in rows if choice in known and cells}
            before = {key: value for key, value in (rule.get("values") or {}).items() if (key,) not in dict(rows)}
            values = before | ({key: int(one) for key, one in table.items()} if name == "severity" else table)
            _put(made, name, rule | {"values": values} if values else None)


def _columns(rule: Mapping[str, Any]) -> str:
    return json.dumps(list(rule.get("columns") or ()))


def with_choices(rule: Mapping[str, Any], chosen: Sequence[tuple[tuple[str, ...], str]]) -> dict[str, Any]:
    """The rule with what was chosen for each value, where it says something else so far."""
    parsed = CategoryRule.model_validate(rule)
    look_up = category_lookup(parsed)
    values = json.loads(json.dumps(parsed.values))
    for cells, code in chosen:
        if len(cells) == len(parsed.columns) and (look_up(cells) or REFUSE) != code:
            _set_leaf(values, cells, code)
    return dict(rule) | {"values": values}


def _set_leaf(values: dict[str, Any], cells: tuple[str, ...], code: str) -> None:
    rest = cells[1:]
    # The same value in other capitals is the same key.
    first = next((key for key in values if value_key(key) == value_key(cells[0])), cells[0])
    if not rest:
        values[first] = code
        return
    node = values.get(first)
    if not isinstance(node, dict):
        # What stood for all that begins so goes on standing for the others.
        node = {} if node is None else {"*": node}
        values[first] = node
    _set_leaf(node, rest, code)
