"""States, moves, reasons and roles in the reader's language, for pages and messages."""

from __future__ import annotations

from datetime import timedelta

from flask_babel import gettext as _
from flask_babel import ngettext

_DAY_H, _HOUR_MIN = 24, 60


def state_label(state: str) -> str:
    """A state's name."""
    words: dict[str, str] = {
        "new": _("New"),
        "acknowledged": _("Acknowledged"),
        "assigned": _("Assigned"),
        "in_progress": _("In progress"),
        "resolved": _("Resolved"),
        "verified": _("Verified"),
        "rejected": _("Rejected"),
        "duplicate": _("Duplicate"),
        "reopened": _("Reopened"),
    }
    return words.get(state, state)


def move_label(move: str) -> str:
    """What the button says."""
    words: dict[str, str] = {
        "acknowledge": _("Acknowledge"),
        "assign": _("Assign to a team"),
        "start": _("Start the work"),
        "resolve": _("Mark as resolved"),
        "verify": _("Verify the repair"),
        "reopen": _("Reopen"),
        "reject": _("Reject"),
        "transfer": _("Transfer"),
        "route": _("Say who answers for it"),
        "ask": _("Ask a question"),
        "answer": _("Answer the question"),
        "still_there": _("Still there"),
        "gone": _("Gone"),
    }
    return words.get(move, move)


def reason_label(reason: str) -> str:
    """A reason of a rejection or a transfer."""
    words: dict[str, str] = {
        "not_found": _("Nothing found at the place"),
        "not_public_space": _("Not public space"),
        "not_precise": _("The place is not precise enough"),
        "no_problem": _("No defect and no nuisance"),
        "not_ours_nor_others": _("No partner answers for it"),
        "other_place": _("This place belongs to another organisation"),
        "other_task": _("This kind of work is another organisation's"),
        "wrong_category": _("The category is wrong"),
        "agreed": _("Agreed between the two organisations"),
        "other": _("Another reason (say which)"),
    }
    return words.get(reason, reason)


def reason_said(reason: str) -> str:
    """The reason as the history tells it."""
    return str(_("Another reason")) if reason == "other" else reason_label(reason)


def event_label(kind: str) -> str:
    """What happened, when no change of state says it."""
    words: dict[str, str] = {
        "created": _("Reported"),
        "imported": _("Imported"),
        "state_changed": _("State changed"),
        "transfer": _("Transferred"),
        "route": _("Routed"),
        "ask": _("Question asked"),
        "answer": _("Question answered"),
        "still_there": _("Still there, seen on the spot"),
        "gone": _("Gone, seen on the spot"),
        "merge": _("Merged into another report"),
        "merge_in": _("Another report merged into this one"),
        "unmerge": _("No longer merged"),
        "merge_out": _("A merged report taken out again"),
        "escalated": _("Deadline passed without an answer"),
        "undo": _("Undone"),
        "photo_added": _("Photo added"),
        "photo_covered": _("Faces or plates covered in a photo"),
        "photo_published": _("Photo published"),
        "photo_hidden": _("Photo hidden again"),
        "photo_removed": _("Photo removed"),
        "intervention_linked": _("Intervention linked"),
        "intervention_unlinked": _("Intervention no longer linked"),
        "text_kept": _("Text looked at: it is about no person"),
        "text_changed": _("Text changed, as it was about a person"),
        "text_hidden": _("Text hidden, as it was about a person"),
        "open311_sent": _("Sent to another register (Open311)"),
        "open311_conflict": _("Another register says otherwise (Open311)"),
    }
    return words.get(kind, move_label(kind))


def role_label(role: str) -> str:
    """A role, in the middle of a line."""
    words: dict[str, str] = {
        "agent": _("field agent"),
        "partner": _("partner"),
        "planner": _("planner"),
        "coordinator": _("coordinator"),
        "admin": _("administrator"),
        "system": _("automatic"),
    }
    return words.get(role, role)


def direction_labels() -> tuple[str, ...]:
    """Eight directions, clockwise from north."""
    return (
        _("to the north"),
        _("to the north-east"),
        _("to the east"),
        _("to the south-east"),
        _("to the south"),
        _("to the south-west"),
        _("to the west"),
        _("to the north-west"),
    )


def duration_label(duration: timedelta) -> str:
    """About how long: minutes, hours below two days, then days."""
    minutes = round(duration.total_seconds() / 60)
    if minutes < _HOUR_MIN:
        return str(ngettext("%(num)s minute", "%(num)s minutes", minutes))
    hours = round(minutes / _HOUR_MIN)
    if hours < 2 * _DAY_H:
        return str(ngettext("%(num)s hour", "%(num)s hours", hours))
    return str(ngettext("%(num)s day", "%(num)s days", round(hours / _DAY_H)))


def seconds_label(seconds: float) -> str:
    """The same, from the history's seconds."""
    return duration_label(timedelta(seconds=float(seconds)))
