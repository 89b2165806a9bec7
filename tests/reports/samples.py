"""Sample geography and bodies for the tests of reports."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from sqlalchemy import text

from app.db.session import UnitOfWork

LON, LAT = 2.3022, 49.8947

_PLACE = text("""
    INSERT INTO place (kind, code, name, geom_4326, is_territory, source, organisation_id)
    VALUES (:kind, :code, :name, ST_GeomFromText(:wkt, 4326), :kind = 'commune', 'test',
            (SELECT id FROM organisation WHERE slug = :owner))
    RETURNING id
""")


def square(lon: float, lat: float, half: float) -> str:
    """WKT of a square of 2 × half degrees."""
    w, e, s, n = lon - half, lon + half, lat - half, lat + half
    return f"POLYGON(({w} {s}, {e} {s}, {e} {n}, {w} {n}, {w} {s}))"


def add_place(uow: UnitOfWork, kind: str, code: str, wkt: str, owner: str = "") -> int:
    binds = {"kind": kind, "code": code, "name": f"{kind} {code}", "wkt": wkt, "owner": owner}
    return int(uow.connection.execute(_PLACE, binds).scalar_one())


def body(**changes: Any) -> dict[str, Any]:
    """A good report with a new id."""
    return {"id": str(uuid4()), "category": "overflowing_bin", "lon": LON, "lat": LAT} | changes
