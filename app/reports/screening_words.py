"""Why a piece of a text is pointed out, in the reader's language: for refusals and for the form."""

from __future__ import annotations

from flask_babel import gettext as _

from app.reports.screening import Kind


def reasons() -> dict[Kind, str]:
    """What each kind of find looks like."""
    return {
        "email": _("an e-mail address"),
        "phone": _("a phone number"),
        "plate": _("a number plate"),
        "name": _("somebody’s name"),
        "address": _("somebody’s home"),
        "look": _("the description of a person"),
    }


def refusal(kind: Kind, found: str) -> str:
    """The message about something certain in a text that was sent."""
    message: str = _(
        "Take “%(found)s” out: it is %(reason)s. Quiétude keeps places and things, never persons.",
        found=found,
        reason=reasons()[kind],
    )
    return message
