"""Synthetic rounds over the past year, marked as such: who looked where, and what was found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import numpy as np
from sqlalchemy import Connection, Engine, text

from app.db.session import unit_of_work
from app.patrols import store
from app.patrols.rules import short_way
from app.people.actor import SYSTEM
from app.places.lattice import cells_of
from app.reports.filters import LOCAL_ZONE

SEED = 80090
WEEKS = 52
LEAST_STOPS, MOST_STOPS, WALKS = 6, 14, 8
# How far around a stop a report counts as found there, and how long before or after.
NEAR_DEGREES, FOUND_HOURS = 0.002, 36

_ANY = text("SELECT EXISTS (SELECT FROM patrol)")
# Who goes where: each organisation on its own places, the city on whatever there is.
_PLACES = text("""
    SELECT organisation.id AS organisation_id, organisation.kind AS organisation_kind, place.id AS place_id, place.name,
        ST_X(ST_PointOnSurface(place.geom_4326)) AS lon, ST_Y(ST_PointOnSurface(place.geom_4326)) AS lat
    FROM organisation JOIN place ON place.closed_at IS NULL AND CASE organisation.kind
        WHEN 'landlord' THEN place.kind = 'residence' AND (place.organisation_id = organisation.id
            OR place.organisation_id IS NULL)
        WHEN 'transport_operator' THEN place.kind = 'stop'
        WHEN 'city' THEN place.kind IN ('neighbourhood', 'school')
        ELSE false END
    WHERE organisation.is_synthetic
    ORDER BY organisation.id, place.kind, place.code LIMIT 5000
""")
_NEAR = text("""
    SELECT id FROM report
    WHERE is_synthetic AND visibility <> 'restricted'
        AND observed_at BETWEEN CAST(:at AS timestamptz) - :hours * interval '1 hour'
            AND CAST(:at AS timestamptz) + :hours * interval '1 hour'
        AND geom_4326 && ST_Expand(ST_SetSRID(ST_MakePoint(:lon, :lat), 4326), :degrees)
    ORDER BY observed_at, id LIMIT 2
""")
_TITLES = {"landlord": "Tour des résidences", "transport_operator": "Tour des arrêts", "city": "Tour des quartiers"}


@dataclass(frozen=True)
class _Place:
    """A place that somebody goes to."""

    organisation_id: int
    organisation_kind: str
    place_id: int
    name: str
    lon: float
    lat: float


def load_demo_patrols(engine: Engine, echo: Callable[[str], object], *, now: datetime | None = None) -> int:
    """Fill a database that has no patrol; returns how many were added.

    The same places, reports and `now` give the same patrols. None without places of the synthetic organisations.
    """
    now = now or datetime.now(UTC)
    with unit_of_work(engine, SYSTEM) as uow:
        if uow.connection.scalar(_ANY):
            return 0
        maker = _Maker(uow.connection, now)
        by_organisation: dict[int, list[_Place]] = {}
        for row in uow.connection.execute(_PLACES).mappings():
            by_organisation.setdefault(row["organisation_id"], []).append(_Place(**row))
        for places in by_organisation.values():
            maker.rounds(places)
    if maker.added:
        echo(f"Demo data: {maker.added:,} synthetic rounds added.")
    return maker.added


class _Maker:
    def __init__(self, connection: Connection, now: datetime) -> None:
        self._connection, self._now = connection, now
        self._pick = np.random.default_rng(SEED)
        self.added = 0

    def rounds(self, places: Sequence[_Place]) -> None:
        """About one a week for a year, one that is planned, and for the city some walks with residents."""
        pick = self._pick
        for week in range(WEEKS, -1, -1):
            if week and pick.random() < 0.15:  # noqa: PLR2004  (holidays)
                continue
            day = self._now - timedelta(days=7 * week - float(pick.integers(0, 3)))
            start = day.astimezone(LOCAL_ZONE).replace(
                hour=int(pick.choice([8, 10, 14, 17, 19])), minute=0, second=0, microsecond=0
            )
            is_walk = places[0].organisation_kind == "city" and week % max(1, WEEKS // WALKS) == 1
            self._round(self._some(places), start.astimezone(UTC), kind="walk" if is_walk else "round")

    def _some(self, places: Sequence[_Place]) -> list[_Place]:
        """Places near one of them, in the order of a short way."""
        first = places[int(self._pick.integers(len(places)))]
        near = sorted(places, key=lambda one: (one.lon - first.lon) ** 2 + (one.lat - first.lat) ** 2)
        chosen = near[: int(self._pick.integers(LEAST_STOPS, MOST_STOPS + 1))]
        return [chosen[i] for i in short_way([(one.lon, one.lat) for one in chosen])]

    def _round(self, places: Sequence[_Place], start: datetime, *, kind: str) -> None:
        pick, is_past = self._pick, start + timedelta(hours=4) < self._now
        patrol_id = UUID(bytes=pick.bytes(16), version=4)
        minutes = np.cumsum(pick.integers(6, 16, len(places)))
        end = start + timedelta(minutes=int(minutes[-1]) + 5)
        owner = places[0]
        title = "Diagnostic en marchant" if kind == "walk" else _TITLES[owner.organisation_kind]
        values: dict[str, Any] = {
            "id": patrol_id,
            "kind": kind,
            "title": f"{title} · {places[0].name}"[:120],
            "state": "closed" if is_past else "planned",
            "planned_at": start,
            "started_at": start if is_past else None,
            "ended_at": end if is_past else None,
            "note": None,
            "organisation_id": owner.organisation_id,
            "author_account_id": None,
            "source": "demo",
            "is_synthetic": True,
            "body_sha256": None,
            "now": min(start - timedelta(days=2), self._now),
        }
        store.add(self._connection, values)
        stops = [
            {"patrol_id": patrol_id, "position": i, "place_id": p.place_id, "name": p.name, "lon": p.lon, "lat": p.lat,
             "note": None}
            for i, p in enumerate(places, 1)
        ]  # fmt: skip
        store.add_stops(self._connection, stops)
        if kind == "walk":
            people = {"residents": int(pick.integers(3, 9)), "elected": 1, "landlord": 2, "city": 2}
            store.add_participants(self._connection, patrol_id, people)
        if is_past:
            self._pass_by(patrol_id, start, minutes.tolist())
        self._tell(values)
        self.added += 1

    def _pass_by(self, patrol_id: UUID, start: datetime, minutes: Sequence[int]) -> None:
        """One passage at nearly every stop; what was reported near it at about that time was found there."""
        for stop, minute in zip(store.stops(self._connection, patrol_id), minutes, strict=True):
            if self._pick.random() < 0.06:  # noqa: PLR2004  (time ran out)
                continue
            at = start + timedelta(minutes=minute)
            near = {"lon": stop.lon, "lat": stop.lat, "degrees": NEAR_DEGREES, "at": at, "hours": FOUND_HOURS}
            found = list(self._connection.scalars(_NEAR, near))
            values = {
                "id": UUID(bytes=self._pick.bytes(16), version=4),
                "patrol_id": patrol_id,
                "stop_id": stop.id,
                "place_id": stop.place_id,
                "name": None,
                "lon": stop.lon,
                "lat": stop.lat,
                "cell_25m": int(cells_of([stop.lon], [stop.lat])[0]),  # type: ignore[arg-type]
                "passed_at": at,
                "outcome": "found" if found else "nothing",
                "note": None,
                "body_sha256": None,
                "now": at,
            }
            store.add_passage(self._connection, values, found)

    def _tell(self, values: dict[str, Any]) -> None:
        """The history up to its state."""
        steps: list[tuple[str, str | None, str, datetime]] = [("created", None, "planned", values["now"])]
        if values["started_at"]:
            steps.append(("start", "planned", "open", values["started_at"]))
        if values["ended_at"]:
            steps.append(("finish", "open", "closed", values["ended_at"]))
        for kind, from_state, to_state, at in steps:
            event = {
                "patrol_id": values["id"],
                "at": at,
                "kind": kind,
                "from_state": from_state,
                "to_state": to_state,
                "organisation_id": values["organisation_id"],
                "account_id": None,
                "role": "agent",
                "details": {"source": "demo"} if kind == "created" else {},
            }
            store.add_event(self._connection, event)
