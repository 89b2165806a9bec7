"""Kinds, states, moves and participants of patrols in the reader's language."""

from __future__ import annotations

from datetime import datetime

from flask_babel import format_datetime, format_time, ngettext, pgettext
from flask_babel import gettext as _

from app.reports.filters import LOCAL_ZONE


def kind_label(kind: str) -> str:
    """A kind's name."""
    words: dict[str, str] = {
        "round": _("Round"),
        "walk": _("Diagnostic walk"),
        "free": _("Free round"),
    }
    return words.get(kind, kind)


def kind_hint(kind: str) -> str:
    """What a kind is for."""
    words: dict[str, str] = {
        "round": _("Stops, residences or schools of a list, one after the other."),
        "walk": _("Several partners and residents look at a neighbourhood together."),
        "free": _("Without a list: you record where you pass."),
    }
    return words.get(kind, "")


def state_label(state: str) -> str:
    """A state's name."""
    words: dict[str, str] = {
        "planned": pgettext("patrol", "Planned"),
        "open": pgettext("patrol", "Under way"),
        "closed": pgettext("patrol", "Ended"),
        "cancelled": pgettext("patrol", "Cancelled"),
    }
    return words.get(state, state)


# The badge of a state: classes of app.css.
STATE_BADGES = {"planned": "open", "open": "active", "closed": "done", "cancelled": "plain"}


def move_label(move: str) -> str:
    """What the button says."""
    words: dict[str, str] = {
        "start": _("Start the round"),
        "finish": _("End the round"),
        "cancel": _("Cancel the round"),
    }
    return words.get(move, move)


def outcome_label(outcome: str) -> str:
    """What was seen."""
    return str(_("Nothing to report")) if outcome == "nothing" else str(_("Something found"))


def event_label(kind: str) -> str:
    """What happened, when no change of state says it."""
    words: dict[str, str] = {
        "created": _("Recorded"),
        "passage_removed": _("A passage taken back"),
    }
    return words.get(kind, kind)


def participant_label(role: str) -> str:
    """A kind of participants."""
    words: dict[str, str] = {
        "residents": _("Residents"),
        "elected": _("Elected representatives"),
        "landlord": _("Landlords"),
        "city": _("City and métropole"),
        "transport": _("Transport"),
        "police": _("Police"),
        "prefecture": _("Prefecture"),
        "school": _("Schools"),
        "health": _("Health"),
        "association": _("Associations"),
        "other": _("Others"),
    }
    return words.get(role, role)


def place_kind_label(kind: str) -> str:
    """A kind of places that a round can stop at."""
    words: dict[str, str] = {
        "residence": _("Residences"),
        "stop": _("Transport stops"),
        "school": _("Schools"),
        "neighbourhood": _("Neighbourhoods"),
    }
    return words.get(kind, kind)


def progress_label(seen: int, stops: int) -> str:
    """How far a round is."""
    return str(_("%(seen)s of %(stops)s", seen=seen, stops=stops))


def passages_label(count: int) -> str:
    """How many passages there were."""
    return str(ngettext("%(num)s passage", "%(num)s passages", count))


def outcomes_label(outcome: str, count: int) -> str:
    """How often something, or nothing, was seen."""
    return str(_("%(what)s: %(count)s", what=outcome_label(outcome), count=count))


def period_label(start: datetime, end: datetime | None) -> str:
    """From when to when; the day once when it is the same."""
    first = str(format_datetime(start, "d MMM y, HH:mm"))
    if end is None:
        return first
    is_same_day = start.astimezone(LOCAL_ZONE).date() == end.astimezone(LOCAL_ZONE).date()
    return f"{first} – {format_time(end, 'HH:mm') if is_same_day else format_datetime(end, 'd MMM y, HH:mm')}"
