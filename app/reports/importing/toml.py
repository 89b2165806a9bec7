"""A mapping → the TOML file that the command line reads: the way back of mapping.read_mapping."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from app.reports.importing.mapping import ImportMapping

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def dump_mapping(mapping: ImportMapping) -> str:
    """The text of a mapping file, without what has its default."""
    values = mapping.model_dump(mode="json", exclude_defaults=True, exclude_none=True)
    if mapping.coordinates.crs and "crs" in values["coordinates"]:
        values["coordinates"]["crs"] = f"EPSG:{mapping.coordinates.crs}"
    return "\n".join(_table(values, ())) + "\n"


def _table(values: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    """Simple keys first: in TOML what follows a table's head belongs to it."""
    if path:
        yield ""
        yield f"[{'.'.join(_key(part) for part in path)}]"
    for key, value in values.items():
        if not isinstance(value, Mapping):
            yield f"{_key(key)} = {_value(value)}"
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _table(value, (*path, key))


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _value(name)


def _value(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_value(one) for one in value)}]"
    # JSON's strings are TOML's but for one control character.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
