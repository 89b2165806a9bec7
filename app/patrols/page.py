"""The page of one patrol and the form for a new one. Shared by the routes that end on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from flask import render_template, request
from flask_babel import gettext as _
from sqlalchemy import Connection

from app.db.session import unit_of_work
from app.errors import FieldError
from app.nomenclature.actions import current_nomenclature
from app.patrols import actions, rules, store, words
from app.patrols.actions import Whole
from app.patrols.drawing import Pin, map_svg
from app.patrols.store import ChoosablePlace, PassageRow
from app.people.identity import current_actor
from app.places.territory import territory
from app.reports.rules import SEVERITIES
from app.reports.store import ReportRow
from app.reports.words import role_label
from app.web.context import services

# Kinds of places that a round can stop at, in the order of the list.
PLACE_KINDS = ("residence", "stop", "school", "neighbourhood")
MOST_FOUND = 60


@dataclass(frozen=True)
class Seen:
    """A passage with its reports that have arrived, and the ids of those that have not."""

    passage: PassageRow
    reports: tuple[ReportRow, ...]
    missing: tuple[UUID, ...]


def seen_of(whole: Whole) -> list[Seen]:
    """The passages in the order of their times."""
    return [
        Seen(
            passage,
            tuple(whole.reports[one] for one in passage.report_ids if one in whole.reports),
            tuple(one for one in passage.report_ids if one not in whole.reports),
        )
        for passage in whole.passages
    ]


def pins_of(whole: Whole) -> list[Pin]:
    """The stops by what was seen there, and passages elsewhere numbered after them."""
    pins = []
    by_stop = whole.passages_of_stop
    for stop in whole.stops:
        here = by_stop.get(stop.id, [])
        kind = "left" if not here else "found" if any(one.outcome == "found" for one in here) else "nothing"
        pins.append(Pin(stop.position, stop.lon, stop.lat, kind))
    elsewhere = [passage for passage in whole.passages if passage.stop_id is None]
    pins += [Pin(len(whole.stops) + i, one.lon, one.lat, one.outcome) for i, one in enumerate(elsewhere, 1)]
    return pins


@dataclass(frozen=True)
class Centre:
    """Where a map begins, in EPSG:4326 degrees."""

    lon: float
    lat: float


def _centre(connection: Connection, whole: Whole) -> Centre:
    """Where somebody looked last, else the first stop, else the middle of the territory."""
    if whole.passages or whole.stops:
        last = whole.passages[-1] if whole.passages else whole.stops[0]
        return Centre(last.lon, last.lat)
    west, south, east, north = territory(connection).bounds
    return Centre((west + east) / 2, (south + north) / 2)


def render_one(patrol_id: UUID, *, values: Mapping[str, Any] | None = None, errors: Sequence[FieldError] = ()) -> str:
    """The page as the actor may see it. values and errors: something that was just refused.

    Raises:
        NotSignedInError, NotFoundError

    """
    actor = current_actor()
    with unit_of_work(services().engine, actor) as uow:
        whole = actions.read_whole(uow, actor, patrol_id)
        events = actions.history(uow, patrol_id)
        label = _("Map of the round; the lists say the same")
        picture = map_svg(uow.connection, pins_of(whole), label, width=420, height=300)
        centre = _centre(uow.connection, whole)
    return render_template(
        "patrols/show.html",
        whole=whole,
        row=whole.row,
        seen=seen_of(whole),
        picture=picture,
        centre=centre,
        events=events,
        may_walk=actor.may_write and rules.may_walk(whole.row, actor),
        moves={move.name for move in actions.possible_moves(whole.row, actor)},
        may_plan=actor.may_write and actor.role in rules.WALKERS,
        nomenclature=current_nomenclature(),
        severities=SEVERITIES,
        words=words,
        role_label=role_label,
        new_id=uuid4,
        values=values if values is not None else request.args,
        errors=list(errors),
    )


def render_form(values: Mapping[str, Any], *, errors: Sequence[FieldError] = (), searched: bool = False) -> str:
    """The form of a new patrol: chosen places, and those that a search finds."""
    actor = current_actor()
    kind = str(values.get("place_kind") or "")
    with unit_of_work(services().engine, actor) as uow:
        chosen = _chosen(uow.connection, values.get("places") or (), actor.organisation_id)
        kind = kind if kind in PLACE_KINDS else _usual_kind(uow.connection, actor.organisation_id)
        found = store.choose_places(
            uow.connection,
            kind,
            str(values.get("q") or "").strip()[:80],
            actor.organisation_id,
            most=MOST_FOUND + 1,
        )
    ids = {place.id for place in chosen}
    return render_template(
        "patrols/form.html",
        values=dict(values) | {"place_kind": kind},
        errors=list(errors),
        chosen=chosen,
        found=[place for place in found[:MOST_FOUND] if place.id not in ids],
        truncated=len(found) > MOST_FOUND,
        searched=searched,
        place_kinds=PLACE_KINDS,
        kinds=rules.KINDS,
        participants=rules.PARTICIPANTS,
        words=words,
    )


def _chosen(connection: Connection, ids: Sequence[str], organisation_id: int | None) -> list[ChoosablePlace]:
    wanted = [int(one) for one in ids if one.isascii() and one.isdigit() and len(one) < 19][: rules.MOST_STOPS]  # noqa: PLR2004
    known = store.places(connection, wanted, organisation_id)
    return [known[one] for one in dict.fromkeys(wanted) if one in known]


def _usual_kind(connection: Connection, organisation_id: int | None) -> str:
    """The first kind of which the organisation has places of its own, else stops."""
    own = store.own_kinds(connection, organisation_id)
    return next((kind for kind in PLACE_KINDS if kind in own), "stop")
