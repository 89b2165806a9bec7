"""Counts by neighbourhood, as the table beside the heat map has them: the same rule for small numbers (0004)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from app.heat.actions import Heat, HeatQuery, Look
from app.heat.tables import PlaceCount
from app.heat.viewer import viewer_of
from app.people.actor import Actor
from app.reports.filters import ReportFilter
from app.reports.rules import STATES

KIND = "neighbourhood"


def counted(heat: Heat, actor: Actor, chosen: ReportFilter, codes: Mapping[int, str]) -> str:
    """Every neighbourhood with its counts, as the JSON that counted.sql reads.

    chosen: the days; codes: the neighbourhoods' codes by their number. States are parts of groups: whoever may not read
    the reports is not told.
    """
    kept = heat.keeper.current()
    viewer = viewer_of(actor)

    def table(**part: Any) -> dict[int, PlaceCount]:
        look: Look = heat.look(kept, HeatQuery(chosen.model_copy(update=part)), viewer)
        return {row.place_id: row for row in look.table(KIND)}

    total = table()
    themes = {theme.code: table(themes=(theme.code,)) for theme in kept.nomenclature.themes}
    states = {} if viewer.is_protected else {state: table(states=(state,)) for state in STATES}
    rows = []
    for place in kept.reference.places.get(KIND, ()):
        if place.id not in codes:
            continue
        area_km2 = round(place.shape_2154.area / 1e6, 4)
        found = total.get(place.id)
        properties = {
            "id": place.id,
            "code": codes[place.id],
            "name": place.name,
            "approximate": place.approximate,
            "area_km2": area_km2,
            "reports": found.reports if found else 0,
            "reports_per_km2_30d": (found.per_km2_30d if found else 0.0) or 0.0,
            **{f"theme_{code}": _of(rows_of, place.id) for code, rows_of in themes.items()},
            **{f"state_{state}": _of(states[state], place.id) if states else None for state in STATES},
        }
        rows.append({"id": place.id, "properties": properties})
    return json.dumps(rows, ensure_ascii=False)


def _of(rows: Mapping[int, PlaceCount], place_id: int) -> int:
    return rows[place_id].reports if place_id in rows else 0
