"""Rules and their reasons in the reader's language."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from flask_babel import gettext as _

from app.nomenclature.store import Nomenclature
from app.routing.store import RuleRow
from app.web.language import locale_code, number


def place_kind_label(kind: str) -> str:
    """A kind of place."""
    words: dict[str, str] = {
        "stop": _("Stop"),
        "line": _("Line"),
        "residence": _("Residence"),
        "school": _("School"),
        "qpv": _("Priority neighbourhood"),
        "neighbourhood": _("Neighbourhood"),
        "iris": _("IRIS"),
        "commune": _("Commune"),
    }
    return words.get(kind, kind)


def weekday_label(day: int) -> str:
    """A day of the week, 1 is Monday."""
    words: tuple[str, ...] = (
        _("Monday"), _("Tuesday"), _("Wednesday"), _("Thursday"), _("Friday"), _("Saturday"), _("Sunday"),
    )  # fmt: skip
    return words[day - 1]


def conditions_of(rule: RuleRow, nomenclature: Nomenclature) -> list[tuple[str, str]]:
    """What a rule is for, as pairs of a name and a value; empty when it is for everything."""
    pairs: list[tuple[str, str]] = []
    if rule.category_code:
        pairs.append((_("Category"), nomenclature.category_by_code[rule.category_code].label(locale_code())))
    if rule.theme_code:
        pairs.append((_("Theme"), nomenclature.theme_by_code[rule.theme_code].label(locale_code())))
    if rule.place_kind:
        pairs.append((_("At a"), place_kind_label(rule.place_kind)))
    if rule.zone_place:
        pairs.append((_("Inside"), rule.zone_place))
    if rule.zone:
        pairs.append((_("Inside"), _("a drawn area of %(num)s points", num=_points(rule.zone))))
    if rule.weekdays:
        pairs.append((_("Days"), ", ".join(weekday_label(day) for day in rule.weekdays)))
    if rule.from_time and rule.to_time:
        pairs.append((_("Hours"), f"{rule.from_time:%H:%M} – {rule.to_time:%H:%M}"))
    return pairs


def _points(zone: str) -> int:
    return sum(len(ring) - 1 for polygon in json.loads(zone)["coordinates"] for ring in polygon)


def why(details: Mapping[str, Any]) -> str:
    """Why a report goes where it goes (what `route` in migrations/sql/0002/routing.sql says)."""
    by = details.get("by")
    if by == "rule":
        said = _("Rule “%(rule)s”", rule=details["rule"])
    elif by == "place":
        said = _("The place named in the report: %(place)s", place=details["place"])
    elif by in {"stop", "residence", "school"}:
        distance = number(round(float(details["distance_m"])))
        said = _("%(place)s, %(distance)s m away", place=details["place"], distance=distance)
    elif by == "candidates":
        said = _("On the edge between several organisations: not guessed")
    else:
        said = {
            "category": _("The category: only one organisation of this kind"),
            "city": _("Nothing more precise is known here: the city answers"),
        }.get(str(by), _("No organisation is known for this"))
    return str(said)
