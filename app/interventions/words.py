"""States, moves and events of interventions in the reader's language."""

from __future__ import annotations

from datetime import datetime

from flask_babel import format_date, format_datetime, pgettext
from flask_babel import gettext as _

from app.reports.filters import LOCAL_ZONE


def state_label(state: str) -> str:
    """A state's name. Not the words of a report's states: in French the one is feminine and the other masculine."""
    words: dict[str, str] = {
        "planned": pgettext("intervention", "Planned"),
        "in_progress": pgettext("intervention", "In progress"),
        "done": pgettext("intervention", "Done"),
        "verified": pgettext("intervention", "Verified"),
        "cancelled": pgettext("intervention", "Cancelled"),
    }
    return words.get(state, state)


# The badge of a state: classes of app.css.
STATE_BADGES = {"planned": "open", "in_progress": "active", "done": "done", "verified": "done", "cancelled": "plain"}


def move_label(move: str) -> str:
    """What the button says."""
    words: dict[str, str] = {
        "start": _("Start the work"),
        "finish": _("Mark as done"),
        "verify": _("Verify the work"),
        "resume": _("Not finished: back to work"),
        "cancel": _("Cancel the intervention"),
        "replan": _("Plan it again"),
    }
    return words.get(move, move)


def event_label(kind: str) -> str:
    """What happened, when no change of state says it."""
    words: dict[str, str] = {
        "created": _("Recorded"),
        "edited": _("Details changed"),
        "report_linked": _("Report linked"),
        "report_unlinked": _("Report no longer linked"),
        "tfpb_set": _("Entered in the TFPB ledger"),
        "tfpb_removed": _("Taken out of the TFPB ledger"),
        "photo_added": _("Photo added"),
        "photo_covered": _("Faces or plates covered in a photo"),
        "photo_published": _("Photo published"),
        "photo_hidden": _("Photo hidden again"),
        "photo_removed": _("Photo removed"),
    }
    return words.get(kind, kind)


def visibility_label(visibility: str) -> str:
    """Who may see it."""
    words: dict[str, str] = {"public": _("Public"), "partner": _("Partners"), "restricted": _("Restricted")}
    return words.get(visibility, visibility)


def period_label(start: datetime | None, end: datetime | None) -> str:
    """From when to when: a day and its hours, or two moments."""
    if start is None:
        return ""
    first = format_datetime(start, "d MMM y, HH:mm")
    if end is None or end == start:
        return str(first)
    if start.astimezone(LOCAL_ZONE).date() == end.astimezone(LOCAL_ZONE).date():
        return f"{first} – {format_datetime(end, 'HH:mm')}"
    return f"{first} – {format_datetime(end, 'd MMM y, HH:mm')}"


def month_label(first_day: datetime) -> str:
    """A month, as a heading."""
    label = str(format_date(first_day, "MMMM y"))
    return label[:1].upper() + label[1:]
