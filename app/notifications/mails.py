"""What a mail says. Never a name, never the free text of a report; of a restricted one nothing but its address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime as rfc5322_date
from typing import Protocol
from urllib.parse import urlsplit
from uuid import UUID

from flask import render_template
from flask_babel import force_locale, format_datetime, ngettext
from flask_babel import gettext as _

from app.nomenclature.store import Nomenclature
from app.notifications.store import Digest, Notification
from app.people.setup import public_url
from app.settings import Settings


@dataclass(frozen=True)
class Subject:
    """What of a report a mail may name. category and neighbourhood are None for a restricted one."""

    id: UUID
    category: str | None
    neighbourhood: str | None
    due_at: datetime | None

    @property
    def is_restricted(self) -> bool:
        return self.category is None


@dataclass(frozen=True)
class Line:
    """One report in a digest: what it is called there, since when it is due, its address."""

    text: str
    due: str
    is_late: bool
    url: str


class Report(Protocol):
    """What mails read of a report: a row of the register or of a digest."""

    @property
    def id(self) -> UUID: ...
    @property
    def category(self) -> str: ...
    @property
    def neighbourhood(self) -> str | None: ...
    @property
    def due_at(self) -> datetime | None: ...
    @property
    def visibility(self) -> str: ...


def subject_of(row: Report, nomenclature: Nomenclature, language: str) -> Subject:
    """As much of a report as a mail may say."""
    if row.visibility == "restricted":
        return Subject(row.id, None, None, row.due_at)
    known = nomenclature.category_by_code.get(row.category)
    return Subject(row.id, known.label(language) if known else row.category, row.neighbourhood, row.due_at)


def title(kind: str) -> str:
    """What happened, as the subject of a mail begins."""
    words: dict[str, str] = {
        "assigned": _("New report for you"),
        "transferred": _("Report transferred to you"),
        "reopened": _("Report reopened"),
        "overdue": _("Deadline passed"),
        "question": _("A question for you"),
        "test": _("Test: notifications reach this address"),
    }
    return words.get(kind, kind)


def compose_event(notification: Notification, subject: Subject | None, settings: Settings) -> EmailMessage:
    """The mail about one report (None: the test mail)."""
    with force_locale(notification.language):
        said = title(notification.kind)
        if subject is not None:
            place = " · ".join(part for part in (subject.category, subject.neighbourhood) if part)
            said = f"{said} – {place}" if place else said
        values = {
            "title": title(notification.kind),
            "subject": subject,
            "due": _moment(subject.due_at) if subject and subject.due_at else None,
            "url": f"{public_url(settings)}/reports/{subject.id}" if subject else None,
        }
        return _message(notification, settings, said, "event", values)


def compose_digest(
    notification: Notification, digest: Digest, nomenclature: Nomenclature, settings: Settings
) -> EmailMessage:
    """The morning's mail: how many wait, how many are late, and the first of them."""
    language = notification.language
    with force_locale(language):
        lines = []
        for row in digest.lines:
            named = subject_of(row, nomenclature, language)
            place = " · ".join(part for part in (named.category or _("Restricted report"), named.neighbourhood) if part)
            due = _moment(row.due_at) if row.due_at else ""
            lines.append(Line(place, due, row.is_late, f"{public_url(settings)}/reports/{row.id}"))
        waiting = ngettext("%(num)s report to take on", "%(num)s reports to take on", digest.waiting)
        late = ngettext("%(num)s report past its deadline", "%(num)s reports past their deadline", digest.late)
        said = ", ".join(part for part, count in ((late, digest.late), (waiting, digest.waiting)) if count)
        values = {
            "title": _("Your reports this morning"),
            "waiting": waiting if digest.waiting else None,
            "late": late if digest.late else None,
            "lines": lines,
            "more": digest.waiting + digest.late > len(lines),
            "url": f"{public_url(settings)}/reports?organisation={notification.organisation_slug}",
        }
        return _message(notification, settings, said, "digest", values)


def _moment(moment: datetime) -> str:
    return str(format_datetime(moment, "d MMM y, HH:mm"))


def _message(
    notification: Notification, settings: Settings, said: str, template: str, values: Mapping[str, object]
) -> EmailMessage:
    here = public_url(settings)
    page = f"{here}/organisations/{notification.organisation_slug}/notifications"
    values = {
        **values,
        "organisation": notification.organisation,
        "page": page,
        "is_synthetic": notification.is_synthetic,
    }
    mark = _("Quiétude, synthetic data") if notification.is_synthetic else "Quiétude"
    message = EmailMessage()
    message["Subject"] = f"[{mark}] {said}"
    message["From"] = settings.mail_sender
    message["To"] = notification.recipient
    message["Date"] = rfc5322_date(notification.created_at)
    # The same for every attempt: a mail server or reader that gets it twice knows it again.
    message["Message-ID"] = f"<{notification.id}@{urlsplit(here).hostname}>"
    message["Auto-Submitted"] = "auto-generated"
    message["List-Unsubscribe"] = f"<{page}>"
    message["Content-Language"] = notification.language
    message.set_content(render_template(f"notifications/mail/{template}.txt", **values))
    message.add_alternative(render_template(f"notifications/mail/{template}.html", **values), subtype="html")
    return message
