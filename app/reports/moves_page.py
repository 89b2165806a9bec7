"""The page of one report: facts, what may be done next, history. Shared by its two routes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from flask import render_template, request

from app.db.session import unit_of_work
from app.errors import FieldError
from app.nomenclature.actions import current_nomenclature
from app.people.guards import require_signed_in
from app.people.identity import current_actor
from app.people.store import list_organisations
from app.reports import actions, duplicates, moves, words
from app.reports.confirmations import looks_gone
from app.reports.duplicates_recurrence import earlier_here, recurrences
from app.reports.duplicates_rules import RECURRENCE_DAYS
from app.reports.rules import OPEN_STATES
from app.reports.workflow import CONFIRMATIONS, MOVES, time_lost
from app.routing.words import why
from app.web.context import services


def render_report(
    report_id: UUID, *, values: Mapping[str, Any] | None = None, errors: Sequence[FieldError] = ()
) -> str:
    """The page as the actor may see it. values and errors: a move that was just refused.

    Raises:
        NotSignedInError, NotFoundError

    """
    actor = current_actor()
    require_signed_in(actor)
    nomenclature = current_nomenclature()
    with unit_of_work(services().engine, actor) as uow:
        row = actions.read(uow, report_id)
        events = actions.history(uow, report_id)
        organisations = list_organisations(uow.connection)
        group = duplicates.group_of(uow, actor, row, nomenclature)
        recurrence = recurrences(uow.connection, [row], nomenclature).get(row.id)
        comes_back = recurrence is not None and recurrence.nth > 1
        earlier = earlier_here(uow.connection, row, duplicates.spot_of(row, nomenclature)) if comes_back else ()
    possible = moves.possible_moves(row, actor)
    routing = next((event.details.get("routing") for event in events if event.kind == "created"), None)
    return render_template(
        "reports/show.html",
        report=row,
        category=nomenclature.category_by_code[row.category],
        theme=nomenclature.theme_by_code[row.theme],
        events=events,
        now=datetime.now(UTC),
        is_open=row.state in OPEN_STATES,
        was_added=request.args.get("added") == "1",
        routing=routing or {},
        why=why,
        candidates=[o for o in organisations if o.id in row.candidate_ids] if row.organisation_id is None else [],
        steps=[move for move in possible if move.name not in CONFIRMATIONS and move.name in MOVES],
        may_confirm=any(move.name in CONFIRMATIONS for move in possible),
        confirmations=group.confirmations,
        seen_gone=looks_gone(group.confirmations),
        group=group,
        recurrence=recurrence if comes_back else None,
        recurrence_days=RECURRENCE_DAYS,
        earlier=earlier,
        nomenclature=nomenclature,
        lost=time_lost(events),
        organisations=[o for o in organisations if o.id != row.organisation_id],
        words=words,
        values=values or {},
        errors=list(errors),
    )
