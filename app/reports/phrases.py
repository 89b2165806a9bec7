"""Phrases to tick before anything is typed: what is usual for a theme. Places and things only."""

from __future__ import annotations

from flask_babel import gettext as _


def phrases() -> dict[str, tuple[str, ...]]:
    """Theme → phrases; the empty theme has those that fit all of them."""
    return {
        "": (
            _("For several days"),
            _("It comes back again and again"),
            _("Blocks the way"),
            _("Danger for passers-by"),
        ),
        "cleanliness": (
            _("On the pavement"),
            _("Beside the container"),
            _("Broken glass"),
            _("Bad smell"),
            _("Rats seen"),
        ),
        "street": (_("On the roadway"), _("On the pavement"), _("Comes loose"), _("Flickers"), _("Bare cable")),
        "building": (
            _("Hall"),
            _("Staircase"),
            _("Cellar"),
            _("Does not close any more"),
            _("Water runs"),
            _("No light"),
        ),
        "vehicles": (
            _("On the pavement"),
            _("On a reserved place"),
            _("Flat tyres"),
            _("Burnt out"),
            _("Oil on the ground"),
        ),
        "tranquillity": (
            _("In the evening"),
            _("At night"),
            _("Loud music"),
            _("Entrance blocked"),
            _("Waste left behind"),
        ),
        "transport": (_("Broken pane"), _("Seat torn off"), _("Timetable missing"), _("No light"), _("On the vehicle")),
        "services": (_("At the entrance"), _("At the counter"), _("In the car park"), _("Round interrupted")),
        "schools": (_("At the gate"), _("When school begins or ends"), _("On the pavement"), _("Fence open")),
    }
