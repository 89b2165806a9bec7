"""Untrusted input about duplicates → frozen commands, or one message per field in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any
from uuid import UUID

from flask_babel import gettext as _
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from app.errors import BadRequestError, FieldError, InvalidInputError
from app.nomenclature.store import Nomenclature
from app.reports.commands import blank_is_none
from app.reports.duplicates_store import Spot
from app.web.described import IdText, PositiveText, Version

MERGE_FIELDS = ("into", "version")
SIMILAR_KEYS = ("lon", "lat", "category", "except")


class MergeCommand(BaseModel):
    """Merge a report, as somebody saw it, into another one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    into: Annotated[UUID, BeforeValidator(blank_is_none, json_schema_input_type=IdText)]
    version: Annotated[
        int, Field(ge=1, lt=2**31), BeforeValidator(blank_is_none, json_schema_input_type=Version | PositiveText)
    ]


class UnmergeCommand(BaseModel):
    """Take a report, as somebody saw it, out of the one that it was merged into."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Annotated[
        int, Field(ge=1, lt=2**31), BeforeValidator(blank_is_none, json_schema_input_type=Version | PositiveText)
    ]


def parse_merge(raw: Mapping[str, Any]) -> MergeCommand:
    """Read `into` and `version`. Raises InvalidInputError."""
    try:
        return MergeCommand.model_validate(dict(raw))
    except ValidationError as error:
        raise _refused(error) from None


def parse_unmerge(raw: Mapping[str, Any]) -> UnmergeCommand:
    """Read `version`. Raises InvalidInputError."""
    try:
        return UnmergeCommand.model_validate(dict(raw))
    except ValidationError as error:
        raise _refused(error) from None


def _refused(error: ValidationError) -> InvalidInputError:
    by_field = {
        "into": _("Say which report is kept: give its id."),
        "version": _("Say which version of the report you saw (the ETag of GET, or its version)."),
    }
    errors = []
    for one in error.errors(include_input=False):
        name = str(one["loc"][0])
        known = by_field.get(name)
        code = "missing" if one["type"] == "missing" else "invalid"
        errors.append(FieldError(name[:64], known or _("There is no such field."), code if known else "unknown_field"))
    return InvalidInputError(errors)


def parse_spot(args: Mapping[str, str], nomenclature: Nomenclature) -> Spot:
    """Read `lon`, `lat` (EPSG:4326 degrees) and `category` of a query.

    Raises:
        BadRequestError: names the parameter.

    """
    for name in args:
        if name not in SIMILAR_KEYS:
            raise BadRequestError(name[:40], _("there is no such parameter"))
    category = nomenclature.category_by_code.get(args.get("category", "").strip())
    if category is None:
        raise BadRequestError("category", _("give the code of a category"))
    lon = _degrees(args, "lon", 180.0)
    lat = _degrees(args, "lat", 90.0)
    return Spot(category.theme, category.code, lon, lat, category.duplicate_distance_m)


def _degrees(args: Mapping[str, str], name: str, most: float) -> float:
    try:
        value = float(args.get(name, "").strip().replace(",", "."))
    except ValueError:
        value = float("nan")
    if not -most <= value <= most:
        raise BadRequestError(name, _("give a number of degrees between -%(most)d and %(most)d", most=int(most)))
    return value


def parse_ids(values: str, name: str) -> tuple[UUID, ...]:
    """Comma-separated UUIDs; empty is none. Raises BadRequestError."""
    try:
        return tuple(UUID(part.strip()) for part in values.split(",") if part.strip())
    except ValueError:
        raise BadRequestError(name, _("give ids of reports, separated by commas")) from None
