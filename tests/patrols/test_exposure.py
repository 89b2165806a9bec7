"""Passages of patrols as what reports are set against on the heat map: "nothing seen" is not "nobody looked"."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine, text

from app.db.session import unit_of_work
from app.people.actor import SYSTEM
from tests.heat.conftest import AMIENS, add, app, ask  # noqa: F401  (fixtures)

Add = Callable[..., str]
Ask = Callable[..., Any]
LON, LAT = AMIENS
HERE = {"lon": str(LON), "lat": str(LAT)}
PATROLS = {"measure": "per_exposure", "exposure": "patrols"}
OCTOBER = {"from": "2026-10-01", "to": "2026-10-31"}
_PASSAGE = text("""
    WITH walk AS (
        INSERT INTO patrol (id, kind, title, state, planned_at, started_at, organisation_id)
        SELECT :patrol, 'free', 'test', 'open', now(), now(), min(id) FROM organisation
        ON CONFLICT DO NOTHING)
    INSERT INTO patrol_passage (id, patrol_id, geom_4326, cell_25m, passed_at, outcome, recorded_at)
    SELECT gen_random_uuid(), :patrol, ST_SetSRID(ST_MakePoint(:lon, :lat), 4326), 0, CAST(:at AS timestamptz),
        'nothing', CAST(:recorded AS timestamptz)
    FROM generate_series(1, :count)
""")


@pytest.fixture
def walk(engine: Engine, clean: None) -> Callable[..., None]:
    """Passages at a place, settled unless said otherwise."""
    patrol = uuid.uuid4()
    with unit_of_work(engine, SYSTEM) as uow:
        uow.connection.execute(text("INSERT INTO organisation (slug, name, kind) VALUES ('w', 'Walkers', 'city')"))

    def passages(count: int, *, lon: float = LON, at: str = "2026-10-10T12:00:00+02:00", recorded: str = "") -> None:
        binds = {"patrol": patrol, "count": count, "lon": lon, "lat": LAT, "at": at, "recorded": recorded or at}
        with unit_of_work(engine, SYSTEM) as uow:
            uow.connection.execute(_PASSAGE, binds)

    return passages


def test_reports_by_passages_of_the_period(ask: Ask, add: Add, walk: Callable[..., None]) -> None:  # noqa: F811
    for _ in range(6):
        add(observed_at="2026-10-12T12:00:00+02:00")
    walk(12)
    found = ask("/api/heat/point", "planner", **HERE, **PATROLS, **OCTOBER).json
    assert found["value"] == pytest.approx(6 / 12, rel=0.01)
    assert found["unit"] == "reports/passage"
    # Passages before the period do not count; the same reports a month later had fewer.
    walk(100, at="2026-09-10T12:00:00+02:00")
    assert ask("/api/heat/point", "planner", **HERE, **PATROLS, **OCTOBER).json["value"] == found["value"]
    longer = ask("/api/heat/point", "planner", **HERE, **PATROLS, **OCTOBER | {"from": "2026-09-01"}).json
    assert longer["value"] == pytest.approx(6 / 112, rel=0.01)


def test_nothing_seen_is_not_nobody_looked(ask: Ask, add: Add, walk: Callable[..., None]) -> None:  # noqa: F811
    add(observed_at="2026-10-12T12:00:00+02:00")
    walk(5, lon=LON + 0.02)
    walk(2, lon=LON + 0.04)
    looked = ask("/api/heat/point", "planner", **HERE | {"lon": str(LON + 0.02)}, **PATROLS, **OCTOBER).json
    assert (looked["value"], looked["meaning"]) == (0, "")
    for lon in (LON, LON + 0.04):  # nobody, and too few
        where = HERE | {"lon": str(lon)}
        blind = ask("/api/heat/point", "planner", **where, **PATROLS, **OCTOBER).json
        assert (blind["value"], blind["meaning"]) == (None, "not_enough_exposure"), lon
        assert "trop peu" in blind["words"]


def test_who_goes_where_is_not_for_everybody(ask: Ask, add: Add, walk: Callable[..., None]) -> None:  # noqa: F811
    add(observed_at="2026-10-12T12:00:00+02:00")
    walk(9)
    refused = ask("/api/heat/legend", "", **PATROLS)
    assert (refused.status_code, refused.json["errors"][0]["field"]) == (400, "exposure")
    assert "patrols" not in str(ask("/api/heat/options", "").json["exposures"])
    assert [one["code"] for one in ask("/api/heat/options", "planner").json["exposures"]] == ["patrols"]


def test_small_numbers_stay_hidden_below_passages(ask: Ask, add: Add, walk: Callable[..., None]) -> None:  # noqa: F811
    """A partner who may not read restricted reports learns nothing of four of them by dividing them by passages."""
    walk(9)
    quarter = {"from": "2026-10-01"}
    for _ in range(4):
        add(category="suspected_dealing", observed_at="2026-10-12T12:00:00+02:00")
    assert ask("/api/heat/point", "planner", **HERE, **PATROLS, **quarter).json["value"] == 0
    assert ask("/api/heat/point", "coordinator", **HERE, **PATROLS, **quarter).json["value"] > 0.4


def test_passages_count_from_the_next_full_five_minutes(
    ask: Ask, add: Add, walk: Callable[..., None]  # noqa: F811
) -> None:  # fmt: skip
    add(observed_at="2026-10-12T12:00:00+02:00")
    walk(9, recorded="2199-01-01T00:00:00Z")
    assert ask("/api/heat/legend", "planner", **PATROLS).status_code == 400
    walk(9)
    assert ask("/api/heat/legend", "planner", **PATROLS).status_code == 200
