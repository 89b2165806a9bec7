"""One statement that is a transaction of its own: what it stores and leaves behind, what a lost connection does."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError, OperationalError, ProgrammingError

from app.db.session import make_engine, one_statement, unit_of_work
from app.people.actor import SYSTEM, Actor

_ADD = "INSERT INTO organisation (slug, name, kind) VALUES (%s, %s, 'city')"


@pytest.fixture
def lone(app_url: str, clean: None) -> Iterator[Engine]:
    """An engine with one connection."""
    made = make_engine(app_url, pool_size=1)
    yield made
    made.dispose()


def test_it_is_stored_without_a_commit_and_the_next_transaction_is_one(lone: Engine) -> None:
    with one_statement(lone) as cursor:
        cursor.execute(_ADD, ("one", "One"))
    with lone.connect() as other:  # the same connection, which must not be left in autocommit
        other.execute(text("UPDATE organisation SET name = 'Two'"))
        other.rollback()
        assert other.scalar(text("SELECT name FROM organisation")) == "One"


def test_its_actor_ends_with_it(lone: Engine) -> None:
    with one_statement(lone) as cursor:
        cursor.execute("SELECT set_config('app.role', 'coordinator', true)")
    with one_statement(lone) as cursor:
        cursor.execute("SELECT nullif(current_setting('app.role', true), '')")
        assert cursor.fetchone() == (None,)


def test_errors_are_those_of_every_other_transaction(lone: Engine) -> None:
    with pytest.raises(IntegrityError), one_statement(lone) as cursor:
        cursor.execute(_ADD, ("no slug!", "One"))
    with pytest.raises(ProgrammingError), one_statement(lone) as cursor:
        cursor.execute("SELECT no_such_column")
    with one_statement(lone) as cursor:
        cursor.execute("SELECT count(*) FROM organisation")
        assert cursor.fetchone() == (0,)


def test_an_error_of_the_caller_gives_the_connection_back_as_it_was(lone: Engine) -> None:
    with pytest.raises(ZeroDivisionError), one_statement(lone):
        raise ZeroDivisionError
    with unit_of_work(lone, Actor("agent", 1, 1)) as uow:
        assert uow.connection.scalar(text("SELECT current_setting('app.role')")) == "agent"


def test_a_lost_connection_is_said_once_and_replaced(lone: Engine) -> None:
    with one_statement(lone) as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        before = cursor.fetchone()
    with pytest.raises(OperationalError) as caught, one_statement(lone) as cursor:
        cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    assert caught.value.connection_invalidated
    with one_statement(lone) as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        assert cursor.fetchone() != before
    with unit_of_work(lone, SYSTEM) as uow:
        assert uow.connection.scalar(text("SELECT 1")) == 1
