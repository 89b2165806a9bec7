"""States and reasons of what goes to other servers, in the reader's language."""

from __future__ import annotations

from flask_babel import gettext as _


def state_label(state: str) -> str:
    """What became of it."""
    words: dict[str, str] = {
        "waiting": _("Waits to be sent"),
        "sent": _("Sent there"),
        "failed": _("Failed"),
        "withheld": _("Not sent there"),
    }
    return words.get(state, state)


def error_label(error: str) -> str:
    """Why it was not sent; what the remote itself said stays as it is."""
    words: dict[str, str] = {
        "switched_off": _("The server is switched off here."),
        "synthetic": _("This organisation belongs to the demo."),
        "unreadable_secret": _("The secret key of this service has changed: store the api_key again."),
        "not_visible": _("The report is restricted, or its organisation does not see it any more."),
        "no_service": _("Its category has no service there."),
        "moved_on": _("Another organisation answers for it by now, or it is closed."),
    }
    return words.get(error, error)
