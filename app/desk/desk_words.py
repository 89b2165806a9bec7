"""What the desk says, in the reader's language."""

from __future__ import annotations

from flask_babel import gettext as _


def tab_label(tab: str) -> str:
    """A tab's name."""
    words: dict[str, str] = {
        "todo": _("To do"),
        "soon": _("Due soon"),
        "reply": _("Awaiting your answer"),
        "waiting": _("Waiting on others"),
        "verify": _("To verify"),
        "interventions": _("Recent interventions"),
    }
    return words.get(tab, tab)


def refused_label(refused: str) -> str:
    """Why a report's move was not made."""
    words: dict[str, str] = {
        "changed": _("Somebody changed it after this list was shown."),
        "state": _("Its state does not allow this."),
        "forbidden": _("Not a move of your role and organisation."),
        "input": _("What was chosen does not fit this report, for example the organisation that has it already."),
    }
    return words.get(refused, refused)


def undone_label(undone: str | None) -> str:
    """What undoing did to a report."""
    words: dict[str, str] = {
        "done": _("Undone"),
        "moved": _("Not undone: somebody has moved it since."),
    }
    return words.get(undone or "", "")
