"""Use cases of the coordination: the texts in which something may be about a person, and what is decided about each."""

from __future__ import annotations

import hashlib
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.db.session import UnitOfWork
from app.desk import texts_store as store
from app.desk.desk_commands import After
from app.desk.texts_commands import TextCommand
from app.desk.texts_store import TextRow
from app.people.actor import Actor
from app.people.guards import require_role, require_write
from app.reports import actions
from app.reports.moves import Said, changed_meanwhile, note
from app.reports.screening import Find, screen

PAGE = 30
# Looked through for one page: each takes 0.07 ms.
MOST_TEXTS = 2000
_KINDS = {"keep": "text_kept", "change": "text_changed", "hide": "text_hidden"}


@dataclass(frozen=True)
class Doubt:
    """A text and what in it may be about a person. parts: the whole text in order, each with its find or None."""

    row: TextRow
    parts: tuple[tuple[str, Find | None], ...]

    @property
    def finds(self) -> tuple[Find, ...]:
        """What was found, in the order of the text."""
        return tuple(find for _piece, find in self.parts if find)


@dataclass(frozen=True)
class Texts:
    """One page. after: where the next one begins, None on the last."""

    doubts: tuple[Doubt, ...]
    after: After | None


def to_look_at(uow: UnitOfWork, actor: Actor, after: After | None) -> Texts:
    """The newest texts with something that the screening points out, less those that were decided about.

    Raises:
        NotSignedInError
        ForbiddenError: the coordination's alone.

    """
    require_role(actor, "coordinator")
    rows = store.open_texts(uow.connection, after, limit=MOST_TEXTS)
    found: list[Doubt] = []
    for row in rows:
        if finds := screen(row.description):
            found.append(Doubt(row, _parts(row.description, finds)))
        if len(found) == PAGE:
            return Texts(tuple(found), After(row.received_at, row.id) if row != rows[-1] else None)
    # Nothing more among these; older ones may have something.
    is_more = len(rows) == MOST_TEXTS
    return Texts(tuple(found), After(rows[-1].received_at, rows[-1].id) if is_more else None)


def _parts(text: str, finds: tuple[Find, ...]) -> tuple[tuple[str, Find | None], ...]:
    whole = unicodedata.normalize("NFC", text)
    parts: list[tuple[str, Find | None]] = []
    at = 0
    for find in finds:
        parts += [(whole[at : find.start], None), (find.found, find)]
        at = find.end
    return tuple(part for part in (*parts, (whole[at:], None)) if part[0])


def decide(uow: UnitOfWork, actor: Actor, report_id: UUID, command: TextCommand, *, now: datetime) -> None:
    """Keep, change or hide the text of a report. The history says what was done, never what stood there.

    Raises:
        NotSignedInError
        ForbiddenError: the coordination's alone.
        NotFoundError: no such report.
        ChangedError: it is not as it was seen.

    """
    require_role(actor, "coordinator")
    require_write(actor)
    report = actions.read(uow, report_id)
    text = report.description if command.decision == "keep" else command.text
    if report.version != command.version:
        raise changed_meanwhile(report)
    if command.decision != "keep" and not store.change_text(uow.connection, report_id, command.version, text):
        raise changed_meanwhile(report)
    details = {"sha256": hashlib.sha256(text.encode()).hexdigest()} if text else {}
    note(uow, actor, report_id, Said(_KINDS[command.decision], now, details=details))
