"""Pure rules of photos: how many, who may change one, what a state may become."""

from __future__ import annotations

MOST_PER_SUBJECT = 6
STAGES = ("none", "before", "after")
STATES = ("hidden", "published", "removed")
COVER_MODES = ("pixelate", "black")
MOST_AREAS = 50

# A removed photo stays removed: its picture is gone.
TRANSITIONS: dict[str, frozenset[str]] = {
    "hidden": frozenset({"published", "removed"}),
    "published": frozenset({"hidden", "removed"}),
    "removed": frozenset(),
}
EVENT_OF_STATE = {"published": "photo_published", "hidden": "photo_hidden", "removed": "photo_removed"}


def may_change(role: str, organisation_id: int | None, photo_organisation_id: int) -> bool:
    """Coordinators, and the organisation whose photo it is (its agents and partners)."""
    return role == "coordinator" or (role in {"agent", "partner"} and organisation_id == photo_organisation_id)
