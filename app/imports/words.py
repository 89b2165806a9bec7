"""Imports in the reader's language."""

from __future__ import annotations

from flask_babel import gettext as _

from app.imports.store import Batch


def state_label(state: str) -> str:
    """Where an import stands."""
    words: dict[str, str] = {
        "draft": _("In preparation"),
        "checking": _("Check under way"),
        "checked": _("Checked"),
        "running": _("Import under way"),
        "stopped": _("Stopped"),
        "done": _("Imported"),
        "failed": _("Failed"),
        "undoing": _("Undo under way"),
        "undone": _("Undone"),
    }
    return words[state]


def state_kind(state: str) -> str:
    """The badge's colour."""
    return {"done": "done", "failed": "late", "stopped": "open", "draft": "plain", "undone": "plain"}.get(
        state, "active"
    )


def format_label(name: str) -> str:
    """A format's name."""
    return {"csv": "CSV", "geojson": "GeoJSON", "gpkg": "GeoPackage"}[name]


def field_label(field: str) -> str:
    """A field of a report, as the summary of refusals names it."""
    words: dict[str, str] = {
        "id": _("Identifier"),
        "category": _("Category"),
        "lon": _("Position"),
        "lat": _("Position"),
        "severity": _("Severity"),
        "state": _("State"),
        "observed at": _("Date and time"),
        "description": _("Description"),
        "place id": _("Place"),
    }
    return words.get(field, field)


def reason_label(reason: str) -> str:
    """Why rows were refused: "field: code" as app/reports/importing counts them."""
    field, colon, code = reason.partition(": ")
    if not colon:
        field, code = "", field
    words: dict[str, str] = {
        "missing": _("nothing stands there"),
        "too long": _("too long"),
        "control": _("characters that are no text"),
        "markup": _("HTML in the text"),
        "unknown": _("unknown value"),
        "future": _("in the future"),
        "too old": _("before 2000"),
        "outside": _("outside the territory"),
        "swapped": _("longitude and latitude swapped"),
        "no category": _("no category chosen for this value"),
        "left out": _("left out by choice"),
        "no state": _("no state chosen for this value"),
        "time": _("not a date of this form"),
        "coordinates": _("not a position"),
        "duplicate": _("already in an earlier row of the file"),
        "unknown place": _("unknown place"),
        "unreadable": _("the row cannot be read"),
        "not valid": _("not valid"),
    }
    said = words.get(code, code)
    return _("%(field)s: %(reason)s", field=field_label(field), reason=said) if field else said[:1].upper() + said[1:]


def kept_label(reason: str) -> str:
    """Why an undo left a report."""
    words: dict[str, str] = {
        "history": _("Somebody has dealt with it since."),
        "photo": _("It has a photo."),
        "intervention_report": _("An intervention answers it."),
        "report": _("Another report was merged into it."),
        "patrol_passage_report": _("A round refers to it."),
        "bulk_move_report": _("Somebody has dealt with it since."),
    }
    return words.get(reason) or str(_("Something else refers to it."))


def refusal_header() -> tuple[str, ...]:
    """The columns of the list of refused rows."""
    return (_("row"), _("identifier"), _("field"), _("message"), _("content"))


def time_label(form: str) -> str:
    """A date format by an example."""
    words: dict[str, str] = {
        "iso": _("2026-05-04 or 2026-05-04T14:30 (ISO 8601)"),
        "epoch": _("Seconds since 1970"),
        "epoch-ms": _("Milliseconds since 1970"),
    }
    example = form
    for code, shown in (
        *(
            ("%d", "31"),
            ("%m", "12"),
            ("%Y", "2026"),
            ("%y", "26"),
            ("%H", "14"),
            ("%I", "02"),
            ("%M", "30"),
            ("%S", "59"),
        ),
        ("%p", "PM"),
    ):
        example = example.replace(code, shown)
    return words.get(form, example)


def text_format_label(form: str) -> str:
    """How two numbers stand in one text."""
    words: dict[str, str] = {
        "lat,lon": _("latitude, longitude"),
        "lon,lat": _("longitude, latitude"),
        "python-dict": _("a Python dict with lon and lat"),
        "json": _("JSON"),
        "wkt": _("POINT (lon lat)"),
    }
    return words[form]


def crs_label(crs: int) -> str:
    """A coordinate system by the name that people know."""
    names = {
        2154: "Lambert-93",
        3857: "Web Mercator",
        27572: "Lambert II étendu",
        3950: "RGF93 CC50",
        3949: "RGF93 CC49",
        32631: "WGS 84 UTM 31N",
    }
    return f"{names[crs]} (EPSG:{crs})" if crs in names else f"EPSG:{crs}"


def encoding_label(name: str) -> str:
    """A text encoding by the name that people know."""
    return {"utf-8": "UTF-8", "cp1252": "Windows-1252", "iso8859-1": "Latin-1", "utf-16": "UTF-16"}.get(name, name)


def delimiter_label(name: str) -> str:
    """What stands between two cells."""
    words: dict[str, str] = {";": _("semicolon"), ",": _("comma"), "\t": _("tab"), "|": _("vertical bar")}
    return words.get(name, name)


def shown_name(batch: Batch) -> str:
    """The file's name, for whoever may read it."""
    return batch.file_name or _("A file of %(organisation)s", organisation=batch.organisation)
