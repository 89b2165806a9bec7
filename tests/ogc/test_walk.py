"""A walk through everything: its statement is planned once a connection, and still gives each actor only their own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text

from app.db.session import make_engine, unit_of_work
from app.ogc.collections import REPORTS
from app.ogc.crs import last_id
from app.ogc.query import Query
from app.ogc.store import page
from app.people.actor import PUBLIC, Actor
from tests.ogc.samples import REPORTS as HOW_MANY
from tests.routing.world import World

PLANNER = Actor("planner", user_id=0)
PREPARED = text("SELECT count(*) FROM pg_prepared_statements")


@pytest.fixture
def one_connection(world: World, app_url: str) -> Iterator[Engine]:
    """An engine whose every transaction has the same session of PostgreSQL."""
    engine = make_engine(app_url, pool_size=1)
    yield engine
    engine.dispose()


def walked(engine: Engine, actor: Actor, limit: int) -> list[bytes]:
    """Each feature's text, page after page, a transaction each."""
    found: list[bytes] = []
    after, has_more = None, True
    while has_more:
        with unit_of_work(engine, actor) as uow:
            features, has_more = page(uow, REPORTS, Query(limit=limit, after=after), {})
        found += features.joined.replace(b"\n,", b"\n").split(b"\n") if features.count else []
        after = last_id(features) if has_more else None
    return found


def prepared(engine: Engine) -> int:
    with unit_of_work(engine, PLANNER) as uow:
        return int(uow.connection.execute(PREPARED).scalar_one())


def test_pages_of_any_length_are_the_same_features_planned_twice_in_all(one_connection: Engine) -> None:
    whole = walked(one_connection, PLANNER, 10_000)
    assert len(whole) == HOW_MANY
    assert walked(one_connection, PLANNER, 3) == whole
    assert walked(one_connection, PLANNER, 1) == whole
    assert prepared(one_connection) == 2  # the first page, and every other one


def test_a_kept_plan_knows_who_asks(one_connection: Engine) -> None:
    assert walked(one_connection, PLANNER, 2)
    assert walked(one_connection, PUBLIC, 2) == []
    assert walked(one_connection, PLANNER, 2)


def test_what_an_address_can_make_up_is_not_kept(one_connection: Engine) -> None:
    asked = Query(limit=2, parts=("(report.description IS NULL)",))
    with unit_of_work(one_connection, PLANNER) as uow:
        page(uow, REPORTS, asked, {})
    assert prepared(one_connection) == 0
