"""Counts by neighbourhood: as the table beside the heat map has them, and small numbers hidden as there (0004)."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from tests.ogc.conftest import Get
from tests.ogc.samples import REPORTS
from tests.ogc.test_core import body

ITEMS = "/collections/neighbourhood_statistics/items"


def rows(get: Get, who: str | None, query: str = "") -> dict[str, dict[str, Any]]:
    features = body(get(f"{ITEMS}?limit=100{query}", who=who))["features"]
    return {feature["properties"]["code"]: feature["properties"] for feature in features}


def of(row: dict[str, Any], prefix: str) -> list[Any]:
    return [value for name, value in row.items() if name.startswith(prefix)]


def test_a_planner_reads_plain_counts(get: Get) -> None:
    east = rows(get, "coordinator")["east"]
    assert east["reports"] == sum(of(east, "theme_"))
    assert east["reports"] == sum(of(east, "state_"))
    assert 0 < east["reports"] <= REPORTS + 1
    assert east["area_km2"] > 0
    assert rows(get, "planner")["east"]["reports"] == sum(of(rows(get, "planner")["east"], "theme_"))


def test_the_days_of_the_query_are_those_that_count(get: Get) -> None:
    whole = rows(get, "coordinator")["east"]["reports"]
    early = rows(get, "coordinator", "&from=2026-05-01&to=2026-05-05")["east"]["reports"]
    late = rows(get, "coordinator", "&from=2026-05-06")["east"]["reports"]
    assert 0 < early < whole
    assert early + late == whole
    assert get(f"{ITEMS}?from=2026-05-02&to=2026-05-01").status_code == 400


def test_the_same_figures_as_the_table_of_the_map(get: Get, ogc_app: Flask) -> None:
    from app.heat.actions import HeatQuery
    from app.heat.viewer import PARTNER, PUBLIC
    from app.reports.filters import ReportFilter

    heat = ogc_app.extensions["quietude_heat"]
    for who, viewer in ((None, PUBLIC), ("planner", PARTNER)):
        table = heat.look(heat.keeper.current(), HeatQuery(ReportFilter()), viewer).table("neighbourhood")
        expected = {row.place_id: row.reports for row in table}
        assert {row["id"]: row["reports"] for row in rows(get, who).values() if row["reports"]} == expected


def test_the_public_sees_groups_and_nothing_else(get: Get) -> None:
    """Neither a state nor a number below five; a part of a quarter shows nothing at all."""
    for row in rows(get, None).values():
        assert set(of(row, "state_")) == {None}
        assert all(value == 0 or value >= 5 for value in (row["reports"], *of(row, "theme_")))
    assert {row["reports"] for row in rows(get, None, "&from=2026-05-01&to=2026-05-31").values()} == {0}


@pytest.mark.parametrize("who", [None, "planner"])
def test_filters_ask_for_what_the_asker_sees(get: Get, who: str | None) -> None:
    """A filter must not tell what the properties hide."""
    shown = rows(get, who)
    for name in ("reports", "state_new"):
        for least in range(8):
            found = rows(get, who, f"&filter={name} > {least}")
            assert set(found) == {code for code, row in shown.items() if (row[name] or 0) > least}
