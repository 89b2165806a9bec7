"""Engines, and the one transaction of a request: `with unit_of_work(engine, actor) as uow`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import psycopg2
from sqlalchemy import Connection, Engine, create_engine, make_url, text
from sqlalchemy.exc import DBAPIError

if TYPE_CHECKING:
    from psycopg2.extensions import connection as PsycopgConnection  # noqa: N812  (the driver names its class so)
    from psycopg2.extensions import cursor as PsycopgCursor  # noqa: N812

APP_ROLE = "quietude_app"
OWNER_ROLE = "quietude_owner"


class Asking(Protocol):
    """What row-level security needs to know of the actor (app.people.actor.Actor has it)."""

    @property
    def role(self) -> str: ...
    @property
    def user_id(self) -> int | None: ...
    @property
    def organisation_id(self) -> int | None: ...


@dataclass(frozen=True)
class UnitOfWork:
    """One open transaction on behalf of one actor."""

    connection: Connection

    @property
    def raw(self) -> PsycopgConnection:
        """The psycopg2 connection underneath, for COPY."""
        return self.connection.connection.driver_connection  # type: ignore[return-value]


def make_engine(url: str, *, pool_size: int = 8) -> Engine:
    """The application's engine: always acts as the application role, which neither owns tables nor bypasses policies.

    pool_size is the thread count: a connection above it is closed when it comes back, which costs a fork of the server.
    """
    parsed = make_url(url)
    options = f"-c timezone=UTC -c search_path=public -c role={APP_ROLE} -c statement_timeout=60000"
    return create_engine(
        parsed,
        pool_size=pool_size,
        max_overflow=2,
        pool_pre_ping=False,
        pool_use_lifo=True,
        connect_args={"options": options, "application_name": "quietude", "connect_timeout": 5},
    )


_SET_ACTOR = text(
    "SELECT set_config('app.role', :role, true), set_config('app.user_id', :user_id, true),"
    " set_config('app.org_id', :org_id, true)"
)


@contextmanager
def unit_of_work(engine: Engine, actor: Asking, *, characteristics: str | None = None) -> Iterator[UnitOfWork]:
    """One transaction as `actor`: committed when the block ends well, rolled back when it raises.

    The actor is set with SET LOCAL semantics, so a pooled connection never carries one request's actor into the next.
    characteristics: SET TRANSACTION statements (isolation, snapshot), which PostgreSQL takes before any other.
    """
    with engine.begin() as connection:
        if characteristics is not None:
            connection.exec_driver_sql(characteristics)
        connection.execute(
            _SET_ACTOR,
            {
                "role": actor.role,
                "user_id": "" if actor.user_id is None else str(actor.user_id),
                "org_id": "" if actor.organisation_id is None else str(actor.organisation_id),
            },
        )
        yield UnitOfWork(connection)


@contextmanager
def one_statement(engine: Engine) -> Iterator[PsycopgCursor]:
    """The driver's own cursor, in autocommit: each statement is a transaction, in one round trip.

    For statements that run thousands of times and need no actor, or set it themselves (`SET LOCAL` ends with the
    statement). Everything else goes through `unit_of_work`.

    Raises:
        DBAPIError: SQLAlchemy's form of the driver's errors, as from `unit_of_work`.

    """
    lent = engine.raw_connection()
    raw: PsycopgConnection = lent.driver_connection  # type: ignore[assignment]
    raw.autocommit = True
    try:
        with raw.cursor() as cursor:
            yield cursor
    except psycopg2.Error as error:
        is_gone = engine.dialect.is_disconnect(error, lent, None)  # type: ignore[arg-type]
        if is_gone:  # so are the idle ones
            lent.invalidate(error)
            engine.dispose()
        raise DBAPIError.instance(None, None, error, psycopg2.Error, connection_invalidated=is_gone) from error
    finally:
        if not raw.closed:
            raw.autocommit = False
        lent.close()
