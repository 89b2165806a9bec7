"""Alembic environment: runs as the owner role, one transaction a revision, with lock and statement timeouts."""

from __future__ import annotations

from alembic import context
from sqlalchemy import create_engine, text

config = context.config


def run() -> None:
    """Apply the revisions on the connection handed over by app.db.migrate."""
    url = config.attributes["url"]
    engine = create_engine(url, connect_args={"application_name": "quietude migrate"})
    with engine.connect() as connection:
        # A migration that waits behind a long query gives up with a clear error instead of blocking every writer.
        connection.execute(text("SET lock_timeout = '10s'"))
        connection.execute(text("SET statement_timeout = '30min'"))
        # Two starts at once: one migrates, the other waits and finds nothing left to do.
        connection.execute(text("SELECT pg_advisory_lock(hashtext('quietude migrate'))"))
        connection.commit()
        context.configure(connection=connection, target_metadata=None, transaction_per_migration=True)
        with context.begin_transaction():
            context.run_migrations()
        connection.commit()
    engine.dispose()


run()
