"""What the desk is tested on: the little world of routing, and a signed-in browser for each of its accounts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from flask import Flask
from sqlalchemy import Engine, text

from app.db.session import unit_of_work
from app.nomenclature.store import load_nomenclature
from app.people.actor import SYSTEM
from app.places.lattice import cells_of
from app.reports import moves
from app.reports.moves_commands import MoveCommand
from tests.interventions.conftest import Browser
from tests.routing.world import World, at

_ADD = text("""
    INSERT INTO report (id, category_code, geom_4326, cell_25m, severity, state, visibility, observed_at, received_at,
                        due_at, organisation_id, reporter_organisation_id, reporter_account_id, neighbourhood_id)
    VALUES (:id, :category, ST_SetSRID(ST_MakePoint(:lon, :lat), 4326), :cell_25m, 2, :state, :visibility, :received_at,
            :received_at, :due_at, :organisation_id, :reporter_id, NULL, :neighbourhood_id)
""")


@dataclass(frozen=True)
class DeskWorld:
    """Reports by hand, moves as they are made, browsers."""

    app: Flask
    engine: Engine
    world: World

    def browse(self, name: str) -> Browser:
        client = self.app.test_client()
        with client.session_transaction() as session:
            session["_user_id"] = name
            session["_fresh"] = True
            session["sid"] = f"of-{name}"
        return Browser(client)

    def report(self, organisation: str | None, received_at: datetime, **changes: Any) -> UUID:
        """A report with this organisation, as the city's agent saw it."""
        lon, lat = at(changes.pop("east_m", 0))
        report_id = uuid4()
        values = {
            "id": report_id,
            "category": "lift_out",
            "lon": lon,
            "lat": lat,
            "cell_25m": int(cells_of([lon], [lat])[0]),  # type: ignore[arg-type]
            "state": "new",
            "visibility": "partner",
            "received_at": received_at,
            "due_at": received_at,
            "organisation_id": self.world.organisations[organisation] if organisation else None,
            "reporter_id": self.world.organisations["city"],
            "neighbourhood_id": None,
        } | changes
        self.sql(_ADD.text, **values)
        return report_id

    def move(self, who: str, report_id: UUID, name: str, now: datetime, **values: Any) -> None:
        """One move, the way that the report's own page makes it."""
        actor = self.world.actors[who]
        with unit_of_work(self.engine, actor) as uow:
            version = uow.connection.scalar(text("SELECT version FROM report WHERE id = :id"), {"id": report_id})
            command = MoveCommand.model_validate({"move": name, "version": version} | values)
            nomenclature = load_nomenclature(uow.connection)
            moves.make_move(uow, actor, report_id, command, nomenclature=nomenclature, now=now)

    def sql(self, query: str, **binds: Any) -> list[Any]:
        with unit_of_work(self.engine, SYSTEM) as uow:
            done = uow.connection.execute(text(query), binds)
            return list(done) if done.returns_rows else []

    def row(self, report_id: UUID) -> dict[str, Any]:
        """Everything stored of a report, but for what counts its changes."""
        found = self.sql(
            "SELECT to_jsonb(report) - 'version' - 'changed_txid' FROM report WHERE id = :id", id=report_id
        )
        return dict(found[0][0])

    def ticked(self, *ids: UUID) -> list[str]:
        """The values of ticked boxes."""
        versions = dict(self.sql("SELECT id, version FROM report WHERE id = ANY(:ids)", ids=list(ids)))
        return [f"{one}.{versions[one]}" for one in ids]

    def history(self, report_id: UUID) -> list[tuple[str, str | None, str | None]]:
        rows = self.sql(
            "SELECT kind, from_state, to_state FROM report_event WHERE report_id = :id ORDER BY id", id=report_id
        )
        return [tuple(row) for row in rows]
