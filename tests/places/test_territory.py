"""The territory: where it is, how far away a point is, and that a change is seen at once."""

from __future__ import annotations

import numpy as np
import pytest
from sqlalchemy import Engine, text

from app.db.session import unit_of_work
from app.errors import NoTerritoryError
from app.people.actor import SYSTEM
from app.places.actions import seed_approximate
from app.places.territory import territory

pytestmark = pytest.mark.usefixtures("clean")

CATHEDRAL = (2.3022, 49.8947)


def test_without_a_territory_it_says_so(engine: Engine) -> None:
    with engine.connect() as connection, pytest.raises(NoTerritoryError, match="quietude geodata seed"):
        territory(connection)


def test_the_seed_makes_amiens_the_territory(engine: Engine) -> None:
    seed_approximate(engine)
    with engine.connect() as connection:
        shape = territory(connection)
    assert shape.names == ("Amiens",)
    assert shape.covers(*CATHEDRAL)
    assert not shape.covers(*reversed(CATHEDRAL))
    west, south, east, north = shape.bounds
    assert 2.2 < west < CATHEDRAL[0] < east < 2.4
    assert 49.8 < south < CATHEDRAL[1] < north < 50.0


def test_distances_are_metres(engine: Engine) -> None:
    seed_approximate(engine)
    with engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE place SET updated_at = clock_timestamp(), geom_4326 ="
                " ST_Transform(ST_MakeEnvelope(640000, 6970000, 650000, 6980000, 2154), 4326) WHERE is_territory"
            )
        )
    inside = _lon_lat(engine, 645_000, 6_975_000)
    outside = _lon_lat(engine, 651_234, 6_975_000)
    with engine.connect() as connection:
        shape = territory(connection)
    assert shape.distance_m(*inside) == 0
    assert shape.distance_m(*outside) == pytest.approx(1234, abs=2)
    lon, lat = np.array([inside[0], outside[0]]), np.array([inside[1], outside[1]])
    assert shape.covers_all(lon, lat).tolist() == [True, False]
    assert shape.distances_m(lon, lat) == pytest.approx([0, 1234], abs=2)


@pytest.mark.parametrize(
    ("lon", "lat", "km"), [(-74.006, 40.7128, 5790), (2.3, -90.0, 15540), (180.0, 0.0, 14473), (49.8947, 2.3022, 6700)]
)
def test_far_points_have_a_sensible_distance(engine: Engine, lon: float, lat: float, km: float) -> None:
    seed_approximate(engine)
    with engine.connect() as connection:
        assert territory(connection).distance_m(lon, lat) / 1000 == pytest.approx(km, rel=0.05)


def test_a_change_by_another_process_is_seen(engine: Engine) -> None:
    seed_approximate(engine)
    with engine.connect() as connection:
        assert territory(connection).names == ("Amiens",)
    with engine.begin() as connection:
        renamed = "UPDATE place SET name = 'Samarobriva', updated_at = clock_timestamp() WHERE is_territory"
        connection.execute(text(renamed))
    with engine.connect() as connection:
        assert territory(connection).names == ("Samarobriva",)


def test_nothing_new_costs_one_query(engine: Engine) -> None:
    seed_approximate(engine)
    with engine.connect() as connection:
        first = territory(connection)
        assert territory(connection) is first


def test_the_seed_is_safe_to_repeat(engine: Engine) -> None:
    assert seed_approximate(engine) > 40
    with engine.connect() as connection:
        before = connection.execute(text("SELECT * FROM place ORDER BY id")).all()
        logged = connection.scalar(text("SELECT count(*) FROM geodata_import"))
    assert seed_approximate(engine) == 0
    with engine.connect() as connection:
        assert connection.execute(text("SELECT * FROM place ORDER BY id")).all() == before
        assert connection.scalar(text("SELECT count(*) FROM geodata_import")) == logged
        assert connection.scalar(text("SELECT bool_and(approximate) FROM place"))


def test_the_application_role_may_seed_but_not_delete(engine: Engine) -> None:
    seed_approximate(engine)
    with pytest.raises(Exception, match="permission denied"), unit_of_work(engine, SYSTEM) as uow:
        uow.connection.execute(text("DELETE FROM place"))


def _lon_lat(engine: Engine, east_m: float, north_m: float) -> tuple[float, float]:
    asked = "SELECT ST_X(p), ST_Y(p) FROM (SELECT ST_Transform(ST_Point(:e, :n, 2154), 4326) AS p) AS here"
    with engine.connect() as connection:
        row = connection.execute(text(asked), {"e": east_m, "n": north_m}).one()
    return float(row[0]), float(row[1])
