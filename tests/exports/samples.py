"""Reports for the tests of exports, written past the form so that every column can be anything the schema allows."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import numpy as np
from sqlalchemy import text

from app.db.session import UnitOfWork
from app.places.lattice import cells_of

# fmt: off
PROPERTIES = [
    "id", "category", "theme", "kind", "severity", "state", "visibility", "observed_at", "received_at", "due_at",
    "organisation", "neighbourhood", "description",
    "place", "nearest_stop", "iris", "qpv", "is_synthetic", "source",
    "duplicate_of",
]
# fmt: on

_REPORT = text("""
    INSERT INTO report (id, category_code, geom_4326, cell_25m, severity, state, visibility, observed_at, received_at,
        due_at, description, organisation_id, reporter_organisation_id, reporter_account_id, neighbourhood_id, source)
    VALUES (:id, :category, ST_SetSRID(ST_MakePoint(:lon, :lat), 4326), :cell_25m, :severity, :state, :visibility,
        :observed_at, :received_at, :due_at, :description, :organisation_id, :reporter_organisation_id,
        :reporter_account_id, :neighbourhood_id, :source)
""")

# Many at once, in the database: what matters is how many.
_MANY = text("""
    INSERT INTO report (id, category_code, geom_4326, cell_25m, severity, visibility, observed_at, description, source)
    SELECT gen_random_uuid(), 'overflowing_bin', ST_SetSRID(ST_MakePoint(2.25 + random() / 10, 49.85 + random() / 10),
        4326), 1, 2, 'public', timestamptz '2026-01-01 00:00Z' + number * interval '1 minute',
        'report number ' || number || repeat(' filler', 20), 'test'
    FROM generate_series(1, :rows) AS number
""")

_PLACE = text("""
    INSERT INTO place (kind, code, name, geom_4326, source)
    VALUES (:kind, :code, :name, ST_SetSRID(ST_MakePoint(2.3, 49.9), 4326), 'test') RETURNING id
""")

_ORGANISATION = text("INSERT INTO organisation (slug, name, kind) VALUES (:slug, :name, 'city') RETURNING id")


def add_report(uow: UnitOfWork, **changes: Any) -> str:
    """Store one report as the system; returns its id."""
    values: dict[str, Any] = {
        "id": str(uuid4()),
        "category": "overflowing_bin",
        "lon": 2.3022,
        "lat": 49.8947,
        "severity": 2,
        "state": "new",
        "visibility": "public",
        "observed_at": "2026-05-04T18:30:00Z",
        "received_at": "2026-05-04T18:31:02.5Z",
        "due_at": "2026-05-05T18:31:02Z",
        "description": None,
        "organisation_id": None,
        "reporter_organisation_id": None,
        "reporter_account_id": None,
        "neighbourhood_id": None,
        "source": "test",
    }
    values |= changes
    lon, lat = np.array([values["lon"]]), np.array([values["lat"]])
    # A point off Africa has no cell; only its coordinates' text is looked at.
    values["cell_25m"] = int(cells_of(lon, lat)[0]) if lat[0] > 1 else 0
    uow.connection.execute(_REPORT, values)
    return str(values["id"])


def add_many(uow: UnitOfWork, rows: int) -> None:
    uow.connection.execute(_MANY, {"rows": rows})


def add_place(uow: UnitOfWork, kind: str, code: str, name: str) -> int:
    return int(uow.connection.execute(_PLACE, {"kind": kind, "code": code, "name": name}).scalar_one())


def add_organisation(uow: UnitOfWork, slug: str, name: str) -> int:
    return int(uow.connection.execute(_ORGANISATION, {"slug": slug, "name": name}).scalar_one())


_INTERVENTION = text("""
    INSERT INTO intervention (
        id, kind_code, geom_4326, cell_25m, visibility, organisation_id, planned_start, planned_end)
    VALUES (:id, :kind, ST_SetSRID(ST_MakePoint(2.3022, 49.8947), 4326), 1, :visibility, :organisation_id,
        '2026-06-01T08:00Z', '2026-06-01T10:00Z')
""")


def add_intervention(uow: UnitOfWork, organisation_id: int, kind: str, visibility: str = "partner") -> str:
    values = {"id": str(uuid4()), "kind": kind, "visibility": visibility, "organisation_id": organisation_id}
    uow.connection.execute(_INTERVENTION, values)
    return str(values["id"])
