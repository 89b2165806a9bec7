"""What is wrong with a value of an intervention → a sentence that names the fix, in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flask_babel import gettext as _

from app.errors import FieldError
from app.interventions.geometry import MOST_POINTS
from app.interventions.rules import FIRST_STATES, MOVES
from app.reports.commands import usual_refusal


def refusal(where: Sequence[int | str], kind: str, context: Mapping[str, Any]) -> FieldError:
    """Pydantic's error → the field's message."""
    field = str(where[0])
    if kind == "geometry":
        code = str(context["code"])
        return FieldError(field, _geometry(code), code)
    return usual_refusal(field, kind, context) or FieldError(field, _by_field(field), kind)


def _by_field(field: str) -> str:
    moment = _("Give a date and time, for example 2026-05-04T18:30:00+02:00.")
    words: dict[str, str] = {
        "id": _("Give a UUID, for example 018f3f0e-5c1d-7c5a-9d3e-1f2a3b4c5d6e."),
        "kind": _("Choose a kind from the list."),
        "state": _("Choose a state: %(states)s.", states=", ".join(FIRST_STATES)),
        "move": _("Choose a move: %(moves)s.", moves=", ".join(MOVES)),
        "version": _("Say which version of the intervention you saw: a whole number (the ETag of GET has it)."),
        "organisation": _("Choose an organisation from the list."),
        "reports": _("Give the ids of at most 100 reports."),
        "resolve": _("Give the ids of at most 100 reports."),
        "planned_start": moment,
        "planned_end": moment,
        "done_start": moment,
        "done_end": moment,
        "teams": _("Choose teams from the list."),
        "team_size": _("Give a number of people between 1 and 500."),
        "cost_eur": _("Give an amount in euros with at most two decimals, for example 1250.50."),
        "hours": _("Give hours with at most two decimals, for example 3.5."),
        "description": _("Give a text, or leave it out."),
        "text": _("Give a text, or leave it out."),
        "visibility": _("Choose public, partner or restricted."),
    }
    return words.get(field, str(_("This value cannot be read.")))


def _geometry(code: str) -> str:
    words: dict[str, str] = {
        "missing": _("Say where: tap the map, or write the coordinates."),
        "shape": _("Choose a point, a line or an area."),
        "json": _("Give a GeoJSON geometry: Point, LineString or Polygon."),
        "type": _("Give a GeoJSON geometry: Point, LineString or Polygon."),
        "coordinates": _(
            "Write each point on a line of its own: longitude, then latitude, for example 2.2957 49.8942."
        ),
        "range": _("Give longitude and latitude in degrees, longitude first."),
        "too_many": _("Draw fewer corners: %(most)s at most.", most=MOST_POINTS),
        "too_few": _("A line needs two points that differ, an area three."),
        "invalid": _("The edges of this area cross each other: move or remove a corner."),
    }
    return words[code]
