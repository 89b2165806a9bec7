"""What the tests of duplicates share: reports at a few metres from each other, merged over HTTP."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from flask.testing import FlaskClient
from sqlalchemy import Engine, text
from werkzeug.test import TestResponse

from app.db.session import unit_of_work
from app.people.actor import SYSTEM
from tests.routing.world import World, at, body_at


class Register:
    """Makes reports and merges them, as somebody of the world."""

    def __init__(self, client: FlaskClient, world: World, engine: Engine) -> None:
        self.client, self.world, self.engine = client, world, engine

    def report(self, east_m: float = 0, north_m: float = 0, who: str = "agent", **changes: Any) -> str:
        """A new one; by default a broken lift at hlm-a's residence, reported by the city's agent."""
        body = body_at(east_m, north_m, **changes) | {"id": str(uuid4())}
        answer = self.client.post("/api/reports", json=body, headers=self.world.headers(who))
        assert answer.status_code == 201, answer.text
        return str(body["id"])

    def get(self, who: str, path: str) -> TestResponse:
        return self.client.get(path, headers=self.world.headers(who))

    def read(self, report_id: str, who: str = "coordinator") -> dict[str, Any]:
        answer = self.get(who, f"/api/reports/{report_id}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.get_json()
        return found

    def similar(
        self, who: str, east_m: float, north_m: float = 0, category: str = "lift_out", leave_out: str = ""
    ) -> Any:
        lon, lat = at(east_m, north_m)
        query = {"lon": lon, "lat": lat, "category": category, "except": leave_out}
        answer = self.client.get("/api/reports/similar", query_string=query, headers=self.world.headers(who))
        assert answer.status_code == 200, answer.text
        return answer.get_json()

    def version(self, report_id: str) -> int:
        found = self.sql("SELECT version FROM report WHERE id = :id", id=report_id)
        return int(found[0][0]) if found else 1

    def merge(self, who: str, report_id: str, into: str, **changes: Any) -> TestResponse:
        body = {"into": into, "version": self.version(report_id)} | changes
        return self.client.post(f"/api/reports/{report_id}/merge", json=body, headers=self.world.headers(who))

    def merged(self, report_id: str, into: str, who: str = "coordinator") -> dict[str, Any]:
        answer = self.merge(who, report_id, into)
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.get_json()
        return body

    def unmerge(self, who: str, report_id: str, **changes: Any) -> TestResponse:
        body = {"version": self.version(report_id)} | changes
        return self.client.post(f"/api/reports/{report_id}/unmerge", json=body, headers=self.world.headers(who))

    def move(self, who: str, report_id: str, move: str, **values: Any) -> TestResponse:
        body = {"move": move, "version": self.version(report_id)} | values
        return self.client.post(f"/api/reports/{report_id}/moves", json=body, headers=self.world.headers(who))

    def told(self, report_id: str) -> list[tuple[str, str | None, str | None]]:
        answer = self.get("coordinator", f"/api/reports/{report_id}/history")
        return [(one["kind"], one["from_state"], one["to_state"]) for one in answer.get_json()["events"]]

    def sql(self, query: str, **binds: Any) -> list[Any]:
        with unit_of_work(self.engine, SYSTEM) as uow:
            done = uow.connection.execute(text(query), binds)
            return list(done) if done.returns_rows else []
