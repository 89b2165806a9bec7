"""Sample bodies for the tests of interventions."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from tests.reports.samples import LAT, LON

POINT = {"type": "Point", "coordinates": [LON, LAT]}
LINE = {"type": "LineString", "coordinates": [[LON, LAT], [LON + 0.002, LAT]]}
AREA = {
    "type": "Polygon",
    "coordinates": [[[LON, LAT], [LON + 0.002, LAT], [LON + 0.002, LAT + 0.001], [LON, LAT + 0.001], [LON, LAT]]],
}


def body(**changes: Any) -> dict[str, Any]:
    """A good planned intervention with a new id; a change to None leaves the field out."""
    values = {
        "id": str(uuid4()),
        "kind": "repair",
        "geometry": POINT,
        "planned_start": "2026-06-01T08:00:00+02:00",
        "planned_end": "2026-06-01T12:00:00+02:00",
    } | changes
    return {name: value for name, value in values.items() if value is not None}
