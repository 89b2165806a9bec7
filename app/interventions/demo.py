"""Synthetic interventions on the synthetic reports, and some that came before any report."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import numpy as np
from sqlalchemy import Connection, Engine, text

from app.db.session import unit_of_work
from app.db.sql import statement
from app.interventions.geometry import inner_point
from app.interventions.store import add_event, link
from app.people.actor import SYSTEM
from app.places.lattice import cells_of

SEED = 80021
ANSWERS, PREVENTIVE = 300, 70
# Reports of one organisation, category and neighbourhood within so many days are answered together.
TOGETHER_DAYS, MOST_TOGETHER = 10, 4
WITH_TEXT, WITH_COST = 0.6, 0.7

_ANY = text("SELECT EXISTS (SELECT FROM intervention)")
_ADD = text(statement("interventions", "add"))
_REPORTS = text(statement("interventions", "demo_reports"))
_COORDINATION = text("SELECT id FROM organisation WHERE kind = 'prefecture' ORDER BY NOT is_synthetic, id LIMIT 1")

# What is done about a category, else about its theme; the first that fits counts.
KINDS: tuple[tuple[str, str], ...] = (
    ("bulky_waste", "bulky_waste"), ("fly_tipping", "bulky_waste"), ("bin_room", "cleaning"),
    ("wreck", "wreck_removal"),
    ("street_light_out", "lighting"), ("hall_light_out", "lighting"), ("broken_entrance", "access_control"),
    ("cellar_car_park", "access_control"), ("neglected_greenery", "greenery"), ("damaged_shelter", "stop_security"),
    ("cleanliness", "cleaning"), ("street", "repair"), ("building", "repair"), ("vehicles", "wreck_removal"),
    ("tranquillity", "presence"), ("transport", "stop_security"), ("services", "mediation"), ("schools", "mediation"),
)  # fmt: skip
TEAMS = {
    "cleaning": "cleaning", "bulky_waste": "cleaning", "wreck_removal": "contractor", "lighting": "lighting",
    "repair": "technical", "access_control": "technical", "presence": "mediators", "mediation": "mediators",
    "stop_security": "network_agents", "awareness": "association", "training": "caretakers", "greenery": "greenery",
}  # fmt: skip
TEXTS = {
    "cleaning": ("Nettoyage complet, sacs retirés.", "Passage renforcé au nettoyeur à haute pression."),
    "bulky_waste": ("Encombrants enlevés, abords balayés.", "Dépôt retiré, panneau de rappel posé."),
    "wreck_removal": ("Véhicule enlevé après mise en demeure.",),
    "lighting": ("Lampe remplacée, essai de nuit concluant.", "Deux points lumineux remis en service."),
    "repair": ("Élément remplacé.", "Remise en état, contrôle à prévoir dans un mois."),
    "access_control": ("Platine d'interphone remplacée.", "Porte de hall réglée, ferme-porte changé."),
    "presence": ("Présence en soirée, échanges avec les habitants.",),
    "mediation": ("Passage des médiateurs, rappel des usages.",),
    "stop_security": ("Abri sécurisé, vitrage changé.", "Présence aux heures de pointe."),
    "awareness": ("Animation au pied d'immeuble sur le tri.",),
    "greenery": ("Taille des haies pour dégager la vue.",),
}
# Median cost in euros.
COSTS = {
    "cleaning": 180,
    "bulky_waste": 240,
    "wreck_removal": 320,
    "lighting": 460,
    "repair": 380,
    "access_control": 620,
}


@dataclass(frozen=True)
class _Answered:
    """One report that something was done about."""

    id: UUID
    category: str
    theme: str
    lon: float
    lat: float
    organisation_id: int
    neighbourhood_id: int | None
    state: str
    started_at: datetime | None
    resolved_at: datetime | None


def load_demo_interventions(engine: Engine, echo: Callable[[str], object], *, now: datetime | None = None) -> int:
    """Fill a database that has reports but no intervention; returns how many were added.

    The same reports and `now` give the same interventions.
    """
    now = now or datetime.now(UTC)
    with unit_of_work(engine, SYSTEM) as uow:
        connection = uow.connection
        if connection.scalar(_ANY):
            return 0
        reports = [_Answered(**row) for row in connection.execute(_REPORTS).mappings()]
        coordination_id = connection.scalar(_COORDINATION)
        maker = _Maker(connection, now, coordination_id)
        for group in _groups(reports, maker.pick):
            maker.answer(group)
        if reports:
            maker.prevent(reports)
    if maker.added:
        echo(f"Demo data: {maker.added:,} synthetic interventions added.")
    return maker.added


def _groups(reports: Sequence[_Answered], pick: np.random.Generator) -> Iterator[tuple[_Answered, ...]]:
    """Reports to answer together, some hundreds of them by chance."""
    made: list[list[_Answered]] = []
    for report in reports:  # in the order of organisation, category, neighbourhood, time
        last = made[-1][-1] if made else None
        if last and _goes_with(last, report) and len(made[-1]) < MOST_TOGETHER:
            made[-1].append(report)
        else:
            made.append([report])
    chosen = pick.permutation(len(made))[:ANSWERS]
    for index in sorted(chosen):
        yield tuple(made[index])


def _goes_with(one: _Answered, other: _Answered) -> bool:
    if (one.organisation_id, one.category, one.neighbourhood_id, one.state) != (
        other.organisation_id, other.category, other.neighbourhood_id, other.state,
    ):  # fmt: skip
        return False
    first, last = one.resolved_at or one.started_at, other.resolved_at or other.started_at
    return first is None or last is None or abs(last - first) <= timedelta(days=TOGETHER_DAYS)


def kind_of(category: str, theme: str) -> str:
    """What is usually done about such a report."""
    for known, kind in KINDS:
        if category == known:
            return kind
    return next((kind for known, kind in KINDS if theme == known), "other")


class _Maker:
    def __init__(self, connection: Connection, now: datetime, coordination_id: int | None) -> None:
        self._connection, self._now, self._coordination_id = connection, now, coordination_id
        self.pick = np.random.default_rng(SEED)
        self.added = 0

    def answer(self, group: tuple[_Answered, ...]) -> None:
        """One intervention on the reports of a group, as far along as they are."""
        first, pick, now = group[0], self.pick, self._now
        kind = kind_of(first.category, first.theme)
        worked = timedelta(hours=float(pick.uniform(0.5, 5)))
        times: dict[str, datetime | None] = {"planned_start": None, "done_start": None, "done_end": None}
        resolved = [report.resolved_at for report in group if report.resolved_at]
        if resolved:
            end = min(max(resolved), now)
            worked = min(worked, timedelta(hours=max(0.5, end.hour - 7)))  # nobody is at work before eight
            times |= {"planned_start": end - worked - timedelta(hours=2), "done_start": end - worked, "done_end": end}
            state = "verified" if first.state == "verified" else "done"
        elif first.state == "in_progress":
            start = min(first.started_at or now, now)
            times |= {"planned_start": start, "done_start": start}
            state = "in_progress"
        else:
            times["planned_start"] = now + timedelta(days=float(pick.uniform(0.5, 20)))
            state = "planned"
        intervention_id = self._add(kind, first.organisation_id, _point(first), state, times)
        for report in group:
            link(self._connection, intervention_id, report.id, times["done_end"] or now)

    def prevent(self, reports: Sequence[_Answered]) -> None:
        """Presence, awareness and the like, over the past half year and the weeks to come."""
        pick, now = self.pick, self._now
        kinds = ("presence", "mediation", "awareness", "greenery", "lighting", "cleaning")
        for _ in range(PREVENTIVE):
            near = reports[int(pick.integers(len(reports)))]
            kind = kinds[int(pick.choice(len(kinds), p=(0.3, 0.2, 0.15, 0.1, 0.1, 0.15)))]
            day = now + timedelta(days=float(pick.uniform(-180, 30)))
            start = day.replace(hour=int(pick.integers(7, 19)), minute=0, second=0, microsecond=0)
            end = start + timedelta(hours=float(pick.choice([1, 2, 3, 4])))
            times: dict[str, datetime | None] = {"planned_start": start, "planned_end": end}
            state = "planned"
            if end < now:
                state = "verified" if pick.random() < 0.4 else "done"  # noqa: PLR2004
                times |= {"done_start": start, "done_end": end}
            self._add(kind, near.organisation_id, _around(near, pick), state, times)

    def _add(
        self, kind: str, organisation_id: int, geometry: str, state: str, times: dict[str, datetime | None]
    ) -> UUID:
        pick = self.pick
        lon, lat = inner_point(geometry)
        hours, people = round(float(pick.uniform(1, 8)), 1), int(pick.integers(1, 5))
        cost = round(float(COSTS.get(kind, 150) * pick.lognormal(0.0, 0.5)), 0)
        begun = times.get("done_end") or times.get("planned_start") or self._now
        values: dict[str, Any] = {
            "id": UUID(bytes=pick.bytes(16), version=4),
            "kind": kind,
            "geometry": geometry,
            "cell_25m": int(cells_of([lon], [lat])[0]),  # type: ignore[arg-type]
            "state": state,
            "visibility": "partner",
            "planned_start": times.get("planned_start"),
            "planned_end": times.get("planned_end"),
            "done_start": times.get("done_start"),
            "done_end": times.get("done_end"),
            "organisation_id": organisation_id,
            "author_organisation_id": organisation_id,
            "author_account_id": None,
            "teams": [TEAMS[kind]] if kind in TEAMS else [],
            "team_size": people,
            "cost_eur": cost if pick.random() < WITH_COST else None,
            "hours": hours,
            "description": self._said(kind) if begun <= self._now else None,
            "source": "demo",
            "is_synthetic": True,
            "body_sha256": None,
            "now": min(self._now, begun - timedelta(days=1)),
        }
        self._connection.execute(_ADD, values)
        self._tell(values)
        self.added += 1
        return values["id"]  # type: ignore[no-any-return]

    def _said(self, kind: str) -> str | None:
        said = TEXTS.get(kind, ())
        return said[int(self.pick.integers(len(said)))] if said and self.pick.random() < WITH_TEXT else None

    def _tell(self, values: dict[str, Any]) -> None:
        """The history up to its state."""
        steps: list[tuple[str, str | None, str, datetime]] = [("created", None, "planned", values["now"])]
        if values["done_start"]:
            steps.append(("start", "planned", "in_progress", values["done_start"]))
        if values["done_end"]:
            steps.append(("finish", "in_progress", "done", values["done_end"]))
        if values["state"] == "verified":
            steps.append(("verify", "done", "verified", min(values["done_end"] + timedelta(days=2), self._now)))
        for kind, from_state, to_state, at in steps:
            is_check = kind == "verify"
            add_event(
                self._connection,
                {
                    "intervention_id": values["id"],
                    "at": at,
                    "kind": kind,
                    "from_state": from_state,
                    "to_state": to_state,
                    "organisation_id": self._coordination_id if is_check else values["organisation_id"],
                    "account_id": None,
                    "role": "coordinator" if is_check else "partner",
                    "details": {"source": "demo"} if kind == "created" else {},
                },
            )


def _point(report: _Answered) -> str:
    return json.dumps({"type": "Point", "coordinates": [report.lon, report.lat]})


def _around(report: _Answered, pick: np.random.Generator) -> str:
    """A walk of some hundred metres, or a small square, beginning at a report. About degrees: 0.001 is 70 to 110 m."""
    lon, lat = report.lon, report.lat
    if pick.random() < 0.5:  # noqa: PLR2004
        east, north = pick.uniform(-0.0015, 0.0015, 2)
        corners = [[lon, lat], [round(lon + east, 6), round(lat + north, 6)]]
        return json.dumps({"type": "LineString", "coordinates": corners})
    w, s, e, n = lon, lat, round(lon + 0.0012, 6), round(lat + 0.0008, 6)
    return json.dumps({"type": "Polygon", "coordinates": [[[w, s], [e, s], [e, n], [w, n], [w, s]]]})
