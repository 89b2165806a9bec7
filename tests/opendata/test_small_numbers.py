"""Whoever subtracts learns nothing: not between rows, totals, files, nor before and after a report comes in."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from sqlalchemy import Engine, text

from app.db.session import unit_of_work
from app.opendata.actions import Published, count, publish
from app.people.actor import PUBLIC, SYSTEM, Actor
from app.places.lattice import CELL_M, cell_key, to_lon_lat

NOW = datetime(2026, 7, 10, 8, 0, tzinfo=UTC)
K = 5
THEMES = {"overflowing_bin": "cleanliness", "fly_tipping": "cleanliness", "street_light_out": "street"}
# Column of the 400 m square's south-west cell, in front of the town hall; neighbourhoods are halves of the world.
SQUARE = 26_000 // 16 * 16, 39_040 // 16 * 16
_ADD = text("""
    INSERT INTO report (id, category_code, geom_4326, cell_25m, severity, state, visibility, observed_at, received_at,
        neighbourhood_id, source)
    SELECT :id, :category, ST_SetSRID(ST_MakePoint(:lon, :lat), 4326), :cell, 2, :state, :visibility, :observed_at,
        :received_at, (SELECT id FROM place WHERE kind = 'neighbourhood' AND code = :neighbourhood), 'test'
""")
_NEIGHBOURHOOD = text("""
    INSERT INTO place (kind, code, name, geom_4326, source)
    VALUES ('neighbourhood', :code, :name, ST_MakeEnvelope(:west, 49, :east, 50, 4326), 'test')
""")
Add = Callable[..., list[UUID]]


@pytest.fixture
def add(engine: Engine, clean: None) -> Add:
    """Stores so many reports in one square; what is not said is the same for all."""
    number = iter(range(1, 1 << 30))
    with unit_of_work(engine, SYSTEM) as uow:
        for code, name, west, east in (("A", "Étouvie", 2, 2.3), ("B", "=Nord", 2.3, 2.6)):
            uow.connection.execute(_NEIGHBOURHOOD, {"code": code, "name": name, "west": west, "east": east})

    def some(count: int, square: int = 0, month: int = 4, **changes: Any) -> list[UUID]:
        column, row = SQUARE[0] + 16 * square, SQUARE[1]
        lon, lat = to_lon_lat(np.array([(column + 0.5) * CELL_M]), np.array([6_000_000 + (row + 0.5) * CELL_M]))
        values: dict[str, Any] = {
            "category": "overflowing_bin", "lon": float(lon[0]), "lat": float(lat[0]), "state": "new",
            "visibility": "public",
            "cell": int(cell_key(np.array([column]), np.array([row]))[0]), "neighbourhood": "A",
            "observed_at": datetime(2026, month, 15, tzinfo=UTC), "received_at": datetime(2026, month, 15, tzinfo=UTC),
        } | changes  # fmt: skip
        ids = [UUID(int=next(number)) for _ in range(count)]
        with unit_of_work(engine, SYSTEM) as uow:
            uow.connection.execute(_ADD, [values | {"id": one} for one in ids])
        return ids

    return some


@pytest.fixture
def published(engine: Engine) -> Callable[[], Published]:
    return lambda: publish(engine, NOW, K)


def numbers(made: Published) -> dict[tuple[str, str, str], int]:
    """By month, neighbourhood and theme, as the CSV has them."""
    rows = csv.DictReader(io.StringIO(made.files["csv"].decode()))
    return {(row["month"], row["neighbourhood_code"], row["theme"]): int(row["reports"]) for row in rows}


def test_all_files_and_the_table_say_the_same(add: Add, published: Callable[[], Published]) -> None:
    add(8)
    add(13, month=5)
    add(6, square=40, neighbourhood="B")
    add(7, category="street_light_out", square=3)
    made = published()

    found = numbers(made)
    assert found == {
        ("2026-04", "A", "cleanliness"): 10, ("2026-05", "A", "cleanliness"): 15,
        ("2026-04", "B", "cleanliness"): 5, ("2026-04", "A", "street"): 5,
    }  # fmt: skip
    as_json = json.loads(made.files["json"])
    assert {(r["month"], r["neighbourhood_code"], r["theme"]): r["reports"] for r in as_json["rows"]} == found
    areas = json.loads(made.files["geojson"])["features"]
    of_rows = Counter({(r["month"], f["properties"]["neighbourhood_code"], r["theme"]): r["reports"]
                       for f in areas for r in f["properties"]["rows"]})  # fmt: skip
    assert of_rows == found
    sums = {f["properties"]["neighbourhood_code"]: f["properties"]["reports"] for f in areas}
    assert sums == {"A": 30, "B": 5}
    table = {place.code: sum(themes.values()) for place, themes in made.dataset.last_year() if place}
    assert table == sums
    assert b"'=Nord" in made.files["csv"]


def test_a_place_with_few_reports_is_as_an_empty_one_in_every_byte(
    add: Add, published: Callable[[], Published]
) -> None:
    add(12)
    add(7, square=2)
    without = published()

    add(K - 1, square=1)  # beside the others, in the same neighbourhood, month and theme
    add(K - 1, square=1, month=2)  # the same square in another quarter
    add(K - 1, square=1, category="street_light_out")
    add(K - 1, square=60, neighbourhood="B", category="fly_tipping")

    assert published().files == without.files
    assert published().tag == without.tag


def test_the_last_one_of_a_group_counts_all_of_it(add: Add, published: Callable[[], Published]) -> None:
    add(K - 1)
    assert numbers(published()) == {}
    add(1)
    assert numbers(published()) == {("2026-04", "A", "cleanliness"): K}


def test_every_difference_is_a_multiple_of_k(add: Add, published: Callable[[], Published]) -> None:
    random = np.random.default_rng(5)
    seen: list[dict[tuple[str, str, str], int]] = []
    for _step in range(8):
        for _group in range(6):
            add(
                int(random.integers(1, 9)), square=int(random.integers(0, 3)), month=int(random.integers(1, 7)),
                category=str(random.choice(list(THEMES))), neighbourhood=str(random.choice(["A", "B", "outside"])),
            )  # fmt: skip
        seen.append(numbers(published()))
    assert len(seen[-1]) > 10
    for one in seen:
        assert all(number >= K and number % K == 0 for number in one.values())
    for first, second in pairwise(seen):
        assert all((second.get(key, 0) - first.get(key, 0)) % K == 0 for key in first.keys() | second.keys())


def test_a_quarter_that_is_large_enough_shows_only_its_large_months(
    add: Add, published: Callable[[], Published]
) -> None:
    add(4, month=4)
    add(6, month=5)

    assert numbers(published()) == {("2026-05", "A", "cleanliness"): 5}


@pytest.mark.parametrize(
    "left_out",
    [
        {"visibility": "restricted"},
        {"state": "rejected"},
        {"state": "duplicate"},
        {"month": 7},
        # Came in from a phone without a network: it counts from the next month on.
        {"received_at": datetime(2026, 7, 2, tzinfo=UTC)},
    ],
)
def test_what_is_left_out_changes_nothing(
    add: Add, published: Callable[[], Published], left_out: dict[str, Any]
) -> None:
    add(6)
    before = published()
    add(40, **left_out)
    add(40, square=7, **left_out)

    assert published().files == before.files


def test_the_month_is_that_of_amiens(add: Add, published: Callable[[], Published]) -> None:
    add(5, observed_at=datetime(2026, 4, 30, 22, 30, tzinfo=UTC))

    assert list(numbers(published())) == [("2026-05", "A", "cleanliness")]


def test_a_report_outside_of_all_neighbourhoods_has_a_row_of_its_own(
    add: Add, published: Callable[[], Published]
) -> None:
    add(5, neighbourhood="nowhere")

    assert numbers(published()) == {("2026-04", "", "cleanliness"): 5}


def test_what_the_worker_counted_is_what_is_published(add: Add, engine: Engine) -> None:
    add(7)
    before = publish(engine, NOW, K)
    count(engine, NOW, K)
    assert publish(engine, NOW, K).files == before.files
    add(9, square=1)
    # Nobody who reads waits for a count: until the worker's next one it is as it was.
    assert publish(engine, NOW + timedelta(minutes=119), K).files == before.files
    late = publish(engine, NOW + timedelta(minutes=121), K)
    assert late.files != before.files
    count(engine, NOW, K)
    assert publish(engine, NOW, K).files == late.files


@pytest.mark.parametrize(("now", "small"), [(NOW, K + 1), (datetime(2026, 8, 1, tzinfo=UTC), K)])
def test_what_was_counted_for_another_question_is_not_published(
    add: Add, engine: Engine, now: datetime, small: int
) -> None:
    add(K)
    add(7, month=7)
    expected = publish(engine, now, small)
    count(engine, NOW, K)
    assert publish(engine, now, small).files == expected.files


def test_exact_counts_are_for_the_system_alone(add: Add, engine: Engine) -> None:
    add(7)
    count(engine, NOW, K)
    for actor in (PUBLIC, Actor("coordinator", 1, 1), Actor("admin", 1, 1), Actor("planner", 1, 1)):
        with unit_of_work(engine, actor) as uow:
            assert uow.connection.execute(text("SELECT * FROM opendata_counts")).all() == []
