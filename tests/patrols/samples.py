"""Sample bodies for the tests of patrols."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from tests.routing.world import at


def patrol(*place_ids: int, **changes: Any) -> dict[str, Any]:
    """A round at these places under way, with a new id."""
    stops = [{"place_id": one} for one in place_ids]
    values: dict[str, Any] = {"id": str(uuid4()), "kind": "round", "state": "open", "stops": stops}
    return values | changes


def passage(stop: int | None = 1, **changes: Any) -> dict[str, Any]:
    """Nothing to report at a stop, or at a point when it is None."""
    values: dict[str, Any] = {"id": str(uuid4()), "outcome": "nothing"}
    if stop is None:
        lon, lat = at(50, 50)
        return values | {"lon": lon, "lat": lat} | changes
    return values | {"stop": stop} | changes
