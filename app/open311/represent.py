"""GeoReport v2's documents as plain values, in the reader's language; app/open311/render.py writes them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from flask_babel import gettext as _

from app.nomenclature.store import Category, Nomenclature
from app.open311.actions import Found
from app.open311.rules import status_of
from app.reports.rules import SEVERITIES
from app.reports.words import state_label
from app.web.bodies import rfc3339

SPECIFICATION = "http://wiki.open311.org/GeoReport_v2"
# When what this endpoint offers last changed: clients look again when it does.
CHANGESET = "2026-11-24T00:00:00Z"


def discovery(base_url: str) -> dict[str, Any]:
    """Where the endpoint is and what it speaks. base_url: of the whole service, without a slash at the end."""
    endpoint = {
        "specification": SPECIFICATION,
        "url": f"{base_url}/open311/v2",
        "changeset": CHANGESET,
        "type": "production",
        "formats": ["text/xml", "application/json"],
    }
    return {
        "changeset": CHANGESET,
        "contact": _("Quiétude, the register of public space: %(url)s", url=base_url),
        "key_service": _("A token with the scope “write” of an account: %(url)s", url=f"{base_url}/account"),
        "endpoints": [endpoint],
    }


def services(nomenclature: Nomenclature, locale: str) -> list[dict[str, Any]]:
    """Every category that may be reported, in the order of the screens."""
    return [_service(category, nomenclature, locale) for category in nomenclature.categories if category.active]


def _service(category: Category, nomenclature: Nomenclature, locale: str) -> dict[str, Any]:
    theme = nomenclature.theme_by_code[category.theme]
    kind = _("Defect of public space") if category.kind == "defect" else _("Nuisance to public tranquillity")
    return {
        "service_code": category.code,
        "service_name": category.label(locale),
        "description": f"{theme.label(locale)} – {kind}",
        "metadata": True,
        "type": "realtime",
        "keywords": f"{category.theme},{category.kind}",
        "group": theme.label(locale),
    }


def definition(category: Category) -> dict[str, Any]:
    """What may be said besides of a request for this service."""
    severities = {1: _("Nuisance"), 2: _("Damage"), 3: _("Serious"), 4: _("Immediate danger")}
    rule = _("Describe the place and the thing, never a person.")
    usual = _("Left out: %(severity)s.", severity=severities[category.default_severity])
    moment = _("Date and time with its zone, for example 2026-05-04T18:30:00+02:00. Left out: now.")
    place = _("Number of a reference place (stop, residence, school), as /api/places gives it.")
    values = [{"key": str(severity), "name": severities[severity]} for severity in SEVERITIES]
    attributes = (
        _attribute("rule", "string", rule, "", variable=False),
        _attribute("severity", "singlevaluelist", _("Severity"), usual) | {"values": values},
        _attribute("observed_at", "datetime", _("Observed"), moment),
        _attribute("place_id", "number", _("Place"), place),
    )
    ordered = [attribute | {"order": order} for order, attribute in enumerate(attributes, 1)]
    return {"service_code": category.code, "attributes": ordered}


def _attribute(code: str, datatype: str, description: str, hint: str, *, variable: bool = True) -> dict[str, Any]:
    return {
        "variable": variable,
        "code": code,
        "datatype": datatype,
        "required": False,
        "datatype_description": hint,
        "description": description,
    }


def requests(
    found: Sequence[Found], nomenclature: Nomenclature, *, locale: str, base_url: str, extensions: bool
) -> list[dict[str, Any]]:
    """Reports as service requests."""
    made = []
    for one in found:
        label = nomenclature.category_by_code[one.row.category].label(locale)
        request = _request(one, label, base_url)
        made.append(request | ({"extended_attributes": _extended(one)} if extensions else {}))
    return made


def _request(found: Found, label: str, base_url: str) -> dict[str, Any]:
    row = found.row
    return {
        "service_request_id": str(row.id),
        "status": status_of(row.state),
        "status_notes": _notes(found),
        "service_name": label,
        "service_code": row.category,
        "description": row.description,
        "agency_responsible": row.organisation,
        "service_notice": None,
        "requested_datetime": _seconds(row.received_at),
        "updated_datetime": _seconds(found.updated_at),
        "expected_datetime": _seconds(row.due_at),
        "address": ", ".join(part for part in (row.place, row.neighbourhood) if part) or None,
        "address_id": None,
        "zipcode": None,
        "lat": row.lat,
        "long": row.lon,
        "media_url": None if found.photo_id is None else f"{base_url}/photos/{found.photo_id}",
    }


def _notes(found: Found) -> str:
    said = state_label(found.row.state)
    if found.row.duplicate_of is not None:
        return str(_("%(state)s: see %(id)s", state=said, id=found.row.duplicate_of))
    return said


def _extended(found: Found) -> dict[str, Any]:
    """What GeoReport has no field for, under the names of GET /api/reports."""
    row = found.row
    return {
        "state": row.state,
        "theme": row.theme,
        "kind": row.kind,
        "severity": row.severity,
        "visibility": row.visibility,
        "observed_at": rfc3339(row.observed_at),
        "neighbourhood": row.neighbourhood,
        "place": row.place,
        "nearest_stop": row.nearest_stop,
        "iris": row.iris,
        "qpv": row.qpv,
        "is_synthetic": row.is_synthetic,
        "duplicate_of": None if row.duplicate_of is None else str(row.duplicate_of),
    }


def _seconds(moment: datetime | None) -> str | None:
    """W3C's profile of ISO 8601, to the second: what clients of GeoReport can read."""
    return rfc3339(None if moment is None else moment.replace(microsecond=0))
