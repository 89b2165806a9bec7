"""A file that was sent → a folder of its own, what is known of it, and the values of its columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO
from uuid import UUID, uuid4

from flask_babel import gettext as _

from app.errors import FieldError, InvalidInputError
from app.imports.categories import plain
from app.imports.categories import propose as propose_category
from app.imports.files import Folder, TooLargeError
from app.imports.form import TABLES, with_choices
from app.imports.look import count_values, sample
from app.imports.propose import Sample, severities_of, states_of
from app.imports.rules import FILE_NAME_CHARACTERS, MAX_BYTES
from app.imports.sniff import Shape, sniff
from app.nomenclature.store import Nomenclature
from app.reports.importing.formats import Format, detect, to_csv
from app.reports.importing.mapping import REFUSE, ImportMapping, MappingError
from app.web.language import locale_code


@dataclass(frozen=True)
class Upload:
    """What was sent: the file, and how it is to be read, if that was said."""

    file_name: str
    stream: BinaryIO
    layer: str | None = None
    # A kept mapping's id, or the content of a mapping file.
    kept: int | None = None
    toml: bytes | None = None


@dataclass(frozen=True)
class Received:
    """A file that is on the disk and can be read; nothing of it is in the database yet."""

    id: UUID
    file_name: str
    size_bytes: int
    sha256: bytes
    format: Format
    bytes_total: int
    facts: Mapping[str, Any]
    sample: Sample
    shape: Shape


def receive(var_dir: Path, upload: Upload) -> Received:
    """Keep an upload and find out what it is. Without a transaction: reading a large file takes a while.

    Raises:
        InvalidInputError: the file cannot be read, and what to do; nothing is kept of it.

    """
    batch_id = uuid4()
    folder = Folder(var_dir, batch_id)
    try:
        size, sha256 = folder.keep(upload.stream, MAX_BYTES)
        return _looked_at(batch_id, folder, upload, size, sha256)
    except TooLargeError:
        raise InvalidInputError([FieldError("file", too_large(), "too_large")]) from None
    except MappingError as error:
        folder.remove()
        raise InvalidInputError([FieldError("file", str(error), "unreadable")]) from None
    except BaseException:
        folder.remove()
        raise


def too_large() -> str:
    """What is said of a file above the bound."""
    said: str = _("The file is too large: 50 MB at most. Send it in parts.")
    return said


def _looked_at(batch_id: UUID, folder: Folder, upload: Upload, size: int, sha256: bytes) -> Received:
    kind = detect(folder.upload)
    facts: dict[str, Any] = {"locale": locale_code()}
    if kind == "csv":
        path, shape = folder.upload, sniff(folder.upload)
    else:
        found = to_csv(folder.upload, kind, folder.rows, upload.layer)
        facts |= {"crs": found.crs, "layer": found.layer, "not_points": list(found.not_points)}
        path, shape = folder.rows, Shape("utf-8")
    looked = sample(path, shape)
    name = " ".join(upload.file_name.replace("\\", "/").rpartition("/")[2].split())
    name = "".join(one for one in name if one.isprintable())[-FILE_NAME_CHARACTERS:] or "?"
    return Received(batch_id, name, size, sha256, kind, path.stat().st_size, facts, looked, shape)


def as_values(mapping: ImportMapping) -> dict[str, Any]:
    """A mapping as JSON keeps it."""
    return mapping.model_dump(mode="json", exclude_defaults=True, exclude_none=True) | {"name": mapping.name}


def name_of(file_name: str) -> str:
    stem = file_name.rpartition(".")[0] or file_name
    letters = "".join(one if one.isascii() and one.isalnum() else "-" for one in plain(stem))
    return "-".join(part for part in letters.split("-") if part)[:40].strip("-") or "file"


def counted_values(
    path: Path, mapping: dict[str, Any], facts: dict[str, Any], nomenclature: Nomenclature
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The values of the columns whose values need a meaning; for new columns, a meaning is proposed."""
    shape = Shape(mapping.get("encoding", "utf-8"), mapping.get("delimiter", ","), mapping.get("quote", '"'))
    key = [shape.encoding, shape.delimiter]
    counted: dict[str, Any] = facts.get("values", {})
    for part in TABLES:
        columns = list((mapping.get(part) or {}).get("columns") or ()) or [
            one for one in [(mapping.get(part) or {}).get("column")] if one
        ]
        if not columns:
            counted.pop(part, None)
        elif counted.get(part, {}).get("of") != [*key, *columns]:
            values, is_cut = _values(path, shape, columns)
            counted[part] = {"of": [*key, *columns], "values": values, "is_cut": is_cut}
            _propose_values(mapping, part, values, nomenclature)
    return mapping, facts | {"values": counted}


def _values(path: Path, shape: Shape, columns: Sequence[str]) -> tuple[list[list[Any]], bool]:
    try:
        values, is_cut = count_values(path, shape, columns)
    except (MappingError, ValueError):
        return [], False
    return [[list(value.cells), value.rows] for value in values], is_cut


def _propose_values(mapping: dict[str, Any], part: str, values: list[list[Any]], nomenclature: Nomenclature) -> None:
    rule = dict(mapping[part])
    if rule.get("values"):
        return
    if part == "category":
        proposed = [(tuple(cells), propose_category(tuple(cells), nomenclature) or REFUSE) for cells, _rows in values]
        mapping[part] = with_choices(rule, proposed)
    elif part == "severity":
        mapping[part] = rule | {"values": severities_of([cells[0] for cells, _rows in values])}
    else:
        mapping[part] = rule | {"values": states_of([cells[0] for cells, _rows in values])}
