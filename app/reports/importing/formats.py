"""What kind of file it is, by its content; and whatever is not CSV as CSV, made by a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from flask_babel import gettext as _

from app.reports.importing import geo_child as script
from app.reports.importing.mapping import ImportMapping, MappingError

Format = Literal["csv", "geojson", "gpkg"]
FORMATS: tuple[Format, ...] = ("csv", "geojson", "gpkg")
TIMEOUT_S = 150.0
HEAD_BYTES = 4096
_COMPRESSED = (b"PK\x03\x04", b"\x1f\x8b", b"7z\xbc\xaf", b"BZh", b"\xfd7zXZ", b"Rar!", b"\x28\xb5\x2f\xfd")
_OLD_OFFICE = b"\xd0\xcf\x11\xe0"
_SQLITE = b"SQLite format 3\0"
_PICTURES = (b"%PDF", b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"RIFF")
_OFFICE_PARTS = (b"[Content_Types].xml", b"xl/", b"mimetypeapplication/vnd.oasis", b"_rels/")


class FileFormatError(MappingError):
    """The file is none that can be read; the text says what to do, for the reader."""


@dataclass(frozen=True)
class GeoFacts:
    """A GeoJSON or GeoPackage: its rows, its CRS, the layer that was read, and kinds of shapes that are no points."""

    rows: int
    crs: str
    layer: str
    not_points: tuple[str, ...]


def detect(path: Path) -> Format:
    """The format by the first bytes; the name does not count.

    Raises:
        FileFormatError: it is of a kind that cannot be read.
        MappingError: it is not there.

    """
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError as error:
        raise MappingError(f"{path}: cannot be read ({error.strerror})") from None
    if not head.strip():
        raise FileFormatError(_("The file is empty."))
    if head.startswith(_OLD_OFFICE) or (head.startswith(b"PK") and any(part in head for part in _OFFICE_PARTS)):
        raise FileFormatError(_("This is a spreadsheet (Excel or OpenDocument). Save it as CSV and send that."))
    if head.startswith(_COMPRESSED):
        raise FileFormatError(_("This is a compressed archive. Unpack it and send the file inside."))
    if head.startswith(_PICTURES):
        raise FileFormatError(_("This is a picture or a PDF, not a table. Send CSV, GeoJSON or GeoPackage."))
    if head.startswith(_SQLITE):
        return "gpkg"
    start = _text_of(head).lstrip("\ufeff \t\r\n")
    if start.startswith("{"):
        return "geojson"
    if start.startswith("["):
        raise FileFormatError(_("This is JSON but not GeoJSON: a FeatureCollection is expected."))
    if start.startswith("<"):
        raise FileFormatError(_("This is XML or HTML. Send CSV, GeoJSON or GeoPackage."))
    return "csv"


def _text_of(head: bytes) -> str:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return head.decode("utf-16", "ignore")
    return head.decode("utf-8", "ignore")


def to_csv(path: Path, kind: Format, out: Path, layer: str | None = None) -> GeoFacts:
    """Write the features of a GeoJSON or GeoPackage to `out` as CSV (UTF-8, comma, GEOMETRY_COLUMNS last).

    Raises:
        FileFormatError: it cannot be read, and why.

    """
    with tempfile.TemporaryDirectory(prefix="quietude-geo-") as folder:
        # GDAL goes by names too: here it has one of ours, whatever the file is called.
        named = Path(folder) / f"file.{kind}"
        named.symlink_to(path.resolve())
        try:
            # -I: neither environment nor current folder decides what is imported.
            done = subprocess.run(
                [sys.executable, "-I", script.__file__, str(named), kind, str(out.resolve()), layer or ""],
                capture_output=True,
                timeout=TIMEOUT_S,
                check=False,
                cwd=folder,
                env={
                    "LC_ALL": "C.UTF-8",
                    "OMP_NUM_THREADS": "1",
                    "OPENBLAS_NUM_THREADS": "1",
                    # No file makes GDAL ask a server for anything, and none names another driver.
                    "GDAL_HTTP_PROXY": "127.0.0.1:9",
                    "OGR_GEOJSON_MAX_OBJ_SIZE": "20",
                },
            )
        except subprocess.TimeoutExpired:
            raise FileFormatError(_("The file takes too long to read. Send it in parts.")) from None
    if done.returncode not in {0, script.REFUSED_STATUS}:
        raise FileFormatError(_why({"code": "broken"}, kind))
    answer = json.loads(done.stdout)
    if done.returncode:
        raise FileFormatError(_why(answer, kind))
    return GeoFacts(answer["rows"], answer["crs"], answer["layer"], tuple(answer["not_points"]))


def _why(answer: dict[str, Any], kind: Format) -> str:
    layers = ", ".join(str(name)[:60] for name in answer.get("layers", ())[:20])
    layer = str(answer.get("layer", ""))[:60]
    said: dict[str, str] = {
        "broken": _("The GeoPackage is damaged or is none.")
        if kind == "gpkg"
        else _("This is JSON but no GeoJSON that can be read: a FeatureCollection is expected."),
        "not_geopackage": _("This is an SQLite database but no GeoPackage."),
        "view": _("“%(layer)s” is a view, not a table. Export it as a layer of its own.", layer=layer),
        "no_layer": _("There is no layer “%(layer)s”. There are: %(layers)s.", layer=layer, layers=layers),
        "layers": _("There are several layers: %(layers)s. Say which one.", layers=layers),
        "no_geometry": _("No layer of this file has positions."),
        "no_crs": _("The layer does not say in which coordinate system it is. Set it and save again."),
        "columns": _("The file has too many columns (%(n)s).", n=answer.get("columns", 0)),
        "too_large": _("The file needs too much memory. Send it in parts."),
    }
    return said[answer["code"]]


@contextmanager
def as_csv(path: Path, mapping: ImportMapping, kind: Format | None = None) -> Iterator[tuple[Path, ImportMapping]]:
    """The file as the reader takes it, and the mapping that fits: a CSV as it is, anything else converted."""
    kind = kind or detect(path)
    if kind == "csv":
        yield path, mapping
        return
    with tempfile.TemporaryDirectory(prefix="quietude-import-") as folder:
        out = Path(folder) / "rows.csv"
        to_csv(path, kind, out, mapping.layer)
        yield out, for_converted(mapping)


def for_converted(mapping: ImportMapping) -> ImportMapping:
    """The mapping with the delimiter, quote and encoding that `to_csv` writes."""
    return mapping.model_copy(update={"delimiter": ",", "quote": '"', "encoding": "utf-8"})
