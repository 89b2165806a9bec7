"""Untrusted input of the desk → frozen values: which list, which reports, what to do with them, what to keep."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, get_args
from urllib.parse import urlencode
from uuid import UUID

from flask_babel import gettext as _
from flask_babel import ngettext

from app.errors import BadRequestError, FieldError, InvalidInputError
from app.nomenclature.store import Nomenclature
from app.reports.filters import ReportFilter, parse_filter
from app.reports.moves_commands import MoveCommand, parse_move
from app.reports.rules import holds_control_characters, holds_markup
from app.reports.workflow import MOVES, MoveName
from app.web.paging import read_keyset, write_keyset

Tab = Literal["todo", "soon", "reply", "waiting", "verify", "interventions"]
TABS: tuple[Tab, ...] = get_args(Tab)
# Sorted by deadline; the others by when they came in.
BY_DEADLINE: frozenset[Tab] = frozenset({"todo", "soon"})
FILTER_KEYS = ("theme", "category", "state", "severity", "from", "to", "organisation")
# What can be done to many at once: what needs no words of its own for each report.
BULK_MOVES: tuple[MoveName, ...] = ("acknowledge", "start", "assign", "verify", "transfer", "reject")
MOST_AT_ONCE = 50
NAME_CHARACTERS = 60
_TICKED = re.compile(r"([0-9a-f-]{36})\.([0-9]{1,9})")


@dataclass(frozen=True)
class After:
    """Where a page ended: the last row's time (its deadline, or when it came in) and id."""

    at: datetime
    id: UUID

    def __str__(self) -> str:
        return write_keyset(self.at, self.id)


@dataclass(frozen=True)
class DeskQuery:
    """What the desk shows. chosen.organisation: whose desk (None: the actor's own)."""

    tab: Tab
    chosen: ReportFilter
    after: After | None = None

    def query(self) -> dict[str, str]:
        """The address's parameters, without the page."""
        return {"tab": self.tab} | self.chosen.query()


def parse_desk(args: Mapping[str, str], nomenclature: Nomenclature) -> DeskQuery:
    """Read the desk's query parameters.

    Raises:
        BadRequestError: names the parameter.

    """
    for name in args:
        if name not in (*FILTER_KEYS, "tab", "after"):
            raise BadRequestError(name[:40], _("there is no such parameter"))
    wanted = args.get("tab", "").strip() or "todo"
    tab = next((one for one in TABS if one == wanted), None)
    if tab is None:
        raise BadRequestError("tab", _("choose one of: %(known)s", known=", ".join(TABS)))
    return DeskQuery(tab, parse_filter(args, nomenclature), parse_after(args.get("after", "")))


def parse_after(value: str) -> After | None:
    """Where a page begins; None for the first.

    Raises:
        BadRequestError: it is not one of ours.

    """
    after = read_keyset(value)
    return After(*after) if after else None


@dataclass(frozen=True)
class Ticked:
    """A report as it was seen when it was ticked."""

    id: UUID
    version: int


@dataclass(frozen=True)
class BulkCommand:
    """One move for many reports. id: made by the page, so that the form sent twice is done once."""

    id: UUID
    move: MoveName
    values: Mapping[str, str]
    ticked: tuple[Ticked, ...]

    def of(self, one: Ticked) -> MoveCommand:
        """The move of one report."""
        return parse_move({"move": self.move, "version": one.version, **self.values})


def parse_bulk(form: Mapping[str, Any], reports: Sequence[str]) -> BulkCommand:
    """Read the form of the desk: ticked reports ("ID.VERSION"), a move, and what that move needs.

    Each move's fields carry its name (transfer-reason), as one form holds them all.

    Raises:
        InvalidInputError: every refused field with its message.

    """
    errors: list[FieldError] = []
    move = next((one for one in BULK_MOVES if one == form.get("move")), None)
    if move is None:
        errors.append(FieldError("move", _("Choose what to do with the ticked reports."), "unknown"))
    ticked, refused = _ticked(reports)
    errors += refused
    bulk_id = _uuid(str(form.get("bulk", "")))
    if bulk_id is None:
        errors.append(FieldError("bulk", _("Open the desk again: this form cannot be read."), "unknown"))
    values: dict[str, str] = {}
    if move is not None:
        values = {
            name: str(form[f"{move}-{name}"])
            for name in (*MOVES[move].needs, *MOVES[move].takes)
            if str(form.get(f"{move}-{name}", "")).strip()
        }
        errors += _refused_values(move, values)
    if errors or move is None or bulk_id is None:
        raise InvalidInputError(errors)
    return BulkCommand(bulk_id, move, values, ticked)


def _ticked(reports: Sequence[str]) -> tuple[tuple[Ticked, ...], list[FieldError]]:
    found = [_TICKED.fullmatch(one) for one in reports]
    ids = {_uuid(one[1]): int(one[2]) for one in found if one}
    # In one order for everybody, whatever order they stand in on the page.
    ticked = tuple(Ticked(key, version) for key, version in sorted((k, v) for k, v in ids.items() if k is not None))
    if not ticked or len(ticked) != len(set(reports)):
        return ticked, [FieldError("report", _("Tick at least one report of the list."), "missing")]
    if len(ticked) > MOST_AT_ONCE:
        message = ngettext("At most %(num)s report at once.", "At most %(num)s reports at once.", MOST_AT_ONCE)
        return ticked, [FieldError("report", message, "too_many")]
    return ticked, []


def _refused_values(move: MoveName, values: Mapping[str, str]) -> list[FieldError]:
    try:
        parse_move({"move": move, "version": 1, **values})
    except InvalidInputError as error:
        return [FieldError(f"{move}-{one.field}", one.message, one.code) for one in error.errors]
    return []


def _uuid(value: str) -> UUID | None:
    try:
        return UUID(value)
    except ValueError:
        return None


@dataclass(frozen=True)
class FilterCommand:
    """A filter to keep under a name; shared: for the whole organisation."""

    name: str
    query: str
    shared: bool


def parse_saved(form: Mapping[str, str], query: DeskQuery | None = None) -> FilterCommand:
    """Read a kept filter's name. query: what is kept (None: it stays as it is).

    Raises:
        InvalidInputError

    """
    name = " ".join(str(form.get("name", "")).split())
    if not name or len(name) > NAME_CHARACTERS or holds_markup(name) or holds_control_characters(name):
        message = _("Give a name of at most %(num)s characters, in plain text.", num=NAME_CHARACTERS)
        raise InvalidInputError([FieldError("name", message, "name")])
    return FilterCommand(name, "" if query is None else urlencode(query.query()), bool(form.get("shared")))
