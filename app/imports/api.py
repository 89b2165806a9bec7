"""What the machine views of imports take and give (app/web/described.py)."""

from __future__ import annotations

from typing import Annotated, Any, get_args

from flask_babel import lazy_gettext as _l
from typing_extensions import TypedDict

from app.imports.rules import IMPORTERS, State
from app.web.described import Answer, Id, Moment, described, one_of

TAG = "imports"
_FILE = {"type": "string", "contentMediaType": "application/octet-stream"}
_FORM = {
    "type": "object",
    "required": ["file"],
    "properties": {
        "file": _FILE,
        "mapping": {"type": "string", "description": "The id of a kept mapping."},
        "mapping_file": {**_FILE, "description": "A mapping as TOML."},
        "layer": {"type": "string", "description": "Of a file with several."},
        "dry_run": {"type": "string", "enum": ["true", "false"], "default": "false"},
    },
}


class ImportJson(TypedDict):
    """Where an import stands. file_name, refusals: null for whoever may not read what stands in the file."""

    id: Id
    state: Annotated[str, one_of(*get_args(State))]
    organisation: str
    file_name: str | None
    format: str
    bytes: int
    sha256: str
    uploaded_at: Moment
    ended_at: Moment | None
    undone_at: Moment | None
    percent: int
    read: int
    imported: int
    already_there: int
    refused: int
    by_reason: dict[str, int]
    checked: dict[str, Any] | None
    removed: int | None
    kept: int | None
    failure: str | None
    refusals: str | None


UPLOAD = described(
    TAG, _l("Import a batch of reports"),
    Answer(202, _l("The file is kept; its check or its import begins."), ImportJson, headers=("Location",)),
    access="write", roles=tuple(IMPORTERS), errors=(409, 413, 422), raw_bodies={"multipart/form-data": _FORM},
)  # fmt: skip
STATUS = described(
    TAG, _l("See where an import stands"), Answer(200, _l("The import."), ImportJson), roles=tuple(IMPORTERS)
)
