"""The page of one intervention and the form for one. Shared by the routes that end on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask import render_template

from app.db.session import unit_of_work
from app.errors import FieldError
from app.interventions import actions, moves, rules, store, words
from app.interventions.store import InterventionRow
from app.nomenclature.actions import current_nomenclature
from app.people.guards import require_signed_in
from app.people.identity import current_actor
from app.people.store import list_organisations
from app.photos import actions as photos
from app.photos.store import PhotoRow
from app.reports import store as reports_store
from app.reports.store import ReportRow
from app.reports.words import role_label
from app.web.context import services


@dataclass(frozen=True)
class Pair:
    """One photo of before and one of after."""

    before: PhotoRow
    after: PhotoRow


def pair_of(rows: Sequence[PhotoRow]) -> Pair | None:
    """The first photo of before beside the last one of after; None unless there are both."""
    before = [row for row in rows if row.stage == "before"]
    after = [row for row in rows if row.stage == "after"]
    return Pair(before[0], after[-1]) if before and after else None


def render_one(
    intervention_id: UUID, *, values: Mapping[str, Any] | None = None, errors: Sequence[FieldError] = ()
) -> str:
    """The page as the actor may see it. values and errors: something that was just refused.

    Raises:
        NotSignedInError, NotFoundError

    """
    actor = current_actor()
    with unit_of_work(services().engine, actor) as uow:
        row = actions.read(uow, actor, intervention_id)
        linked = store.linked_reports(uow.connection, row.id)
        events = actions.history(uow, row.id)
        teams = {team.code: team for team in store.teams(uow.connection)}
        pictures = photos.of_subject(uow, "interventions", row.id)
    may_edit = actor.may_write and rules.may_edit(row, actor)
    return render_template(
        "interventions/show.html",
        row=row,
        linked=linked,
        resolvable=[report for report in linked if moves.resolvable(report, actor)],
        events=events,
        teams=teams,
        pair=pair_of(pictures),
        steps=moves.possible_moves(row, actor),
        may_edit=may_edit,
        may_see_cost=rules.may_see_cost(row, actor),
        may_add_photos=actor.may_write and actor.role in {"agent", "partner", "coordinator"},
        nomenclature=current_nomenclature(),
        words=words,
        role_label=role_label,
        values=values or {},
        errors=list(errors),
    )


def render_form(
    values: Mapping[str, Any], *, errors: Sequence[FieldError] = (), row: InterventionRow | None = None
) -> str:
    """The form: of a new intervention, or of the stored one that is changed."""
    actor = current_actor()
    require_signed_in(actor)
    with unit_of_work(services().engine, actor) as uow:
        kinds = [kind for kind in store.kinds(uow.connection) if kind.active or (row and kind.code == row.kind)]
        teams = [team for team in store.teams(uow.connection) if team.active or (row and team.code in row.teams)]
        organisations = list_organisations(uow.connection) if actor.role == "coordinator" else ()
        reports = _reports(uow.connection, values.get("reports") or ())
    if reports and not values.get("geometry"):
        values = dict(values) | _placed(reports)
    return render_template(
        "interventions/form.html",
        row=row,
        values=values,
        errors=list(errors),
        kinds=kinds,
        teams=teams,
        organisations=organisations,
        reports=reports,
        nomenclature=current_nomenclature(),
        visibilities=rules.VISIBILITIES,
        first_states=rules.FIRST_STATES,
        words=words,
    )


def _reports(connection: Any, ids: Sequence[str]) -> list[ReportRow]:
    found = []
    for value in ids:
        try:
            report = reports_store.get_report(connection, UUID(str(value)))
        except ValueError:
            continue
        if report is not None:
            found.append(report)
    return found


def _placed(reports: Sequence[ReportRow]) -> dict[str, str]:
    """One report: its point. Several: a line through them would mean nothing, so the point between them."""
    lon = sum(report.lon for report in reports) / len(reports)
    lat = sum(report.lat for report in reports) / len(reports)
    return {"shape": "point", "geometry": f"{round(lon, 6)} {round(lat, 6)}"}
