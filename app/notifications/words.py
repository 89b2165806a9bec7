"""Kinds, states and reasons in the reader's language."""

from __future__ import annotations

from flask_babel import gettext as _


def kind_label(kind: str) -> str:
    """What is told."""
    words: dict[str, str] = {
        "assigned": _("A new report comes to us"),
        "transferred": _("A report is transferred to us"),
        "reopened": _("A report of ours is reopened"),
        "overdue": _("The deadline of a report of ours has passed"),
        "question": _("Somebody asks us a question"),
        "state_changed": _("A report that we answer for or made changes its state"),
        "digest": _("Digest of the morning"),
        "test": _("Test"),
    }
    return words.get(kind, kind)


def state_label(state: str) -> str:
    """How it ended."""
    words: dict[str, str] = {
        "waiting": _("Waiting"),
        "sent": _("Sent"),
        "failed": _("Failed"),
        "not_sent": _("Not sent"),
    }
    return words.get(state, state)


def reason_label(reason: str) -> str:
    """Why it was not sent."""
    words: dict[str, str] = {
        "no_mail_server": _("No mail server is set (QUIETUDE_MAIL_SERVER)."),
        "synthetic": _("Organisations of the demo send nothing unless QUIETUDE_DEMO_SENDS is set."),
        "too_many": _("Too many mails to this address within an hour; the morning's digest says the rest."),
        "not_visible": _("The report is no longer one that this organisation may see."),
        "switched_off": _("The webhook is switched off or removed."),
        "unreadable_secret": _("The secret cannot be read: the service has another key now. Make a new webhook."),
        "nothing_due": _("Nothing was left to do when it was sent."),
        "refused": _("The other side did not take it."),
    }
    return words.get(reason, reason)
